"""The robust line, and what it judges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.bench.flatness import flatness, slope, thinned
from watchcache.bench.scenario import Flat

MIB = 1 << 20


def result(memory: list[float], **more: list[float]) -> dict[str, Any]:
    """A run of one phase, a second for each value; memory in MiB."""
    seconds = []
    for at, mebi in enumerate(memory):
        row: dict[str, Any] = {
            "at": float(at),
            "memory": {"server": mebi * MIB, "clients 0": at * MIB},
            "descriptors": {"server": 50, "clients 0": at},
        }
        row.update({name: values[at] for name, values in more.items()})
        seconds.append(row)
    return {"phases": [{"name": "churn", "start": 0.0, "end": float(len(memory))}], "seconds": seconds}


def verdicts(measured: dict[str, Any], **bounds: float) -> dict[str, bool]:
    """Who passed."""
    flat = Flat(phase="churn", **{"after": 10, **bounds})
    return {row["name"]: row["passed"] for row in flatness(measured, flat)}


@given(st.floats(-5, 5), st.floats(-100, 100), st.integers(3, 40))
def test_a_straight_line_has_its_slope(rise: float, start: float, length: int):
    """Whatever it is."""
    points = [(float(x), start + rise * x) for x in range(length)]
    assert slope(points) == pytest.approx(rise, abs=1e-6)


def test_outliers_do_not_tilt_the_line():
    """A fifth of the points far off, all at the end."""
    points = [(float(x), 10.0) for x in range(40)] + [(float(x), 500.0) for x in range(40, 50)]
    assert slope(points) == 0


def test_what_levels_off_after_the_warm_up_is_flat():
    """Caches fill, then stay."""
    filling = [50.0 + min(at, 10) * 10 for at in range(100)]
    assert verdicts(result(filling))["memory"]


def test_what_goes_on_growing_is_not():
    """A leak of a tenth in the time."""
    assert not verdicts(result([100 + at * 0.1 for at in range(100)]))["memory"]


def test_the_clients_may_grow():
    """It is the server that is judged: memory and descriptors of the clients grow in every one of these runs."""
    assert verdicts(result([100.0] * 100)) == {"memory": True, "descriptors": True, "lag": False}


def test_a_saw_is_flat_and_a_rising_saw_is_not():
    """A journal grows and is cut."""
    teeth = [(at % 20) * MIB * 3.0 + 200 * MIB for at in range(200)]
    rising = [value + at * MIB for at, value in enumerate(teeth)]
    assert verdicts(result([100.0] * 200, journal=teeth))["journal"]
    assert not verdicts(result([100.0] * 200, journal=rising))["journal"]


def test_lag_that_rises_is_seen():
    """In the seconds' medians, which are microseconds."""
    rising = [1000.0 + at * 1000 for at in range(100)]
    assert not verdicts(result([100.0] * 100, **{"watch p50": rising}))["lag"]
    assert verdicts(result([100.0] * 100, **{"watch p50": [1000.0] * 100}))["lag"]


def test_too_few_seconds_prove_nothing():
    """A run that was cut off does not pass."""
    assert not verdicts(result([100.0] * 13))["memory"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=1000))
def test_thinning_keeps_the_range_and_the_order(values: list[float]):
    """Medians of stretches."""
    points = [(float(x), y) for x, y in enumerate(values)]
    few = thinned(points, 50)
    assert len(few) <= 50
    assert [x for x, _ in few] == sorted(x for x, _ in few)
    assert min(values) <= min(y for _, y in few) <= max(y for _, y in few) <= max(values)
