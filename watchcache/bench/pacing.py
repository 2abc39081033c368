"""Open-loop pacing: work is due when the plan says, not when the last piece of work was done."""

from __future__ import annotations

from collections.abc import Callable

import trio

_BURST = 64  # late times given without a turn of the scheduler: at one turn each, a busy client would never catch up


class Pace:
    """Due times at a fixed distance. One that has passed is given at once with the time it was due, never skipped.

    A server that stalls for a second therefore gets the second's requests after it, each with the delay it has suffered: the
    coordinated omission that a loop of request and answer has cannot happen.
    """

    def __init__(self, interval: float, first: float = 0.0) -> None:
        self._interval = interval
        self._next = trio.current_time() + first
        self._late = 0

    async def due(self) -> float:
        """Wait for the next time; which one it was, of trio's clock."""
        due = self._next
        self._next += self._interval
        wait = due - trio.current_time()
        if wait > 0 or self._late >= _BURST:
            self._late = 0
            await trio.sleep(max(0.0, wait))
        else:
            self._late += 1
        return due


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a state of the simulation, to a fiftieth of a second.

    Asked again and again: what makes it true are ten thousand callbacks, and an event in each would cost every delivery.
    """
    while not condition():  # noqa: ASYNC110  # see above
        await trio.sleep(0.02)
