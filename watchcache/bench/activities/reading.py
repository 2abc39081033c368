"""Readers that are no help: pollers, and those who stop reading."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import trio

from watchcache.bench.activities.base import Activity
from watchcache.bench.client import Request
from watchcache.bench.pacing import Pace
from watchcache.bench.participant import Participant
from watchcache.bench.selectors import collection

if TYPE_CHECKING:
    from watchcache.bench.load import Load


class Poll(Activity, tag="poll", frozen=True, kw_only=True):
    """`count` clients LIST a resource every `every` seconds, each whole list from the cache or in pages of `limit`."""

    count: int = 1
    every: float = 5.0
    resource: str = "v1/pods"
    namespace: str = ""
    limit: int = 0

    async def run(self, load: Load) -> None:
        """Poll with this process's share, on a connection of their own."""
        share = len(range(load.index, self.count, load.processes))
        if not share:
            return
        who = Participant(load.network)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(who.run)
            who.left = True  # when the phase ends, an answer may be under way
            query = f"?limit={self.limit}" if self.limit else "?resourceVersion=0"
            label = (
                f"LIST {self.resource.rpartition('/')[2]} ({'namespace' if self.namespace else 'cluster'})"
            )
            request = Request("GET", collection(self.resource, self.namespace) + query, label)
            pace = Pace(self.every / share)
            while True:
                due = await pace.due()
                if who.up:
                    load.call(who, request, partial(self._listed, load), due=due)

    def _listed(self, load: Load, status: int, body: bytes) -> None:
        if status == 200:
            load.measures.count("listed bytes", len(body))


class Hinder(Activity, tag="hinder", frozen=True, kw_only=True):
    """A share of the nodes reads at so many bytes a second, or not at all, for a while; then they must catch up without a gap.

    What they receive is counted under a group of their own until `recover` seconds after that (0: to the end of the run): the
    others must not notice.
    """

    finite: ClassVar[bool] = True
    share: float = 0.1
    seconds: float = 5.0
    bytes_per_second: float = 0.0
    recover: float = 0.0

    async def run(self, load: Load) -> None:
        """Hinder this process's share of the nodes."""
        chosen = load.random.sample(load.nodes, round(len(load.nodes) * self.share))
        groups = [(watch, watch.group) for node in chosen for watch in node.watches]
        for watch, _ in groups:
            watch.group = "hindered"
        for node in chosen:
            node.up = False  # their leases would wait with them
            if node.client is not None:
                node.client.hinder(self.bytes_per_second)
        await trio.sleep(self.seconds)
        for node in chosen:
            if node.client is not None:
                node.client.hinder(None)
                node.up = True
        await load.wait_live(chosen)
        if self.recover:
            until = trio.current_time() + self.recover
            await load.rest(until)
            if trio.current_time() >= until:  # else the run ends, and they may still catch up
                for watch, group in groups:
                    watch.group = group
