"""Two results side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator

from watchcache.bench.record import Plain, is_client
from watchcache.bench.slo import memory_of_server, merge, seconds, server_name, total

_PERCENTS = (50.0, 99.0)


def compare(first: Plain, second: Plain) -> str:
    """A table: what both measured, and the second as a multiple of the first. Phases that disrupt are left out of latencies."""
    rows = [("", title(first), title(second), "B / A"), *figures(first, second)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for name, a, b, ratio in rows:
        lines.append(f"{name:<{widths[0]}}  {a:>{widths[1]}}  {b:>{widths[2]}}  {ratio:>{widths[3]}}")
    return "\n".join(lines) + "\n"


def title(result: Plain) -> str:
    """What was measured."""
    return f"{server_name(result)} ({result['scenario']['name']})"


def figures(first: Plain, second: Plain) -> Iterator[tuple[str, str, str, str]]:
    """The rows."""
    both = (first, second)
    for name in shared_histograms(first, second):
        merged = [merge(calm(result), name) for result in both]
        for percent in _PERCENTS:
            a, b = (one.percentile(percent) / 1e6 for one in merged)
            yield f"{name.replace('|', ' ')} p{percent:g}", seconds(a), seconds(b), ratio(a, b)
    for name in ("deliveries", "writes"):
        a, b = (rate(result, name) for result in both)
        yield f"{name} a second", f"{a:,.0f}", f"{b:,.0f}", ratio(a, b)
    a, b = (server_cpu(result) for result in both)
    yield "server CPU", seconds(a), seconds(b), ratio(a, b)
    a, b = (
        max((memory_of_server(one) for one in result["seconds"]), default=0) / (1 << 20) for result in both
    )
    yield "server memory, peak", f"{a:,.0f} MiB", f"{b:,.0f} MiB", ratio(a, b)
    yield from cost_figures(first, second)
    for name in ("relists", "reconnects", "ended", "repeated", "reordered"):
        counts = [total(result["phases"], name) for result in both]
        yield name, f"{counts[0]:,}", f"{counts[1]:,}", ""
    for name, words in (("missing", "events lost"), ("forgotten", "acknowledged writes lost")):
        lost = [result["check"].get(name, -1) for result in both]
        yield words, f"{lost[0]:,}", f"{lost[1]:,}", ""


def cost_figures(first: Plain, second: Plain) -> Iterator[tuple[str, str, str, str]]:
    """What watchers cost, where both have measured it."""
    for figure, words in (
        ("delivery", "CPU of a delivery to {:,} watchers"),
        ("event", "CPU of an event for one of {:,}"),
    ):
        both = [
            {one["watchers"]: one[figure] for one in result["costs"] if figure in one}
            for result in (first, second)
        ]
        for watchers in sorted(both[0].keys() & both[1].keys()):
            a, b = (one[watchers] for one in both)
            yield words.format(watchers), seconds(a), seconds(b), ratio(a, b)


def calm(result: Plain) -> list[Plain]:
    """The phases without storms and broken connections."""
    return [phase for phase in result["phases"] if not phase["storms"]]


def shared_histograms(first: Plain, second: Plain) -> list[str]:
    """Names of latencies that both have measured, watches first."""
    names = [{name for phase in calm(result) for name in phase["histograms"]} for result in (first, second)]
    return sorted(
        (one for one in names[0] & names[1] if not one.startswith("lateness")),
        key=lambda one: (one[0] != "w", one),
    )


def rate(result: Plain, counter: str) -> float:
    """A counter's mean per second over the calm phases."""
    phases = calm(result)
    length = sum(phase["end"] - phase["start"] for phase in phases)
    return total(phases, counter) / max(1e-9, float(length))


def server_cpu(result: Plain) -> float:
    """CPU seconds of the server's processes over the whole run."""
    return math.fsum(
        spent for phase in result["phases"] for name, spent in phase["cpu"].items() if not is_client(name)
    )


def ratio(a: float, b: float) -> str:
    """B as a multiple of A."""
    return f"{b / a:.2f}" if a else ""
