"""How durations read, on both sides of each step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.printers.durations import DAY, HOUR, MINUTE, YEAR, human_duration, seconds_of, since


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (-0.5, "0s"),
        (0, "0s"),
        (1.9, "1s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 1, "2m1s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR + MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY + HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 15 * DAY, "2y15d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR + DAY, "8y"),
    ],
)
def test_steps(seconds, expected):
    """Each step changes the unit where kube-apiserver's does."""
    assert human_duration(seconds) == expected


@given(st.floats(min_value=0, max_value=200 * YEAR))
def test_reads_back_within_a_day_or_its_step(seconds):
    """The text never says more than the duration, and misses less than a year of it."""
    units = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}
    told, number = 0, ""
    for letter in human_duration(seconds):
        if letter.isdigit():
            number += letter
        else:
            told, number = told + int(number) * units[letter], ""
    assert told <= seconds < told + YEAR


@pytest.mark.parametrize("timestamp", [None, "", "yesterday", 5])
def test_no_time_is_unknown(timestamp):
    """What is no timestamp has an unknown age."""
    assert since(timestamp, 1000.0) == "<unknown>"


def test_timestamps_have_fractions_and_zones():
    """Timestamps are read with microseconds and with any offset."""
    assert seconds_of("1970-01-01T00:00:01.500000Z") == 1.5
    assert seconds_of("1970-01-01T01:00:00+01:00") == 0
