"""The fields that a document states: what an applier owns by sending it.

Scalars, atomic lists and maps, and empty maps are fields; of a list that is not atomic each item is one, too; so is a map's key
that no struct names. A struct that has something in it is none by itself. Source: structured-merge-diff typed/tofieldset.go.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from watchcache.api.fields.sets import FieldSet, Path
from watchcache.api.fields.shapes import DEDUCED, Shape


def fields_of(document: Any, shape: Shape) -> FieldSet:
    """The set of fields of a document; items that are there twice are one field without any below it. Raises Misfit for lists whose items have no keys."""
    made = FieldSet()
    _collect(document, shape, (), made)
    return made


def _collect(value: Any, shape: Shape, path: Path, made: FieldSet) -> None:
    kind = shape.kind_of(value)
    if kind == "scalar" or (shape.atomic_map if kind == "map" else shape.atomic_list):
        made.insert(path)
    elif value is None:
        return
    elif kind == "map":
        for name, inner in value.items():
            own = (*path, f"f:{name}")
            _collect(inner, shape.member(name) or DEDUCED, own, made)
            if inner is None or inner == {} or not shape.named(name):
                made.insert(own)
    else:
        item = shape.item
        found = [shape.item_element(inner) for inner in value]
        often = Counter(found)
        for element, inner in zip(found, value, strict=True):
            made.insert((*path, element))
            if often[element] == 1:
                _collect(inner, item, (*path, element), made)
