"""What a run has measured, by phase and by second; the plain data of it is the result file."""

from __future__ import annotations

import platform
import time
from typing import Any

import msgspec

from watchcache.bench.histogram import Histogram
from watchcache.bench.proc import Usage, processor
from watchcache.bench.scenario import Costs, Scenario

FORMAT = "watchcache-bench/1"
Plain = dict[str, Any]


class PhaseRecord:
    """One phase: what all processes measured in it."""

    def __init__(
        self,
        name: str,
        start: float,
        *,
        disrupts: bool = False,
        storms: bool = False,
        costs: Costs | None = None,
    ) -> None:
        self.name, self.start, self.end = name, start, start
        self.costs = costs
        self.disrupts, self.storms = disrupts, storms or disrupts
        self.histograms: dict[str, Histogram] = {}
        self.counters: dict[str, int] = {}
        self.cpu: dict[str, float] = {}

    def add(self, measured: Plain) -> None:
        """A process's report."""
        for name, counts in measured["histograms"].items():
            self.histograms.setdefault(name, Histogram()).merge(counts)
        for name, count in measured["counters"].items():
            self.counters[name] = self.counters.get(name, 0) + count

    def plain(self) -> Plain:
        """As data."""
        return {
            "name": self.name,
            "start": self.start,
            "end": self.end,
            "disrupts": self.disrupts,
            "storms": self.storms,
            "histograms": {name: one.counts for name, one in self.histograms.items()},
            "counters": self.counters,
            "cpu": self.cpu,
            "costs": msgspec.to_builtins(self.costs),
        }


class Record:
    """A run's record. Times are seconds since it began."""

    def __init__(self, scenario: Scenario, document: Plain) -> None:
        self.scenario, self._document = scenario, document
        self.wall = time.time()
        self._began = time.monotonic()
        self.phases = [PhaseRecord("preparation", 0.0, storms=True)]
        self.seconds: list[Plain] = []
        self.notes: list[str] = []
        self.check: Plain = {}
        self._second = PhaseRecord("second", 0.0)
        self._gauges: dict[int, dict[str, int]] = {}

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def begin(self, name: str, **options: Any) -> None:
        """A phase begins, and the one before it ends. `options` as `PhaseRecord` has them."""
        self.phases[-1].end = self.now
        self.phases.append(PhaseRecord(name, self.now, **options))

    def add(self, index: int, measured: Plain) -> None:
        """A process's report; it belongs to the phase that the process was in."""
        self.phases[measured["phase"] + 1].add(measured)
        self._second.add(measured)
        if "gauges" in measured:
            self._gauges[index] = measured["gauges"]

    def gauge(self, name: str) -> int:
        """The sum over all processes."""
        return sum(one[name] for one in self._gauges.values())

    def spent(self, usage: dict[str, Usage]) -> None:
        """CPU of the phase that is running; taken at its edges as well as every second."""
        for name, one in usage.items():
            for part in (self.phases[-1].cpu, self._second.cpu):
                part[name] = part.get(name, 0.0) + one.cpu

    def tick(self, usage: dict[str, Usage], interval: float, journal: int = 0) -> Plain:
        """A second is over: its row of the time line. `journal`: the bytes of the server's data, when known."""
        self.spent(usage)
        second, self._second = self._second, PhaseRecord("second", 0.0)
        counters = second.counters
        row: Plain = {
            "at": round(self.now, 2),
            "deliveries": counters.get("deliveries", 0) / interval,
            "writes": counters.get("writes", 0) / interval,
            "nodes": self.gauge("nodes"),
            "watches": self.gauge("watches"),
            "cpu": {name: round(second.cpu[name] / interval, 3) for name in usage},
            "memory": {name: one.memory for name, one in usage.items()},
            "descriptors": {name: one.descriptors for name, one in usage.items()},
        }
        if journal:
            row["journal"] = journal
        for kind in ("watch", "request"):
            merged = merged_histogram(
                second.histograms, f"{kind}|", leave_out=("watch|hindered", "watch|replayed")
            )
            if merged.counts:
                row[f"{kind} p50"], row[f"{kind} p99"] = merged.percentile(50), merged.percentile(99)
        self.seconds.append(row)
        return row

    def total(self, counter: str) -> int:
        """A counter over all phases."""
        return sum(phase.counters.get(counter, 0) for phase in self.phases)

    def plain(self, server: Plain) -> Plain:
        """The result as data, without the verdicts."""
        self.phases[-1].end = self.now
        return {
            "format": FORMAT,
            "started": self.wall,
            "scenario": self._document,
            "server": server,
            "machine": machine(),
            "phases": [phase.plain() for phase in self.phases],
            "seconds": self.seconds,
            "check": self.check,
            "notes": self.notes,
        }


def is_client(name: str) -> bool:
    """Whether a sampled name is the harness's own."""
    return name.startswith("clients") or name == "coordinator"


def merged_histogram(
    histograms: dict[str, Histogram], prefix: str, leave_out: tuple[str, ...] = ()
) -> Histogram:
    """All histograms whose names begin so, in one."""
    merged = Histogram()
    for name, one in histograms.items():
        if name.startswith(prefix) and name not in leave_out:
            merged.merge(one.counts)
    return merged


def machine() -> Plain:
    """What the figures were measured on."""
    import os  # noqa: PLC0415  # for this alone

    return {
        "cpus": os.cpu_count(),
        "processor": processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
