"""What every node does all the time: renew its lease, report its status."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from watchcache.bench import objects
from watchcache.bench.activities.base import Activity
from watchcache.bench.client import Request
from watchcache.bench.client.requests import STRATEGIC
from watchcache.bench.kinds import LEASES, NODES, revision_of, write
from watchcache.bench.pacing import Pace

if TYPE_CHECKING:
    from watchcache.bench.load import Load, Node
    from watchcache.bench.scenario import Scenario


class _EachNode(Activity, frozen=True, kw_only=True):
    """Every node has its turn once in `every`, all of them spread evenly."""

    every: float

    async def run(self, load: Load) -> None:
        """Node after node, for ever."""
        nodes = load.random.sample(load.nodes, len(load.nodes))
        pace = Pace(self.every / max(1, len(nodes)))
        while nodes:
            for node in nodes:
                self._take_turn(load, node, await pace.due())

    def _take_turn(self, load: Load, node: Node, due: float) -> None:
        raise NotImplementedError

    def writes_per_second(self, scenario: Scenario) -> float:
        """One for each node."""
        return scenario.nodes.count / self.every


class Leases(_EachNode, tag="leases", frozen=True, kw_only=True):
    """Every node renews its lease once in `every`."""

    every: float = 10.0

    def _take_turn(self, load: Load, node: Node, due: float) -> None:
        if node.up and node.lease:
            self._renew(load, node, node.lease, due)
        elif node.registered:
            load.measures.count("leases skipped")

    def _renew(self, load: Load, node: Node, revision: str, due: float) -> None:
        node.lease = None
        request = write("PUT", LEASES, node.lease_path, objects.lease(node.name, revision))
        load.call(node, request, partial(self._renewed, load, node, revision), due=due, expect=(409,))

    def _renewed(self, load: Load, node: Node, revision: str, status: int, body: bytes) -> None:
        if status == 409:  # a renewal whose answer was lost was done
            read = Request("GET", node.lease_path, "GET leases")
            load.call(node, read, partial(self._renewed, load, node, ""))
        else:
            node.lease = str(revision_of(body)) if status == 200 else revision


class NodeStatus(_EachNode, tag="node-status", frozen=True, kw_only=True):
    """Every node reports its status once in `every`."""

    every: float = 300.0

    def _take_turn(self, load: Load, node: Node, due: float) -> None:
        if node.up and node.registered:
            request = write(
                "PATCH",
                NODES,
                f"{node.path}/status",
                objects.node_status(),
                part="status",
                content_type=STRATEGIC,
            )
            load.call(node, request, due=due)
