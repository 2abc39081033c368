"""The chain of segments: each begins where the one before it ended and names that one in its header; the last is appended to.

The file journal and the history beside an etcd (`watchcache.persist.etcd.archive`) are both such chains. What differs is theirs: what a start
believes of the files it finds, and when a segment may go. Fields are changed on the event loop only: what blocks is done in a thread, by `create`
and by the writer, and then entered.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from watchcache.persist.file.directory import Directory
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.records import SegmentHeader
from watchcache.persist.file.segment import Segment, SegmentWriter
from watchcache.persist.retention import Retention, Stretch, surplus


class Chain:
    """The segments of one directory, oldest first. segment_bytes: how large one becomes before the next is begun."""

    def __init__(
        self,
        directory: Directory,
        disk: Disk,
        retention: Retention,
        segment_bytes: int,
        threads: trio.CapacityLimiter,
    ) -> None:
        self.epoch = ""  # of whose history it is; every header says so
        self.segments: list[Segment] = []
        self._directory = directory
        self._disk = disk
        self._retention = retention
        self._segment_bytes = segment_bytes
        self._threads = threads
        self._writer: SegmentWriter | None = None

    @property
    def writer(self) -> SegmentWriter:
        """What appends to the last segment; there is one between `start` and `close`."""
        assert self._writer is not None, "it was started"
        return self._writer

    @property
    def full(self) -> bool:
        """Whether the last segment is so large that the next is to be begun."""
        return self.writer.length >= self._segment_bytes

    @property
    def bytes(self) -> int:
        """The length of all segments."""
        return sum(each.bytes for each in self.segments)

    def start(self, writer: SegmentWriter, segments: Sequence[Segment]) -> None:
        """Go on with these, the last of which the writer appends to."""
        self._writer, self.segments = writer, list(segments)

    def close(self) -> None:
        """Let go of the last segment's file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def create(
        self, base: int, time: float = 0.0, previous: int | None = None
    ) -> tuple[SegmentWriter, Segment]:
        """Make the file of the segment after a revision, whose time is given; blocks, and enters nothing. Raises JournalFull, OSError."""
        header = SegmentHeader(self.epoch, base, time, previous)
        writer = SegmentWriter.create(self._disk, self._directory.segment(base), header)
        return writer, Segment(base, base, time, writer.length)

    def reopen(self, segment: Segment) -> SegmentWriter:
        """What appends to a segment that is there; blocks. Raises OSError."""
        return SegmentWriter.reopen(self._disk, self._directory.segment(segment.base), segment.base)

    async def roll(self) -> None:
        """Begin the next segment. When that fails the last one is still appended to. Raises JournalFull, OSError."""
        last = self.segments[-1]
        writer, segment = await trio.to_thread.run_sync(
            self.create, last.last, last.time, last.base, limiter=self._threads
        )
        self.writer.close()
        self.start(writer, [*self.segments, segment])

    def appended(self, last: int, time: float) -> int:
        """Enter what the writer has appended, up to a revision and its time; returns how many bytes that was."""
        active, length = self.segments[-1], self.writer.length
        size = length - active.bytes
        active.last, active.time, active.bytes = last, time, length
        return size

    def holding(self, after: int) -> Segment:
        """The segment with what follows a revision, which the chain reaches back to."""
        return next(each for each in reversed(self.segments) if each.base <= after)

    def given_up(self, floor: int) -> list[Segment]:
        """The segments that the retention gives up, oldest first, never the last; `floor`: up to it a compaction gave up everything."""
        *sealed, active = self.segments
        stretches = [Stretch(each.last, each.time, each.bytes) for each in sealed]
        count = surplus(stretches, self._retention, newest=active.last, now=active.time, floor=floor)
        return sealed[:count]
