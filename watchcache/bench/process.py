"""One load process: it does what the coordinator says over its standard input, and reports every second on its standard output."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio

from watchcache.bench.activities import Activity
from watchcache.bench.channel import Channel
from watchcache.bench.client import Dialer
from watchcache.bench.load import Load
from watchcache.bench.problems import BenchProblem
from watchcache.bench.scenario import Scenario
from watchcache.bench.setting import clean, prepare
from watchcache.bench.target import read_kubeconfig
from watchcache.bench.watch import State
from watchcache.readers import AVAILABLE, Readers

_REPORT_SECONDS = 1.0


class LoadProcess:
    """Answers the coordinator's messages; each has a `do`, each answer an `is`."""

    def __init__(self, channel: Channel, load: Load) -> None:
        self._channel, self._load = channel, load
        self._phase = -1
        self._running = trio.CancelScope()
        self._background = trio.CancelScope()

    async def run(self, nursery: trio.Nursery) -> None:
        """Until the coordinator says exit, or is gone."""
        nursery.start_soon(self._load.writer.run)
        nursery.start_soon(self._report_always)
        await self._channel.send({"is": "ready"})
        while message := await self._channel.receive():
            match message["do"]:
                case "prepare":
                    nursery.start_soon(self._prepare)
                case "background":
                    nursery.start_soon(self._run_background)
                case "phase":
                    nursery.start_soon(self._run_phase, message["phase"])
                case "end phase":
                    self._running.cancel()
                case "quiet":
                    nursery.start_soon(self._quiet)
                case "count":
                    await self._channel.send(
                        {"is": "counted", "watches": self.counted(), "silent": self.silent()}
                    )
                case "clean":
                    nursery.start_soon(self._clean)
                case _:
                    break
        nursery.cancel_scope.cancel()

    async def _prepare(self) -> None:
        try:
            await prepare(self._load)
        except BenchProblem as problem:
            await self._channel.send({"is": "failed", "why": str(problem)})
        else:
            await self._channel.send({"is": "prepared"})

    async def _run_background(self) -> None:
        with self._background:
            async with trio.open_nursery() as nursery:
                for one in self._load.scenario.background:
                    nursery.start_soon(one.run, self._load)

    async def _run_phase(self, number: int) -> None:
        await self._report()  # what was measured so far belongs to the phase before
        self._phase = number
        await self._channel.send({"is": "begun"})
        gc.collect()
        gc.freeze()  # nodes and watches stay: collections must not walk over them, pauses would count as latency
        phase = self._load.scenario.phases[number]
        self._running = trio.CancelScope()
        with self._running:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._finish, [one for one in phase.activities if one.finite])
                for one in phase.activities:
                    if not one.finite:
                        nursery.start_soon(one.run, self._load)
        await self._report()
        await self._channel.send({"is": "ended"})

    async def _finish(self, finite: Sequence[Activity]) -> None:
        """Do the activities that end by themselves, say so, and keep the phase open until the coordinator ends it."""
        async with trio.open_nursery() as nursery:
            for one in finite:
                nursery.start_soon(one.run, self._load)
        await self._channel.send({"is": "finished"})
        await trio.sleep_forever()

    async def _quiet(self) -> None:
        self._background.cancel()
        await self._load.wait_idle()
        await self._report()
        await self._channel.send({"is": "quiet"})

    async def _clean(self) -> None:
        await clean(self._load)
        await self._channel.send({"is": "clean"})

    def counted(self) -> list[tuple[Any, ...]]:
        """What every watch that has begun says of itself."""
        return [
            (msgspec.structs.astuple(watch.scope), watch.start, watch.count, watch.total)
            for one in self._load.everyone
            for watch in one.watches
            if watch.start
        ]

    def silent(self) -> int:
        """Watches that are not live now."""
        return sum(watch.state is not State.LIVE for one in self._load.everyone for watch in one.watches)

    async def _report_always(self) -> None:
        while True:
            await trio.sleep(_REPORT_SECONDS)
            await self._report()

    async def _report(self) -> None:
        load = self._load
        gauges = {
            "nodes": sum(node.up for node in load.nodes),
            "watches": sum(len(one.watches) - one.pending for one in load.everyone),
        }
        await self._channel.send(
            {"is": "measured", "phase": self._phase, "gauges": gauges, **load.measures.take()}
        )


async def main() -> None:
    """The first message says which scenario, which server and which share."""
    # Messages go over the descriptors; whatever prints goes to standard error.
    output = os.dup(1)
    os.dup2(2, 1)
    channel = Channel(trio.lowlevel.FdStream(os.dup(0)), trio.lowlevel.FdStream(output))
    first = await channel.receive()
    if first is None:
        return
    scenario = msgspec.convert(first["scenario"], Scenario)
    readers = Readers() if AVAILABLE else None
    dialer = Dialer(read_kubeconfig(Path(first["kubeconfig"])), readers)
    async with trio.open_nursery() as nursery:
        if readers is not None:
            nursery.start_soon(readers.run)
        load = Load(scenario, dialer, nursery, first["index"], first["processes"])
        await LoadProcess(channel, load).run(nursery)


if __name__ == "__main__":
    sys.exit(trio.run(partial(main)))
