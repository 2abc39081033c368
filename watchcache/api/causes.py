"""The causes of a 422 in kube-apiserver's words: one constructor for each kind of fault a field can have.

Source: apimachinery/pkg/util/validation/field/errors.go. Values are shown as JSON, texts in Go's quotes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from watchcache.api.quoting import quoted
from watchcache.api.status import Cause


def invalid(field: str, value: Any, problem: str) -> Cause:
    """The value does not have the form or the range that the field wants."""
    text = f"Invalid value: {shown(value)}"
    return Cause("FieldValueInvalid", f"{text}: {problem}" if problem else text, field)


def each_invalid(field: str, value: Any, problems: Collection[str]) -> list[Cause]:
    """One cause for each thing that is wrong with the value."""
    return [invalid(field, value, problem) for problem in problems] if problems else []


def immutable(field: str, value: Any) -> Cause:
    """The value may not change after the object was created."""
    return invalid(field, value, "field is immutable")


def required(field: str, problem: str = "") -> Cause:
    """The field must have a value."""
    return Cause("FieldValueRequired", f"Required value: {problem}" if problem else "Required value", field)


def forbidden(field: str, problem: str) -> Cause:
    """The field may not be set, or not now."""
    return Cause("FieldValueForbidden", f"Forbidden: {problem}", field)


def not_supported(field: str, value: Any, supported: Sequence[str]) -> Cause:
    """The value is none of the words that there are."""
    words = ", ".join(f'"{word}"' for word in supported)
    return Cause(
        "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {words}", field
    )


def not_found(field: str, value: Any) -> Cause:
    """The value names something that is not there."""
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def duplicate(field: str, value: Any) -> Cause:
    """The value is there twice where it may be there once."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def too_long(field: str, limit: int) -> Cause:
    """The value has more bytes than the limit."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """The list has more items than the limit."""
    noun = "item" if limit == 1 else "items"
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} {noun}", field)


def shown(value: Any) -> str:
    """A value as messages show it."""
    if isinstance(value, str):
        return quoted(value)
    text = msgspec.json.encode(value).decode()
    if isinstance(value, dict | list):  # within JSON Go escapes what HTML would take for its own
        for character in "<>&":
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text
