"""Pods come and go, each step done by whoever does it in a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import trio

from watchcache.bench import objects
from watchcache.bench.activities.base import Activity
from watchcache.bench.client.requests import STRATEGIC
from watchcache.bench.kinds import PODS, SERVICES, SLICES, write
from watchcache.bench.pacing import Pace
from watchcache.bench.selectors import collection

if TYPE_CHECKING:
    from watchcache.bench.load import Load, Node
    from watchcache.bench.scenario import Scenario

_WRITES = 5  # create, bind, status, delete, the kubelet's delete


class Churn(Activity, tag="churn", frozen=True, kw_only=True):
    """Pods are created at a rate; each is bound, runs, lives for `lifetime` seconds and is deleted."""

    pods_per_second: float
    lifetime: float = 10.0
    pull: float = 0.5
    """From the binding to Running."""

    async def run(self, load: Load) -> None:
        """Start lives at this process's share of the rate; those that have begun go on when the phase ends."""
        pace = Pace(load.processes / self.pods_per_second, load.index / self.pods_per_second)
        while load.nodes:
            due = await pace.due()
            node = load.random.choice(load.nodes)
            name = f"pod-{load.index}-{load.random.getrandbits(48):012x}"
            load.nursery.start_soon(self._live, load, node, name, due)

    async def _live(self, load: Load, node: Node, name: str, due: float) -> None:
        life = PodLife(load, node, name, load.random.choice(load.scenario.places))
        with load.busy():
            if await life.start(due, self.pull):
                await load.rest(due + self.pull + self.lifetime)
                await life.end()

    def writes_per_second(self, _scenario: Scenario) -> float:
        """All steps of each pod."""
        return self.pods_per_second * _WRITES


class PodLife:
    """One pod. Every step is due at a fixed time after the first, or at once when the one before it was late."""

    def __init__(self, load: Load, node: Node, name: str, place: str) -> None:
        self._load, self._node, self._name, self._place = load, node, name, place
        self._path = f"{collection(PODS, place)}/{name}"

    async def start(self, due: float, pull: float = 0.0, app: str = "web") -> bool:
        """Create, bind, report Running; False when a step failed."""
        load = self._load
        document = objects.pod(self._name, self._place, load.scenario.objects.pod_bytes, app)
        status, _ = await load.create(load.writer, PODS, document, due=due, expect=())
        if status != 201:
            return False
        bind = objects.binding(self._name, self._place, self._node.name)
        status, _ = await load.ask(
            load.writer, write("POST", PODS, f"{self._path}/binding", bind, part="binding"), expect=(409,)
        )
        if status != 201:
            return False
        await trio.sleep(max(0.0, due + pull - trio.current_time()))
        request = write(
            "PATCH", PODS, f"{self._path}/status", objects.running(), part="status", content_type=STRATEGIC
        )
        status, _ = await load.ask(self._node, request)
        return status == 200

    async def end(self) -> None:
        """Delete as a controller does, then as the kubelet does when the containers have stopped."""
        load = self._load
        await load.ask(
            load.writer,
            write("DELETE", PODS, self._path, {"kind": "DeleteOptions", "apiVersion": "v1"}),
            expect=(404,),
        )
        await trio.sleep(0.2)
        now = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
        await load.ask(self._node, write("DELETE", PODS, self._path, now), expect=(404,))


class RollingUpdate(Activity, tag="rolling-update", frozen=True, kw_only=True):
    """The pods of a service are replaced in batches; each batch changes its endpoint slice, which all nodes are told."""

    finite: ClassVar[bool] = True
    replicas: int = 20
    batch: int = 5
    every: float = 1.0

    async def run(self, load: Load) -> None:
        """The leader starts the old pods, then replaces them batch after batch."""
        if not load.leads or not load.nodes:
            return
        place = load.scenario.places[0]
        await load.create(load.writer, SERVICES, objects.service("rolling", place))
        await load.create(load.writer, SLICES, objects.endpoint_slice("rolling", place, 0))
        old: list[PodLife] = []
        for turn in range(2):
            new: list[PodLife] = []
            pace = Pace(self.every)
            for first in range(0, self.replicas, self.batch):
                due = await pace.due()
                batch = [
                    PodLife(load, load.random.choice(load.nodes), f"rolling-{turn}-{number}", place)
                    for number in range(first, min(first + self.batch, self.replicas))
                ]
                await self._replace(load, batch, old[first : first + self.batch], due)
                new += batch
                await self._announce(load, place, turn, first + len(batch))
            old = new
        async with trio.open_nursery() as nursery:
            for life in old:
                nursery.start_soon(life.end)

    async def _replace(self, load: Load, new: list[PodLife], old: list[PodLife], due: float) -> None:
        async with trio.open_nursery() as nursery:
            for life in new:
                nursery.start_soon(life.start, due, 0.0, "rolling")
        for life in old:
            load.nursery.start_soon(life.end)

    async def _announce(self, load: Load, place: str, turn: int, ready: int) -> None:
        document = objects.endpoint_slice("rolling", place, max(ready, 1), turn)
        await load.ask(load.writer, write("PUT", SLICES, f"{collection(SLICES, place)}/rolling", document))

    def writes_per_second(self, _scenario: Scenario) -> float:
        """A batch of new and of old pods, and the slice."""
        return (self.batch * _WRITES + 1) / self.every
