"""Which plots a result gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from watchcache.bench.flatness import VALUES
from watchcache.bench.histogram import Histogram
from watchcache.bench.record import Plain, is_client
from watchcache.bench.report.svg import Band, Line, by_count, by_percentile, over_time
from watchcache.bench.slo import counts_of, merge, seconds

_SHOWN = 6  # lines in one plot
_MEBI = 1 << 20


def time_plots(result: Plain) -> Iterator[str]:
    """What happened when."""
    rows, bands = result["seconds"], bands_of(result)

    def one(name: str, value: Callable[[Plain], float | None]) -> Line:
        return Line(name, [(row["at"], found) for row in rows if (found := value(row)) is not None])

    def latency(key: str) -> Callable[[Plain], float | None]:
        return lambda row: row[key] / 1e6 if key in row else None

    for kind, title in (
        ("watch", "Watch latency, without replays and hindered readers"),
        ("request", "Request latency, all verbs"),
    ):
        lines = [one("p50", latency(f"{kind} p50")), one("p99", latency(f"{kind} p99"))]
        yield over_time(title, lines, bands, seconds, logarithmic=True)
    yield over_time("Deliveries a second", [one("deliveries", lambda row: row["deliveries"])], bands, amount)
    yield over_time("Writes a second", [one("writes", lambda row: row["writes"])], bands, amount)
    for key, title, show, unit in (
        ("cpu", "CPU by process", lambda share: f"{share:.0%}", 1.0),
        ("memory", "Resident memory by process", lambda mebi: f"{mebi:,.0f} MiB", _MEBI),
    ):
        lines = [one(name, grouped(key, name, unit)) for name in process_names(result)]
        yield over_time(title, lines, bands, show)
    yield over_time("Live watches", [one("watches", lambda row: row["watches"])], bands, amount)
    if any(row["nodes"] for row in rows):
        yield over_time("Connected nodes", [one("nodes", lambda row: row["nodes"])], bands, amount)


def cost_plots(result: Plain) -> Iterator[str]:
    """What watchers cost the server, by their number; nothing for a scenario that does not ask."""

    def line(name: str, of: str, figure: str) -> Line:
        found = [one for one in result["costs"] if one["of"] == of and figure in one]
        return Line(name, [(one["watchers"], one[figure]) for one in found])

    def latency(percent: float) -> Line:
        points = [
            (one["watchers"], Histogram(counts_of(one["latency"])).percentile(percent) / 1e6)
            for one in result["costs"]
            if one["of"] == "one" and one["latency"]
        ]
        return Line(f"p{percent:g}", points)

    for title, lines in (
        (
            "Server CPU of a delivery, every event to every watcher, the writes included",
            [line("CPU", "all", "delivery")],
        ),
        ("Server CPU of an event for one of N watchers, its write included", [line("CPU", "one", "event")]),
        ("Latency of an event for one of N watchers, its write included", [latency(50), latency(99)]),
    ):
        if any(one.points for one in lines):
            yield by_count(title, lines, seconds, "watchers")


def flat_plots(result: Plain) -> Iterator[str]:
    """What must not grow, with the line that was judged; nothing for a scenario that does not ask."""
    rows, bands = result["seconds"], bands_of(result)
    for judged in result["flat"]:
        value = VALUES[judged["name"]]
        points = [(row["at"], found) for row in rows if (found := value(row)) is not None]
        lines = [
            Line(judged["name"], points),
            Line("what was judged", [tuple(one) for one in judged["line"]]),
        ]
        title = f"{judged['name'].capitalize()}{', ' + judged['unit'] if judged['unit'] else ''}: {judged['growth']:+.3g} of at most {judged['bound']:.3g}"
        yield over_time(title, lines, bands, lambda value: f"{value:,.4g}")


def process_names(result: Plain) -> list[str]:
    """The server's processes by name, and the harness as one."""
    names = {name for row in result["seconds"] for name in row["cpu"] if not is_client(name)}
    return [*sorted(names), "clients"]


def grouped(key: str, name: str, unit: float) -> Callable[[Plain], float | None]:
    """A process's value in a row; `clients` are all that belong to the harness."""

    def value(row: Plain) -> float | None:
        if name == "clients":
            return float(sum(found for one, found in row[key].items() if is_client(one))) / unit
        return row[key][name] / unit if name in row[key] else None

    return value


def bands_of(result: Plain) -> list[Band]:
    """The phases."""
    return [Band(phase["name"], phase["start"], phase["end"]) for phase in result["phases"]]


def distribution_plots(result: Plain) -> Iterator[str]:
    """How slow the slow ones were, outside storms and disruptions."""
    calm = [phase for phase in result["phases"] if not phase["storms"]]
    for kind, title in (
        ("watch", "Watch latency by group"),
        ("request", "Request latency by verb and resource"),
    ):
        names = {name for phase in calm for name in phase["histograms"] if name.startswith(f"{kind}|")}
        merged = {name.partition("|")[2]: merge(calm, name) for name in names}
        busiest = sorted(merged, key=lambda name: -merged[name].total)[:_SHOWN]
        lines = [Line(name, thinned(merged[name])) for name in busiest]
        if lines:
            yield by_percentile(f"{title}, without storms", lines, seconds)


def thinned(histogram: Histogram) -> list[tuple[float, float]]:
    """The curve in (share, seconds), without the points that no eye could tell apart."""
    points: list[tuple[float, float]] = []
    for share, top in histogram.curve():
        point = (min(share, 0.9999), max(top, 1) / 1e6)
        if not points or point[1] > points[-1][1] * 1.05 or share >= 1:
            points.append(point)
    return points


def amount(value: float) -> str:
    """A count for people."""
    return (
        f"{value / 1e6:,.2f}M"
        if value >= 1e6
        else f"{value / 1000:,.0f}k"
        if value >= 10_000
        else f"{value:,.0f}"
        if value >= 10 or value == int(value)
        else f"{value:g}"
    )
