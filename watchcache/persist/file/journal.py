"""The journal in a directory, as the log sees it: the trio shell around segments, snapshots and recovery.

Every field is changed on the event loop only. Threads get what they need as arguments and return what came of it; the
one exception is the active segment's writer, which belongs to the commit under way, and the log has one of those at a time.

When what happens:

* a commit that finds the active segment full begins a new one first;
* a snapshot is due when the events since the last one are as large as that one was (at least `snapshot_bytes`): so a start reads
  about twice the state at most, and what snapshots write stays in proportion to what was written anyway;
* segments go when the retention says so *and* a snapshot covers them, after a roll and after a snapshot. Nothing
  here has a timer: while nothing is written, nothing grows.
* a snapshot or deletion that fails is counted, leaves everything as it was, and comes up again after another segment's worth.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import trio

from watchcache.log import Compacted, Event, Head, JournalStats, Recovered, Ring, Stamp
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.file.chain import Chain
from watchcache.persist.file.directory import Directory
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.frames import Damaged
from watchcache.persist.file.history import Decoded, History
from watchcache.persist.file.pace import Pace
from watchcache.persist.file.reached import Reached
from watchcache.persist.file.records import SnapshotHeader
from watchcache.persist.file.recovery import Recovery, State
from watchcache.persist.file.segment import Segment, SegmentWriter
from watchcache.persist.file.snapshot import write_snapshot
from watchcache.persist.retention import Retention

SNAPSHOT_BYTES = 64 << 20  # read in about 0.3 s: below that a snapshot saves nothing worth having
FURTHER = 1 << 40  # revisions that the original of a copy may have given out meanwhile: nobody knows
SNAPSHOT_SEGMENTS = 4  # a snapshot is due after so many at the latest (while the state is no larger): no segment goes before one


class FileJournal:
    """A `Journal` in a directory of its own, which it makes if need be.

    segment_bytes: None: what suits the retention. snapshot_bytes: None: what suits the segments.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        retention: Retention = Retention(),  # noqa: B008 -- frozen
        segment_bytes: int | None = None,
        snapshot_bytes: int | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.epoch = ""
        self._directory = Directory(Path(path))
        self._segment_bytes = segment_bytes or retention.segment_bytes
        self._snapshot_bytes = snapshot_bytes or min(SNAPSHOT_BYTES, SNAPSHOT_SEGMENTS * self._segment_bytes)
        self._disk = disk or Disk()
        self._lock = -1
        self._reached: Reached | None = None  # None: it could not be made, and a lost end is not noticed
        self._threads = trio.CapacityLimiter(1)  # commits never wait behind other users of threads
        self._chain = Chain(self._directory, self._disk, retention, self._segment_bytes, self._threads)
        self._floor = 0  # given up by a compaction, though the files may still be needed for the state
        self._snapshot_revision = 0
        self._snapshot_size = 0
        self._since_snapshot = 0  # bytes of events
        self._patience = 0  # bytes that a failed snapshot put off the next one by
        self._trimming = False
        self._pace = Pace()
        self._commits = self._events = self._snapshots = self._failures = 0
        self._commit_seconds = 0.0
        self._last_failure = ""

    # -- life

    async def open(self, stamp: Stamp, ring: Ring) -> Recovered:
        """Take the directory and recover. Raises DirectoryLocked, DirectoryUnusable, Corrupt."""
        self._lock = self._directory.lock()
        try:
            state, writer = await trio.to_thread.run_sync(self._recover, stamp, ring)
        except BaseException:
            self._unlock()
            raise
        self._history = History(stamp)
        self._chain.start(writer, state.segments)
        self._snapshot_revision = state.snapshot_revision
        self._snapshot_size = state.snapshot_bytes
        self._since_snapshot = sum(
            each.bytes for each in state.segments if each.last > state.snapshot_revision
        )
        lost = state.revision + FURTHER if state.copied else 0
        return Recovered(state.revision, state.heads, tuple(state.notes), lost)

    def _recover(self, stamp: Stamp, ring: Ring) -> tuple[State, SegmentWriter]:
        try:
            self.epoch = self._chain.epoch = self._directory.begin(self._disk)
            state = Recovery(self._directory, self.epoch, stamp, ring, self._disk).run()
            if state.segments:
                writer = self._chain.reopen(state.segments[-1])
            else:
                writer, segment = self._chain.create(state.revision)
                state.segments.append(segment)
        except OSError as error:
            where = error.filename or self._directory.path
            raise DirectoryUnusable(f"{where} cannot be used: {error.strerror}") from error
        try:
            self._reached = Reached(self._disk, self._directory.path, self.epoch)
            self._reached.note(state.revision)
        except OSError as error:  # such as a full disk, of which reads go on
            state.notes.append(f"how far the events have come cannot be written down: {error}")
        return state, writer

    async def close(self) -> None:
        """Let another server have the directory."""
        self._chain.close()
        if self._reached is not None:
            self._reached.close()
            self._reached = None
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # -- commits

    async def commit(self, events: Sequence[Event]) -> None:
        """Append the events to the active segment and sync it."""
        started = time.perf_counter()
        if self._chain.full:
            await self._chain.roll()
            await self._trim()
        writer = self._chain.writer
        if self._pace.suits(sum(len(event.value) for event in events)):
            unnoted = self._keep(writer, events)
        else:
            unnoted = await trio.to_thread.run_sync(self._keep, writer, events, limiter=self._threads)
        if unnoted is not None:
            self._count_failure(f"writing down how far the events have come: {unnoted}")
        self._pace.took(writer.sync_seconds)
        self._since_snapshot += self._chain.appended(events[-1].revision, events[-1].time)
        self._commits += 1
        self._events += len(events)
        self._commit_seconds += time.perf_counter() - started
        self._history.rest()

    def _keep(self, writer: SegmentWriter, events: Sequence[Event]) -> OSError | None:
        """Write and sync the events, then note how far they go: what became of that does not concern the commit."""
        writer.write(events)
        if self._reached is not None:
            try:
                self._reached.note(events[-1].revision)
            except OSError as error:
                return error
        return None

    # -- history

    @property
    def oldest(self) -> int:
        """Every event with a greater revision can be read."""
        segments = self._chain.segments
        return max(self._floor, segments[0].base) if segments else self._floor

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Return the events after one revision, up to another, that are in the same segment. Raises Compacted."""
        if after < self.oldest:
            raise Compacted(after, self.oldest)
        decoded = await self._decode(after, through)
        return decoded.between(after, through)

    async def _decode(self, after: int, through: int) -> Decoded:
        segment = self._chain.holding(after)
        path = self._directory.segment(segment.base)
        try:
            decoded = await self._history.decode(path, segment, through)
        except FileNotFoundError:  # retention overtook this reader
            raise Compacted(after, max(self.oldest, segment.last)) from None
        except (Damaged, OSError) as error:
            # The state does not depend on it. Whoever resumes from here must list anew, as after a compaction.
            self._count_failure(f"reading {path}: {error}")
            if isinstance(error, Damaged):
                self._floor = max(self._floor, segment.last)
            raise Compacted(after, max(self.oldest, segment.last)) from error
        return decoded

    async def compact(self, revision: int) -> None:
        """Give up the history up to and including a revision, and the files that no snapshot needs."""
        self._floor = max(self._floor, revision)
        await self._trim()

    async def _trim(self) -> None:
        """Remove the segments that are neither retained nor needed, oldest first."""
        if self._trimming:
            return
        self._trimming = True
        try:
            for segment in self._removable():
                path = self._directory.segment(segment.base)
                await trio.to_thread.run_sync(self._disk.unlink, path, "retention")
                self._chain.segments.remove(segment)
                self._history.forget(segment.base)
        except OSError as error:
            self._count_failure(f"removing old events: {error}")
        finally:
            self._trimming = False

    def _removable(self) -> list[Segment]:
        return [each for each in self._chain.given_up(self._floor) if each.last <= self._snapshot_revision]

    # -- snapshots

    @property
    def snapshot_due(self) -> bool:
        """Whether the events since the last snapshot are worth another."""
        return self._since_snapshot >= max(self._snapshot_bytes, self._snapshot_size) + self._patience

    async def snapshot(self, revision: int, heads: Mapping[str, Head]) -> None:
        """Write the state at a revision; then older snapshots, and segments that are not retained, go."""
        path = self._directory.snapshot(revision)
        header = SnapshotHeader(self.epoch, revision, len(heads))
        covered = self._since_snapshot
        try:
            size = await trio.to_thread.run_sync(
                write_snapshot, self._disk, path, header, heads, trio.from_thread.check_cancelled
            )
        except OSError as error:
            self._patience += self._segment_bytes
            self._count_failure(f"writing a snapshot: {error}")
            return
        self._patience = 0
        self._since_snapshot -= covered
        self._snapshots += 1
        self._snapshot_revision, self._snapshot_size = revision, size
        await self._remove_snapshots(before=revision)
        await self._trim()

    async def _remove_snapshots(self, before: int) -> None:
        try:
            for revision in self._directory.snapshots():
                if revision < before:
                    path = self._directory.snapshot(revision)
                    await trio.to_thread.run_sync(self._disk.unlink, path, "retention")
        except OSError as error:
            self._count_failure(f"removing an old snapshot: {error}")

    # -- figures

    def _count_failure(self, text: str) -> None:
        self._failures += 1
        self._last_failure = text

    def stats(self) -> JournalStats:
        """Return the counters."""
        return JournalStats(
            bytes=self._chain.bytes + self._snapshot_size,
            segments=len(self._chain.segments),
            commits=self._commits,
            events=self._events,
            commit_seconds=self._commit_seconds,
            snapshots=self._snapshots,
            snapshot_revision=self._snapshot_revision,
            failures=self._failures,
            last_failure=self._last_failure,
        )
