"""What a delivery costs, from the phases of a result."""

from __future__ import annotations

from typing import Any

import pytest

from watchcache.bench.compare import cost_figures
from watchcache.bench.cost import costs, spread
from watchcache.bench.scenario import Slo
from watchcache.bench.slo import cost_growth

WRITE, DELIVERY, EVENT = 1e-3, 10e-6, 2e-3  # seconds


def phase(of: str, watchers: int, writes: int = 0, delivery: float = DELIVERY) -> dict[str, Any]:
    """A phase of ten seconds on a server whose costs are known."""
    told, bookmarks = writes * watchers if of == "all" else writes, watchers // 6
    cpu = writes * EVENT if of == "one" else writes * WRITE + told * delivery
    cpu += bookmarks * delivery
    return {
        "name": of,
        "start": 5.0,
        "end": 15.0,
        "costs": {"of": of, "watchers": watchers},
        "cpu": {"server": cpu / 4, "server worker 1": cpu * 3 / 4, "clients 0": 99.0, "coordinator": 9.0},
        "counters": {"writes": writes, "bookmarks": bookmarks, "deliveries": told + bookmarks},
        "histograms": {"watch|one": {7: writes}} if of == "one" else {},
    }


def test_a_delivery_has_its_part_of_the_write_and_bookmarks_are_deliveries():
    """All that was spent, by all that was delivered; of an event for one the bookmarks are not a part."""
    phases = [{"costs": None}, phase("all", 100, 500), phase("all", 1000, 50), phase("one", 100, 1000)]
    rows = {(row["of"], row["watchers"]): row for row in costs(phases)}
    assert rows["all", 100]["delivery"] == pytest.approx(WRITE * 500 / 50_016 + DELIVERY)
    assert rows["all", 1000]["delivery"] == pytest.approx(WRITE * 50 / 50_166 + DELIVERY)
    assert rows["one", 100]["event"] == pytest.approx(
        EVENT, rel=1e-3
    )  # a bookmark is taken to cost what a delivery does
    assert rows["one", 100]["latency"] == {7: 1000}


def test_what_is_spent_when_nothing_happens_is_subtracted():
    """For as long as the phase took, and at its number of watchers; what was delivered then is not the events' either."""
    counters = {"writes": 0, "bookmarks": 10, "deliveries": 10}
    idle = {**phase("idle", 100), "end": 25.0, "cpu": {"server": 0.5, "clients 0": 1.0}, "counters": counters}
    phases = [phase("all", 1, 1000), phase("all", 100, 500), phase("one", 100, 1000)]
    plain, less = costs(phases), costs([*phases, idle])
    assert [row["of"] for row in less] == ["all", "all", "one"]
    for figure, expected in (("cpu", [0, 0.25, 0.25]), ("deliveries", [0, 5, 5]), ("bookmarks", [0, 5, 5])):
        taken = [before[figure] - after[figure] for before, after in zip(plain, less, strict=True)]
        assert taken == pytest.approx(expected)


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (1.25, True), (1.5, False)])
def test_a_cost_that_grows_fails_the_objective(factor: float, passed: bool):
    """Most over least, against the scenario's bound."""
    rows = costs([phase("all", 1000, 100), phase("all", 10_000, 10, delivery=DELIVERY * factor)])
    (verdict,) = cost_growth({"costs": rows}, Slo())
    assert verdict["passed"] is passed
    assert "10,000" in verdict["note"]


def test_two_results_are_compared_where_both_have_measured():
    """By number of watchers."""
    phases = [phase("all", 100, 100), phase("all", 10_000, 10), phase("one", 100, 100)]
    other = [phase("all", 10_000, 10, delivery=2 * DELIVERY), phase("all", 1000, 10)]
    rows = list(cost_figures({"costs": costs(phases)}, {"costs": costs(other)}))
    assert rows == [("CPU of a delivery to 10,000 watchers", "10 µs", "20 µs", "1.99")]


def test_a_cost_below_zero_is_no_pass():
    """When noise exceeds what was measured, nothing is proved."""
    ratio, points = spread([{"watchers": 1, "x": -1.0}, {"watchers": 2, "x": 1.0}], "x")
    assert ratio == float("inf")
    assert len(points) == 2
