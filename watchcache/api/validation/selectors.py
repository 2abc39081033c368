"""Label selectors that stand in objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.label_selector import selector_text
from watchcache.api.meta import label_causes
from watchcache.api.selectors import parse_labels
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document

_WITH_VALUES: Final = frozenset({"In", "NotIn"})
_WITHOUT_VALUES: Final = frozenset({"Exists", "DoesNotExist"})


def selector_causes(selector: Document, field: str) -> Iterator[Cause]:
    """What is wrong with a selector's terms."""
    yield from label_causes(selector.get("matchLabels"), f"{field}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _expression(expression, f"{field}.matchExpressions[{index}]")


def _expression(expression: Document, field: str) -> Iterator[Cause]:
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    if operator in _WITH_VALUES:
        if not values:
            yield causes.required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in _WITHOUT_VALUES:
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield causes.forbidden(f"{field}.values", text)
    else:
        yield causes.invalid(f"{field}.operator", operator, "not a valid selector operator")
    key = expression.get("key", "")
    for problem in names.label_key(key):
        yield causes.invalid(f"{field}.key", key, problem)
    for index, value in enumerate(values):
        for problem in names.label_value(value):
            yield causes.invalid(f"{field}.values[{index}]", value, problem)


def selects(selector: Document, found: Any) -> bool:
    """Whether a selector without faults, and with terms, matches labels."""
    return bool(selector) and parse_labels(selector_text(selector)).matches(found or {})
