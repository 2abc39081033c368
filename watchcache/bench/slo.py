"""What must hold, held against what was measured: the objectives of SIG scalability, and ours.

API latencies are those of https://github.com/kubernetes/community/blob/master/sig-scalability/slos: p99 of mutating calls and of
reads of one object 1 s, of lists in a namespace 5 s, of lists over the cluster 30 s. The watch latency has no official
objective. Phases that break connections on purpose count for what must never happen (loss), not for delays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from watchcache.bench.cost import spread
from watchcache.bench.histogram import Histogram
from watchcache.bench.record import Plain, is_client
from watchcache.bench.scenario import Slo

_MUTATING = ("POST ", "PUT ", "PATCH ", "DELETE ")
_MEBI = 1 << 20


def judge(result: Plain, slo: Slo) -> list[Plain]:
    """A row for each objective: name, objective and measured value as text, whether it passed, and a note."""
    calm = [phase for phase in result["phases"] if not phase["disrupts"]]
    steady = [phase for phase in calm if not phase["storms"]]
    rows = [
        *losses(result),
        *watch_latencies(steady, slo),
        *call_latencies(steady, slo),
        *continuity(result, calm),
    ]
    return [*rows, *resources(result, steady, slo), *cost_growth(result, slo), *growths(result)]


def row(name: str, objective: str, measured: str, passed: bool, note: str = "") -> Plain:
    """One objective."""
    return {"name": name, "objective": objective, "measured": measured, "passed": passed, "note": note}


def losses(result: Plain) -> Iterator[Plain]:
    """What must never happen, not even when the server is killed."""
    check = result["check"]
    checked = f"{check.get('watches', 0):,} watches, {check.get('events', 0):,} events held against the log"
    missing, unknown = check.get("missing", -1), check.get("unknown", -1)
    yield row("events lost", "0", f"{missing:,}", missing == 0, checked)
    yield row("events nobody wrote", "0", f"{unknown:,}", unknown == 0)
    for counter, name in (("repeated", "events repeated"), ("reordered", "events out of order")):
        count = total(result["phases"], counter)
        yield row(name, "0", f"{count:,}", count == 0)
    forgotten = check.get("forgotten", -1)
    yield row(
        "acknowledged writes lost",
        "0",
        f"{forgotten:,}",
        forgotten == 0,
        f"{check.get('written', 0):,} writes checked",
    )


def watch_latencies(steady: list[Plain], slo: Slo) -> Iterator[Plain]:
    """From the sending of a write to the receipt of its event."""
    for group, objective in slo.watch.items():
        merged = merge(steady, f"watch|{group}")
        if merged.counts:
            yield latency(f"watch latency p99, {group}", merged, objective)


def call_latencies(steady: list[Plain], slo: Slo) -> Iterator[Plain]:
    """The slowest kind of call of each class."""
    labels = {
        name.removeprefix("request|")
        for phase in steady
        for name in phase["histograms"]
        if name.startswith("request|")
    }
    classes = (
        (
            "mutating calls",
            [one for one in labels if one.startswith(_MUTATING) and not one.endswith("/all")],
            slo.mutating,
        ),
        ("reads of one object", [one for one in labels if one.startswith("GET ")], slo.reading_object),
        (
            "lists in a namespace",
            [one for one in labels if one.endswith("(namespace)")],
            slo.reading_namespace,
        ),
        ("lists over the cluster", [one for one in labels if one.endswith("(cluster)")], slo.reading_cluster),
    )
    for name, members, objective in classes:
        merged = {label: merge(steady, f"request|{label}") for label in members}
        if merged:
            worst = max(sorted(merged), key=lambda label: merged[label].percentile(99))
            yield latency(f"{name} p99", merged[worst], objective, note=f"slowest: {worst}")


def continuity(result: Plain, calm: list[Plain]) -> Iterator[Plain]:
    """Watches must go on."""
    relists = total(result["phases"], "relists")
    yield row("relists", "0", f"{relists:,}", relists == 0, "in all phases")
    for counter, name in (("ended", "watches ended by the server"), ("reconnects", "connections lost")):
        count = total(calm, counter)
        yield row(name, "0", f"{count:,}", count == 0, "outside phases that disrupt")
    silent = result["check"].get("silent", -1)
    yield row("watches not live at the end", "0", f"{silent:,}", silent == 0)
    errors = {
        name.removeprefix("error|"): count
        for phase in calm
        for name, count in phase["counters"].items()
        if name.startswith("error|")
    }
    note = ", ".join(
        f"{name}: {count:,}" for name, count in sorted(errors.items(), key=lambda one: -one[1])[:3]
    )
    yield row("failed requests", "0", f"{sum(errors.values()):,}", not errors, note)


def resources(result: Plain, steady: list[Plain], slo: Slo) -> Iterator[Plain]:
    """The server's memory, and whether the clients kept their own pace."""
    peak = max((memory_of_server(second) for second in result["seconds"]), default=0) / _MEBI
    if peak:
        yield row(
            "server memory",
            f"≤ {slo.server_megabytes:,.0f} MiB",
            f"{peak:,.0f} MiB",
            peak <= slo.server_megabytes,
        )
    lateness = merge(steady, "lateness|pacing")
    if lateness.counts:
        yield latency(
            "clients behind their plan, p99",
            lateness,
            slo.pacing,
            note=f"else the clients are what is measured{_reading(steady)}",
        )


def _reading(steady: list[Plain]) -> str:
    """How late the clients read what had arrived; no watch latency contains it."""
    receiving = merge(steady, "lateness|receiving")
    return f"; they read {seconds(receiving.percentile(99) / 1e6)} late at p99" if receiving.counts else ""


def cost_growth(result: Plain, slo: Slo) -> Iterator[Plain]:
    """Cost must be proportional to deliveries, whatever the number of watchers."""
    for of, figure, name in (
        ("all", "delivery", "CPU of a delivery, most / least"),
        ("one", "event", "CPU of an event for one of N, most / least"),
    ):
        ratio, points = spread([one for one in result["costs"] if one["of"] == of], figure)
        if len(points) > 1:
            note = ", ".join(f"{watchers:,}: {seconds(value)}" for watchers, value in points)
            yield row(name, f"≤ {slo.cost:g} x", f"{ratio:.2f} x", ratio <= slo.cost, note)


def growths(result: Plain) -> Iterator[Plain]:
    """What must not grow in the long run."""
    for one in result["flat"]:
        unit = f" {one['unit']}".rstrip()
        measured = f"{one['growth']:+.3g}{unit}" if one["line"] else "not measured"
        note = f"around {one['level']:,.4g}{unit}, in {one['seconds']:,.0f} s by a robust line"
        yield row(f"growth of {one['name']}", f"≤ {one['bound']:.3g}{unit}", measured, one["passed"], note)


def memory_of_server(second: Plain) -> int:
    """Resident bytes of everything that is neither client nor coordinator."""
    return sum(bytes_ for name, bytes_ in second["memory"].items() if not is_client(name))


def server_name(result: Plain) -> str:
    """What was measured: our server, the processes that were named, or the address."""
    if result["server"]["ours"]:
        return "watchcache"
    names = {name for second in result["seconds"] for name in second["cpu"] if not is_client(name)}
    return " + ".join(sorted(names, reverse=True)) or str(result["server"]["url"])


def latency(name: str, merged: Histogram, objective: float, note: str = "") -> Plain:
    """A row of a p99."""
    measured = merged.percentile(99) / 1e6
    return row(name, f"≤ {seconds(objective)}", seconds(measured), measured <= objective, note)


def seconds(value: float) -> str:
    """A duration for people."""
    if value >= 1:
        return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"


def merge(phases: Iterable[Plain], name: str) -> Histogram:
    """One histogram over several phases of a result."""
    merged = Histogram()
    for phase in phases:
        merged.merge(counts_of(phase["histograms"].get(name, {})))
    return merged


def counts_of(counts: dict[Any, int]) -> dict[int, int]:
    """A histogram's counts; JSON made texts of the buckets' numbers."""
    return {int(bucket): count for bucket, count in counts.items()}


def total(phases: Iterable[Plain], counter: str) -> int:
    """A counter over several phases of a result."""
    return sum(phase["counters"].get(counter, 0) for phase in phases)
