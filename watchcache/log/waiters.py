"""Who waits until a revision is published."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count

from watchcache.log.ticket import Ticket


class Waiters:
    """Tickets by revision. One whose task was cancelled stays until its revision is reached: it wakes nobody."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Ticket]] = []
        self._arrivals = count()

    def add(self, revision: int) -> Ticket:
        """A ticket to wait on; it carries no event."""
        ticket = Ticket()
        heappush(self._heap, (revision, next(self._arrivals), ticket))
        return ticket

    def take_reached(self, revision: int) -> Sequence[Ticket]:
        """Take out those who wait for this revision or an older one, in order."""
        if not self._heap or self._heap[0][0] > revision:
            return ()
        reached: list[Ticket] = []
        while self._heap and self._heap[0][0] <= revision:
            reached.append(heappop(self._heap)[2])
        return reached

    def take_all(self) -> list[Ticket]:
        """Take out all."""
        heap, self._heap = self._heap, []
        return [ticket for _, _, ticket in heap]
