"""What happens again and again in a long phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from watchcache.bench.activities.base import Activity
from watchcache.bench.activities.lifecycle import Storm
from watchcache.bench.activities.pods import RollingUpdate
from watchcache.bench.activities.reading import Hinder
from watchcache.bench.activities.resources import DeleteNamespace
from watchcache.bench.pacing import Pace

if TYPE_CHECKING:
    from watchcache.bench.load import Load
    from watchcache.bench.scenario import Scenario


class Repeat(Activity, tag="repeat", frozen=True, kw_only=True):
    """One of the finite activities, once in `every` seconds until the phase ends; one that is not done when it is due again goes on."""

    every: float
    activity: DeleteNamespace | Hinder | RollingUpdate | Storm

    async def run(self, load: Load) -> None:
        """Begin with the first after `every`; what is under way when the phase ends is done to its end."""
        pace = Pace(self.every, self.every)
        while True:
            await pace.due()
            done = trio.Event()
            load.nursery.start_soon(
                self._once, load, done
            )  # not the phase's: nothing is left half done at its end
            await done.wait()

    async def _once(self, load: Load, done: trio.Event) -> None:
        with load.busy():
            await self.activity.run(load)
        done.set()

    def writes_per_second(self, scenario: Scenario) -> float:
        """At the most what it writes when it runs."""
        return self.activity.writes_per_second(scenario)
