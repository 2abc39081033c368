"""Whether what must not grow has grown: a robust line through the stretches of a phase.

The seconds are first made few: of each stretch of equal length one figure is taken. Memory and the journal are saws (a segment is
filled and goes, garbage is collected), so theirs is the peak: that is what a machine must have, and in a stretch that holds a whole tooth it
does not depend on where the tooth began. Descriptors and lag are given by the median: their peaks are single seconds in which
connections were cut. What leaks lifts peaks and medians alike.

The line's slope is the median of the slopes between all pairs of stretches (Theil and Sen), which single outliers do not tilt. The
growth is the slope times the length of what is judged, so that a bound means the same whatever was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from watchcache.bench.record import Plain, is_client
from watchcache.bench.scenario import Flat

_POINTS = 200  # 20,000 pairs
_LEAST = 5  # stretches: fewer say nothing

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


def stretches(
    points: Sequence[Point], window: float, figure: Callable[[Iterable[float]], float]
) -> list[Point]:
    """A point for each stretch: the middle of its time, and one figure of its values.

    The whole is divided into as many equal stretches as are at least `window` seconds long, at most 200; none when it is shorter.
    """
    if not points:
        return []
    start, length = points[0][0], points[-1][0] - points[0][0]
    count = min(_POINTS, int(length / window))
    parts: list[list[float]] = [[] for _ in range(count)]
    for at, value in points if count else ():
        parts[min(count - 1, int((at - start) / length * count))].append(value)
    middles = (start + (number + 0.5) * length / count for number in range(count))
    return [(middle, figure(part)) for middle, part in zip(middles, parts, strict=True) if part]


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
            few = stretches(points, flat.window, max if name in SAWS else median)
            length = points[-1][0] - points[0][0] if points else 0.0
            rows.append(judged(name, unit, few, length, percent, least))
    return rows


def judged(name: str, unit: str, few: Sequence[Point], length: float, percent: float, least: float) -> Plain:
    """One quantity, from its stretches and the seconds of all of them. It may grow by a share of its median, or by `least` when that is more."""
    rise = slope(few)
    level = median(y for _, y in few) if few else 0.0
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

SAWS = frozenset({"memory", "journal"})
"""Judged by the peaks of the stretches, the others by their medians."""


def bounds(flat: Flat) -> dict[str, tuple[str, float, float]]:
    """By quantity: its unit, what percentage of itself it may grow by, and how much at the least."""
    return {
        "memory": ("MiB", flat.memory_percent, flat.memory_megabytes),
        "descriptors": ("", 0.0, flat.descriptors),
        "journal": ("MiB", flat.journal_percent, flat.journal_megabytes),
        "lag": ("ms", 0.0, flat.lag_milliseconds),
    }
