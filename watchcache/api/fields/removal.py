"""A document without some of its fields. Source: structured-merge-diff typed/remove.go."""

from __future__ import annotations

from typing import Any

from watchcache.api.fields.sets import FieldSet
from watchcache.api.fields.shapes import DEDUCED, Shape


def remove(document: Any, fields: FieldSet, shape: Shape) -> Any:
    """The document without the members of a set and what is below them; None for a map or list of which nothing is left.

    The argument is not changed. Nothing below an atomic list or map can be taken away: such a one goes as a whole.
    """
    kind = shape.kind_of(document)
    if kind == "map":
        return _remove_members(document, fields, shape)
    if kind == "list":
        return _remove_items(document, fields, shape)
    return document


def _remove_members(value: Any, fields: FieldSet, shape: Shape) -> Any:
    if not value or not isinstance(value, dict) or shape.atomic_map:
        return None
    left = {}
    for name, inner in value.items():
        element = f"f:{name}"
        if element in fields.members:
            continue
        below = fields.children.get(element)
        left[name] = inner if below is None else remove(inner, below, shape.member(name) or DEDUCED)
    return left or None


def _remove_items(value: Any, fields: FieldSet, shape: Shape) -> Any:
    if not value or not isinstance(value, list) or shape.atomic_list:
        return None
    left = []
    for inner in value:
        element = shape.item_element(inner)
        if element in fields.members:
            continue
        below = fields.children.get(element)
        kept = inner if below is None else remove(inner, below, shape.item)
        if kept is not None:
            left.append(kept)
    return left or None
