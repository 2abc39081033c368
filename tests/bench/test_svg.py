"""The shapes of the plots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchcache.bench.report.svg import Line, by_count, over_time, path_through, thinned


def test_a_line_is_broken_where_nothing_was_measured():
    """And begins with a move, whatever the gap."""
    points = [(0.0, 1.0), (1.0, 1.0), (9.0, 1.0), (10.0, 1.0)]
    assert path_through(points, points, gap=2).count("M") == 2
    assert path_through(points, points, gap=float("inf")) == "M0.0,1.0 L1.0,1.0 L9.0,1.0 L10.0,1.0"


def test_two_points_are_a_line():
    """The ends of what was judged, however far apart."""
    points = [(0.0, 1.0), (900.0, 1.0)]
    assert path_through(points, points, gap=2).count("M") == 1


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5000))
def test_a_long_line_keeps_its_peaks(values: list[float]):
    """An hour of seconds is drawn with some hundred points; the highest and the lowest are among them."""
    points = [(float(x), y) for x, y in enumerate(values)]
    few = thinned(points)
    assert len(few) <= 362
    assert max(y for _, y in few) == max(values)
    assert min(y for _, y in few) == min(values)
    assert [x for x, _ in few] == sorted(x for x, _ in few)


def test_counts_are_marked_and_named():
    """Each number of watchers stands on the axis."""
    drawn = by_count("cost", [Line("cpu", [(1, 1.0), (50_000, 1.1)])], str, "watchers")
    assert ">50,000<" in drawn
    assert drawn.count("marked") == 2


def test_a_single_line_needs_no_legend():
    """The title says what it is."""
    line = Line("deliveries", [(0.0, 1.0), (1.0, 2.0)])
    assert "key" not in over_time("Deliveries", [line], [], str)
    assert over_time("Two", [line, line], [], str).count('class="key"') == 2
