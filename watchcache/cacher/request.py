"""What a watch is: what the client asked for, how it is written, and where it goes.

`Representation` and `Sink` are implemented above (by `http` and by the hosts); the cache knows only these shapes.
Both carry equality that matters: watchers whose representation and framing are equal are sent the very same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from watchcache.cacher.change import EventType
from watchcache.cacher.problems import WatchProblem
from watchcache.cacher.selection import Selection

Framing: TypeAlias = Callable[[bytes], bytes]
"""Wraps one frame for the transport (a chunk of HTTP/1.1; as it is for HTTP/2)."""


class Representation(Protocol):
    """How events are written: JSON, Table, metadata only, protobuf. Hashable; equal ones give equal bytes.

    Every method returns one complete frame without the transport's framing, the newline of JSON included.
    """

    @property
    def first_differs(self) -> bool:
        """Whether the first frame of a watch is written differently from the others (Table: W21)."""

    def event(self, type: EventType, value: bytes, first: bool, /) -> bytes:
        """An event that carries an object; `value` is stamped with the event's revision."""

    def bookmark(self, revision: int, initial_events_end: bool, first: bool, /) -> bytes:
        """A BOOKMARK; `initial_events_end` adds the annotation of W3."""

    def error(self, problem: WatchProblem, /) -> bytes:
        """An ERROR event."""

    def __hash__(self) -> int: ...


class Sink(Protocol):
    """Where a watcher writes: one stream of one connection, with a bounded queue."""

    @property
    def framing(self) -> Framing:
        """How frames are wrapped here; equal functions make equal bytes."""

    @property
    def connection(self) -> int:
        """Sinks of one connection have equal numbers: what they are sent one after the other may go out together. 0: has one only."""

    @property
    def queued(self) -> int:
        """Bytes accepted and not yet taken by the transport."""

    @property
    def stalled(self) -> bool:
        """Whether the stream was cut off because its client took nothing for too long."""

    def send(self, framed: bytes, /) -> bool:
        """Accept bytes, always; False: the queue is above its high-water mark, so wait for the drain."""

    def on_drain(self, callback: Callable[[], None], /) -> None:
        """Have `callback` called (synchronously) whenever the queue fell below the low-water mark after a False."""

    def finish(self) -> None:
        """End the stream cleanly after what is queued."""


class After(msgspec.Struct, frozen=True):
    """Start with the first event whose revision is larger; a future revision is silent until it has passed."""

    revision: int


class Initial(msgspec.Struct, frozen=True):
    """Start with an ADDED for every object of a state not older than this, in key order; then live events.

    `bookmark_end`: a BOOKMARK marks the end of the initial events (W3).
    """

    not_older_than: int = 0
    bookmark_end: bool = False


class Now(msgspec.Struct, frozen=True):
    """Start with the next event."""


class WatchRequest(msgspec.Struct, frozen=True):
    """One watch. `timeout` is in seconds, `math.inf` for none; zero or negative ends the watch at once (W14)."""

    selection: Selection
    representation: Representation
    start: After | Initial | Now
    bookmarks: bool = False
    timeout: float = 3600.0
