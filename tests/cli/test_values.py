"""Go's notations of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.cli.flags import readable_duration
from watchcache.cli.values import chance, duration, modes, networks, ports, seconds, size, workers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1h0m0s", 3600),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("-2s", -2),
        ("1h30m", 5400),
        (".5s", 0.5),
        ("3us", 3e-6),
    ],
)
def test_durations_are_gos(text: str, seconds: float):
    """All units and their sums."""
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "1d", "--1s", "-+1s", "1h 2m"])
def test_what_go_refuses_is_refused(text: str):
    """No unit, unknown units and spaces."""
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@given(st.integers(min_value=1, max_value=10**7))
def test_readable_durations_are_read_back(milliseconds: int):
    """What the help prints is what the flag takes."""
    assert duration(readable_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("1Ki", 1024), ("2Gi", 2 << 30), ("1M", 1000000)])
def test_sizes_have_binary_and_decimal_units(text: str, number: int):
    """As Kubernetes' quantities."""
    assert size(text) == number


@pytest.mark.parametrize("text", ["0", "1", "256", "auto"])
def test_a_number_of_workers(text: str):
    """A number, or what this machine can use."""
    assert workers(text) == int(text) if text != "auto" else workers(text) >= 0


@pytest.mark.parametrize("text", ["-1", "257", "many", "", "1.5"])
def test_no_number_of_workers(text: str):
    """Anything else is refused."""
    with pytest.raises(ValueError, match="neither auto nor a number from 0 to 256"):
        workers(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30000-32767", "30000-32767"),
        ("30000+10", "30000-30010"),
        ("80", "80-80"),
        (" 1 - 2 ", "1-2"),
        ("65535", "65535-65535"),
    ],
)
def test_ranges_of_ports_are_written_as_kube_apiservers(text: str, expected: str):
    """Both ends belong to it."""
    assert ports(text) == expected


@pytest.mark.parametrize("text", ["", "x", "30000-", "30000-29999", "0-10", "65000-65536", "-5", "1-2-3"])
def test_what_is_no_range_of_ports_is_refused(text: str):
    """Nothing, half a range, one that ends before it begins or beyond the ports."""
    with pytest.raises(ValueError, match=r"range of ports|must begin"):
        ports(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("10.0.0.9/24", "10.0.0.0/24"),
        ("10.0.0.0/24, fd00::/108", "10.0.0.0/24,fd00::/108"),
    ],
)
def test_networks_may_be_of_two_families(text: str, expected: str):
    """Dual-stack, the preferred family first."""
    assert networks(text) == expected


@pytest.mark.parametrize(
    "text", ["", "10", "10.0.0.0/24,10.1.0.0/24", "10.0.0.0/24,fd00::/108,fd01::/108", "10.0.0.0/24,"]
)
def test_other_networks_are_refused(text: str):
    """Two of one family, three, half a list."""
    with pytest.raises(ValueError, match=r"is not a network|no more"):
        networks(text)


def test_seconds_and_chances_have_bounds():
    """kube-apiserver's."""
    assert (seconds("0"), chance("0.02"), chance("0")) == (0, 0.02, 0.0)
    with pytest.raises(ValueError, match="negative"):
        seconds("-1")
    for text in ("0.021", "-0.1", "often", "nan"):
        with pytest.raises(ValueError, match="is not a chance"):
            chance(text)


def test_modes_of_authorization():
    """In their order."""
    assert modes("Node,RBAC") == ("Node", "RBAC")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one of"),
        ("RBAC,Rbac", '"Rbac" is not a valid mode; the modes are AlwaysAllow, AlwaysDeny, Node, RBAC'),
        ("RBAC,Node,RBAC", '"RBAC" is there more than once'),
        ("Node,RBAC,Webhook", '"Webhook" is not here'),
        ("ABAC", '"ABAC" is not here'),
    ],
)
def test_wrong_modes_are_refused(text: str, problem: str):
    """Above all those that would forbid something if they were here."""
    with pytest.raises(ValueError, match=problem):
        modes(text)
