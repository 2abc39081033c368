"""Quantities: `500m`, `1Gi`, `1e3`, and the one spelling in which kube-apiserver gives each back.

Rules (source: the documentation of Kubernetes' resource.Quantity; details measured on kube-apiserver 1.36):
- The canonical spelling has no fraction, no digits lost, and the largest suffix of the family it was written in: decimal, binary
  or exponent. Binary amounts below 1024 and with a fraction are written in the decimal family.
- What is already canonical keeps its text (`+1`, `1E3`).
- Anything finer than nano is rounded up, in the resource lists of requests, limits and capacities anything finer than milli;
  binary amounts end at 2^63-1.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from watchcache.api.structure.places import Decode, Place, Problems, TypeMismatch

_SHAPE: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)",
    re.ASCII,
)
_EXPONENT: Final = re.compile(r"[eE][-+]?[0-9]+", re.ASCII)
_DECIMAL: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_NAMES: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_NAMES: Final = ["", *_BINARY]
_NANO: Final = -9
_MILLI: Final = -3
_LARGEST_BINARY: Final = 2**63 - 1
_LONGEST_EXPONENT: Final = 4  # digits: a longer one would make numbers of megabytes

_WRONG_FORMAT: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_WRONG_SUFFIX: Final = "unable to parse quantity's suffix"


def _decoder(finest: int) -> Decode:
    def decode(value: Any, _place: Place, _problems: Problems) -> str:
        if type(value) is str:
            return canonical_quantity(value, finest)
        if type(value) in (int, float):
            return canonical_quantity(repr(value), finest)
        raise TypeMismatch(_WRONG_FORMAT)

    return decode


decode_quantity: Final = _decoder(_NANO)
decode_resource: Final = _decoder(_MILLI)
"""A quantity in a resource list."""


@lru_cache(maxsize=4096)
def canonical_quantity(text: str, finest: int = _NANO) -> str:
    """The quantity as kube-apiserver writes it, with no digits below 10**finest; TypeMismatch with its message when it is none."""
    text = text.strip()
    match = _SHAPE.fullmatch(text)
    if match is None or not text:
        raise TypeMismatch(_WRONG_FORMAT)
    sign, whole, fraction, suffix = match.groups("")
    digits = int((whole + fraction) or "0")
    binary = _BINARY.get(suffix)
    exponent = _decimal_exponent(suffix) if binary is None else 0
    if digits == 0:
        return "0"
    if binary is None:
        mantissa, scale = _decimal(digits, exponent - len(fraction), finest)
        unchanged = not fraction and (mantissa, scale) == (digits, exponent)
        written = _decimal_text(mantissa, scale, exponential=suffix[:1] in ("e", "E") and suffix != "E")
    else:
        written = _binary_text(digits * 1024**binary, len(fraction), finest)
        unchanged = written == f"{digits}{suffix}" and not fraction
    return text if unchanged else ("-" if sign == "-" else "") + written


def quantity_text(amount: Decimal, *, binary: bool = False) -> str:
    """The canonical text of a number, in the binary or the decimal family."""
    sign, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int), "an amount is finite"
    mantissa = int("".join(map(str, digits)))
    if not mantissa:
        return "0"
    if binary:
        whole = mantissa * 10 ** max(exponent, 0)
        written = _binary_text(whole, max(-exponent, 0), _NANO)
    else:
        written = _decimal_text(*_decimal(mantissa, exponent, _NANO), exponential=False)
    return f"-{written}" if sign else written


def _decimal_exponent(suffix: str) -> int:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    if _EXPONENT.fullmatch(suffix) is None or len(suffix) > _LONGEST_EXPONENT + 2:
        raise TypeMismatch(_WRONG_SUFFIX)
    return int(suffix[1:])


def _decimal(mantissa: int, scale: int, finest: int) -> tuple[int, int]:
    """The amount with the largest scale that is a multiple of three and not below `finest`."""
    if scale < finest:
        mantissa, scale = -(-mantissa // 10 ** (finest - scale)), finest
    mantissa, scale = mantissa * 10 ** (scale % 3), scale - scale % 3
    while mantissa % 1000 == 0:
        mantissa, scale = mantissa // 1000, scale + 3
    return mantissa, scale


def _decimal_text(mantissa: int, scale: int, *, exponential: bool) -> str:
    if exponential:
        return f"{mantissa}e{scale}" if scale else str(mantissa)
    if scale > _DECIMAL["E"]:
        mantissa, scale = mantissa * 10 ** (scale - _DECIMAL["E"]), _DECIMAL["E"]
    return f"{mantissa}{_DECIMAL_NAMES[scale]}"


def _binary_text(amount: int, fraction_digits: int, finest: int) -> str:
    """The text of `amount / 10**fraction_digits` bytes."""
    whole, rest = divmod(amount, 10**fraction_digits)
    if rest or whole < 1024:
        return _decimal_text(*_decimal(amount, -fraction_digits, finest), exponential=False)
    whole = min(whole, _LARGEST_BINARY)
    power = 0
    while whole % 1024 == 0 and power < len(_BINARY):
        whole, power = whole // 1024, power + 1
    return f"{whole}{_BINARY_NAMES[power]}"
