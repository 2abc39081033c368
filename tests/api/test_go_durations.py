"""Durations as Go reads them."""

from __future__ import annotations

import pytest

from watchcache.api.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("1h2m3s", 3723), ("300ms", 0.3), ("-1.5h", -5400), ("0", 0), ("+.5s", 0.5), ("1us", 1e-6)],
)
def test_durations(text: str, seconds: float):
    """Numbers with units, added up."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("1", 'time: missing unit in duration "1"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
    ],
)
def test_bad_durations_are_explained_as_go_does(text: str, message: str):
    """The error is Go's, because clients see it."""
    with pytest.raises(ValueError) as raised:
        parse_duration(text)
    assert str(raised.value) == message
