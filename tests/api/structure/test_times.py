"""Times: any zone in, UTC out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.structure import TypeMismatch, canonical_micro_time, canonical_time

MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1))  # noqa: DTZ001 (zones are drawn beside it)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, ZONES)
def test_times_are_given_back_in_utc_without_fractions(moment, zone):
    """The moment stays the same up to its second."""
    moment = moment.replace(tzinfo=zone)
    expected = moment.replace(microsecond=0).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    assert canonical_time(moment.isoformat()) == expected


@given(MOMENTS, ZONES)
def test_micro_times_keep_six_digits(moment, zone):
    """Nothing of a micro time is lost."""
    text = moment.replace(tzinfo=zone).isoformat(timespec="microseconds")
    assert datetime.fromisoformat(canonical_micro_time(text)) == moment.replace(tzinfo=zone)


@pytest.mark.parametrize(
    "text", ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.12345Z", "2020-01-01T00:00:00.1234567Z"]
)
def test_micro_times_need_exactly_six_digits(text):
    """Fewer and more digits are refused, as kube-apiserver does."""
    with pytest.raises(TypeMismatch, match="cannot parse"):
        canonical_micro_time(text)


def test_years_beyond_the_calendar_are_refused():
    """What Python cannot hold is an error of the client, not ours."""
    for text in ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"):
        with pytest.raises(TypeMismatch, match="year out of range"):
            canonical_time(text)
