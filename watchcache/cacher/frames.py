"""Frames of events, made once and shared.

An event has one body for each type that it can be to a selection (`change.body`), so (revision, type,
representation, key) names a frame. Groups that differ only in what they select, and watchers that replay the same stretch after a
stall, find it here instead of making it again. Two generations bound the memory without keeping an order: when the
young one is full it becomes the old one, and the old one is dropped.
"""

from __future__ import annotations

from watchcache.cacher.change import Change, EventType, Stamp
from watchcache.cacher.request import Representation
from watchcache.cacher.timed import Timed

# Some 1,500 frames of pods, more than a busy tick has.
CAPACITY = 4 * 1024 * 1024

_Key = tuple[int, EventType | None, Representation, str]


class Frames:
    """A bounded memory of frames. `stamp` puts the event's revision into the body of a crossing (W15)."""

    def __init__(self, stamp: Stamp, capacity: int = CAPACITY) -> None:
        self._stamp = stamp
        self._half = capacity // 2
        self._young: dict[_Key, bytes] = {}
        self._old: dict[_Key, bytes] = {}
        self._young_bytes = 0

    def event(self, change: Change, type: EventType, representation: Representation, *, first: bool) -> bytes:
        """The frame of a change that is `type` to whoever asks. `first` counts where the representation says so."""
        if first and representation.first_differs:
            return self._make(change, type, representation, first=True)
        key = (change.revision, type, representation, change.key)
        frame = self._find(key)
        if frame is None:
            frame = self._make(change, type, representation, first=False)
            self._keep(key, frame)
        return frame

    def bookmark(self, revision: int, representation: Representation, *, first: bool) -> bytes:
        """The frame of a plain bookmark."""
        if first and representation.first_differs:
            return representation.bookmark(revision, False, True)
        key = (revision, None, representation, "")
        frame = self._find(key)
        if frame is None:
            frame = representation.bookmark(revision, False, False)
            self._keep(key, frame)
        return frame

    def _make(self, change: Change, type: EventType, representation: Representation, *, first: bool) -> bytes:
        frame = representation.event(type, change.body(type, self._stamp), first)
        return representation.annotate(frame, change.time) if isinstance(representation, Timed) else frame

    def _find(self, key: _Key) -> bytes | None:
        return self._young.get(key) or self._old.get(key)

    def _keep(self, key: _Key, frame: bytes) -> None:
        self._young[key] = frame
        self._young_bytes += len(frame)
        if self._young_bytes > self._half:
            self._old, self._young, self._young_bytes = self._young, {}, 0
