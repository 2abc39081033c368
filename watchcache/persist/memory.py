"""The journal that forgets: for tests, load harnesses and throw-away servers.

Durable means "in this process's memory", so a commit is done at once. History is the same kind of ring that the log
has, bounded by the retention; both hold the same event objects.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from watchcache.log import Compacted, Event, Head, JournalStats, Recovered, Ring, Stamp
from watchcache.persist.retention import HOUR, Retention

BATCH = 512  # events
UNBOUNDED = 1 << 62  # bytes


class MemoryJournal:
    """A `Journal` in memory; what it holds ends with the object."""

    snapshot_due = False

    def __init__(
        self,
        *,
        retention: Retention = Retention(seconds=HOUR, bytes=64 << 20),  # noqa: B008 -- frozen
        revision: int = 0,
    ) -> None:
        """`revision` is the one before the first: a throw-away server that follows another must not repeat its revisions."""
        self._before = revision
        self.epoch = uuid.uuid4().hex
        self._retention = retention
        self._history = Ring(UNBOUNDED if retention.bytes is None else retention.bytes)
        self._revision = revision
        self._commits = 0
        self._events = 0

    @property
    def oldest(self) -> int:
        """Every event with a greater revision can be read."""
        return self._history.oldest

    async def open(self, stamp: Stamp, ring: Ring) -> Recovered:  # noqa: ARG002 -- deletions are kept stamped
        """Start empty, also when it was open before."""
        self.epoch = uuid.uuid4().hex
        self._revision = self._before
        self._history.restart(self._before)
        ring.restart(self._before)
        return Recovered(self._before, {})

    async def commit(self, events: Sequence[Event]) -> None:
        """Keep the events."""
        self._history.extend(events)
        self._revision = events[-1].revision
        self._commits += 1
        self._events += len(events)
        self._retain(events[-1].time)

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Return events after one revision, up to and including another. Raises Compacted."""
        if after < self.oldest:
            raise Compacted(after, self.oldest)
        return [event for event in self._history.after(after, BATCH) if event.revision <= through]

    async def snapshot(self, revision: int, heads: Mapping[str, Head]) -> None:
        """Do nothing: there is no start to make faster."""

    async def compact(self, revision: int) -> None:
        """Forget the history up to and including a revision."""
        self._history.drop(revision)

    async def close(self) -> None:
        """Do nothing."""

    def stats(self) -> JournalStats:
        """Return the counters."""
        return JournalStats(bytes=self._history.bytes, commits=self._commits, events=self._events)

    def _retain(self, now: float) -> None:
        # In cuts of a sixteenth, like the ring's own: cutting a list moves what stays.
        history, retention = self._history, self._retention
        revisions, seconds = retention.revisions, retention.seconds
        if revisions is not None and history.oldest < self._revision - revisions - revisions // 16:
            history.drop(self._revision - revisions)
        first = history.first
        if seconds is not None and first is not None and first.time < now - seconds * 17 / 16:
            history.expire(now - seconds)
