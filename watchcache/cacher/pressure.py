"""Measures what waits in the sinks of all watches, and holds the largest when it is too much; the rules are `queues`'.

There is a task only while there is something to measure or somebody is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from watchcache.cacher.queues import EVERY, Budget

if TYPE_CHECKING:
    from watchcache.cacher.hub import Hub
    from watchcache.cacher.watcher import Watcher

BLOCK = 4096  # watchers looked at between two checkpoints: half a millisecond


class Pressure:
    """The budget of one hub's watches."""

    def __init__(self, hub: Hub, budget: Budget) -> None:
        self.budget = budget
        self._hub = hub
        self._held: list[Watcher] = []
        self._running = False

    @property
    def held(self) -> int:
        """How many watchers are held now."""
        return len(self._held)

    def given(self, size: int, nursery: trio.Nursery | None) -> None:
        """Count bytes that sinks have been given."""
        if self.budget.give(size) and not self._running and nursery is not None:
            self._running = True
            nursery.start_soon(self._run)

    async def _run(self) -> None:
        try:
            await self._measure()
            while self._held:
                await trio.sleep(EVERY)
                await self._measure()
        finally:
            self._running = False

    async def _measure(self) -> None:
        budget = self.budget
        budget.begin()
        watchers = [watcher for cacher in self._hub for watcher in cacher.watchers]
        total = 0
        for first in range(0, len(watchers), BLOCK):
            await trio.lowlevel.checkpoint()
            total += sum(watcher.waiting for watcher in watchers[first : first + BLOCK])
        budget.settle(total)
        self._relieve()
        for watcher in budget.excess(watchers):
            if watcher.hold():
                budget.holds += 1
                self._held.append(watcher)

    def _relieve(self) -> None:
        self._held = [watcher for watcher in self._held if watcher.held]
        relieved = set(self.budget.relieved(self._held))
        self._held = [watcher for watcher in self._held if watcher not in relieved]
        for watcher in relieved:
            watcher.release()
