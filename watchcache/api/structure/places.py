"""Where in a document a value stands, and how errors name it.

A place is a chain of pairs `(outer place, step)`, made on the way down; text is made only for what is wrong. A step is the `Field` that was
entered, a list index (int) or a map key (str). Two spellings are needed: strict decoding's `spec.containers[0].name`, and
encoding/json's `spec.containers.ProbeHandler.httpGet`, which knows embedded structs and leaves out indexes and keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from watchcache.api.json_text import TYPE_NAMES

Problems: TypeAlias = list[str]
Decode: TypeAlias = Callable[[Any, "Place", Problems], Any]
"""Checks and normalises one value (never None); unknown fields go to the problems, a wrong type raises `TypeMismatch`."""


class Field:
    """A struct's field: what decoding needs of it, found by its JSON name."""

    __slots__ = ("decode", "go_path", "keeps_empty", "name", "owner", "plain")

    def __init__(
        self, owner: str, name: str, embedded: str, plain: type | None, keeps_empty: bool, decode: Decode
    ) -> None:
        """`owner` is the struct's Go name, `embedded` ends with a dot; values of the type `plain` need no decoding."""
        self.owner = owner
        self.name = name
        self.go_path = embedded + name
        self.plain = plain
        self.keeps_empty = keeps_empty
        self.decode = decode


Place: TypeAlias = "tuple[Place, Field | int | str] | None"


class TypeMismatch(Exception):
    """A value does not fit its Go type.

    `message` is worded as encoding/json does for bodies, `restored` as the conversion does after a strategic merge patch.
    """

    def __init__(self, message: str, restored: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.restored = restored or message


def strict_path(place: Place, last: str) -> str:
    """`spec.containers[0].bogus` for the field `last` of the object at the place."""
    parts = []
    for step in _steps(place):
        if type(step) is int:
            parts.append(f"[{step}]")
        else:
            parts.append("." + (step.name if isinstance(step, Field) else str(step)))
    return ("".join(parts) + "." + last)[1:]


def unfit(value: Any, place: Place, go_type: str, target: str = "scalar") -> TypeMismatch:
    """The mismatch of a value at a place. `target` is struct, slice, map or scalar."""
    fields = [step for step in _steps(place) if isinstance(step, Field)]
    path = ".".join(field.go_path for field in fields)
    owner = fields[-1].owner if fields else ""
    literal = f" {value!r}" if go_type in _NUMBERS and type(value) in (int, float) else ""
    message = f"json: cannot unmarshal {TYPE_NAMES[type(value)]}{literal} into Go struct field {owner}.{path} of type {go_type}"
    return TypeMismatch(message, _restored(value, go_type, target))


def _steps(place: Place) -> Iterator[Field | int | str]:
    """The steps from the document inwards."""
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return reversed(steps)


_NUMBERS: Final = frozenset({"int32", "int64", "uint8", "float64"})
_GO_KINDS: Final[dict[type, str]] = {
    str: "string", bool: "bool", int: "int64", float: "float64", list: "slice", dict: "map",
}  # fmt: skip


def _restored(value: Any, go_type: str, target: str) -> str:
    kind = _GO_KINDS[type(value)]
    if target == "struct":
        return f"cannot restore struct from: {kind}"
    if target != "scalar":
        return f"cannot restore {target} from {kind}"
    if type(value) in (bool, int, float):
        return f"cannot convert {kind} to {go_type}"
    return f"unrecognized type: {go_type}"
