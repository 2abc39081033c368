"""Rounds: how an event reaches many without holding up the few.

A tick sends to small groups at once. To 5,000 watchers that would take an eighth of a second, in which nobody else is
answered and no event for one node is sent. A large group is therefore sent to in slices by a task of its own, between which
the scheduler runs everything else that is ready; events for small groups overtake it, within a group nothing does.

A slice is short: its receivers answer it with packets that return their windows, and these must have been read before the next one,
or the requests of others stand in a queue behind thousands of them. A round of 5,000 may take its time, up to `PATIENCE`. When events have
waited longer, the server cannot keep up: slices then take the `SHARE`th part of the waiting time, so that the fan-out gets a larger share
by itself, and the writers a smaller one, until both fit. What comes in the meantime is joined to one round, which costs less for each event.

Most of what a delivery costs is its `send`. So when events come faster than rounds, which is when the next has come before a round's end, the group
rests first, for half as long as the round took, and for `REST` at least: those that come meanwhile share the next round, where otherwise it
would begin with the one, and writers would be answered between slices only. Events wait for a rest of `LONGEST_REST` at most.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from watchcache.cacher.groups import Group

if TYPE_CHECKING:
    from watchcache.cacher.cacher import Cacher

_logger = logging.getLogger(__name__)

SLICE = 0.001
PATIENCE = 0.5
SHARE = 8.0
REST, LONGEST_REST = 0.002, 0.01  # seconds
STEP = 32  # members between two looks at the clock: 0.8 ms at most
WIDE = 128  # members; at 25 us each a tick of such a group takes 3 ms


def _nothing() -> None:
    """What surrounds sends where nobody wants to know of it."""


class Tick:
    """Events of one tick that not all groups have been given; `finish` is called when the last has."""

    __slots__ = ("_finish", "_left")

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish
        self._left = 0

    def await_one(self) -> None:
        """One more group owes it."""
        self._left += 1

    def given(self) -> None:
        """A group has been given its events."""
        self._left -= 1
        if not self._left:
            self._finish()


class _Round:
    """A group with what it is being sent, and what it will be sent next."""

    __slots__ = ("began", "cacher", "group", "later", "rests_until", "ticks", "waits_since")

    def __init__(self, cacher: Cacher, group: Group) -> None:
        self.cacher, self.group = cacher, group
        self.began = 0.0  # when the round did, on the performance counter
        self.rests_until = 0.0  # after the round, on trio's clock
        self.waits_since = 0.0  # when the round's oldest event was published, on the performance counter
        self.ticks: list[tuple[float, Tick]] = []
        self.later: list[tuple[float, Tick]] = []


class FanOut:
    """The rounds of all cachers of a hub, and the task that runs them.

    Groups of more than `wide` members are large; a slice takes at least one `step` of members, and `shortest` seconds, or the
    `share`th part of the events' waiting time once that exceeds `PATIENCE`. `rest` is the
    least and the most that a group rests between two rounds, in seconds.
    """

    def __init__(
        self,
        wide: int = WIDE,
        shortest: float = SLICE,
        step: int = STEP,
        share: float = SHARE,
        rest: tuple[float, float] = (REST, LONGEST_REST),
    ) -> None:
        self.wide = wide
        self._shortest, self._step, self._share = shortest, step, share
        self._rest, self._longest_rest = rest
        self._before: Callable[[], None] = _nothing
        self._after: Callable[[], None] = _nothing
        self._rounds: dict[Group, _Round] = {}
        self._order: deque[_Round] = deque()  # those whose turn comes
        self._resting: list[_Round] = []
        self._came = trio.Event()

    def surround(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Call these before and after each step and each tick: sinks may gather what it gives them. They must not raise."""
        self._before, self._after = before, after

    @contextmanager
    def surrounded(self) -> Iterator[None]:
        """What is sent in here, without an await, may be gathered."""
        self._before()
        try:
            yield
        finally:
            self._after()

    @property
    def busy(self) -> bool:
        """Whether a group has not been given everything, or rests."""
        return bool(self._rounds)

    def owe(self, cacher: Cacher, group: Group, tick: Tick) -> None:
        """A tick has brought a large group something; its round begins with the task's next turn, or after the one that runs."""
        tick.await_one()
        found = self._rounds.get(group)
        if found is None:
            found = self._rounds[group] = _Round(cacher, group)
            group.busy = True  # who joins before the round begins has had what it will send
            self._order.append(found)
            self._came.set()
        found.later.append((time.perf_counter(), tick))

    async def run(self) -> None:
        """Send, a slice at a time, until cancelled."""
        while True:
            while not self._order:
                self._came = trio.Event()
                with trio.move_on_at(min((one.rests_until for one in self._resting), default=math.inf)):
                    await self._came.wait()
                self._wake()
            self._slice()
            await trio.lowlevel.checkpoint()
            self._wake()

    def _wake(self) -> None:
        """Have those that have rested take their turns."""
        if self._resting:
            now = trio.current_time()
            self._order += (one for one in self._resting if one.rests_until <= now)
            self._resting = [one for one in self._resting if one.rests_until > now]

    def _slice(self) -> None:
        began = now = time.perf_counter()
        budget = self._shortest
        while self._order:
            one = self._order[0]
            if one.group.sending or self._begin(one):
                waited = now - one.waits_since
                if waited > PATIENCE:
                    budget = max(budget, waited / self._share)
                with self.surrounded():  # by steps: what was gathered is sent before the clock is looked at
                    self._advance(one)
            now = time.perf_counter()
            if now - began >= budget:
                break

    def _begin(self, one: _Round) -> bool:
        """The next round of the group whose turn it is; False when it rests now."""
        if not self._gone(one):
            try:
                if one.group.next_round(one.cacher.frames):
                    one.began = time.perf_counter()
                    one.waits_since = one.later[0][0]
                    if not one.group.pending:  # else ticks count as given after the last round that they need
                        one.ticks, one.later = one.later, []
                    return True
            except Exception as problem:
                give_up(one.group, problem)
        self._order.popleft()
        del self._rounds[one.group]
        one.ticks += one.later
        self._finish(one)
        return False

    def _advance(self, one: _Round) -> None:
        """Some more members of the round; at its end others have their turn, and the group rests when more has come for it."""
        if not self._gone(one):
            try:
                events, size = one.group.advance(self._step)
            except Exception as problem:
                give_up(one.group, problem)
            else:
                one.cacher.count(events, size)
        if not one.group.sending:
            self._finish(one)
            self._order.popleft()
            self._let_rest(one)

    def _let_rest(self, one: _Round) -> None:
        now = time.perf_counter()
        rest = min(max((now - one.began) / 2, self._rest), self._longest_rest)
        late = now - one.waits_since > PATIENCE  # what has come meanwhile fills the next round anyway
        if rest and one.group.pending and not late:
            one.rests_until = trio.current_time() + rest
            self._resting.append(one)
        else:
            self._order.append(one)

    def _gone(self, one: _Round) -> bool:
        """Whether nobody waits any more: the last watcher left, or the resource was taken away."""
        gone = one.group.empty or not one.cacher.ready
        if gone:
            one.group.drop()
        return gone

    def _finish(self, one: _Round) -> None:
        ticks, one.ticks = one.ticks, []
        for _, tick in ticks:
            tick.given()


def give_up(group: Group, problem: Exception) -> None:
    """End the watches of a group whose representation could not write an object: that must not stop the publisher.

    The clients reconnect, and are told by the next list or event what is wrong.
    """
    _logger.error("ending %d watchers: an event could not be written", len(group), exc_info=problem)
    group.drop()
    for member in group.members():
        member.fail()
