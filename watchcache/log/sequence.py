"""The order of all writes, as a pure state machine: no clock, no I/O, no await.

The rules that hold here:

* A write is checked against the newest *queued* state of its key and takes the next revision in the same step. Two
  writers can therefore never both build on the same state, and no lock is needed: `put` simply does not wait.
* Writes move through three places: queued, in flight (handed to the journal), published. Readers see the
  third only: nobody may be shown what a crash can still take back.
* Refusal is all or nothing. A write that the journal refused may have others built on top, so everything that is not
  published goes with it, and the revisions are taken again. That is sound only because no one has seen them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from watchcache.log.errors import Conflict
from watchcache.log.events import Event, Head, Stamp

GROUP_EVENTS = (
    1024  # larger groups gain nothing (the sync is paid for) and make the first writer wait for the last
)
GROUP_BYTES = 8 << 20  # a journal holds a group in memory more than once while it writes it
MAX_VALUE = 16 << 20  # bytes: five times what the API takes, and what every journal can keep


class Sequence:
    """The heads of all keys and the writes on their way; starts from a recovered state at `revision`."""

    def __init__(self, stamp: Stamp, revision: int = 0, heads: Mapping[str, Head] | None = None) -> None:
        self.revision = revision
        self.published = revision
        self._stamp = stamp
        self._heads: dict[str, Head] = dict(heads or {})
        self._newest: dict[str, Event] = {}  # per key the last write that is not published
        self._queue: list[Event] = []
        self._queued_bytes = 0
        self._in_flight: list[Event] = []
        # Sorted once for the cachers, which all load before the first write. Afterwards a scan is cheaper than order.
        self._sorted: list[str] | None = sorted(self._heads)

    def __len__(self) -> int:
        """How many keys exist in the published state."""
        return len(self._heads)

    @property
    def queued(self) -> int:
        """How many writes are waiting for the journal."""
        return len(self._queue)

    @property
    def unpublished(self) -> int:
        """How many writes are queued or in flight."""
        return len(self._queue) + len(self._in_flight)

    def head(self, key: str) -> Head | None:
        """Return the newest state of a key as the next writer finds it, which may not be durable yet."""
        newest = self._newest.get(key)
        if newest is None:
            return self._heads.get(key)
        return None if newest.deleted else Head(newest.revision, newest.value)

    def put(self, key: str, value: bytes | None, expected: int | None, time: float) -> Event:
        """Check the precondition, take the next revision, queue the event. A value of None deletes.

        expected: None for any state, 0 for a key that must not be there, else the revision it must be at.
        Raises Conflict; deleting what is not there is one. Raises ValueError for a value above MAX_VALUE.
        """
        head = self.head(key)
        at = 0 if head is None else head.revision
        if (expected is not None and expected != at) or (value is None and head is None):
            raise Conflict(key, expected, head)
        revision = self.revision + 1
        prev = None if head is None else head.value
        body = value if value is not None else prev
        assert body is not None
        if len(body) > MAX_VALUE:
            raise ValueError(f"a value of {len(body)} bytes is too large: the limit is {MAX_VALUE}")
        event = Event(revision, key, self._stamp(body, revision), value is None, prev, at, time)
        self.revision = revision
        self._newest[key] = event
        self._queue.append(event)
        self._queued_bytes += len(event.value)
        return event

    def take(self, events: int = GROUP_EVENTS, size: int = GROUP_BYTES) -> list[Event]:
        """Hand over the oldest queued events, at least one, within the limits; they are in flight from now on."""
        assert not self._in_flight, "one group at a time: the next may build on this one"
        if len(self._queue) <= events and self._queued_bytes <= size:
            self._in_flight, self._queue, self._queued_bytes = self._queue, [], 0
        else:
            count = self._count(events, size)
            self._in_flight = self._queue[:count]
            del self._queue[:count]
            self._queued_bytes -= sum(len(event.value) for event in self._in_flight)
        return self._in_flight

    def _count(self, events: int, size: int) -> int:
        for count, event in enumerate(self._queue[:events]):
            size -= len(event.value)
            if size < 0:
                return max(count, 1)
        return min(events, len(self._queue))

    def publish(self) -> None:
        """Make the events in flight the state that readers see: the journal has them."""
        heads, newest = self._heads, self._newest
        for event in self._in_flight:
            key = event.key
            if event.deleted:
                del heads[key]
                self._sorted = None
            else:
                heads[key] = Head(event.revision, event.value)
                if not event.prev_revision:
                    self._sorted = None
            if newest[key] is event:
                del newest[key]
            self.published = event.revision
        self._in_flight = []

    def refuse(self) -> None:
        """Take back every write that is not published, and their revisions."""
        self._queue, self._queued_bytes = [], 0
        self._in_flight = []
        self._newest.clear()
        self.revision = self.published

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, and their heads, sorted by key.

        One consistent state when used up before the next publish; else keys that have gone meanwhile are left out.
        """
        heads = self._heads
        for key in self._keys(prefix):
            head = heads.get(key)
            if head is not None:
                yield key, head

    def copy(self) -> dict[str, Head]:
        """Return the published state as it is now; nothing in it changes later."""
        return self._heads.copy()

    def _keys(self, prefix: str) -> list[str]:
        if self._sorted is None:
            return sorted(key for key in self._heads if key.startswith(prefix))
        start = bisect_left(self._sorted, prefix)
        # No key holds the last code point, so this is behind every key that starts with the prefix.
        end = bisect_left(self._sorted, prefix + "\U0010ffff", start)
        return self._sorted[start:end]

    def check(self) -> None:
        """Assert the invariants that the rules above promise."""
        waiting = [*self._in_flight, *self._queue]
        state = dict(self._heads)
        at = self.published
        for event in waiting:
            assert event.revision > at, (event, at)
            head = state.get(event.key)
            assert (event.prev, event.prev_revision) == (
                (head.value, head.revision) if head else (None, 0)
            ), event
            if event.deleted:
                del state[event.key]
            else:
                state[event.key] = Head(event.revision, event.value)
            at = event.revision
        assert at == self.revision, (at, self.revision)
        assert self._queued_bytes == sum(len(event.value) for event in self._queue)
        assert {event.key: event for event in waiting} == self._newest
        assert all(0 < head.revision <= self.published for head in self._heads.values())
        assert all(self.head(key) == head for key, head in state.items())
        assert self._sorted is None or self._sorted == sorted(self._heads)
