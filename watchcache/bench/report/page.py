"""The page: verdict, objectives, plots, and the tables behind them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from watchcache.bench.record import Plain, is_client
from watchcache.bench.report.plots import amount, cost_plots, distribution_plots, flat_plots, time_plots
from watchcache.bench.report.style import STYLE
from watchcache.bench.slo import memory_of_server, merge, seconds, server_name, total

_MEBI = 1 << 20
_PERCENTS = (50, 90, 99, 99.9, 100)
_WORTH_DIVIDING = 100  # deliveries; fewer say nothing of what one costs


def write_report(result: Plain, path: Path) -> None:
    """Write a result's report."""
    path.write_text(render(result))


def render(result: Plain) -> str:
    """The whole document."""
    scenario = result["scenario"]
    title = f"{scenario['name']}: {server_name(result)}"
    body = [
        *head(result, title),
        "<h2>Objectives</h2>",
        objectives(result["slos"]),
        *section("What watchers cost", cost_plots(result)),
        *section("What must not grow", flat_plots(result)),
        "<h2>Over time</h2>",
        f'<div class="plots">{"".join(time_plots(result))}</div>',
        "<h2>Distributions</h2>",
        f'<div class="plots">{"".join(distribution_plots(result))}</div>',
        "<h2>Phases</h2>",
        phases(result),
        "<h2>CPU by process</h2>",
        processors(result),
        "<h2>Latencies</h2>",
        latencies(result),
        *notes(result),
        f"<details><summary>The scenario</summary><pre>{escape(json.dumps(scenario, indent=1))}</pre></details>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def section(title: str, plots: Iterable[str]) -> Iterator[str]:
    """Plots under a title, or nothing."""
    drawn = list(plots)
    if drawn:
        yield f'<h2>{title}</h2><div class="plots">{"".join(drawn)}</div>'


def head(result: Plain, title: str) -> Iterator[str]:
    """Title, circumstances, verdict and the figures to remember."""
    machine, slos = result["machine"], result["slos"]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(result["started"]))
    yield f"<h1>{escape(title)}</h1><p>{escape(result['scenario'].get('about', ''))}</p>"
    yield (
        f"<p>{when} · {machine['cpus']} CPUs shared with the clients · {escape(machine['processor'])} · "
        f"Linux {escape(machine['kernel'])} · Python {escape(machine['python'])}</p>"
    )
    failed = sum(not one["passed"] for one in slos)
    words = f"{failed} of {len(slos)} objectives missed" if failed else f"all {len(slos)} objectives held"
    yield f'<div class="verdict{" bad" if failed else ""}">{words}</div>'
    yield f'<div class="tiles">{"".join(tiles(result))}</div>'


def tiles(result: Plain) -> Iterator[str]:
    """The figures to remember."""
    every, rows = result["phases"], result["seconds"]
    deliveries, writes = total(every, "deliveries"), total(every, "writes")
    spent = sum(cpu for phase in every for name, cpu in phase["cpu"].items() if not is_client(name))
    nodes = max((row["nodes"] for row in rows), default=0)
    figures = [
        (amount(max((row["watches"] for row in rows), default=0)), "watches at once"),
        (amount(nodes), "nodes") if nodes else (f"{len(every) - 1}", "phases"),
        (amount(deliveries), "deliveries"),
        (amount(writes), "acknowledged writes"),
        (amount(max((row["deliveries"] for row in rows), default=0)), "deliveries in the best second"),
        (f"{max(map(memory_of_server, rows), default=0) / _MEBI:,.0f} MiB", "server memory, peak"),
        (seconds(spent) if spent else "-", "server CPU in all"),
        (f"{result['check'].get('missing', 0):,}", "events lost"),
    ]
    for value, label in figures:
        yield f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>'


def objectives(slos: Sequence[Plain]) -> str:
    """A row for each objective."""
    rows = []
    for slo in slos:
        mark = '<td class="mark pass">✓ pass</td>' if slo["passed"] else '<td class="mark fail">✗ fail</td>'
        rows.append(
            f"<tr><td>{escape(slo['name'])}</td>{mark}<td>{escape(slo['measured'])}</td>"
            f'<td>{escape(slo["objective"])}</td><td class="words">{escape(slo["note"])}</td></tr>'
        )
    return table(["", "", "measured", "objective", ""], rows, words=(4,))


def phases(result: Plain) -> str:
    """A row for each phase."""
    rows = []
    for phase in result["phases"]:
        length, counters = phase["end"] - phase["start"], phase["counters"]
        cpu = sum(spent for name, spent in phase["cpu"].items() if not is_client(name))
        errors = sum(count for name, count in counters.items() if name.startswith("error|"))
        resumed = merge([phase], "resume|all watches")
        cells = [
            f"{length:.1f} s",
            *(f"{counters.get(name, 0):,}" for name in ("deliveries", "writes")),
            seconds(cpu) if cpu else "-",
            f"{counters.get('reconnects', 0) + counters.get('returns', 0):,}",
            *(f"{counters.get(name, 0):,}" for name in ("relists", "ended", "gone")),
            f"{errors:,}",
            f"{seconds(resumed.percentile(50) / 1e6)} / {seconds(resumed.largest / 1e6)}"
            if resumed.counts
            else "-",
        ]
        rows.append(
            f"<tr><td>{escape(phase['name'])}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        )
    titles = [
        "", "length", "deliveries", "writes", "server CPU", "reconnects", "relists", "ended", "410", "errors", "resumed, median / last",
    ]  # fmt: skip
    return table(titles, rows)


def processors(result: Plain) -> str:
    """Who spent what in each phase, and what that is for each delivery of the phase."""
    names = sorted(
        {name for phase in result["phases"] for name in phase["cpu"]}, key=lambda one: (is_client(one), one)
    )
    rows = []
    for phase in result["phases"]:
        deliveries = phase["counters"].get("deliveries", 0)
        cells = []
        for name in names:
            spent = phase["cpu"].get(name, 0.0)
            each = (
                f" <small>{spent / deliveries * 1e6:,.1f} µs</small>" if deliveries >= _WORTH_DIVIDING else ""
            )
            cells.append(f"<td>{seconds(spent) if spent else '-'}{each}</td>")
        rows.append(f"<tr><td>{escape(phase['name'])}</td><td>{deliveries:,}</td>{''.join(cells)}</tr>")
    return table(["", "deliveries", *names], rows)


def latencies(result: Plain) -> str:
    """Percentiles of everything that was timed."""
    names = sorted(
        {name for phase in result["phases"] for name in phase["histograms"]},
        key=lambda one: (one[0] != "w", one),
    )
    rows = []
    for name in names:
        for kind, chosen in (("", False), ("storms", True)):
            merged = merge([one for one in result["phases"] if one["storms"] is chosen], name)
            if merged.counts:
                cells = [
                    f"{merged.total:,}",
                    *(seconds(merged.percentile(percent) / 1e6) for percent in _PERCENTS),
                ]
                rows.append(
                    f'<tr><td>{escape(name.replace("|", " "))}</td><td class="words">{kind}</td>'
                    f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
                )
    return table(["", "", "count", "p50", "p90", "p99", "p99.9", "max"], rows, words=(1,))


def notes(result: Plain) -> Iterator[str]:
    """What is to be known, and how times are measured."""
    yield "<h2>Notes</h2>"
    for one in result["notes"]:
        yield f"<p>{escape(one)}</p>"
    yield (
        "<p>Watch latency: from the moment a client sends a write to the moment a watcher has its event. Request latency: from the "
        "moment a request was due by the plan to its whole answer, so that waiting in the client counts. Every watch was held "
        "against the log by number and sum of revisions, every event against the order of its stream.</p>"
    )


def table(titles: Sequence[str], rows: Sequence[str], words: tuple[int, ...] = ()) -> str:
    """A table in a card."""
    heads = "".join(
        f'<th class="words">{escape(one)}</th>' if number in words else f"<th>{escape(one)}</th>"
        for number, one in enumerate(titles)
    )
    return f'<div class="card"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
