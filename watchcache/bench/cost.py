"""What a delivery costs the server, by the number of watchers.

From the phases that a scenario marks with `costs`: `all`, in which every event goes to every watcher, `one`, in which it goes to one
of them, and `idle`, in which nothing happens: what the server spends on so many connections and timers anyway is not the events' doing.

A write costs something whether one watcher is told or fifty thousand. So the `all` phase with the fewest watchers says what a
write costs with these few deliveries, and a delivery costs what each further one adds:
(cpu - writes * cpu of such a write) / (deliveries - deliveries of such writes). The plain quotient is given beside it.
Bookmarks, which come when they are due and not with an event, are deliveries; where they are not what is measured (`one`), as many
deliveries are subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from watchcache.bench.record import Plain, is_client

_FEW = 10  # watchers; a phase with more is no measure of the write alone


def costs(phases: Iterable[Plain]) -> list[Plain]:
    """A row for each `all` and `one`, by number of watchers. CPU is in seconds; what could not be computed is left out of the row."""
    marked = [cost_of(phase) for phase in phases if phase["costs"] is not None]
    idle = {row["watchers"]: row for row in marked if row["of"] == "idle"}
    rows = [row for row in marked if row["of"] != "idle"]
    for row in rows:
        if (anyway := idle.get(row["watchers"])) is not None:
            subtract(row, anyway)
    everyone = sorted((row for row in rows if row["of"] == "all"), key=lambda row: row["watchers"])
    base = everyone[0] if everyone and everyone[0]["watchers"] <= _FEW else None
    for row in everyone:
        add_delivery(row, base)
    deliveries = {row["watchers"]: row["delivery"] for row in everyone if "delivery" in row}
    for row in rows:
        if row["of"] == "one" and row["writes"]:
            bookmarks = row["bookmarks"] * deliveries.get(row["watchers"], 0.0)
            row["event"] = (row["cpu"] - bookmarks) / row["writes"]
    return sorted(rows, key=lambda row: (row["of"], row["watchers"]))


def cost_of(phase: Plain) -> Plain:
    """What one phase spent, and on how much."""
    by_process = {name: spent for name, spent in phase["cpu"].items() if not is_client(name)}
    latency = phase["histograms"].get("watch|one") or {}
    return {
        **phase["costs"],
        "seconds": phase["end"] - phase["start"],
        "cpu": math.fsum(by_process.values()),
        "by process": by_process,
        "deliveries": phase["counters"].get("deliveries", 0),
        "bookmarks": phase["counters"].get("bookmarks", 0),
        "writes": phase["counters"].get("writes", 0),
        "latency": latency,
    }


def subtract(row: Plain, anyway: Plain) -> None:
    """Take out what would have been spent, and delivered, had nothing happened."""
    share = row["seconds"] / anyway["seconds"]
    row["idle cpu"] = anyway["cpu"] * share
    for figure in ("cpu", "deliveries", "bookmarks"):
        row[figure] -= anyway[figure] * share


def add_delivery(row: Plain, base: Plain | None) -> None:
    """CPU for each delivery: plain, and without what a write costs that hardly anybody is told of."""
    if row["deliveries"]:
        row["plain delivery"] = row["cpu"] / row["deliveries"]
    if base is None or row is base or not base["writes"]:
        return
    write, told = base["cpu"] / base["writes"], base["deliveries"] / base["writes"]
    further = row["deliveries"] - row["writes"] * told
    if further > 0:
        row["delivery"] = (row["cpu"] - row["writes"] * write) / further


def spread(rows: Iterable[Plain], figure: str) -> tuple[float, list[tuple[int, float]]]:
    """(the most over the least, points by number of watchers) of a figure; (0, []) when it was not measured."""
    points = [(row["watchers"], row[figure]) for row in rows if figure in row]
    values = [value for _, value in points]
    if not values or min(values) <= 0:
        return (math.inf if values else 0.0), points
    return max(values) / min(values), points
