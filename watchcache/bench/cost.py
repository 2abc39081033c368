"""What a delivery costs the server, by the number of watchers.

From the phases that a scenario marks with `costs`: `all`, in which every event goes to every watcher, `one`, in which it goes to one
of them, and `idle`, in which nothing happens: what the server spends on so many connections and timers anyway is not the events' doing.

A delivery costs all that the server spent in an `all` phase by what was delivered: the writes are in it. (Subtracting what a write
costs that hardly anybody is told of was tried: such a write wakes an idle process, which costs as much as a hundred deliveries and
differs by as much from run to run.) So that the writes are a small part of it also where few are told of each, a scenario lets
them come fast: as many deliveries a second in each phase.
Bookmarks, which come when they are due and not with an event, are deliveries; where they are not what is measured (`one`), as many
deliveries are subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from watchcache.bench.record import Plain, is_client


def costs(phases: Iterable[Plain]) -> list[Plain]:
    """A row for each `all` and `one`, by number of watchers. CPU is in seconds; what could not be computed is left out of the row."""
    marked = [cost_of(phase) for phase in phases if phase["costs"] is not None]
    idle = {row["watchers"]: row for row in marked if row["of"] == "idle"}
    rows = [row for row in marked if row["of"] != "idle"]
    for row in rows:
        if (anyway := idle.get(row["watchers"])) is not None:
            subtract(row, anyway)
    for row in rows:
        if row["of"] == "all" and row["deliveries"]:
            row["delivery"] = row["cpu"] / row["deliveries"]
    deliveries = {row["watchers"]: row["delivery"] for row in rows if "delivery" in row}
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


def spread(rows: Iterable[Plain], figure: str) -> tuple[float, list[tuple[int, float]]]:
    """(the most over the least, points by number of watchers) of a figure; (0, []) when it was not measured."""
    points = [(row["watchers"], row[figure]) for row in rows if figure in row]
    values = [value for _, value in points]
    if not values or min(values) <= 0:
        return (math.inf if values else 0.0), points
    return max(values) / min(values), points
