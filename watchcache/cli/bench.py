"""`watchcache bench`: run a scenario, compare two results, list the scenarios."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from watchcache.cli.parser import Parser, parser
from watchcache.settings import SettingsProblem


def bench(arguments: Sequence[str]) -> int:
    """Status 0: all objectives held; 1: some did not; 2: nothing was measured."""
    from watchcache.bench import BenchProblem

    options = parser("bench", "Put the load of a cluster on an API server, and say what came of it.")
    commands = options.add_subparsers(dest="command", required=True, parser_class=Parser)
    add_run(commands)
    two = commands.add_parser("compare", help="two results side by side")
    two.add_argument("first", type=Path)
    two.add_argument("second", type=Path)
    commands.add_parser("list", help="the scenarios that come with it")
    chosen = options.parse_args(arguments)
    actions = {"run": run, "compare": compare_results, "list": list_scenarios}
    try:
        return actions[chosen.command](chosen)
    except BenchProblem as problem:
        raise SettingsProblem(f"bench: {problem}") from None


def add_run(commands: Any) -> None:
    """The flags of `bench run`."""
    one = commands.add_parser("run", help="run a scenario")
    one.add_argument("--scenario", required=True, help="a name from `watchcache bench list`, or a .yaml file")
    one.add_argument(
        "--kubeconfig", type=Path, help="load this server; without it, a server of ours is started"
    )
    one.add_argument(
        "--i-own-this-cluster", action="store_true", help="load a server that is not on this machine"
    )
    one.add_argument(
        "--pid",
        action="append",
        default=[],
        metavar="NAME=PID",
        help="show this process's CPU and memory as the server's",
    )
    one.add_argument(
        "--data-directory",
        type=Path,
        help="show how this directory grows, as the journal of the server with --kubeconfig",
    )
    one.add_argument(
        "--server-flag", action="append", default=[], help="a flag for the server that is started"
    )
    one.add_argument(
        "--output", "-o", type=Path, help="the result file (JSON); the report goes beside it (.html)"
    )
    one.add_argument("--keep", action="store_true", help="leave the run's objects in the cluster")


def run(chosen: argparse.Namespace) -> int:
    """Run, write result and report, print the objectives."""
    from watchcache.bench import Options, load_scenario, run_scenario, write_report

    scenario, document = load_scenario(chosen.scenario)
    output = chosen.output or Path(f"bench-{scenario.name}-{time.strftime('%Y%m%d-%H%M%S')}.json")
    with tempfile.TemporaryDirectory(prefix="watchcache-bench-") as directory:
        options = Options(
            directory=Path(directory),
            kubeconfig=chosen.kubeconfig,
            owned=chosen.i_own_this_cluster,
            pids=dict(pid_of(text) for text in chosen.pid),
            data=chosen.data_directory,
            keep=chosen.keep,
            server_flags=tuple(chosen.server_flag),
        )
        result = run_scenario(scenario, document, options)
    output.write_bytes(msgspec.json.encode(result))
    report = output.with_suffix(".html")
    write_report(result, report)
    for slo in result["slos"]:
        mark = "pass" if slo["passed"] else "FAIL"
        print(
            f"{mark}  {slo['name']:<34} {slo['measured']:>14}  ({slo['objective']})  {slo['note']}".rstrip()
        )
    for note in result["notes"]:
        print(f"note: {note}")
    print(f"result {output}, report {report}")
    return 0 if all(slo["passed"] for slo in result["slos"]) else 1


def pid_of(text: str) -> tuple[str, int]:
    """`name=pid`."""
    name, _, number = text.partition("=")
    if not name or not number.isdigit():
        raise SettingsProblem(f"--pid must be NAME=PID, not {text!r}")
    return name, int(number)


def compare_results(chosen: argparse.Namespace) -> int:
    """Print the table."""
    from watchcache.bench import compare, read_result

    sys.stdout.write(compare(read_result(chosen.first), read_result(chosen.second)))
    return 0


def list_scenarios(_chosen: argparse.Namespace) -> int:
    """Name and what it is about."""
    from watchcache.bench import available, load_scenario

    for name in sorted(available(), key=lambda one: (len(one), one)):
        scenario, _ = load_scenario(name)
        print(f"{name:<16} {scenario.about}")
    return 0
