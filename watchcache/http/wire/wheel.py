"""Deadlines of all connections on one wheel: arming one costs a comparison, an idle one costs nothing.

A trio cancel scope per request would cost more than parsing it. Here an `Alarm` is a mutable deadline; moving it later,
which is what every request does, only sets the attribute, and the wheel looks at it again when the old slot comes up.
Deadlines are therefore kept to within two ticks (`TICK` seconds each), late and not early.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

from watchcache.http.wire.guard import call_guarded

TICK = 0.5  # deadlines are 2 s and more; at 100,000 connections of 90 s idle time a tick looks at some 600
COARSE = 10.0  # seconds from which on a deadline need not be kept better than that


def _nothing() -> None:
    """What a dropped alarm does."""


class Alarm:
    """One deadline that can be moved or switched off; `ring` is called once when it has passed."""

    __slots__ = ("_slot", "_wheel", "deadline", "ring")

    def __init__(self, wheel: Wheel, ring: Callable[[], None]) -> None:
        self._wheel = wheel
        self._slot = 0
        self.deadline = math.inf
        self.ring = ring

    def set(self, seconds: float) -> None:
        """Ring that many seconds from the wheel's now, which may be a tick ago."""
        self.set_at(self._wheel.now + seconds)

    def set_at(self, deadline: float) -> None:
        """Ring at that time of trio's clock; infinite means not at all."""
        self.deadline = deadline
        if deadline < self._slot * TICK or (not self._slot and deadline != math.inf):
            self._wheel.place(self)

    def off(self) -> None:
        """Do not ring. The wheel forgets the alarm when its slot comes up."""
        self.deadline = math.inf

    def drop(self) -> None:
        """Do not ring any more, and let go of what `ring` refers to, which is mostly who owns the alarm."""
        self.deadline = math.inf
        self.ring = _nothing
        self._wheel.remove(self)


class Wheel:
    """The slots, and the coarse time (trio's clock, to within a tick) that deadlines count from."""

    def __init__(self) -> None:
        self.now = trio.current_time()
        self._slots: dict[int, set[Alarm]] = {}
        self._turned = int(self.now / TICK)

    def place(self, alarm: Alarm) -> None:
        """Put the alarm in the slot after its deadline."""
        self.remove(alarm)
        slot = max(int(alarm.deadline / TICK) + 1, self._turned + 1)
        alarm._slot = slot
        self._slots.setdefault(slot, set()).add(alarm)

    def remove(self, alarm: Alarm) -> None:
        """Take the alarm out of its slot."""
        slot, alarm._slot = alarm._slot, 0
        if slot in self._slots:
            self._slots[slot].discard(alarm)

    def turn(self, now: float) -> None:
        """Move the time to `now` and ring what is due."""
        self.now = now
        last = int(now / TICK)
        slots = range(self._turned + 1, last + 1)
        due = slots if len(slots) < len(self._slots) else sorted(slot for slot in self._slots if slot <= last)
        self._turned = last
        for slot in due:
            for alarm in self._slots.pop(slot, ()):
                self._visit(alarm, now)

    def _visit(self, alarm: Alarm, now: float) -> None:
        alarm._slot = 0
        if alarm.deadline <= now:
            alarm.deadline = math.inf
            call_guarded(alarm.ring, "a deadline's action")
        elif alarm.deadline != math.inf:
            self.place(alarm)

    async def run(self, each: Callable[[], None]) -> None:
        """Turn for ever; `each` is called once a tick."""
        while True:
            await trio.sleep(TICK)
            self.turn(trio.current_time())
            each()
