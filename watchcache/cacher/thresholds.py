"""Actions that wait for a revision. Pure.

Used by readers that ask for a revision not yet published and by watches that start in the future. Cancelling forgets: asking
again and again for a revision that will never come leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

Action = Callable[[], None]


class Threshold:
    """An action that waits for `revision`."""

    __slots__ = ("action", "revision")

    def __init__(self, revision: int, action: Action) -> None:
        self.revision = revision
        self.action: Action | None = action

    def __lt__(self, other: Threshold) -> bool:
        return self.revision < other.revision


class Thresholds:
    """All that wait, lowest revision first."""

    def __init__(self) -> None:
        self._heap: list[Threshold] = []
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, revision: int, action: Action) -> Threshold:
        """Have `action` taken once the revision has been reached."""
        threshold = Threshold(revision, action)
        heappush(self._heap, threshold)
        return threshold

    def cancel(self, threshold: Threshold) -> None:
        """Forget an action; one already taken or cancelled changes nothing."""
        if threshold.action is None:
            return
        threshold.action = None
        self._cancelled += 1
        if self._cancelled * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each.action is not None]
            heapify(self._heap)
            self._cancelled = 0

    def take_reached(self, revision: int) -> list[Action]:
        """Take out the actions whose revision has been reached."""
        actions: list[Action] = []
        while self._heap and self._heap[0].revision <= revision:
            threshold = heappop(self._heap)
            if threshold.action is None:
                self._cancelled -= 1
            else:
                actions.append(threshold.action)
                threshold.action = None
        return actions
