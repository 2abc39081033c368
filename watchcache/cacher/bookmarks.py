"""One wheel for all timers of all watches: bookmarks (W12) and deadlines (W14).

A watcher has no timer of its own that would wake a task (rule 7). Timers are put in slots of a tenth of a second; whoever owns the
wheel sleeps until the first slot is due and runs what is in it. Cancelling is O(1) and frees at once, so that a
hundred thousand short watches leave nothing behind. Pure: the time is handed in.

When a bookmark is due: every 60 s, and once shortly before the deadline, so that the client resumes from
close to where it stopped. kube-apiserver aims at 2 s before and fires at its next tick of a second (0.9 to 1.9 s before was
measured); we take the middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]

SLOT = 0.1  # seconds; a timer fires up to this much late, never early
EVERY = 60.0
BEFORE_DEADLINE = 1.5
LEAST_TIMEOUT = 2.0  # shorter watches get no bookmark before their end
AFTER_INITIAL = 1.0
AFTER_ROUND = 0.1  # a bookmark that was due while events were on their way to its watcher


def next_bookmark(now: float, deadline: float) -> float:
    """When the next bookmark is due."""
    before_end = deadline - BEFORE_DEADLINE
    if now + LEAST_TIMEOUT - BEFORE_DEADLINE < before_end < now + EVERY:
        return before_end
    return now + EVERY


class Timer:
    """A set timer; `cancel` may be called at any time, also after it has fired."""

    __slots__ = ("_slot", "action")

    def __init__(self, action: Action, slot: dict[Timer, None]) -> None:
        self.action = action
        self._slot = slot

    def cancel(self) -> None:
        """Forget it."""
        self._slot.pop(self, None)


class Wheel:
    """Actions by time. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._slots: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def add(self, when: float, action: Action) -> Timer:
        """Have `action` run at `when` or up to a slot later."""
        number = math.ceil(when / SLOT)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            heappush(self._order, number)
        timer = Timer(action, slot)
        slot[timer] = None
        return timer

    def next_due(self) -> float:
        """When to look again; infinity when nothing is set."""
        while self._order and not self._slots[self._order[0]]:
            del self._slots[heappop(self._order)]
        return self._order[0] * SLOT if self._order else math.inf

    def take_due(self, now: float) -> list[Action]:
        """Take out the actions whose time has come, oldest first."""
        actions: list[Action] = []
        while self.next_due() <= now:
            slot = self._slots.pop(heappop(self._order))
            actions += [timer.action for timer in slot]
            slot.clear()
        return actions
