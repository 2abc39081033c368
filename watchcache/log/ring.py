"""The newest events, in memory, bounded in bytes.

What is over the bound is dropped from the front in one cut of a sixteenth, so that cutting a list costs next to nothing
an event. An event is charged for its value and for the one it replaced: it may be the last to hold either.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from watchcache.log.events import Event

OVERHEAD = 300  # bytes: an Event, its key, its numbers and the headers of two bytes objects, rounded up

_revision = attrgetter("revision")


def cost(event: Event) -> int:
    """Return the bytes that an event is charged with."""
    return OVERHEAD + len(event.value) + (len(event.prev) if event.prev is not None else 0)


class Ring:
    """Events in revision order: all those after `oldest`, up to the newest that was added."""

    def __init__(self, limit: int, oldest: int = 0) -> None:
        self.limit = limit
        self.oldest = oldest
        self.bytes = 0
        self._events: list[Event] = []

    def __len__(self) -> int:
        return len(self._events)

    @property
    def first(self) -> Event | None:
        """The oldest event that is held."""
        return self._events[0] if self._events else None

    def restart(self, oldest: int) -> None:
        """Forget everything; what is added next comes after revision `oldest`."""
        self.oldest = oldest
        self.bytes = 0
        self._events = []

    def extend(self, events: Sequence[Event]) -> None:
        """Add events that follow those already here."""
        self._events.extend(events)
        self.bytes += sum(map(cost, events))
        if self.bytes > self.limit:
            self._cut()

    def after(self, revision: int, limit: int) -> list[Event]:
        """Return some `limit` events that follow a revision, which must be `oldest` or later; those of one revision together."""
        assert revision >= self.oldest
        events = self._events
        start = bisect_right(events, revision, key=_revision)
        end = start + limit
        while end < len(events) and events[end].revision == events[end - 1].revision:
            end += 1
        return events[start:end]

    def drop(self, through: int) -> None:
        """Forget the events up to and including a revision."""
        if through > self.oldest:
            self._drop(bisect_right(self._events, through, key=_revision))
            self.oldest = through

    def expire(self, time: float) -> None:
        """Forget the events from before a time, up to the first that is not."""
        count = 0
        while count < len(self._events) and self._events[count].time < time:
            count += 1
        self._drop(count)

    def check(self) -> None:
        """Assert that the order, the bound and the account hold."""
        revisions = [event.revision for event in self._events]
        assert revisions == sorted(revisions)
        assert not revisions or revisions[0] > self.oldest
        assert self.bytes == sum(map(cost, self._events))
        assert self.bytes <= self.limit

    def _cut(self) -> None:
        spare, count = self.bytes - self.limit + self.limit // 16, 0
        for event in self._events:
            if spare <= 0:
                break
            spare -= cost(event)
            count += 1
        self._drop(count)

    def _drop(self, count: int) -> None:
        if count:
            self.oldest = self._events[count - 1].revision
            self.bytes -= sum(map(cost, self._events[:count]))
            del self._events[:count]
