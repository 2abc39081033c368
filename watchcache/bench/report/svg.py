"""Plots as SVG text: lines over time with the phases behind them, and latency by percentile. No library: three shapes suffice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 26, 24
_INNER_WIDTH, _INNER_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_GAP = 4.0  # seconds without a value that leave a line unbroken
_PERCENTILES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)

Format = Callable[[float], str]


class Line(NamedTuple):
    """One line of a plot: its name and (x, y) points in data units, by x."""

    name: str
    points: Sequence[tuple[float, float]]


class Band(NamedTuple):
    """A stretch of the time axis with a name."""

    name: str
    start: float
    end: float


class Scale(NamedTuple):
    """From data to pixels along y; logarithmic scales have no zero."""

    low: float
    high: float
    logarithmic: bool

    def y(self, value: float) -> float:
        """The pixel row of a value."""
        if self.logarithmic:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return _TOP + _INNER_HEIGHT * (1 - min(1.0, share))

    def marks(self) -> list[float]:
        """Round values between the ends."""
        if self.logarithmic:
            powers = range(
                math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1
            )
            return [10.0**power for power in powers]
        step = round_step(self.high / 4)
        return [step * n for n in range(int(self.high / step + 1e-9) + 1)]


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def scale_for(lines: Sequence[Line], *, logarithmic: bool) -> Scale:
    """A scale that holds all points, with round ends."""
    values = [y for line in lines for _, y in line.points]
    if logarithmic:
        positive = [value for value in values if value > 0] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(positive)))
        high = 10.0 ** math.ceil(math.log10(max(positive)))
        return Scale(low, high if high > low else low * 10, logarithmic=True)
    high = max(values, default=1.0) or 1.0
    step = round_step(high / 4)
    return Scale(0.0, step * math.ceil(high / step - 1e-9), logarithmic=False)


def thinned(points: Sequence[tuple[float, float]], most: int = 360) -> list[tuple[float, float]]:
    """A long line with at most about so many points: the lowest and the highest of each stretch, so that no peak is lost."""
    if len(points) <= most:
        return list(points)
    step = -(-2 * len(points) // most)
    kept: list[tuple[float, float]] = []
    for at in range(0, len(points), step):
        part = points[at : at + step]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


def over_time(
    title: str, lines: Sequence[Line], bands: Sequence[Band], show: Format, *, logarithmic: bool = False
) -> str:
    """Lines over seconds, the phases as bands with their names."""
    lines = [line._replace(points=thinned(line.points)) for line in lines]
    end = max((band.end for band in bands), default=1.0) or 1.0
    scale = scale_for(lines, logarithmic=logarithmic)

    def x(value: float) -> float:
        return _LEFT + _INNER_WIDTH * min(1.0, max(0.0, value / end))

    parts = [*band_shapes(bands, x), *grid(scale, show)]
    step = round_step(end / 8)
    parts += [
        text(x(step * n), HEIGHT - 8, f"{step * n:g} s", "middle") for n in range(int(end / step + 1e-9) + 1)
    ]
    gap = max(_GAP, end / 50)
    return figure(title, lines, [*parts, *curves(lines, x, scale, show, lambda at: f"{at:.0f} s", gap=gap)])


def by_count(title: str, lines: Sequence[Line], show: Format, what: str) -> str:
    """Values against a number that grows by powers of ten; from zero, so that what is proportional looks level."""
    scale = scale_for(lines, logarithmic=False)
    counts = [x for line in lines for x, _ in line.points]
    low, high = math.log10(min(counts)), math.log10(max(counts)) + 0.1

    def x(count: float) -> float:
        return _LEFT + _INNER_WIDTH * (math.log10(count) - low) / (high - low)

    parts = [*grid(scale, show)]
    parts += [text(x(count), HEIGHT - 8, f"{count:,.0f}", "middle") for count in sorted(set(counts))]
    parts.append(text(WIDTH - _RIGHT, _TOP - 8, what, "end"))
    shapes = curves(lines, x, scale, show, lambda count: f"{count:,.0f} {what}", marked=True)
    return figure(title, lines, [*parts, *shapes])


def by_percentile(title: str, lines: Sequence[Line], show: Format) -> str:
    """Latency against the share of what was no slower; the axis stretches towards 1, where the slow ones are."""
    scale = scale_for(lines, logarithmic=True)
    longest = -math.log10(1 - _PERCENTILES[-1])

    def x(share: float) -> float:
        return _LEFT + _INNER_WIDTH * min(1.0, -math.log10(max(1 - share, 1e-9)) / longest)

    parts = [*grid(scale, show)]
    for share in _PERCENTILES:
        at = x(share)
        parts.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_TOP + _INNER_HEIGHT}"/>'
        )
        parts.append(text(at, HEIGHT - 8, f"p{share * 100:g}" if share else "min", "middle"))
    return figure(title, lines, [*parts, *curves(lines, x, scale, show, lambda share: f"p{share * 100:.4g}")])


def band_shapes(bands: Sequence[Band], x: Callable[[float], float]) -> Iterator[str]:
    """Every other phase shaded; names where there is room for them, and always as a tooltip."""
    for number, band in enumerate(bands):
        left, right = x(band.start), x(band.end)
        shade = "band odd" if number % 2 else "band"
        yield (
            f'<rect class="{shade}" x="{left:.1f}" y="{_TOP}" width="{max(0.0, right - left):.1f}" height="{_INNER_HEIGHT}">'
            f"<title>{escape(band.name)}</title></rect>"
        )
        if right - left > 6.2 * len(band.name):
            yield text((left + right) / 2, _TOP + 11, band.name, "middle", "phase")


def grid(scale: Scale, show: Format) -> Iterator[str]:
    """Horizontal lines with their values."""
    for mark in scale.marks():
        y = scale.y(mark)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield text(_LEFT - 6, y + 4, show(mark), "end")


def curves(
    lines: Sequence[Line],
    x: Callable[[float], float],
    scale: Scale,
    show: Format,
    show_x: Format,
    *,
    marked: bool = False,
    gap: float = math.inf,
) -> Iterator[str]:
    """The lines, with a tooltip at each point; few points are marked. No line goes over a longer `gap` of x: nothing was measured there."""
    dot = "dot marked" if marked else "dot"
    for number, line in enumerate(lines):
        at = [(x(a), scale.y(b)) for a, b in line.points]
        yield f'<path class="line c{number % 6}" d="{path_through(line.points, at, gap)}"/>'
        for (a, b), (left, top) in zip(line.points, at, strict=True):
            yield (
                f'<circle class="{dot} c{number % 6}" cx="{left:.1f}" cy="{top:.1f}" r="4">'
                f"<title>{escape(line.name)}: {escape(show(b))} at {escape(show_x(a))}</title></circle>"
            )


def path_through(points: Sequence[tuple[float, float]], at: Sequence[tuple[float, float]], gap: float) -> str:
    """An SVG path through the pixels `at` of the points, broken where two are further apart than the gap. Two points are a line by themselves."""
    parts: list[str] = []
    for index, (left, top) in enumerate(at):
        broken = index == 0 or (len(points) > 2 and points[index][0] - points[index - 1][0] > gap)
        parts.append(f"{'M' if broken else 'L'}{left:.1f},{top:.1f}")
    return " ".join(parts)


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    """A label."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def figure(title: str, lines: Sequence[Line], parts: Sequence[str]) -> str:
    """A titled plot with its legend."""
    named = lines if len(lines) > 1 else ()  # of one, the title says what it is
    keys = "".join(
        f'<span class="key"><i class="c{number % 6}"></i>{escape(line.name)}</span>'
        for number, line in enumerate(named)
    )
    return (
        f"<figure><figcaption>{escape(title)}{keys}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )
