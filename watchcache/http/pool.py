"""Places of one kind, shared by all users fairly: seats of requests, or bytes of lists on their way.

Rules:
- There are `limit` places. One user holds seven eighths of them at most, so that whoever comes next finds some, however long
  the first keeps them.
- Who finds none waits, in a line of his own, for `WAIT` seconds and not longer: what is served late is worth little, and what waits costs
  memory. Then he is refused and told to come again.
- A place that becomes free goes to the user in line who holds the fewest. While others wait, nobody gets more than they have.
- What asks for more than a user may ever hold gets that much.

Taking and giving back without a line is two look-ups; this is on the path of every request.
"""

from __future__ import annotations

import math
from collections import deque

import msgspec
import trio

from watchcache.distribution import Distribution

WAIT = 0.5  # seconds
# Seconds: those of `apiserver_flowcontrol_request_wait_duration_seconds`.
WAIT_BOUNDS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
LINE = 100  # who waits of one user; more would only be refused later


class Waiter(msgspec.Struct, eq=False):
    """One who waits for `amount` places."""

    amount: float
    came: trio.Event
    granted: bool = False


class Pool:
    """The places. Amounts are whole numbers in practice; `limit` 0 means that there is no bound."""

    def __init__(self, limit: int, *, wait: float = WAIT, line: int = LINE) -> None:
        self.limit: float = limit or math.inf
        self.most: float = limit - limit // 8 if limit else math.inf  # one user's
        self.taken: float = 0
        self.held: dict[str, float] = {}  # user -> places
        self.lines: dict[str, deque[Waiter]] = {}
        self.rejected = 0
        # seconds in line, by whether there were places in the end
        self.waits = {granted: Distribution(WAIT_BOUNDS) for granted in (True, False)}
        self._wait = wait
        self._line = line

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self.lines.values()))

    def take_now(self, user: str, amount: float = 1) -> bool:
        """Take places if there are some and nobody with fewer waits."""
        amount = min(amount, self.most)
        held = self.held.get(user, 0)
        if not self._fits(held, amount) or (self.lines and not self._first(user, held)):
            return False
        self._take(user, amount)
        return True

    def give(self, user: str, amount: float = 1) -> None:
        """Give places back."""
        amount = min(amount, self.most)
        self.taken -= amount
        left = self.held[user] - amount
        if left:
            self.held[user] = left
        else:
            del self.held[user]
        if self.lines:
            self._grant()

    async def take(self, user: str, amount: float = 1) -> bool:
        """Take places, waiting for a short while; False when there were none."""
        if self.take_now(user, amount):
            return True
        line = self.lines.setdefault(user, deque())
        if len(line) >= self._line:
            self.rejected += 1
            self.waits[False].observe(0.0)
            return False
        began = trio.current_time()
        waiter = Waiter(min(amount, self.most), trio.Event())
        line.append(waiter)
        self._grant()
        try:
            with trio.move_on_after(self._wait):
                await waiter.came.wait()
        except trio.Cancelled:
            if waiter.granted:
                self.give(user, waiter.amount)
            raise
        finally:
            if not waiter.granted:
                self._leave(user, waiter)
        if not waiter.granted:
            self.rejected += 1
        self.waits[waiter.granted].observe(trio.current_time() - began)
        return waiter.granted

    def _fits(self, held: float, amount: float) -> bool:
        return self.taken + amount <= self.limit and held + amount <= self.most

    def _first(self, user: str, held: float) -> bool:
        """Whether a newcomer has fewer than everyone who waits."""
        return user not in self.lines and all(self.held.get(other, 0) > held for other in self.lines)

    def _take(self, user: str, amount: float) -> None:
        self.taken += amount
        self.held[user] = self.held.get(user, 0) + amount

    def _grant(self) -> None:
        """Let those go on for whom there are places, the user with the fewest first."""
        while self.lines:
            user = min(self.lines, key=lambda user: self.held.get(user, 0))
            waiter = self.lines[user][0]
            if not self._fits(self.held.get(user, 0), waiter.amount):
                return
            self._leave(user, waiter)
            self._take(user, waiter.amount)
            waiter.granted = True
            waiter.came.set()

    def _leave(self, user: str, waiter: Waiter) -> None:
        line = self.lines[user]
        line.remove(waiter)
        if not line:
            del self.lines[user]
