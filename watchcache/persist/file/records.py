"""What is in the frames' payloads: records of events, items of a snapshot, and the header of either file.

A segment must be readable by itself, so that history needs neither the snapshot before it nor the other segments. Therefore
a record carries the body of the value it replaced exactly when that value was written before this segment; otherwise an earlier
record of the segment has it. Most updates are of keys that were written a moment ago, so this costs little, and it needs no index.

A deletion's record carries no value: an event's is the replaced one with the deletion's revision stamped in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from watchcache.log import Event, Stamp
from watchcache.persist.file.frames import TARGET_PAYLOAD, frame

MARK = ""  # the key of a mark
FORMAT = 1  # of everything in the directory; raised when an older server could not read it


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One event as it is kept. value None: a deletion. prev: see above; None otherwise."""

    revision: int
    key: str
    value: bytes | None
    prev_revision: int
    prev: bytes | None
    time: float


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One key of a snapshot."""

    key: str
    revision: int
    value: bytes


class SegmentHeader(msgspec.Struct, frozen=True):
    """The payload of a segment's first frame.

    base: the revision before its first event; base_time: when that one was; previous: the base of the segment before
    (None: there was none), by which a missing file is noticed without reading its neighbours.
    """

    epoch: str
    base: int
    base_time: float
    previous: int | None
    format: int = FORMAT


class SnapshotHeader(msgspec.Struct, frozen=True):
    """The payload of a snapshot's first frame; `count` items follow."""

    epoch: str
    revision: int
    count: int
    format: int = FORMAT


encoder = msgspec.msgpack.Encoder()
record_decoder = msgspec.msgpack.Decoder(list[Record])
item_decoder = msgspec.msgpack.Decoder(list[Item])
segment_header_decoder = msgspec.msgpack.Decoder(SegmentHeader)
snapshot_header_decoder = msgspec.msgpack.Decoder(SnapshotHeader)


class Inconsistent(Exception):
    """A record contradicts those before it."""


def record(event: Event, base: int) -> Record:
    """Return the record of an event for the segment after revision `base`."""
    return Record(
        event.revision,
        event.key,
        None if event.deleted else event.value,
        event.prev_revision,
        event.prev if 0 < event.prev_revision <= base else None,
        event.time,
    )


def commit_frames(events: Sequence[Event], base: int, offset: int) -> list[bytes]:
    """Return the frames of one commit that is written at `offset` of the segment after revision `base`.

    A frame holds up to TARGET_PAYLOAD and one record more, at most twice `watchcache.log.MAX_VALUE`: below MAX_PAYLOAD.
    """
    frames, records, size = [], [], 0
    for event in events:
        each = record(event, base)
        records.append(each)
        size += len(event.key) + len(each.value or b"") + len(each.prev or b"")
        if size >= TARGET_PAYLOAD:
            frames.append(frame(encoder.encode(records), offset))
            records, size = [], 0
    if records:
        frames.append(frame(encoder.encode(records), offset))
    return frames


def mark(revision: int, time: float) -> Event:
    """Return what says, among the events of another store's history, that everything up to a revision is here."""
    return Event(revision, MARK, b"", deleted=False, prev=None, prev_revision=0, time=time)


class Replay:
    """Turns the records of one segment, in order, back into events; keeps the newest value of each key it has met.

    shared: the order is another store's, so events may share a revision, and there are marks, of which no event is made.
    """

    def __init__(self, base: int, stamp: Stamp, *, shared: bool = False) -> None:
        self.base = base
        self.revision = base
        self._stamp = stamp
        self._shared = shared
        self._values: dict[str, tuple[int, bytes]] = {}

    def events(self, records: Iterable[Record]) -> list[Event]:
        """Return the events of the next records. Raises Inconsistent."""
        events = []
        for each in records:
            self._follow(each.revision)
            if each.key != MARK or not self._shared:
                events.append(self._event(each))
        return events

    def _follow(self, revision: int) -> None:
        if revision < self.revision or (revision == self.revision and not self._shared):
            raise Inconsistent(f"revision {revision} follows {self.revision}")
        self.revision = revision

    def _event(self, each: Record) -> Event:
        prev = self._prev(each)
        value = each.value
        if value is None:
            if prev is None:
                raise Inconsistent(f"revision {each.revision} deletes {each.key}, which is not there")
            value = self._stamp(prev, each.revision)
            self._values.pop(each.key, None)
        else:
            self._values[each.key] = (each.revision, value)
        return Event(each.revision, each.key, value, each.value is None, prev, each.prev_revision, each.time)

    def _prev(self, each: Record) -> bytes | None:
        if each.prev_revision <= self.base:
            if (each.prev is None) != (each.prev_revision == 0) or each.key in self._values:
                raise Inconsistent(f"revision {each.revision} of {each.key} does not fit what it replaces")
            return each.prev
        known = self._values.get(each.key)
        if known is None or known[0] != each.prev_revision:
            raise Inconsistent(
                f"revision {each.revision} of {each.key} replaces revision {each.prev_revision}, which is not its last"
            )
        return known[1]
