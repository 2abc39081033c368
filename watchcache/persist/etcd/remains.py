"""What a server on etcd finds of its history when it starts. It blocks; nothing here stops a start but a directory that is not ours.

HISTORY says whose history it is. Segments that belong to it and follow one another without a gap, up to the newest, are the chain; others go.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from watchcache.log import Head, Stamp
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.file.directory import FORMAT_NAME, HISTORY_NAME, Directory
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.frames import Damaged
from watchcache.persist.file.records import FORMAT, MARK, Inconsistent, Record, Replay, SegmentHeader
from watchcache.persist.file.segment import Segment, read_header, read_records


class Source(msgspec.Struct, frozen=True):
    """Whose history it is: the cluster's id, the epoch kept in it ("": it could not be kept), the prefix."""

    cluster: str
    epoch: str
    prefix: str


class HistoryFile(msgspec.Struct, frozen=True):
    """What HISTORY says.

    floor: before it was another etcd, nobody resumes from there. lost: what others may have seen of that other one.
    replaced: what etcd has now is not what this history leads to.
    """

    format: int
    id: str
    source: Source
    floor: int = 0
    lost: int = 0
    replaced: bool = False


class Remains(msgspec.Struct):
    """What was found.

    latest: what the newest segment with events makes of each key in it (None: deleted, with the revision of that), all after `base`.
    """

    file: HistoryFile
    segments: list[Segment]
    base: int
    latest: dict[str, tuple[int, Head | None]]
    notes: list[str]

    @property
    def reached(self) -> int:
        """Everything up to here is kept, 0 for nothing."""
        return self.segments[-1].last if self.segments else 0


def read_remains(directory: Directory, disk: Disk, stamp: Stamp) -> Remains | None:
    """Read a directory of which this process holds the lock. Raises DirectoryUnusable, OSError."""
    for leftover in directory.left_aside():
        leftover.unlink()
    notes: list[str] = []
    file = _read_file(directory, disk, notes)
    if file is None:
        return None
    found = Remains(file, [], 0, {}, notes)
    found.segments = _chain(directory, disk, file.id, notes)
    if found.segments:
        _read_active(found, directory, disk, stamp)
    return found


def _read_file(directory: Directory, disk: Disk, notes: list[str]) -> HistoryFile | None:
    path = directory.path / HISTORY_NAME
    if (directory.path / FORMAT_NAME).exists():
        raise DirectoryUnusable(f"{directory.path} holds a journal, and no history of a server on etcd")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=HistoryFile)
    except FileNotFoundError:
        if directory.segments() or directory.snapshots():
            raise DirectoryUnusable(f"{directory.path} holds data, but {HISTORY_NAME} is missing") from None
        return None
    except msgspec.DecodeError as error:
        notes.append(f"{path} cannot be read ({error}): the history kept here is given up")
        _set_aside(path, disk)
        _remove_all(directory, disk)
        return HistoryFile(FORMAT, "", Source("", "", ""))
    if found.format > FORMAT:
        raise DirectoryUnusable(f"{directory.path} was written by a newer version of watchcache")
    return found


def _chain(directory: Directory, disk: Disk, identity: str, notes: list[str]) -> list[Segment]:
    """The unbroken row of segments up to the newest; what is not in it is removed."""
    chain: list[Segment] = []
    following: SegmentHeader | None = None
    for base in reversed(directory.segments()):
        path = directory.segment(base)
        header = _header(path, identity, disk, notes)
        if header is None:
            continue
        if following is not None and following.previous != base:
            disk.unlink(path, "recovery")
            continue
        last, time = (following.base, following.base_time) if following else (base, header.base_time)
        chain.insert(0, Segment(base, last, time, path.stat().st_size))
        following = header
    return chain


def _header(path: Path, identity: str, disk: Disk, notes: list[str]) -> SegmentHeader | None:
    try:
        header = read_header(path)
    except Damaged as damage:
        notes.append(f"{path} cannot be read ({damage.problem}) and was set aside")
        _set_aside(path, disk)
        return None
    if header.epoch != identity:
        disk.unlink(path, "recovery")  # of what was here before
        return None
    return header


def _read_active(found: Remains, directory: Directory, disk: Disk, stamp: Stamp) -> None:
    """Read the newest segment up to its last mark and cut off the rest."""
    active = found.segments[-1]
    path = directory.segment(active.base)
    replay = Replay(active.base, stamp, shared=True)
    pending: list[Record] = []
    cut: int | None = None
    problem = "the last write is not complete"
    try:
        for offset, records in read_records(path):
            cut = offset if cut is None else cut
            replay.events(records)
            pending += records
            if records[-1].key == MARK:
                _take(found, active, pending)
                pending, cut = [], None
    except Damaged as damage:
        cut, problem = damage.offset if cut is None else cut, damage.problem
    except Inconsistent as contradiction:
        problem = str(contradiction)
    found.base = active.base
    if cut is not None:
        found.notes.append(
            f"{path} cannot be read from offset {cut} on ({problem}): the history goes up to revision {active.last}, the rest is etcd's"
        )
        with path.open("r+b") as file:
            disk.truncate(file.fileno(), cut, "recovery")
        active.bytes = cut
    if not found.latest and len(found.segments) > 1:
        _look_back(found, directory, stamp)


def _look_back(found: Remains, directory: Directory, stamp: Stamp) -> None:
    """Nothing is in the newest segment: what is known of keys is in the one before."""
    before = found.segments[-2]
    replay = Replay(before.base, stamp, shared=True)
    try:
        for _, records in read_records(directory.segment(before.base)):
            replay.events(records)
            _take(found, None, records)
        found.base = before.base
    except (Damaged, Inconsistent):
        found.latest = {}  # whoever reads it as history will set it aside


def _take(found: Remains, active: Segment | None, records: list[Record]) -> None:
    for each in records:
        if each.key != MARK:
            head = None if each.value is None else Head(each.revision, each.value)
            found.latest[each.key] = each.revision, head
        if active is not None:
            active.last, active.time = each.revision, each.time


def _set_aside(path: Path, disk: Disk) -> None:
    disk.rename(path, path.with_name(path.name + ".damaged"), "recovery")


def _remove_all(directory: Directory, disk: Disk) -> None:
    for base in directory.segments():
        disk.unlink(directory.segment(base), "recovery")
