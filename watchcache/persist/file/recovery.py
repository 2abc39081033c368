"""From a directory to a state: the newest whole snapshot, and the events after it.

What a crash can leave is repaired and noted: files that were being written, a torn end of the last segment, a last
segment whose header did not make it. What a crash cannot leave is damage: it is never repaired, because whatever came after
it was acknowledged. Then the start is refused with the file, the offset and what to do. The same holds when what can be read ends before the
revision that was reached (see `reached`), and nothing is cut off or removed then.

Segments wholly before the snapshot are history only and are not read here, so that a start takes time for the state alone. Their
headers are, because each names the segment before: what is behind a gap cannot be resumed from.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from watchcache.log import Corrupt, Event, Head, Ring, Stamp
from watchcache.persist.file.directory import RESTORE, Directory
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.frames import Damaged, later_commit
from watchcache.persist.file.reached import REACHED_NAME, Line, read_reached
from watchcache.persist.file.records import Inconsistent, Record, SegmentHeader
from watchcache.persist.file.segment import Segment, read_header, read_records
from watchcache.persist.file.snapshot import read_snapshot

FOREIGN = "its header is of another file"
GO_ON = (
    f"Restore the directory from a backup, or remove {REACHED_NAME} to go on without what is lost "
    "(then restart the clients, too)"
)


def lost(found: int, reached: int) -> str:
    """What is wrong when the events end before the revision that was reached."""
    return f"the events end at revision {found}, but up to {reached} they had been acknowledged"


class State(msgspec.Struct):
    """What recovery found. segments: those that history can be read from, ascending; the last is active. copied: as of `Line`."""

    revision: int
    heads: dict[str, Head]
    snapshot_revision: int
    snapshot_bytes: int
    segments: list[Segment]
    notes: list[str]
    copied: bool = False


class Recovery:
    """One recovery of one directory, of which this process holds the lock."""

    def __init__(self, directory: Directory, epoch: str, stamp: Stamp, ring: Ring, disk: Disk) -> None:
        self._directory = directory
        self._epoch = epoch
        self._stamp = stamp
        self._ring = ring
        self._disk = disk
        self._state = State(0, {}, 0, 0, [], [])
        self._line = Line()
        self._damaged_snapshot: tuple[Path, int] | None = None  # the newest one, and where
        self._begun: int | None = None  # a last segment without even a header

    def run(self) -> State:
        """Return the state. Raises Corrupt, OSError."""
        self._line = read_reached(self._directory.path, self._epoch)
        self._load_snapshot()
        self._ring.restart(self._state.revision)
        self._chain(self._headers())
        for number, segment in enumerate(self._state.segments):
            if segment.last > self._state.revision or number == len(self._state.segments) - 1:
                self._replay(segment, active=number == len(self._state.segments) - 1)
        if self._begun is not None:
            self._remove_begun(self._begun)
        self._refuse_loss(*self._end())
        if self._line.copied:
            self._state.copied = True
            self._note(
                f"{self._directory.path} is a copy of another directory: clients that come with a revision after "
                f"{self._state.revision}, which they can only have from that one, get 410 until this one has it, too"
            )
        return self._state

    def _end(self) -> tuple[Path, int]:
        """The file and offset where what was found ends."""
        state, directory = self._state, self._directory
        if state.segments:
            return directory.segment(state.segments[-1].base), state.segments[-1].bytes
        if state.snapshot_revision:
            return directory.snapshot(state.snapshot_revision), state.snapshot_bytes
        return directory.path / REACHED_NAME, 0

    def _refuse_loss(self, path: Path, offset: int, problem: str = "") -> None:
        """Raise Corrupt when what was acknowledged goes on behind the end that was found."""
        found = self._state.revision
        if found < self._line.revision:
            raise Corrupt(path, offset, problem + lost(found, self._line.revision), GO_ON)

    # -- the snapshot

    def _load_snapshot(self) -> None:
        for revision in reversed(self._directory.snapshots()):
            path = self._directory.snapshot(revision)
            try:
                header, heads = read_snapshot(path)
            except Damaged as damage:
                self._note(
                    f"{path} is damaged at offset {damage.offset} ({damage.problem}); it was passed over"
                )
                self._damaged_snapshot = self._damaged_snapshot or (path, damage.offset)
                continue
            self._same_epoch(path, header.epoch)
            if header.revision != revision:
                raise Corrupt(path, 0, FOREIGN, RESTORE)
            self._state.revision = self._state.snapshot_revision = revision
            self._state.heads = heads
            self._state.snapshot_bytes = path.stat().st_size
            return

    # -- the segments there are

    def _headers(self) -> list[SegmentHeader]:
        bases = self._directory.segments()
        headers = []
        for base in bases:
            path = self._directory.segment(base)
            try:
                header = read_header(path)
            except Damaged as damage:
                begun = base == bases[-1] and base >= self._state.snapshot_revision
                if not begun or later_commit(path.read_bytes(), 0) is not None:
                    raise self._corrupt(path, damage) from damage
                self._begun = base
                continue
            self._same_epoch(path, header.epoch)
            if header.base != base:
                raise Corrupt(path, 0, FOREIGN, RESTORE)
            headers.append(header)
        return headers

    def _remove_begun(self, base: int) -> None:
        path = self._directory.segment(base)
        if self._state.revision != base:
            raise Corrupt(
                path,
                0,
                f"it is begun after revision {base}, but the events end at {self._state.revision}",
                RESTORE,
            )
        self._refuse_loss(path, 0)
        self._disk.unlink(path, "recovery")
        self._note(f"{path} was just begun when the server stopped; it held nothing and was removed")

    def _chain(self, headers: list[SegmentHeader]) -> None:
        """Describe the unbroken row of segments that ends with the last, which must reach back to the snapshot."""
        following: SegmentHeader | None = None
        for header in reversed(headers):
            if following is not None and following.previous != header.base:
                self._note(
                    f"the events up to revision {header.base} and more cannot be read on from: a segment is missing"
                )
                break
            path = self._directory.segment(header.base)
            last, time = (
                (following.base, following.base_time) if following else (header.base, header.base_time)
            )
            self._state.segments.insert(0, Segment(header.base, last, time, path.stat().st_size))
            following = header
        if following is not None and following.base > self._state.revision:
            self._refuse_gap(following.base)

    def _refuse_gap(self, first: int) -> None:
        missing = f"the events after revision {self._state.revision}, up to {first}, are missing"
        if self._damaged_snapshot is not None:
            raise Corrupt(*self._damaged_snapshot, f"the snapshot is not whole, and {missing}", RESTORE)
        raise Corrupt(self._directory.segment(first), 0, missing, RESTORE)

    # -- the events in them

    def _replay(self, segment: Segment, *, active: bool) -> None:
        path = self._directory.segment(segment.base)
        reached, torn = segment.base, None
        try:
            for offset, records in read_records(path):
                reached = records[-1].revision
                segment.time = records[-1].time
                try:
                    self._apply(records)
                except Inconsistent as contradiction:
                    raise Damaged(offset, str(contradiction)) from contradiction
        except Damaged as damage:
            if not active or not self._torn(path, damage):
                raise self._corrupt(path, damage) from damage
            torn, segment.bytes = damage, damage.offset
        needed = self._state.snapshot_revision if active else segment.last
        if reached < needed:
            problem = f"it ends at revision {reached}, but the events up to {needed} were there once"
            raise Corrupt(path, segment.bytes, problem, RESTORE)
        if torn is not None:
            self._cut(path, torn)
        segment.last = reached

    def _apply(self, records: list[Record]) -> None:
        state, heads, events = self._state, self._state.heads, []
        for record in records:
            revision, key, value = record.revision, record.key, record.value
            if revision <= state.snapshot_revision:
                continue
            head = heads.get(key)
            if revision <= state.revision or record.prev_revision != (0 if head is None else head.revision):
                raise Inconsistent(f"revision {revision} of {key} does not follow what is before it")
            prev = None if head is None else head.value
            if value is not None:
                heads[key] = Head(revision, value)
            elif prev is not None:
                value = self._stamp(prev, revision)
                del heads[key]
            else:
                raise Inconsistent(f"revision {revision} deletes {key}, which is not there")
            state.revision = revision
            events.append(
                Event(revision, key, value, record.value is None, prev, record.prev_revision, record.time)
            )
        self._ring.extend(events)

    def _torn(self, path: Path, damage: Damaged) -> bool:
        """Whether a crash can have left this, by what follows it."""
        if (
            damage.__cause__ is not None
        ):  # the frame itself is whole: no crash leaves that, a newer version may
            return False
        with path.open("rb") as file:
            file.seek(damage.offset)
            return later_commit(file.read(), damage.offset) is None

    def _cut(self, path: Path, damage: Damaged) -> None:
        """Cut a torn end, unless what it was is known to have been acknowledged."""
        self._refuse_loss(path, damage.offset, f"{damage.problem}; ")
        length = path.stat().st_size - damage.offset
        with path.open("r+b") as file:
            self._disk.truncate(file.fileno(), damage.offset, "recovery")
            self._disk.sync(file.fileno(), "recovery")
        self._note(
            f"{path} had a torn end of {length} bytes at offset {damage.offset} ({damage.problem}): "
            "a write that no one was told had succeeded; it was cut off"
        )

    # -- refusals and notes

    def _corrupt(self, path: Path, damage: Damaged) -> Corrupt:
        return Corrupt(path, damage.offset, damage.problem, RESTORE)

    def _same_epoch(self, path: Path, epoch: str) -> None:
        if epoch != self._epoch:
            raise Corrupt(
                path, 0, "it belongs to another data directory", "Take the file out of the directory"
            )

    def _note(self, note: str) -> None:
        self._state.notes.append(note)
