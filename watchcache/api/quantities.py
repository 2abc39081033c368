"""Kubernetes quantities as numbers: `500m`, `1Gi`, `1e3`. Their spelling is `structure.quantity`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate(("K", "M", "G", "T", "P", "E"), 1)},
}


def quantity(text: Any) -> Decimal:
    """A quantity as a number; 0 for what is missing or none (the structure check refuses those before)."""
    if text is None:
        return Decimal(0)
    written = str(text)
    digits = written.rstrip("numkKMGTPEi")
    try:
        return Decimal(digits) * _SUFFIXES.get(written[len(digits) :], Decimal(1))
    except InvalidOperation:
        return Decimal(written) if _is_number(written) else Decimal(0)


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True
