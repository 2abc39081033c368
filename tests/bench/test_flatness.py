"""The robust line, and what it judges."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.bench.flatness import flatness, slope, stretches
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


HOUR = 2700  # seconds of the hour that are judged
BOUNDS = {"after": 0, "window": 300, "memory_percent": 5, "journal_percent": 5}  # the soak's


def saw(length: int, tooth: float, begun: float, low: float, high: float, leak: float = 0.0) -> list[float]:
    """A saw whose first tooth had begun so long before; leak: a second."""
    return [low + (high - low) * ((at + begun) % tooth) / tooth + leak * at for at in range(length)]


@given(st.floats(5, 200), st.floats(0, 200), st.floats(100, 160))
def test_a_tooth_of_the_hour_is_flat_wherever_it_began(tooth: float, begun: float, high: float):
    """Segments fill and go, memory follows; whatever the phase in which the judgement begins and ends."""
    teeth = saw(HOUR, tooth, begun, 100, high)
    judged = verdicts(result(teeth, journal=[value * MIB for value in teeth]), **BOUNDS)
    assert judged["memory"]
    assert judged["journal"]


@given(st.floats(5, 200), st.floats(0, 200), st.floats(100, 160))
def test_a_mebibyte_a_minute_is_a_leak_in_the_hour(tooth: float, begun: float, high: float):
    """Under any saw, in memory and in the journal."""
    teeth = saw(HOUR, tooth, begun, 100, high, leak=1 / 60)
    judged = verdicts(result(teeth, journal=[value * MIB for value in teeth]), **BOUNDS)
    assert not judged["memory"]
    assert not judged["journal"]


def test_a_leak_that_begins_late_is_seen():
    """After a third of what is judged."""
    memory = [150 + max(0, at - HOUR / 3) / 60 for at in range(HOUR)]
    assert not verdicts(result(memory), **BOUNDS)["memory"]


def test_one_high_stretch_is_no_growth():
    """A snapshot, many lists at once: it goes away again."""
    memory = [150.0 + (80 if 1200 <= at < 1300 else 0) for at in range(HOUR)]
    assert verdicts(result(memory), **BOUNDS)["memory"]


def test_too_few_stretches_prove_nothing():
    """However flat: five windows are needed."""
    assert not verdicts(result([100.0] * 1400), **BOUNDS)["memory"]
    assert verdicts(result([100.0] * 1502), **BOUNDS)["memory"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=1000), st.floats(1, 100))
def test_stretches_keep_the_range_and_the_order(values: list[float], window: float):
    """Each is at least as long as the window; the highest peak is the highest of all."""
    points = [(float(x), y) for x, y in enumerate(values)]
    few = stretches(points, window, max)
    assert len(few) <= max(1, (len(values) - 1) / window)
    assert [x for x, _ in few] == sorted(x for x, _ in few)
    assert all(later - x >= window * 0.999 for (x, _), (later, _) in itertools.pairwise(few))
    if few:
        assert max(y for _, y in few) == max(values)
