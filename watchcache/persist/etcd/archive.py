"""What a server on etcd has seen, in a directory of its own: history, and never the state, which is etcd's.

```
LOCK                            held with flock while a server uses the directory
HISTORY                         which etcd's history it is, JSON; begun anew, it gets another id
00000000000000001000.events     a segment, as the file journal has them: the events after that revision
*.damaged                       a file that could not be read, set aside
```

What makes it simpler than a journal: nobody was promised anything. So nothing is synced; a file that cannot be read is set aside, and the history
is what comes after it; and when writing fails, all of it goes.

Each commit ends with a mark, the revision up to which everything is here. A start believes the active segment up to its last mark and cuts off
the rest, which is read from etcd again; so a revision with several events is never kept in part. Segments before it are read when somebody
resumes from there, and checked then.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import trio

from watchcache.log import Compacted, Event, Stamp
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.etcd.remains import HistoryFile, Remains, Source, read_remains
from watchcache.persist.file.chain import Chain
from watchcache.persist.file.directory import HISTORY_NAME, Directory
from watchcache.persist.file.disk import Disk, Unsynced
from watchcache.persist.file.frames import Damaged
from watchcache.persist.file.history import History
from watchcache.persist.file.records import FORMAT, mark
from watchcache.persist.file.segment import Segment, SegmentWriter
from watchcache.persist.retention import Retention


class Archive:
    """The directory. One task at a time opens, begins and appends; any number read."""

    def __init__(
        self,
        path: Path | str,
        *,
        retention: Retention = Retention(),  # noqa: B008 -- frozen
        segment_bytes: int | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.broken = False  # what is appended could not be read back: begin anew
        self.failures: list[
            str
        ] = []  # what was set aside or could not be removed, since somebody last looked
        self._directory = Directory(Path(path))
        self._disk = disk or Unsynced()
        self._threads = trio.CapacityLimiter(1)
        size = segment_bytes or retention.segment_bytes
        self._chain = Chain(self._directory, self._disk, retention, size, self._threads)
        self._lock = -1
        self._file = HistoryFile(FORMAT, "", Source("", "", ""))
        self._floor = 0  # given up by a compaction, or not to be read

    @property
    def path(self) -> Path:
        """The directory."""
        return self._directory.path

    # -- life

    async def open(self, stamp: Stamp) -> Remains | None:
        """Take the directory and find what is in it; None: nothing. Raises DirectoryLocked, DirectoryUnusable."""
        self._history = History(stamp, shared=True)
        self._lock = self._directory.lock()
        try:
            found = await trio.to_thread.run_sync(read_remains, self._directory, self._disk, stamp)
            if found is None:
                return None
            self._file = found.file
            self._chain.epoch = found.file.id
            if found.segments:
                self._chain.start(self._chain.reopen(found.segments[-1]), found.segments)
        except OSError as error:
            self.close()
            where = error.filename or self.path
            raise DirectoryUnusable(f"{where} cannot be used: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        return found

    async def begin(self, source: Source, revision: int, *, floor: int = 0, lost: int = 0) -> None:
        """Forget everything and begin after a revision; floor, lost: as of `HistoryFile`. Raises OSError, JournalFull."""
        file = HistoryFile(FORMAT, uuid.uuid4().hex, source, floor, lost)
        self._let_go()
        self._file = file
        self._chain.epoch = file.id
        writer, segment = await trio.to_thread.run_sync(self._begin, file, revision, limiter=self._threads)
        self._chain.start(writer, [segment])
        self._floor = 0
        self.broken = False

    def _begin(self, file: HistoryFile, revision: int) -> tuple[SegmentWriter, Segment]:
        self._write_file(file)
        self._remove_all()
        return self._chain.create(revision)

    async def drop(self) -> None:
        """Give all history up, and its room on the disk."""
        self._let_go()
        await trio.to_thread.run_sync(self._remove_all, limiter=self._threads)

    async def condemn(self) -> None:
        """Note that what comes after is another etcd's: the next start must not go on from here."""
        self._file = msgspec.structs.replace(self._file, replaced=True)
        try:
            await trio.to_thread.run_sync(self._write_file, self._file, limiter=self._threads)
        except OSError as error:
            self.failures.append(f"{self.path} cannot be written: {error.strerror}")

    def close(self) -> None:
        """Let another server have the directory."""
        self._let_go()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _let_go(self) -> None:
        self._chain.close()
        for segment in self._chain.segments:
            self._history.forget(segment.base)
        self._chain.segments = []

    def _write_file(self, file: HistoryFile) -> None:
        self._disk.write_aside(self.path / HISTORY_NAME, [msgspec.json.encode(file) + b"\n"], "format")

    def _remove_all(self) -> None:
        for base in self._directory.segments():
            with suppress(FileNotFoundError):
                self._disk.unlink(self._directory.segment(base), "retention")

    # -- writing

    async def append(self, events: Sequence[Event], through: int, time: float) -> None:
        """Add the events that follow, of whole revisions; `through`: nothing else happened up to there. Raises OSError, JournalError."""
        chain = self._chain
        if chain.full and self.reached > chain.writer.base:
            await chain.roll()
            for segment in chain.given_up(self._floor):
                await self._remove(segment)
        records = [*events, mark(through, time)]
        await trio.to_thread.run_sync(chain.writer.write, records, limiter=self._threads)
        chain.appended(through, time)
        self._history.rest()

    async def _remove(self, segment: Segment) -> None:
        """Give one up; what cannot be removed now is no longer part of the chain, and goes at a start."""
        self._chain.segments.remove(segment)
        self._history.forget(segment.base)
        path = self._directory.segment(segment.base)
        try:
            await trio.to_thread.run_sync(self._disk.unlink, path, "retention", limiter=self._threads)
        except OSError as error:
            self.failures.append(f"{path} cannot be removed: {error.strerror}")

    # -- reading

    @property
    def reached(self) -> int:
        """Everything up to here is kept, 0 for nothing."""
        return self._chain.segments[-1].last if self._chain.segments else 0

    @property
    def oldest(self) -> int | None:
        """Every event with a greater revision, up to `reached`, can be read; None when there is nothing."""
        return max(self._floor, self._chain.segments[0].base) if self._chain.segments else None

    @property
    def bytes(self) -> int:
        """The length of all segments."""
        return self._chain.bytes

    @property
    def segments(self) -> int:
        """How many there are."""
        return len(self._chain.segments)

    def compact(self, revision: int) -> None:
        """Give up what is not after a revision; files go with the next segment."""
        self._floor = max(self._floor, revision)

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Events with after < revision <= through <= `reached`, those of one segment; none when nothing happened. Raises Compacted."""
        while after < through:
            if self.oldest is None or after < self.oldest:
                raise Compacted(after, self.oldest or through)
            segment = self._chain.holding(after)
            found = await self._read(segment, after, through)
            if found or segment.last >= through:
                return found
            after = segment.last
        return ()

    async def _read(self, segment: Segment, after: int, through: int) -> Sequence[Event]:
        path = self._directory.segment(segment.base)
        try:
            decoded = await self._history.decode(path, segment, through)
        except FileNotFoundError:  # retention overtook this reader
            raise Compacted(after, max(self.oldest or 0, segment.last)) from None
        except (Damaged, OSError) as error:
            await self._set_aside(segment, str(error.problem if isinstance(error, Damaged) else error))
            raise Compacted(after, max(self.oldest or 0, segment.last)) from error
        return decoded.between(after, through)

    async def _set_aside(self, damaged: Segment, problem: str) -> None:
        """History begins after a segment that cannot be read."""
        if damaged not in self._chain.segments:
            return
        path = self._directory.segment(damaged.base)
        self.failures.append(
            f"{path} cannot be read ({problem}): the history up to revision {damaged.last} is given up"
        )
        if damaged is self._chain.segments[-1]:
            self._floor = damaged.last
            self.broken = True
            return
        for segment in self._chain.segments[: self._chain.segments.index(damaged)]:
            await self._remove(segment)
        self._chain.segments.remove(damaged)
        with suppress(OSError):
            self._disk.rename(path, path.with_name(path.name + ".damaged"), "recovery")
