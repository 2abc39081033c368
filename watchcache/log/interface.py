"""What the rest of the server needs of a log, whichever keeps it.

`Log` orders writes itself and stands on a journal; `watchcache.persist.etcd.EtcdLog` leaves the order to an etcd cluster that several
servers share. Where they differ, and callers have to know:

* On a shared log another server may be faster at any moment, so `Conflict` may come from `Ticket.wait`, not only from `append_nowait`, and
  what `head` returns may be newer than what is published: `wait_published` brings it.
* A shared log may have several events of one revision (keys of one lease expire together). They are delivered in one group
  and read in one batch of history, never apart.
* `JournalUnavailable`: the store cannot be reached now. The server lives on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import trio

from watchcache.log.events import Event, Head
from watchcache.log.history import HistoryReader
from watchcache.log.journal import Recovered
from watchcache.log.stats import LogStats
from watchcache.log.ticket import Ticket

Deliver = Callable[[Sequence[Event]], None]


class EventLog(Protocol):
    """An ordered log of changes; `Log` has the meaning of each method."""

    failure: BaseException | None

    @property
    def epoch(self) -> str:
        """Names this body of data; changes only when revisions start anew."""
        ...

    @property
    def revision(self) -> int:
        """The newest revision known, perhaps not published yet."""
        ...

    @property
    def published(self) -> int:
        """The newest revision up to which everything is durable and delivered."""
        ...

    @property
    def oldest(self) -> int:
        """A reader may resume after any revision from this one on."""
        ...

    @property
    def gap(self) -> int:
        """What was delivered up to here is not every change: nobody may resume from before it. 0 when there is no such place."""
        ...

    @property
    def expires(self) -> bool:
        """Whether keys that live for a time only (events) are deleted by the store itself."""
        ...

    def head(self, key: str) -> Head | None:
        """Return the newest known state of a key: what the next writer builds on."""
        ...

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, sorted, with their heads; to be used up without an await."""
        ...

    def stats(self) -> LogStats:
        """Return where the log stands."""
        ...

    async def append(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Event:
        """Write a key, or delete it (None), and return the event when it is durable and delivered."""
        ...

    def append_nowait(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Ticket:
        """Do the writer's turn alone. `expected` may be the ticket of the write to the same key that this one builds on."""
        ...

    async def confirm(self, key: str, revision: int) -> bool:
        """Whether a key that `head` says is at a revision (0: not there) really is, and durably; else `head` is right afterwards.

        To be asked before anything is refused, or left as it is, because of what `head` said.
        """
        ...

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have each group of published events delivered; an empty one when only `published` moved. Returns the way out."""
        ...

    def history(self, after: int) -> HistoryReader:
        """Return an iterator over the published events after a revision."""
        ...

    async def wait_published(self, revision: int) -> None:
        """Wait until a revision is published."""
        ...

    async def compact(self, revision: int) -> None:
        """Give up the history up to and including a published revision."""
        ...

    async def open(self) -> Recovered:
        """Recover what is stored. Raises JournalError when it cannot be used."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish until closed."""
        ...

    async def close(self) -> None:
        """End `run` and let go of the store."""
        ...
