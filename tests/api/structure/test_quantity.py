"""Quantities: kube-apiserver 1.36's spelling of each, measured on the requests of a container (rounded to milli)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.structure import TypeMismatch, canonical_quantity, quantity_text

MILLI = -3
WRITTEN = {
    "0.5": "500m", "1000m": "1", "1024Mi": "1Gi", "1Ki": "1Ki", "1.5Gi": "1536Mi", "0.5Ki": "512",
    "1.1Ki": "1126400m", "1e3": "1e3", "1E3": "1E3", "1E": "1E", "1500": "1500", "1.5": "1500m", "0.1n": "1m",
    "12345678901234567890": "12345678901234567890", "0": "0", "00": "0", "+1": "+1", "1.0": "1", "1.": "1.",
    ".5": "500m", "1e-3": "1e-3", "1e-10": "1e-3", "1k": "1k", "1000k": "1M", "1E2": "100", "1e+2": "100", "1 ": "1",
    "9223372036854775808": "9223372036854775808", "8Ei": "9223372036854775807", "1u": "1m", "10000Mi": "10000Mi",
    "1.5e3": "1500", "123456e-3": "123456e-3", "0Ki": "0", "0.0": "0", "1000.0": "1k", "1e+21": "1e+21",
    "2048Ki": "2Mi", "1025Ki": "1025Ki", "1e0": "1e0", "100e1": "1e3", "0.5e1": "5", "1.23456789012": "1235m",
    "0.9Ki": "921600m", "1023.5Ki": "1048064", "1e300": "1e300", "5E-1": "500e-3", "Ki": "0",
}  # fmt: skip


@pytest.mark.parametrize(("given_text", "written"), WRITTEN.items())
def test_measured_spellings(given_text, written):
    """Each quantity comes back as kube-apiserver writes it."""
    assert canonical_quantity(given_text, MILLI) == written


@pytest.mark.parametrize("text", ["5e", "1mi", "1i", "--1", "1e99999999999"])
def test_unknown_suffixes(text):
    """A suffix that only looks like one has its own message."""
    with pytest.raises(TypeMismatch, match="unable to parse quantity's suffix"):
        canonical_quantity(text)


@pytest.mark.parametrize("text", ["", " ", "abc", "1KB", "1..2", "1e3Ki", "1 Ki", "\u0661"])
def test_what_is_no_quantity(text):
    """Everything else is refused with the regular expression."""
    with pytest.raises(TypeMismatch, match="quantities must match the regular expression"):
        canonical_quantity(text)


def test_finer_than_nano_is_rounded_up():
    """Outside of resource lists nano is the finest amount."""
    assert canonical_quantity("0.1n") == "1n"
    assert canonical_quantity("1.23456789012") == "1234567891n"


def amount(text: str) -> Fraction:
    """The value of a canonical quantity, by the definition of the suffixes."""
    binary = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
    decimal = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
    if text[-2:] in binary:
        return Fraction(text[:-2]) * 1024 ** binary[text[-2:]]
    if text[-1] in decimal:
        return Fraction(text[:-1]) * Fraction(10) ** decimal[text[-1]]
    return Fraction(text)


@given(
    st.integers(0, 8 * 10**9),  # beyond it binary amounts end at 2^63-1
    st.integers(0, 6),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-2"]),
)
def test_the_amount_stays_the_same(digits, places, suffix):
    """Writing a quantity anew changes its spelling and never its amount, down to nano; the canonical form is stable."""
    text = f"{digits // 10**places}.{digits % 10**places:0{places}}" if places else str(digits)
    written = canonical_quantity(text + suffix)
    assert abs(amount(written) - amount(text + suffix)) < Fraction(1, 10**9)
    assert amount(canonical_quantity(written)) == amount(written)
    assert canonical_quantity(canonical_quantity(written)) == canonical_quantity(written)


@pytest.mark.parametrize(
    ("number", "binary", "written"),
    [
        ("0", True, "0"), ("0.000", False, "0"), ("1.5", False, "1500m"), ("1E+3", False, "1k"), ("-2000", False, "-2k"),
        ("67108864", True, "64Mi"), ("1536", True, "1536"), ("1023", True, "1023"), ("1E+1", True, "10"), ("0.5", True, "500m"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_quantities(number: str, binary: bool, written: str):
    """Sums have a spelling, too: the canonical one of their family."""
    assert quantity_text(Decimal(number), binary=binary) == written
