"""Reading what was published: from the ring as far as it goes back, from the journal before that.

A class and not a generator: readers are dropped half-way all the time (a client leaves), and an abandoned asynchronous
generator has to be finished by someone, which trio rightly complains about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from watchcache.log.errors import Compacted
from watchcache.log.events import Event
from watchcache.log.ring import Ring

BATCH = 512  # events: some milliseconds of work for whoever sends them


class Extent(Protocol):
    """What of a log is there to be read."""

    @property
    def published(self) -> int:
        """The newest revision."""
        ...

    @property
    def oldest(self) -> int:
        """The revision after which everything is there."""
        ...


class Past(Protocol):
    """Where the events that the ring has no more are read; `Journal.read` says how."""

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Return events after one revision, up to another; none when nothing of ours happened between."""
        ...


class HistoryReader:
    """An asynchronous iterator over batches of events; see `Log.history`."""

    def __init__(self, extent: Extent, ring: Ring, past: Past, after: int) -> None:
        self._extent = extent
        self._ring = ring
        self._past = past
        self._after = after
        self._stretch: Sequence[Event] = ()  # read from the journal, given out up to `_given`
        self._given = 0

    def __aiter__(self) -> HistoryReader:
        return self

    async def __anext__(self) -> list[Event]:
        batch = await self._next()
        self._after = batch[-1].revision
        return batch

    async def aclose(self) -> None:
        """Let go of what was read ahead."""
        self._stretch, self._after = (), self._extent.published

    async def _next(self) -> list[Event]:
        if self._given < len(self._stretch):
            return self._cut()
        self._stretch = ()
        if self._after >= self._extent.published:
            raise StopAsyncIteration
        if self._after < self._extent.oldest:
            raise Compacted(self._after, self._extent.oldest)
        if self._after >= self._ring.oldest:
            if batch := self._ring.after(self._after, BATCH):
                return batch
            self._after = self._extent.published  # nothing of ours has happened since
            raise StopAsyncIteration
        through = min(self._ring.oldest, self._extent.published)
        self._stretch, self._given = await self._past.read(self._after, through), 0
        if not self._stretch:
            self._after = through
            return await self._next()
        return self._cut()

    def _cut(self) -> list[Event]:
        end = self._given + BATCH
        while end < len(self._stretch) and self._stretch[end].revision == self._stretch[end - 1].revision:
            end += 1
        batch = list(self._stretch[self._given : end])
        self._given += len(batch)
        return batch
