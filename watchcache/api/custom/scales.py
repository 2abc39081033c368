"""The scale of a custom resource: where its definition says that replicas and selector are.

Source: apiextensions-apiserver pkg/registry/customresource/{etcd,validator}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes
from watchcache.api.custom.structural import Document
from watchcache.api.status import Cause

_GO_TYPES: Final = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    dict: "map[string]interface {}",
    type(None): "<nil>",
}
_MOST: Final = 2**31 - 1


class Unfit(ValueError):
    """What stands at a path, or on the way to it, is of another type."""


def number_at(document: Document, path: str) -> int | None:
    """The whole number at a path like `.spec.replicas`; None when nothing is there. Raises Unfit."""
    found: int | None = _at(document, path, int, "int64")
    return found


def text_at(document: Document, path: str) -> str | None:
    """The text at a path; None when nothing is there. Raises Unfit."""
    found: str | None = _at(document, path, str, "string")
    return found


def _at(document: Document, path: str, wanted: type, named: str) -> Any:
    value: Any = document
    steps = path.removeprefix(".").split(".")
    for index, step in enumerate(steps):
        if type(value) is not dict:
            raise _unfit(steps[:index], value, "map[string]interface{}")
        if step not in value:
            return None
        value = value[step]
    if type(value) is not wanted:
        raise _unfit(steps, value, named)
    return value


def _unfit(steps: list[str], value: Any, wanted: str) -> Unfit:
    text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    return Unfit(
        f".{'.'.join(steps)} accessor error: {text} is of the type {_GO_TYPES[type(value)]}, expected {wanted}"
    )


def with_number(document: Document, path: str, number: int) -> Document:
    """The document with a number at a path; the argument is not changed."""
    step, _, rest = path.removeprefix(".").partition(".")
    if not rest:
        return {**document, step: number}
    inner = document.get(step)
    return {**document, step: with_number(inner if isinstance(inner, dict) else {}, rest, number)}


def check_scale(document: Document, scale: Document, *, only_status: bool = False) -> Iterator[Cause]:
    """What is wrong at the paths of a scale."""
    if not only_status:
        yield from _number_causes(document, scale["specReplicasPath"])
    selector = scale.get("labelSelectorPath")
    if selector:
        try:
            text_at(document, selector)
        except Unfit as fault:
            yield causes.invalid(selector, "", str(fault))
    yield from _number_causes(document, scale["statusReplicasPath"])


def _number_causes(document: Document, path: str) -> Iterator[Cause]:
    try:
        number = number_at(document, path) or 0
    except Unfit as fault:
        yield causes.invalid(path, 0, str(fault))
        return
    if number < 0:
        yield causes.invalid(path, number, "should be a non-negative integer")
    elif number > _MOST:
        yield causes.invalid(path, number, f"should be less than or equal to {_MOST}")
