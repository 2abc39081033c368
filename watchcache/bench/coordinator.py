"""A whole run: server, load processes, phases, the ledger, and the judgement at the end."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import trio

from watchcache.bench.activities import KillServer
from watchcache.bench.client import Dialer
from watchcache.bench.cost import costs
from watchcache.bench.flatness import flatness
from watchcache.bench.fleet import Fleet
from watchcache.bench.ledger import Counted, Ledger
from watchcache.bench.measures import Measures
from watchcache.bench.pacing import wait_until
from watchcache.bench.participant import Network, Participant
from watchcache.bench.problems import BenchProblem
from watchcache.bench.proc import Sampler, size_of
from watchcache.bench.record import Plain, Record
from watchcache.bench.scenario import Phase, Scenario
from watchcache.bench.selectors import Scope
from watchcache.bench.server import OwnServer
from watchcache.bench.slo import judge
from watchcache.bench.target import check_allowed, read_kubeconfig

_FIRST_SECONDS = 30.0  # for the first watches, before anything is loaded
_SETTLE_SECONDS = 20.0  # what is still on its way to a watcher after the last write must come within this


class Options(msgspec.Struct, kw_only=True):
    """What the command line says beside the scenario. Without a kubeconfig a server of ours is started in `directory`."""

    directory: Path
    kubeconfig: Path | None = None
    owned: bool = False
    pids: Mapping[str, int] = {}
    data: Path | None = None
    """Where a server that was not started here keeps its data, to see how it grows."""

    keep: bool = False
    server_flags: tuple[str, ...] = ()


async def _end_when(told: trio.Event) -> None:
    """SIGTERM ends the run and everything that it started; an interrupt from the keyboard does so by itself."""
    await told.wait()
    raise BenchProblem("ended by SIGTERM; nothing was judged")


class Coordinator:
    """One run. `say` gets each second's row for people, with the name of the phase."""

    def __init__(
        self, scenario: Scenario, document: Plain, options: Options, say: Callable[[Record, Plain], None]
    ) -> None:
        self._scenario, self._document, self._options, self._say = scenario, document, options, say
        self._record = Record(scenario, document)
        self._fleet = Fleet(scenario.processes, self._measured)
        self._sampler = Sampler()
        self._measures = Measures()
        self._ledger = Ledger(scenario.resources, self._measures)
        self._server: OwnServer | None = None

    async def run(self) -> Plain:
        """Do it; the result as data. Raises `BenchProblem`."""
        self._scenario.check()
        raise_descriptor_limit(self._scenario)
        if self._options.kubeconfig is not None:
            check_allowed(read_kubeconfig(self._options.kubeconfig), owned=self._options.owned)
        told, token = trio.Event(), trio.lowlevel.current_trio_token()
        # One handler until all that was started has ended: a second signal must not leave a server behind.
        before = signal.signal(signal.SIGTERM, lambda *_: token.run_sync_soon(told.set, idempotent=True))
        try:
            kubeconfig = self._options.kubeconfig or await self._start_server()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end_when, told)
                await self._drive(nursery, kubeconfig)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await self._fleet.stop()
            if self._server is not None:
                self._server.stop()
            signal.signal(signal.SIGTERM, before)
        target = read_kubeconfig(kubeconfig)
        result = self._record.plain({"url": target.url, "ours": self._server is not None})
        result["costs"] = costs(result["phases"])
        result["flat"] = flatness(result, self._scenario.flat) if self._scenario.flat else []
        result["slos"] = judge(result, self._scenario.slo)
        return result

    def _measured(self, index: int, report: Plain) -> None:
        self._record.add(index, report)
        for name, revisions in report["written"].items():
            self._ledger.acknowledged(name, revisions)

    async def _start_server(self) -> Path:
        self._server = OwnServer(
            self._options.directory, (*self._scenario.server, *self._options.server_flags)
        )
        self._sampler.watch("server", await self._server.start(), children="worker")
        return self._server.kubeconfig

    async def _drive(self, nursery: trio.Nursery, kubeconfig: Path) -> None:
        await self._start_ledger(nursery, kubeconfig)
        await self._fleet.start(nursery, self._document, kubeconfig)
        for name, pid in self._options.pids.items():
            self._sampler.watch(name, pid)
        for index, process in enumerate(self._fleet.processes):
            self._sampler.watch(f"clients {index}", process.pid)
        self._sampler.watch("coordinator", os.getpid(), children="")  # they have names of their own
        nursery.start_soon(self._tick_always)
        await self._fleet.ask("prepare", "prepared")
        await self._fleet.tell("background")
        with trio.move_on_after(self._scenario.limits.seconds * 1.5 + 60) as whole:
            for number, phase in enumerate(self._scenario.phases):
                await self._run_phase(number, phase)
        if whole.cancelled_caught:
            self._record.notes.append(
                "the run was cut off: it took half as long again as its limit of seconds"
            )
        await self._fleet.ask("quiet", "quiet")
        await self._check()
        if self._server is None and not self._options.keep:
            await self._fleet.ask("clean", "clean")

    async def _start_ledger(self, nursery: trio.Nursery, kubeconfig: Path) -> None:
        target = read_kubeconfig(kubeconfig)
        network = Network(Dialer(target), self._measures, Random(0))  # noqa: S311  # delays
        keeper = Participant(network, tuple(self._ledger.recorders.values()), start="now")
        nursery.start_soon(keeper.run)
        with trio.move_on_after(_FIRST_SECONDS) as patience:
            await wait_until(lambda: not keeper.pending)
        if patience.cancelled_caught:
            counters = self._measures.counters
            errors = [
                f"{name.removeprefix('error|')}: {count}"
                for name, count in counters.items()
                if name.startswith("error|")
            ]
            why = ", ".join(errors) or f"{counters.get('refused', 0)} connections could not be made"
            raise BenchProblem(f"{target.url} did not let itself be watched in {_FIRST_SECONDS:g} s: {why}")

    async def _run_phase(self, number: int, phase: Phase) -> None:
        kills = [one for one in phase.activities if isinstance(one, KillServer)]
        if kills and self._server is None:
            self._record.notes.append(f"phase {phase.name} was left out: the server is not ours to kill")
            phase = msgspec.structs.replace(phase, seconds=0, activities=())
            self._record.begin(f"{phase.name} (left out)", disrupts=True)
            return
        self._record.spent(self._sampler.sample())
        self._record.begin(phase.name, disrupts=phase.disrupts, storms=phase.storms, costs=phase.costs)
        await self._fleet.ask("phase", "begun", phase=number)
        async with trio.open_nursery() as nursery:
            for one in kills:
                nursery.start_soon(self._kill_server, one.down)
            nursery.start_soon(trio.sleep, phase.seconds)
            with trio.move_on_after(phase.at_most) as patience:
                await self._fleet.wait("finished")
            if patience.cancelled_caught:
                self._record.notes.append(f"phase {phase.name} did not finish in {phase.at_most:g} s")
        await self._fleet.tell("end phase")
        await self._fleet.wait("ended", skip=("finished",))
        self._record.spent(self._sampler.sample())

    async def _kill_server(self, down: float) -> None:
        if self._server is None:
            return
        self._server.kill()
        await trio.sleep(down)
        began = time.monotonic()
        self._sampler.watch("server", await self._server.start(), children="worker")
        self._measures.record("duration|server restart to listening", time.monotonic() - began)

    async def _tick_always(self) -> None:
        last = time.monotonic()
        for turn in itertools.count(1):
            await trio.sleep(max(0.0, last + 1.0 - time.monotonic()))
            now = time.monotonic()
            self._add_ledger()
            row = self._record.tick(self._sampler.sample(), now - last, self._journal())
            last = now
            row["turn"] = turn
            self._say(self._record, row)

    def _journal(self) -> int:
        data = self._server.data if self._server is not None else self._options.data
        return size_of(data) if data is not None else 0

    def _add_ledger(self) -> None:
        taken = self._measures.take()
        taken["counters"] = {
            name: count
            for name, count in taken["counters"].items()
            if name in {"repeated", "reordered", "gone", "relists"}
        }
        taken["histograms"] = {
            name: counts for name, counts in taken["histograms"].items() if name.startswith("duration|")
        }
        self._record.add(-1, {"phase": len(self._record.phases) - 2, **taken})

    async def _check(self) -> None:
        """Hold every watch against the ledger; what is on its way gets some seconds."""
        with trio.move_on_after(_SETTLE_SECONDS):
            while True:
                await trio.sleep(1)
                self._record.check = await self._judge_watches()
                if not (self._record.check["missing"] or self._record.check["unknown"]):
                    return

    async def _judge_watches(self) -> dict[str, Any]:
        self._ledger.settle()
        answers = await self._fleet.ask("count", "counted")
        check = {"watches": 0, "events": 0, "missing": 0, "unknown": 0, "silent": 0}
        for answer in answers:
            check["silent"] += answer["silent"]
            for scope, start, count, total in answer["watches"]:
                verdict = self._ledger.judge(Counted(Scope(*scope), start, count, total))
                check["watches"] += 1
                check["events"] += count
                check["missing"] += verdict.missing
                check["unknown"] += verdict.unknown
        check["written"] = self._ledger.written
        check["forgotten"] = self._ledger.forgotten()
        return check


_SPARE = 200  # descriptors of a process that are no connections of the load


def raise_descriptor_limit(scenario: Scenario) -> None:
    """As many descriptors as the system allows: a connection of the load needs one on either side.

    Raises `BenchProblem` when that is too few for the scenario; the limit is for each process, and the server gets all connections.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = scenario.connections + _SPARE
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise BenchProblem(
            f"scenario {scenario.name} needs {needed:,} open files in the server's process, and this system allows {hard:,}; "
            "raise the hard limit (ulimit -Hn as root, or LimitNOFILE= of the service), or take a smaller scenario"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
