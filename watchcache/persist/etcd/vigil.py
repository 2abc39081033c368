"""Whether the watch still brings what replies have shown to be there. Pure; `Feed` looks every TICK and does what it says.

A connection whose bytes stop is found dead by its keep-alive after some ten seconds (`connection`); etcd allows no more frequent PINGs. But
who knows from a reply that there is a revision, and does not get it from the watch, has a reason to ask at once. Where not a byte answers, the
watch is made anew, on another member if there is one. It is the watch alone that moves: calls under way on that connection go on.

Looks are counted, and not seconds: between two of them the event loop has turned, so a process that slept, or was busy with something
else, does not take its own absence for the connection's silence.
"""

from __future__ import annotations

from enum import Enum

TICK = 0.25  # seconds between looks
LATE = 3  # looks until what is known has to have come
SILENT = 4  # looks without a byte after asking, until the connection is left; twice as many after each time that this changed nothing
LONGEST = 32
DEAF = 3  # times as many without a word of the watch, when other members serve the calls


class Verdict(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    ASK = "ask"
    LEAVE = "leave"


class Vigil:
    """What was seen so far."""

    def __init__(self) -> None:
        self._target = 0
        self._looks = 0
        self._limit = SILENT
        self._asked = False
        self._before = (0.0, 0.0)  # received_at and heard_at, at the look before
        self._silent = self._deaf = 0

    def look(
        self, known: int, reached: int, *, received_at: float, heard_at: float, elsewhere: bool
    ) -> Verdict:
        """Judge.

        known: the newest revision that a reply has shown; reached: how far the watch has come. received_at: when its connection last brought a
        byte, heard_at: when the watch itself did. elsewhere: calls go to another member.
        """
        now = (received_at, heard_at)
        if reached >= self._target:
            if self._target:
                self._limit = SILENT
            self._begin(known if known > reached else 0)
        elif self._asked and heard_at != self._before[1]:
            self._begin(self._target)  # it is on its way
        verdict = self._judge(now, elsewhere=elsewhere)
        self._before = now
        return verdict

    def _judge(self, now: tuple[float, float], *, elsewhere: bool) -> Verdict:
        if not self._target:
            return Verdict.NOTHING
        self._looks += 1
        if self._looks < LATE:
            return Verdict.NOTHING
        self._deaf += 1
        if not self._asked:
            self._asked = True
            return Verdict.ASK
        if now[0] == self._before[0]:
            self._silent += 1
        else:
            self._silent, self._asked = 0, False  # it lives; ask again
        if self._silent < self._limit and not (elsewhere and self._deaf >= DEAF * self._limit):
            return Verdict.NOTHING
        self._limit = min(self._limit * 2, LONGEST)
        self._begin(self._target)
        return Verdict.LEAVE

    def _begin(self, target: int) -> None:
        self._target = target
        self._looks = self._silent = self._deaf = 0
        self._asked = False
