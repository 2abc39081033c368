"""The part of the simulated cluster that lives in one process: its nodes, its controllers, and how they ask for things."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import trio

from watchcache.bench import objects
from watchcache.bench.client import Dialer, Request
from watchcache.bench.kinds import LEASES, NODES, revision_of, write
from watchcache.bench.measures import Measures
from watchcache.bench.pacing import wait_until
from watchcache.bench.participant import Network, Participant
from watchcache.bench.scenario import Population, Scenario
from watchcache.bench.selectors import collection
from watchcache.bench.watch import Watch

_RETRIES = 10  # client-go's, of a 429


class Load:
    """One process's share of a scenario. `index` of `processes`; what is not per node is done by process 0 or shared evenly."""

    def __init__(
        self, scenario: Scenario, dialer: Dialer, nursery: trio.Nursery, index: int = 0, processes: int = 1
    ) -> None:
        self.scenario, self.nursery, self.index, self.processes = scenario, nursery, index, processes
        self.measures = Measures()
        self.random = Random(f"{scenario.seed}/{index}")  # noqa: S311  # a load that can be repeated
        self.network = Network(dialer, self.measures, self.random)
        self.nodes = [Node(self, number) for number in range(index, scenario.nodes.count, processes)]
        self.controllers = [
            self.participant(scenario.controllers, number)
            for number in range(index, scenario.controllers.count, processes)
        ]
        self.writer = Participant(self.network)
        """The connection of controllers and schedulers that write."""
        self.extras: list[Participant] = []
        self._busy = 0
        self._ending = trio.Event()

    def participant(self, population: Population, number: int) -> Participant:
        """One of a population, with its watches."""
        values = {"namespace": self.scenario.place(number), "number": str(number)}
        return Participant(
            self.network, self.watches(population, values), population.protocol, population.start
        )

    def watches(self, population: Population, values: dict[str, str]) -> list[Watch]:
        """A population's watches for one participant."""
        return [
            Watch(scope, spec.group, self.measures)
            for spec in population.watches
            for scope in spec.scopes(values)
        ]

    @property
    def everyone(self) -> list[Participant]:
        """All who hold watches."""
        return [*self.nodes, *self.controllers, *self.extras]

    @property
    def leads(self) -> bool:
        """Whether this process does what is done once for the cluster."""
        return self.index == 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Around work that the run's end waits for."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def rest(self, until: float) -> None:
        """Sleep until a time of trio's clock, or until the run draws to its end."""
        with trio.move_on_at(until):
            await self._ending.wait()

    async def wait_idle(self) -> None:
        """End what rests, and wait until nobody is busy."""
        self._ending.set()
        await wait_until(lambda: not self._busy)

    async def wait_live(self, participants: Sequence[Participant]) -> None:
        """Until all their watches are live."""
        await wait_until(lambda: all(one.up and not one.pending for one in participants))

    # -- requests

    def call(
        self,
        who: Participant,
        request: Request,
        then: Callable[[int, bytes], None] | None = None,
        *,
        due: float | None = None,
        expect: tuple[int, ...] = (),
        retries: int = _RETRIES,
    ) -> None:
        """Send a request; `then` gets (status, body), status 0 when it could not be answered.

        The latency counts from `due`, the moment it should have been sent (of trio's clock): a client that falls behind
        does not hide the server's delay. Statuses in `expect` are no errors. A 429 is tried again, as client-go does; so is a
        write whose connection its own client has cut, and its latency then counts from the next attempt.
        """
        started = trio.current_time()
        if due is None:
            due = started
        else:
            self.measures.record("lateness|pacing", started - due)

        def ended(status: int, body: bytes) -> None:
            if status == 429 and retries:
                self.measures.count(f"throttled|{request.label}")
                self.nursery.start_soon(self._again, who, request, then, due, expect, retries - 1)
                return
            if status == 0 and who.left:
                self.measures.count(f"cut|{request.label}")
                if retries and request.method != "GET":
                    self.nursery.start_soon(self._again, who, request, then, None, expect, retries - 1)
                    return
            else:
                self._account(request, status, body, trio.current_time() - due, expect)
            if then is not None:
                then(status, body)

        if who.client is None:
            ended(0, b"")
        else:
            who.client.submit(request, ended)

    async def _again(
        self,
        who: Participant,
        request: Request,
        then: Callable[[int, bytes], None] | None,
        due: float | None,
        expect: tuple[int, ...],
        retries: int,
    ) -> None:
        await trio.sleep(1)  # what both servers say in Retry-After
        self.call(who, request, then, due=due, expect=expect, retries=retries)

    def _account(
        self, request: Request, status: int, body: bytes, seconds: float, expect: tuple[int, ...]
    ) -> None:
        measures = self.measures
        if 200 <= status < 300:
            measures.record(f"request|{request.label}", seconds)
            if request.method != "GET":
                measures.count("writes")
            if request.writes and (revision := revision_of(body)):
                measures.acknowledged(request.writes, revision)
        elif status not in expect:
            measures.count(f"error|{request.label}|{status or 'connection lost'}")

    async def ask(
        self, who: Participant, request: Request, *, due: float | None = None, expect: tuple[int, ...] = ()
    ) -> tuple[int, bytes]:
        """Send a request and wait for (status, body)."""
        answered = trio.Event()
        answer: list[tuple[int, bytes]] = []

        def take(status: int, body: bytes) -> None:
            answer.append((status, body))
            answered.set()

        self.call(who, request, take, due=due, expect=expect)
        await answered.wait()
        return answer[0]

    async def create(
        self, who: Participant, resource: str, document: dict[str, Any], **options: Any
    ) -> tuple[int, bytes]:
        """POST an object to its collection; one that exists is no error."""
        place = document["metadata"].get("namespace", "")
        request = write("POST", resource, collection(resource, place), document)
        return await self.ask(who, request, **{"expect": (409,), **options})


class Node(Participant):
    """A node: kubelet and kube-proxy behind one connection."""

    __slots__ = ("lease", "load", "name", "registered")

    def __init__(self, load: Load, number: int) -> None:
        population = load.scenario.nodes
        self.name = f"bench-node-{number:05}"
        values = {"node": self.name, "namespace": load.scenario.place(number), "number": str(number)}
        super().__init__(
            load.network, load.watches(population, values), population.protocol, population.start
        )
        self.load = load
        self.lease: str | None = None
        """The revision of the node's lease; None while a renewal is under way or before the first."""
        self.registered = False

    async def greet(self) -> None:
        """Register and take the lease; a kubelet does it when it starts, not when it reconnects."""
        while not self.registered:
            load = self.load
            node, _ = await load.create(
                self, NODES, objects.node(self.name, load.scenario.objects.node_images)
            )
            status, body = await load.create(self, LEASES, objects.lease(self.name))
            if status == 409:
                status, body = await load.ask(self, Request("GET", self.lease_path, "GET leases"))
            self.registered = node in {200, 201, 409} and status in {200, 201}
            if self.registered:
                self.lease = str(revision_of(body))
            elif self.client is None:
                return
            else:
                await trio.sleep(1)
        self.lease = self.lease or ""  # a renewal that was under way when the connection was lost

    @property
    def lease_path(self) -> str:
        """Where the node's lease is."""
        return f"{collection(LEASES, objects.LEASES)}/{self.name}"

    @property
    def path(self) -> str:
        """Where the node is."""
        return f"{collection(NODES)}/{self.name}"
