"""A run from the outside: scenario in, result file out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import trio

from watchcache.bench.coordinator import Coordinator, Options
from watchcache.bench.problems import BenchProblem
from watchcache.bench.progress import Progress
from watchcache.bench.record import FORMAT, Plain
from watchcache.bench.scenario import Scenario


def run_scenario(scenario: Scenario, document: Plain, options: Options) -> Plain:
    """Run it to its end, with a line of progress on standard error; the result as data.

    Raises `BenchProblem`.
    """
    progress = Progress()
    coordinator = Coordinator(scenario, document, options, progress.say)
    problem: BenchProblem | None = None
    result: Plain = {}
    try:
        result = trio.run(coordinator.run)
    except* BenchProblem as group:
        problem = first_of(group)
    finally:
        progress.end()
    if problem is not None:
        raise problem from None
    return result


def first_of(group: BaseExceptionGroup[BenchProblem]) -> BenchProblem:
    """The first problem of a nursery's group, however deep."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BenchProblem) else BenchProblem(str(found))


def read_result(path: Path) -> Plain:
    """A result file. Raises `BenchProblem`."""
    try:
        result = msgspec.json.decode(path.read_bytes())
    except OSError as problem:
        raise BenchProblem(f"cannot read {path}: {problem.strerror}") from None
    except msgspec.DecodeError as problem:
        raise BenchProblem(f"{path} is not JSON: {problem}") from None
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise BenchProblem(f"{path} is no result of `watchcache bench run`")
    return result
