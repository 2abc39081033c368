"""Whether the next commit is worth a thread.

A thread keeps a slow disk from holding up the event loop. Handing a commit to one and taking the answer back costs two
hand-overs of the interpreter's lock, which is as much as a sync takes on a disk with a fast cache (0.15-0.25 ms). Measured
there with 1.2 KB values and 150 us of other work for each write, alternating, three rounds: one writer 1,750 a second and 350 us
of CPU without threads, 1,450 and 455 us through them; 16 writers 4,700 and 4,500. So the time of the last syncs decides:
while they are quick, the loop waits for the disk itself. One slow sync ends that at once, and some dozens of quick ones
must follow before the disk is trusted again.
"""

from __future__ import annotations

QUICK = 0.001  # seconds that the loop may be held up: a tenth of what a busy loop takes for a turn
SMALL = 256 << 10  # bytes of a commit that is written in that time
FORGET = 0.9  # of the last estimate that remains: a stall of 100 ms is forgotten after some 45 quick syncs


class Pace:
    """An estimate of the next sync that rises at once and falls slowly."""

    def __init__(self) -> None:
        self.expected = 0.005  # seconds; a disk has to show first that it is quick

    def took(self, seconds: float) -> None:
        """Count a sync, wherever it ran."""
        self.expected = max(seconds, FORGET * self.expected + (1 - FORGET) * seconds)

    def suits(self, size: int) -> bool:
        """Whether a commit of about `size` bytes may be made without a thread."""
        return self.expected < QUICK and size < SMALL
