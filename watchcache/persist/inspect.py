"""Is a data directory sound: a walk through every file that names each fault, for `watchcache check`.

It reads only and takes no lock, so it may run beside a server; a torn end may then be a write under way. It blocks.
More than recovery does, it goes on behind damage, reads history too, and compares what events add up to with snapshots.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from watchcache.log import Corrupt
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.file.directory import SEGMENT, Directory
from watchcache.persist.file.frames import Damaged, later_commit, scan
from watchcache.persist.file.reached import REACHED_NAME, read_reached
from watchcache.persist.file.records import Inconsistent, Record, Replay, SegmentHeader
from watchcache.persist.file.recovery import FOREIGN, lost
from watchcache.persist.file.segment import READ_AHEAD, parse_header, parse_records
from watchcache.persist.file.snapshot import read_items


class Fault(msgspec.Struct, frozen=True):
    """Something wrong at an offset of a file. harmless: a start repairs it and nothing acknowledged is lost."""

    file: Path
    offset: int
    problem: str
    harmless: bool = False


class FileReport(msgspec.Struct):
    """One file: revisions in it (a snapshot: the one it is at, twice), how many events or keys, and its length."""

    file: Path
    first: int
    last: int
    count: int
    bytes: int


class DirectoryReport(msgspec.Struct):
    """What a walk through a directory found."""

    path: Path
    epoch: str = ""
    files: list[FileReport] = []
    faults: list[Fault] = []
    revision: int = 0
    oldest: int = 0
    keys: int = 0

    @property
    def sound(self) -> bool:
        """Whether a start finds all that was acknowledged, and all the history that is kept."""
        return all(fault.harmless for fault in self.faults)


def check_directory(path: Path | str) -> DirectoryReport:
    """Read all files of a data directory and name every fault. Raises DirectoryUnusable when there is none to read."""
    directory = Directory(Path(path))
    try:
        return _Check(directory).run()
    except OSError as error:
        raise DirectoryUnusable(f"{error.filename or path} cannot be read: {error.strerror}") from error


class _Check:
    """One walk, segments in order; `known` has the revision of every key met so far (0: deleted)."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.report = DirectoryReport(directory.path)
        self.known: dict[str, int] = {}
        self.state: dict[str, int] = {}  # of the newest whole snapshot
        self.state_revision = 0
        self.complete = (
            False  # `known` has every key: nothing was missing since revision 0 or since the snapshot
        )

    def run(self) -> DirectoryReport:
        if not self.directory.path.is_dir():
            raise DirectoryUnusable(f"{self.directory.path} is no directory")
        try:
            epoch = self.directory.epoch()
        except Corrupt as fault:
            self._fault(fault.file, fault.offset, fault.problem)
        else:
            if epoch is None:
                raise DirectoryUnusable(f"{self.directory.path} holds no data of watchcache")
            self.report.epoch = epoch
        reached = read_reached(
            self.directory.path, self.report.epoch
        ).revision  # first: a running server goes on
        self._snapshots()
        newest = self.state_revision
        self._segments()
        self._ends(newest, reached)
        for leftover in self.directory.left_aside():
            self._fault(leftover, 0, "it was being written when the server stopped", harmless=True)
        self.report.revision = max(self.report.revision, self.state_revision)
        self.report.keys = sum(1 for revision in self.known.values() if revision)
        return self.report

    def _ends(self, snapshot: int, reached: int) -> None:
        """Whether the events go as far as the newest snapshot, and both as far as they once did."""
        segments = [file for file in self.report.files if file.file.suffix == SEGMENT]
        last = segments[-1] if segments else None
        if last is not None and last.last < snapshot:
            problem = f"it ends at revision {last.last}, but the events up to {snapshot} were there once"
            self._fault(last.file, self._whole(last), problem)
        found = max(self.report.revision, snapshot)
        if found < reached:
            file = last or (self.report.files[-1] if self.report.files else None)
            where = (file.file, self._whole(file)) if file else (self.directory.path / REACHED_NAME, 0)
            self._fault(*where, lost(found, reached))

    def _whole(self, file: FileReport) -> int:
        """Up to where a file can be read."""
        return min(
            (fault.offset for fault in self.report.faults if fault.file == file.file), default=file.bytes
        )

    def _fault(self, file: Path, offset: int, problem: str, *, harmless: bool = False) -> None:
        self.report.faults.append(Fault(file, offset, problem, harmless))

    # -- snapshots

    def _snapshots(self) -> None:
        for revision in self.directory.snapshots():
            path = self.directory.snapshot(revision)
            state: dict[str, int] = {}
            try:
                with path.open("rb", buffering=READ_AHEAD) as file:
                    header, batches = read_items(file)
                    for items in batches:
                        state.update((item.key, item.revision) for item in items)
            except Damaged as damage:
                self._fault(path, damage.offset, damage.problem)
                continue
            if header.revision != revision or self._foreign(header.epoch):
                self._fault(path, 0, FOREIGN)
                continue
            self.report.files.append(FileReport(path, revision, revision, len(state), path.stat().st_size))
            self.state, self.state_revision = state, revision

    # -- segments

    def _segments(self) -> None:
        bases = self.directory.segments()
        self.complete = not bases or bases[0] == 0
        self.report.oldest = bases[0] if bases else self.state_revision
        if not self.complete and bases[0] > self.state_revision:
            missing = f"the events from revision {self.state_revision + 1} to {bases[0]} are missing"
            self._fault(self.directory.segment(bases[0]), 0, missing)
        previous: FileReport | None = None
        for base in bases:
            previous = self._segment(base, previous, final=base == bases[-1])
        self._cross()

    def _segment(self, base: int, previous: FileReport | None, *, final: bool) -> FileReport:
        path = self.directory.segment(base)
        data = path.read_bytes()
        found = FileReport(path, base, base, 0, len(data))
        self.report.files.append(found)
        if (
            previous is not None
            and previous.last != base
            and previous.file not in {f.file for f in self.report.faults}
        ):
            self._fault(
                path, 0, f"the segment before ends at revision {previous.last}, this one begins after {base}"
            )
            self.known, self.complete = {}, False
        self._walk(found, data, base, final=final)
        self.report.revision = max(self.report.revision, found.last)
        return found

    def _walk(self, found: FileReport, data: bytes, base: int, *, final: bool) -> None:
        replay: Replay | None = Replay(base, _unstamped)
        if not data:
            self._fault(found.file, 0, "the file is empty", harmless=final)
        for frame in scan(data):
            try:
                if isinstance(frame, Damaged):
                    raise frame
                self._frame(found, frame, base, replay)
            except Damaged as damage:
                torn = (
                    final
                    and isinstance(frame, Damaged)
                    and later_commit(data[damage.offset :], damage.offset) is None
                )
                self._fault(found.file, damage.offset, damage.problem, harmless=torn)
                replay = None  # what follows cannot be checked against what is missing
                self.known, self.complete = {}, False

    def _frame(
        self, found: FileReport, frame: tuple[int, memoryview], base: int, replay: Replay | None
    ) -> None:
        offset, payload = frame
        if offset == 0:
            self._header(parse_header(frame), base)
            return
        records = parse_records(offset, payload)
        found.count += len(records)
        try:
            if replay is not None:
                replay.events(records)
            for record in records:
                self._record(record)
        except Inconsistent as contradiction:
            raise Damaged(offset, str(contradiction)) from contradiction
        found.first = found.first if found.count > len(records) else records[0].revision
        found.last = records[-1].revision

    def _header(self, header: SegmentHeader, base: int) -> None:
        if header.base != base or self._foreign(header.epoch):
            raise Damaged(0, FOREIGN)

    def _foreign(self, epoch: str) -> bool:
        return bool(self.report.epoch) and epoch != self.report.epoch  # without FORMAT nobody knows

    def _record(self, record: Record) -> None:
        if record.revision > self.state_revision:
            self._cross()
        at = self.known.get(record.key, 0 if self.complete else None)
        if at is not None and at != record.prev_revision:
            raise Inconsistent(
                f"revision {record.revision} of {record.key} replaces {record.prev_revision}, it was at {at}"
            )
        self.known[record.key] = 0 if record.value is None else record.revision

    def _cross(self) -> None:
        """Where the events pass the snapshot: what they add up to must be in it; from here on it is the state."""
        if not self.state_revision:
            return
        path = self.directory.snapshot(self.state_revision)
        for key, revision in self.known.items():
            if self.state.get(key, 0) != revision:
                self._fault(
                    path,
                    0,
                    f"{key} is at revision {self.state.get(key, 0)} in it, and at {revision} in the events",
                )
        self.known, self.state, self.complete = self.state, {}, True
        self.state_revision, self.report.revision = 0, max(self.report.revision, self.state_revision)


def _unstamped(value: bytes, _revision: int) -> bytes:
    return value
