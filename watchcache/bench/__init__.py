"""The load of a cluster for any API server, and what came of it.

`watchcache bench run` simulates nodes, controllers and everything they do by the phases of a scenario (`scenario`), in several
client processes (`fleet`, `process`), each with its share of nodes (`load`, `participant`) on lean clients (`client`). A ledger of
the log (`ledger`) tells at the end whether any watch missed anything. Nothing here knows the server's insides: a server of
ours is a process (`server`) like any other.

Used by others: `run_scenario`, `Options`, `available`, `load_scenario`, `write_report`, `compare`, `BenchProblem`.
"""

from __future__ import annotations

from watchcache.bench.compare import compare
from watchcache.bench.coordinator import Options
from watchcache.bench.problems import BenchProblem
from watchcache.bench.report import write_report
from watchcache.bench.running import read_result, run_scenario
from watchcache.bench.scenario import available, load_scenario

__all__ = [
    "BenchProblem",
    "Options",
    "available",
    "compare",
    "load_scenario",
    "read_result",
    "run_scenario",
    "write_report",
]
