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

from collections.abc import Sequence
from typing import Protocol

import msgspec
import trio

from watchcache.log.events import Event, Head
from watchcache.log.journal import Recovered
from watchcache.log.reading import ReadableLog
from watchcache.log.stats import LogStats
from watchcache.log.ticket import Ticket


class EventLog(ReadableLog, Protocol):
    """An ordered log of changes; `Log` has the meaning of each method."""

    failure: BaseException | None

    @property
    def revision(self) -> int:
        """The newest revision known, perhaps not published yet."""
        ...

    @property
    def expires(self) -> bool:
        """Whether keys that live for a time only (events) are deleted by the store itself."""
        ...

    def head(self, key: str) -> Head | None:
        """Return the newest known state of a key: what the next writer builds on."""
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


class Beside(msgspec.Struct, frozen=True):
    """A further key of one write: it is at a revision (0: not there), and gets a value (None: it is deleted)."""

    key: str
    expected: int
    value: bytes | None


class SharedLog(EventLog, Protocol):
    """A log that other servers write, too. What must not be given out twice is guarded by keys of its own."""

    async def append_together(
        self, key: str, value: bytes | None, *, expected: int, beside: Sequence[Beside]
    ) -> Event:
        """`append`, and the keys beside it, all or none, in one revision; the event of the first key.

        Raises Conflict, which names the key whose expectation does not hold, and OneKeyOnly.
        """
        ...
