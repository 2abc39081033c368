"""What is in the cluster before the first phase, and its removal from a cluster that goes on."""

from __future__ import annotations

import trio

from watchcache.bench import objects
from watchcache.bench.activities.resources import delete_namespace, delete_now
from watchcache.bench.kinds import CONFIG_MAPS, NAMESPACES, NODES, SECRETS, SERVICES, SLICES, write
from watchcache.bench.load import Load
from watchcache.bench.pacing import wait_until
from watchcache.bench.problems import BenchProblem
from watchcache.bench.selectors import collection

_AT_ONCE = 16


async def prepare(load: Load) -> None:
    """Create the namespaces with their services, config maps and secrets. The leading process does it.

    Raises `BenchProblem` when the server refuses.
    """
    await wait_until(lambda: load.writer.up)
    if not load.leads:
        return
    for place in [*load.scenario.places, objects.LEASES]:
        status, body = await load.create(load.writer, NAMESPACES, objects.namespace(place))
        if status not in {201, 409}:
            raise BenchProblem(f"the server refuses to create the namespace {place}: {status} {body[:300]!r}")
    wanted = load.scenario.objects
    work: list[tuple[str, objects.Document]] = []
    for number in range(wanted.services):
        place = load.scenario.place(number)
        work.append((SERVICES, objects.service(f"service-{number}", place)))
        work.append((SLICES, objects.endpoint_slice(f"service-{number}", place, wanted.endpoints)))
    for place in load.scenario.places:
        work += [(CONFIG_MAPS, objects.config_map(f"config-{n}", place)) for n in range(wanted.config_maps)]
        work += [(SECRETS, objects.secret(f"secret-{n}", place)) for n in range(wanted.secrets)]
    limiter = trio.CapacityLimiter(_AT_ONCE)

    async def create(resource: str, document: objects.Document) -> None:
        async with limiter:
            await load.create(load.writer, resource, document)

    async with trio.open_nursery() as nursery:
        for resource, document in work:
            nursery.start_soon(create, resource, document)


async def clean(load: Load) -> None:
    """Remove everything that the run made. The leading process does it."""
    if not load.leads:
        return
    path = f"{collection(NODES)}?labelSelector={objects.RUN_LABEL}%3Dtrue"
    await load.ask(load.writer, write("DELETE", NODES, path, delete_now(), part="all"), expect=(404,))
    for place in [*load.scenario.places, objects.LEASES]:
        await delete_namespace(load, place)
