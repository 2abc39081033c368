"""Query parameters as Go reads them."""

from __future__ import annotations

import pytest

from watchcache.http.query import first, is_true, parse_query


def test_the_first_of_repeated_values_counts():
    """Repeated parameters keep their order; readers take the first."""
    query = parse_query("a=1&a=2&b=x%20y+z")
    assert query["a"] == ["1", "2"]
    assert first(query, "a") == "1"
    assert first(query, "b") == "x y z"
    assert first(query, "absent") == ""


def test_pairs_that_do_not_decode_are_dropped():
    """A bad escape or a semicolon loses its pair and nothing else."""
    assert parse_query("limit=%zz&a;b=1&c=2") == {"c": ["2"]}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("watch", True),
        ("watch=", True),
        ("watch=f", True),
        ("watch=0", False),
        ("watch=FALSE", False),
        ("", False),
        ("watch=0&watch=1", False),
    ],
)
def test_booleans_are_true_unless_they_say_no(raw: str, value: bool):
    """Only `0` and `false` in any case are false."""
    assert is_true(parse_query(raw), "watch") is value
