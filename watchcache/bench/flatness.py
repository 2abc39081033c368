"""Whether what must not grow has grown: a robust line through the seconds of a phase.

The line's slope is the median of the slopes between all pairs of points (Theil and Sen): single outliers, such as a collection of
garbage or a snapshot, do not tilt it, and a saw's teeth even out. Many seconds are first made few by the median of
stretches of equal length. The growth is the slope times the length of what is judged, so that a bound means the same whatever was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from watchcache.bench.record import Plain, is_client
from watchcache.bench.scenario import Flat

_POINTS = 200  # 20,000 pairs
_LEAST = 5  # points: fewer say nothing

Point = tuple[float, float]


def slope(points: Sequence[Point]) -> float:
    """The median of the slopes of all pairs; 0 for fewer than two points."""
    slopes = [
        (b - a) / (then - now)
        for index, (now, a) in enumerate(points)
        for then, b in points[index + 1 :]
        if then > now
    ]
    return median(slopes) if slopes else 0.0


def thinned(points: Sequence[Point], most: int = _POINTS) -> list[Point]:
    """At most so many points, each the medians of a stretch."""
    step = -(-len(points) // most) or 1
    stretches = [points[at : at + step] for at in range(0, len(points), step)]
    return [(median(x for x, _ in part), median(y for _, y in part)) for part in stretches]


def flatness(result: Plain, flat: Flat) -> list[Plain]:
    """A row for each quantity that was sampled: its line, its growth and the bound, in the quantity's unit."""
    phase = next((one for one in result["phases"] if one["name"] == flat.phase), None)
    if phase is None:
        return []
    start = phase["start"] + flat.after
    seconds = [row for row in result["seconds"] if start <= row["at"] <= phase["end"]]
    rows = []
    for name, (unit, percent, least) in bounds(flat).items():
        points = [(row["at"], found) for row in seconds if (found := VALUES[name](row)) is not None]
        if points or name != "journal":  # nobody knows where the server keeps it
            rows.append(judged(name, unit, points, percent, least))
    return rows


def judged(name: str, unit: str, points: Sequence[Point], percent: float, least: float) -> Plain:
    """One quantity. It may grow by a share of its median, or by `least` when that is more."""
    few = thinned(points)
    rise = slope(few)
    level = median(y for _, y in few) if few else 0.0
    length = few[-1][0] - few[0][0] if few else 0.0
    bound = max(level * percent / 100, least)
    return {
        "name": name, "unit": unit, "level": level, "seconds": length, "growth": rise * length, "bound": bound,
        "passed": len(few) >= _LEAST and rise * length <= bound,
        "line": [(few[0][0], line_at(few, rise, few[0][0])), (few[-1][0], line_at(few, rise, few[-1][0]))] if few else [],
    }  # fmt: skip


def line_at(points: Sequence[Point], rise: float, at: float) -> float:
    """The line's value: it goes through the median of what is left when the slope is taken off."""
    return rise * at + median(y - rise * x for x, y in points)


def of_server(row: Plain, key: str) -> float:
    """The sum over the server's processes."""
    return float(sum(value for name, value in row[key].items() if not is_client(name)))


VALUES: dict[str, Callable[[Plain], float | None]] = {
    "memory": lambda row: of_server(row, "memory") / (1 << 20),
    "descriptors": lambda row: of_server(row, "descriptors"),
    "journal": lambda row: row["journal"] / (1 << 20) if "journal" in row else None,
    "lag": lambda row: row["watch p50"] / 1e3 if "watch p50" in row else None,
}
"""What is judged, from a second's row; None: it was not measured in that second."""


def bounds(flat: Flat) -> dict[str, tuple[str, float, float]]:
    """By quantity: its unit, what percentage of itself it may grow by, and how much at the least."""
    return {
        "memory": ("MiB", flat.memory_percent, flat.memory_megabytes),
        "descriptors": ("", 0.0, flat.descriptors),
        "journal": ("MiB", flat.journal_percent, flat.journal_megabytes),
        "lag": ("ms", 0.0, flat.lag_milliseconds),
    }
