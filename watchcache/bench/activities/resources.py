"""Changes that many are told of, and deletions of much."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import trio

from watchcache.bench import objects
from watchcache.bench.activities.base import Activity
from watchcache.bench.client import Request
from watchcache.bench.kinds import CONFIG_MAPS, NAMESPACES, PODS, SLICES, write
from watchcache.bench.pacing import Pace
from watchcache.bench.selectors import collection

if TYPE_CHECKING:
    from watchcache.bench.load import Load
    from watchcache.bench.scenario import Scenario

_AT_ONCE = 16  # a controller's workers


class Broadcast(Activity, tag="broadcast", frozen=True, kw_only=True):
    """An endpoint slice changes every `every` seconds, and every kube-proxy is told."""

    every: float = 2.0
    endpoints: int = 100
    times: int = 0
    """So often; 0: until the phase ends."""

    async def run(self, load: Load) -> None:
        """The leader writes, service after service."""
        pace, turn = Pace(self.every), 0
        while load.leads and not 0 < self.times <= turn:
            due = await pace.due()
            turn += 1
            number = turn % load.scenario.objects.services
            name, place = f"service-{number}", load.scenario.place(number)
            document = objects.endpoint_slice(name, place, self.endpoints, turn)
            request = write("PUT", SLICES, f"{collection(SLICES, place)}/{name}", document)
            load.call(load.writer, request, due=due)

    def writes_per_second(self, _scenario: Scenario) -> float:
        """One each time."""
        return 1 / self.every


class DeleteNamespace(Activity, tag="delete-namespace", frozen=True, kw_only=True):
    """A namespace is filled with pods and config maps, and deleted: all at once, as fast as the server can."""

    finite: ClassVar[bool] = True
    pods: int = 100
    config_maps: int = 50

    async def run(self, load: Load) -> None:
        """The leader fills and deletes; it plays the namespace controller where the server has none."""
        if not load.leads:
            return
        place = f"bench-doomed-{load.random.getrandbits(32):08x}"
        await load.create(load.writer, NAMESPACES, objects.namespace(place))
        limiter = trio.CapacityLimiter(_AT_ONCE)

        async def create(resource: str, document: objects.Document) -> None:
            async with limiter:
                await load.create(load.writer, resource, document)

        async with trio.open_nursery() as nursery:
            for number in range(self.pods):
                size = load.scenario.objects.pod_bytes
                nursery.start_soon(create, PODS, objects.pod(f"doomed-{number}", place, size))
            for number in range(self.config_maps):
                nursery.start_soon(create, CONFIG_MAPS, objects.config_map(f"doomed-{number}", place))
        started = trio.current_time()
        await delete_namespace(load, place)
        load.measures.record("duration|namespace deletion", trio.current_time() - started)

    def writes_per_second(self, _scenario: Scenario) -> float:
        """It goes as fast as it can; what it fills in a second or two."""
        return (self.pods + self.config_maps) / 2


async def delete_namespace(load: Load, place: str) -> None:
    """Delete a namespace with all that a run put into it, and wait until it is gone."""
    path = f"{collection(NAMESPACES)}/{place}"
    await load.ask(load.writer, write("DELETE", NAMESPACES, path, delete_now()), expect=(404, 409))
    for resource in (PODS, CONFIG_MAPS, "v1/secrets", "v1/services", SLICES, "coordination.k8s.io/v1/leases"):
        request = write("DELETE", resource, collection(resource, place), delete_now(), part="all")
        await load.ask(load.writer, request, expect=(404, 405, 409))
    while (await load.ask(load.writer, Request("GET", path, "GET namespaces"), expect=(404,)))[0] == 200:
        document = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": place},
            "spec": {"finalizers": []},
        }
        request = write("PUT", NAMESPACES, f"{path}/finalize", document, part="finalize")
        await load.ask(load.writer, request, expect=(404, 409))
        await trio.sleep(0.1)


def delete_now() -> objects.Document:
    """Options of a deletion that waits for nobody."""
    return {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Background",
    }
