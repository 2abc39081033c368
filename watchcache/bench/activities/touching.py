"""Events of which one watcher among many is told: pods on the nodes that the watchers of a `watchers` activity select."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from watchcache.bench import objects
from watchcache.bench.activities.base import Activity
from watchcache.bench.client.requests import STRATEGIC
from watchcache.bench.kinds import PODS, write
from watchcache.bench.pacing import Pace
from watchcache.bench.selectors import collection

if TYPE_CHECKING:
    from watchcache.bench.load import Load
    from watchcache.bench.scenario import Scenario


def name_of(watchers: int, number: int) -> str:
    """A pod's name; each number of watchers has pods of its own."""
    return f"touched-{watchers}-{number}"


class Place(Activity, tag="place", frozen=True, kw_only=True):
    """`pods` pods are created on nodes spread evenly over `watchers`: watcher n watches the node `crowd-<n / copies>-<n % copies>`."""

    finite: ClassVar[bool] = True
    watchers: int
    pods: int = 50
    copies: int = 10

    async def run(self, load: Load) -> None:
        """The leader creates them, bound already, as a kubelet's own pods are."""
        for number in range(self.pods if load.leads else 0):
            at = number * self.watchers // self.pods
            document = objects.pod(
                name_of(self.watchers, number), load.scenario.place(number), load.scenario.objects.pod_bytes
            )
            document["spec"]["nodeName"] = f"crowd-{at // self.copies}-{at % self.copies}"
            await load.create(load.writer, PODS, document)


class Touch(Activity, tag="touch", frozen=True, kw_only=True):
    """The status of the pods that were placed is reported at a rate, pod after pod: each time one watcher is told."""

    watchers: int
    per_second: float
    pods: int = 50
    times: int = 0
    """So often; 0: until the phase ends."""

    async def run(self, load: Load) -> None:
        """The leader writes."""
        pace, turn = Pace(1 / self.per_second), 0
        while load.leads and not 0 < self.times <= turn:
            due = await pace.due()
            number = turn % self.pods
            turn += 1
            path = f"{collection(PODS, load.scenario.place(number))}/{name_of(self.watchers, number)}/status"
            request = write("PATCH", PODS, path, objects.running(), part="status", content_type=STRATEGIC)
            load.call(load.writer, request, due=due)

    def writes_per_second(self, _scenario: Scenario) -> float:
        """The rate."""
        return self.per_second
