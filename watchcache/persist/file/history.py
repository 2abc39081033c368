"""Old events, read back from segments.

A segment can only be read from its start (see `records`), so it is read whole, once, and shared by all who are reading
it: after a restart thousands of watches resume from much the same place. The two used last are kept until nobody has asked
for any for a minute; any other lives as long as a reader holds a portion of it. The memory is therefore bounded by the
retained history, however many read it, and a server whose readers have caught up holds none of it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import overload
from weakref import WeakValueDictionary

import msgspec
import trio

from watchcache.log import Event, Stamp
from watchcache.persist.file.frames import Damaged
from watchcache.persist.file.records import Inconsistent, Replay
from watchcache.persist.file.segment import Segment, read_records

KEPT = 2
REST = 60.0  # seconds; two full segments are over 100 MiB when they are decoded

_revision = attrgetter("revision")


class Decoded:
    """The events of one segment, as far as it had been written."""

    __slots__ = ("__weakref__", "events", "through")

    def __init__(self, events: list[Event], through: int) -> None:
        self.events = events
        self.through = through

    def between(self, after: int, through: int) -> Portion:
        """Return the events after one revision, up to and including another."""
        start = bisect_right(self.events, after, key=_revision)
        return Portion(self, start, bisect_right(self.events, through, key=_revision))


class Portion(Sequence[Event]):
    """Some events of a segment; keeps the whole of it in memory, so that others need not read it again."""

    __slots__ = ("_decoded", "_end", "_start")

    def __init__(self, decoded: Decoded, start: int, end: int) -> None:
        self._decoded = decoded
        self._start = start
        self._end = end

    def __len__(self) -> int:
        return self._end - self._start

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        positions = range(self._start, self._end)[index]
        events = self._decoded.events
        return [events[at] for at in positions] if isinstance(positions, range) else events[positions]


class History:
    """Reads segments, each at most once at a time, and remembers the last ones. shared: as of `Replay`."""

    def __init__(self, stamp: Stamp, *, shared: bool = False) -> None:
        self._stamp = stamp
        self._shared = shared
        self._alive: WeakValueDictionary[int, Decoded] = WeakValueDictionary()
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._reading = trio.Lock()
        self._asked = -math.inf  # when a reader did last

    async def decode(self, path: Path, segment: Segment, through: int) -> Decoded:
        """Return a segment's events at least up to a durable revision. Raises Damaged, OSError (the file is gone)."""
        async with self._reading:
            self._asked = trio.current_time()
            decoded = self._alive.get(segment.base)
            if decoded is None or decoded.through < min(through, segment.last):
                written = msgspec.structs.replace(segment)  # it may grow meanwhile
                events = await trio.to_thread.run_sync(_read, path, written, self._replay(segment.base))
                decoded = self._alive[segment.base] = Decoded(events, written.last)
            self._kept[segment.base] = decoded
            self._kept.move_to_end(segment.base)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return decoded

    def _replay(self, base: int) -> Replay:
        return Replay(base, self._stamp, shared=self._shared)

    def rest(self) -> None:
        """Let go of what is kept when nobody has asked for a while; to be called now and then, such as after a commit."""
        if self._kept and trio.current_time() - self._asked > REST:
            self._kept.clear()

    def forget(self, base: int) -> None:
        """Let go of a segment that is no longer history."""
        self._kept.pop(base, None)


def _read(path: Path, segment: Segment, replay: Replay) -> list[Event]:
    events: list[Event] = []
    for offset, records in read_records(path, segment.bytes):
        try:
            events += replay.events(records)
        except Inconsistent as contradiction:
            raise Damaged(offset, str(contradiction)) from contradiction
    if replay.revision != segment.last:
        raise Damaged(segment.bytes, f"it ends at revision {replay.revision} instead of {segment.last}")
    return events
