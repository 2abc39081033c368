"""Who is told of what a log publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from watchcache.log.events import Event

Deliver = Callable[[Sequence[Event]], None]


class Subscribers:
    """Called one after the other, in the publisher. Who comes or goes in the meantime is told, or not, from the next group on."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: tuple[Deliver, ...] = ()

    def add(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called from now on; returns the way out."""
        self._all = (*self._all, deliver)

        def leave() -> None:
            self._all = tuple(each for each in self._all if each is not deliver)

        return leave

    def deliver(self, events: Sequence[Event]) -> None:
        """Tell all of a group."""
        for deliver in self._all:
            deliver(events)
