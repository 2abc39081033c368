"""How much may wait in all watchers' sinks together, and who stops growing when it is too much.

Each sink is bounded by its high-water mark, but a hundred thousand of them are not: 256 KiB each would be 25 GB. Nothing that has been
queued can be taken back, so what is bounded is growth:

- What watchers are given is added up, a group at a time. When the sum that was last measured and what has been given since could
  have come to the limit, the queues are measured again, but not before an eighth of the limit has been given; so the sum is never
  over the limit by more than that without being noticed. A server on which nothing happens measures nothing, and one whose readers
  keep up looks at its watchers once for each limit's worth of bytes: a look at 100,000 of them takes as long as 20,000 deliveries.
- When the sum is over the limit, the watchers with the longest queues are *held*, until those that are not have less than half the
  limit between them. A held watcher is given nothing and keeps its cursor, as if its sink were full; nobody is dropped.
- While any are held, the queues are measured every quarter of a second. Those that have been read empty go on, and all
  do when the sum has fallen below half the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Protocol, TypeVar

LIMIT = 512 * 1024 * 1024
EVERY = 0.25  # seconds between two measurements while some are held


class Queue(Protocol):
    """What is looked at of a watcher."""

    @property
    def waiting(self) -> int:
        """Bytes that its sink has accepted and not passed on."""

    @property
    def held(self) -> bool:
        """Whether it is being held."""


Some = TypeVar("Some", bound=Queue)


class Budget:
    """Pure: the watchers are handed in."""

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit` is in bytes; 0 means that there is none."""
        self.limit = limit or 1 << 62
        self.queued = 0  # bytes, when last measured
        self.given = 0  # bytes, since the start
        self.holds = 0  # how often a watcher was held
        self._measured_at = 0  # `given` when last measured

    def give(self, size: int) -> bool:
        """Count bytes given to sinks; True: it is time to measure."""
        self.given += size
        return self.given - self._measured_at >= max(self.limit - self.queued, self.limit // 8)

    def begin(self) -> None:
        """A measurement begins: what is given from now on counts for the next one."""
        self._measured_at = self.given

    def settle(self, queued: int) -> None:
        """A measurement found so many bytes."""
        self.queued = queued

    def excess(self, watchers: Iterable[Some]) -> Iterator[Some]:
        """The watchers to hold, largest queue first."""
        if self.queued <= self.limit:
            return
        free = sorted((each for each in watchers if not each.held), key=attrgetter("waiting"), reverse=True)
        left = sum(each.waiting for each in free)
        for each in free:
            if left <= self.limit // 2 or not each.waiting:
                return
            left -= each.waiting
            yield each

    def relieved(self, held: Sequence[Some]) -> list[Some]:
        """Which of the held may go on."""
        if self.queued <= self.limit // 2:
            return list(held)
        return [each for each in held if not each.waiting]
