"""Participants come, are thrown out and come back; the server dies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import trio

from watchcache.bench.activities.base import Activity
from watchcache.bench.pacing import Pace
from watchcache.bench.selectors import WatchSpec

if TYPE_CHECKING:
    from watchcache.bench.load import Load
    from watchcache.bench.participant import Participant
    from watchcache.bench.scenario import Population


class Boot(Activity, tag="boot", frozen=True, kw_only=True):
    """Controllers start, then every node: it registers, takes its lease and opens its watches. All at once when `over` is 0."""

    finite: ClassVar[bool] = True
    over: float = 0.0

    async def run(self, load: Load) -> None:
        """Start all of this process and wait until every watch is live."""
        for controller in load.controllers:
            load.nursery.start_soon(controller.run)
        pace = Pace(self.over / max(1, len(load.nodes)))
        for node in load.nodes:
            await pace.due()
            load.nursery.start_soon(node.run)
        await load.wait_live(load.everyone)


class Watchers(Activity, tag="watchers", frozen=True, kw_only=True):
    """More participants, who stay to the end; `protocol: http1` gives each of their watches a connection of its own.

    `first` is the number of the first of them, for texts with `{number}`.
    """

    finite: ClassVar[bool] = True
    count: int
    watches: tuple[WatchSpec, ...]
    protocol: str = "http2"
    first: int = 0

    async def run(self, load: Load) -> None:
        """Start this process's share and wait until every watch is live."""
        population = self.populations[0]
        new: Sequence[Participant] = [
            load.participant(population, self.first + number)
            for number in range(load.index, self.count, load.processes)
        ]
        load.extras.extend(new)
        for one in new:
            load.nursery.start_soon(one.run)
        await load.wait_live(new)

    @property
    def populations(self) -> tuple[Population, ...]:
        """The participants."""
        from watchcache.bench.scenario import Population as Made  # noqa: PLC0415  # scenarios are made of activities

        return (Made(count=self.count, protocol=self.protocol, watches=self.watches),)


class Storm(Activity, tag="storm", frozen=True, kw_only=True):
    """A share of the nodes loses its connections at the same moment, as when a load balancer restarts; all come back."""

    finite: ClassVar[bool] = True
    share: float = 1.0

    async def run(self, load: Load) -> None:
        """Cut, and wait until every watch is live again."""
        chosen = load.random.sample(load.nodes, round(len(load.nodes) * self.share))
        for node in chosen:
            if node.client is not None:
                node.left = True
                node.client.close()
        await trio.sleep(0.1)
        await load.wait_live(chosen)


class KillServer(Activity, tag="kill-server", frozen=True, kw_only=True):
    """The server is killed (SIGKILL) and started again after `down` seconds. The coordinator does it, if it started the server."""

    finite: ClassVar[bool] = True
    down: float = 1.0

    async def run(self, load: Load) -> None:
        """Wait until everyone of this process has lost its watches and has them back."""
        lost: set[Participant] = set()
        with trio.move_on_after(10):
            while len(lost) < len(load.everyone):
                lost.update(one for one in load.everyone if one.pending)
                await trio.sleep(0.02)
        await load.wait_live(load.everyone)
