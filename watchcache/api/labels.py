"""Label selectors as values: requirements, matching, equality.

Requirements are sorted and their values too, so that selectors that were written in another order, with `==` for `=` or with `in` of one
value, compare equal: watches with equal selectors share their work. Source: apimachinery/pkg/labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_NO_LABELS: Final[dict[str, str]] = {}


class Operator(StrEnum):
    """What a requirement asks of a label."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"
    GREATER = "gt"
    LESS = "lt"


_IN, _NOT_IN = Operator.IN, Operator.NOT_IN
_EXISTS, _DOES_NOT_EXIST = Operator.EXISTS, Operator.DOES_NOT_EXIST


class Requirement(msgspec.Struct, frozen=True, order=True):
    """One term of a label selector; `values` are sorted and without repeats."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets the term."""
        value, operator = labels.get(self.key), self.operator
        if operator is _IN:
            return value in self.values
        if operator is _NOT_IN:
            return value not in self.values
        if operator is _EXISTS:
            return value is not None
        if operator is _DOES_NOT_EXIST:
            return value is None
        return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        number, bound = as_int64(value or ""), as_int64(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == Operator.GREATER else number < bound


class LabelSelector(msgspec.Struct, frozen=True):
    """Requirements that must all be met; none of them matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels (None: none) is selected."""
        labels = _NO_LABELS if labels is None else labels
        for requirement in self.requirements:  # noqa: SIM110 - a generator would cost more than the look-ups
            if not requirement.matches(labels):
                return False
        return True

    def requires(self, key: str) -> str | None:
        """The only value that the label may have, None when there are others or none."""
        return next((r.values[0] for r in self.requirements if r.key == key and _is_exact(r)), None)


def _is_exact(requirement: Requirement) -> bool:
    return requirement.operator == Operator.IN and len(requirement.values) == 1


def as_int64(text: str) -> int | None:
    """The decimal int64 in a text, None when it is not one (strconv.ParseInt)."""
    if not _INTEGER.fullmatch(text) or len(text) > 64:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None
