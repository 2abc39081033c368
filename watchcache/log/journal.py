"""What a log asks of the place where its events are kept.

`watchcache.persist` has the implementations; `tests/conformance/test_journals.py` is what each of them must do.
All methods are called from the task that runs trio; the log never has two `commit`s under way at once, but `read`,
`snapshot` and `compact` may run beside one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from watchcache.log.events import Event, Head, Stamp
from watchcache.log.ring import Ring
from watchcache.log.stats import JournalStats


class Recovered(msgspec.Struct, frozen=True):
    """What a journal holds when it is opened: the newest revision, and the state of every key at it."""

    revision: int
    heads: dict[str, Head]
    notes: tuple[
        str, ...
    ] = ()  # what the operator should know: a torn tail was cut, a damaged snapshot passed over
    lost: int = 0  # as of `ReadableLog`


class Journal(Protocol):
    """Keeps events durable and in order, and gives them back."""

    @property
    def epoch(self) -> str:
        """Names this body of data: it changes when revisions start anew (another directory), not by a restart."""
        ...

    @property
    def oldest(self) -> int:
        """Every event with a greater revision can be read."""
        ...

    @property
    def snapshot_due(self) -> bool:
        """Whether the log should call `snapshot` soon."""
        ...

    async def open(self, stamp: Stamp, ring: Ring) -> Recovered:
        """Recover. Leaves the newest events that it came across in `ring`, restarted at the revision before them.

        Raises JournalError (Corrupt and others) when the data cannot be used.
        """
        ...

    async def commit(self, events: Sequence[Event]) -> None:
        """Make events durable, all of them or, as far as anyone can tell afterwards, none.

        Raises JournalFull when it is certain that nothing was kept. After any other exception the log
        takes the journal as broken: it commits no more and acknowledges nothing.
        """
        ...

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Return the durable events that follow one revision, up to another that is greater: at least one.

        As many as are at hand; the caller asks again for the rest. Raises Compacted when they are no longer there.
        """
        ...

    async def snapshot(self, revision: int, heads: Mapping[str, Head]) -> None:
        """Keep the state at a durable revision, so that older events are needed as history only.

        Never raises for want of room or a failing disk: it is counted and tried again later.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Give up the history up to and including a revision: `oldest` is at least that afterwards."""
        ...

    async def close(self) -> None:
        """Let go of the data; everything committed stays."""
        ...

    def stats(self) -> JournalStats:
        """Return the counters."""
        ...
