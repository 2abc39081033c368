"""One wheel for all timers of all watches: bookmarks (W12) and deadlines (W14).

A watcher has no timer of its own that would wake a task (rule 7). Timers are put in slots of a tenth of a second; whoever owns the
wheel sleeps until the first slot is due and runs what is in it. Cancelling is O(1) and frees at once, so that a
hundred thousand short watches leave nothing behind. Pure: the time is handed in.

When a bookmark is due: every 60 s, and once shortly before the deadline, so that the client resumes from
close to where it stopped. kube-apiserver aims at 2 s before and fires at its next tick of a second (0.9 to 1.9 s before was
measured); we take the middle. The first comes up to 30 s early (`Spread`): after a restart all watches begin at once, and would else be
told at once, every minute for as long as they last.

Whoever runs what is due does so in slices (`Hub`), so a timer may be cancelled between being taken and being run: it then does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush

Action = Callable[[], None]

SLOT = 0.1  # seconds; a timer fires up to this much late, never early
EVERY = 60.0
BEFORE_DEADLINE = 1.5
_LEFT = 64  # numbers of slots that have left, beside as many as there are slots
LEAST_TIMEOUT = 2.0  # shorter watches get no bookmark before their end
AFTER_INITIAL = 1.0
AFTER_ROUND = 0.1  # a bookmark that was due while events were on their way to its watcher


def next_bookmark(now: float, deadline: float, every: float = EVERY) -> float:
    """When the next bookmark is due."""
    before_end = deadline - BEFORE_DEADLINE
    if now + LEAST_TIMEOUT - BEFORE_DEADLINE < before_end < now + every:
        return before_end
    return now + every


class Spread:
    """The times from the begins of watches to their first bookmarks: evenly spread over half a minute, however many there are.

    Watches of one connection have the same: a client that opens twenty together is told of all of them in one packet.
    """

    _GOLDEN = (
        math.sqrt(5) - 1
    ) / 2  # its multiples, less their whole parts, always fall into the largest gap left

    def __init__(self) -> None:
        self._share = 0.0

    def next(self, connection: int = 0) -> float:
        """Seconds, of which the first are `EVERY`. `connection`: a number above 0, the same for watches that belong together."""
        if connection:
            share = connection * self._GOLDEN % 1
        else:
            share, self._share = self._share, (self._share + self._GOLDEN) % 1
        return EVERY * (1 - share / 2)


def _nothing() -> None:
    """What a cancelled timer does."""


class _Slot(dict["Timer", None]):
    """The timers of a tenth of a second. One that is left empty leaves the wheel: deadlines may be an hour away."""

    __slots__ = ("_number", "_slots")

    def __init__(self, slots: dict[int, _Slot], number: int) -> None:
        self._slots, self._number = slots, number

    def remove(self, timer: Timer) -> None:
        """Let a timer go; nothing when it has been taken out."""
        if self.pop(timer, self) is None and not self:
            del self._slots[self._number]


class Timer:
    """A set timer; `cancel` may be called at any time, also after it has fired."""

    __slots__ = ("_slot", "action")

    def __init__(self, action: Action, slot: _Slot) -> None:
        self.action = action
        self._slot = slot

    def cancel(self) -> None:
        """Forget it."""
        self._slot.remove(self)
        self.action = _nothing


class Wheel:
    """Actions by time. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}
        self._order: list[int] = []  # a heap of the slots' numbers, and of some that have left

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def add(self, when: float, action: Action) -> Timer:
        """Have `action` run at `when` or up to a slot later."""
        number = math.ceil(when / SLOT)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot(self._slots, number)
            self._enter(number)
        timer = Timer(action, slot)
        slot[timer] = None
        return timer

    def _enter(self, number: int) -> None:
        heappush(self._order, number)
        if len(self._order) > 2 * len(self._slots) + _LEFT:
            self._order = list(self._slots)
            heapify(self._order)

    def next_due(self) -> float:
        """When to look again; infinity when nothing is set."""
        while self._order and self._order[0] not in self._slots:
            heappop(self._order)
        return self._order[0] * SLOT if self._order else math.inf

    def take_due(self, now: float) -> list[Timer]:
        """Take out the timers whose time has come, oldest first; `action` is to be called when each is run."""
        timers: list[Timer] = []
        while self.next_due() <= now:
            slot = self._slots.pop(heappop(self._order))
            timers += slot
            slot.clear()
        return timers
