"""What differs between two documents, as three sets of fields: removed, modified, added.

Atomic lists and maps differ as a whole. A place that only one side has is added or removed itself, and so is all below it; unlike in
`owned`, structs and maps count as places here. Source: structured-merge-diff typed/compare.go.
"""

from __future__ import annotations

from typing import Any

from watchcache.api.fields.sets import FieldSet, Path
from watchcache.api.fields.shapes import ABSENT, DEDUCED, Shape


class Comparison:
    """Fields that only the old document has, that both have with different values, and that only the new one has."""

    __slots__ = ("added", "modified", "removed")

    def __init__(self) -> None:
        self.removed = FieldSet()
        self.modified = FieldSet()
        self.added = FieldSet()

    def __bool__(self) -> bool:
        return bool(self.removed or self.modified or self.added)

    def without(self, ignored: FieldSet) -> Comparison:
        """The comparison without some fields and what is below them."""
        if not ignored:
            return self
        made = Comparison()
        made.removed = self.removed.without(ignored)
        made.modified = self.modified.without(ignored)
        made.added = self.added.without(ignored)
        return made

    @property
    def changed(self) -> FieldSet:
        """What the new document has otherwise: modified and added."""
        return self.modified.union(self.added)


def compare(old: Any, new: Any, shape: Shape) -> Comparison:
    """The differences of two documents of one shape. Raises Misfit for lists whose items have no keys."""
    made = Comparison()
    _compare(old, new, shape, (), made)
    return made


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON has it: a boolean is no number, 1.0 is 1."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _compare(old: Any, new: Any, shape: Shape, path: Path, made: Comparison) -> None:
    if old is new or (
        type(old) is type(new) and old == new
    ):  # most of what a write does not change, at the interpreter's speed
        return
    kinds = {shape.kind_of(value) for value in (old, new) if value is not ABSENT}
    leaf = False
    for kind in sorted(kinds):
        leaf = _compare_as(kind, old, new, shape, path, made)
    if not leaf:  # it was walked: the place itself
        if old is ABSENT:
            made.added.insert(path)
        elif new is ABSENT:
            made.removed.insert(path)


def _compare_as(kind: str, old: Any, new: Any, shape: Shape, path: Path, made: Comparison) -> bool:
    """Compare as one kind of value; whether it is a leaf, of which nothing more is to be said."""
    if kind == "scalar":
        _leaf(old, new, path, made)
        return True
    atomic = shape.atomic_map if kind == "map" else shape.atomic_list
    held = dict if kind == "map" else list
    one, other = (value if isinstance(value, held) else None for value in (old, new))
    if atomic or (not one and not other):
        _leaf(old, new, path, made)
        return True
    if kind == "map":
        _compare_maps(one or {}, other or {}, shape, path, made)
    else:
        _compare_lists(one or [], other or [], shape, path, made)
    return False


def _leaf(old: Any, new: Any, path: Path, made: Comparison) -> None:
    if old is ABSENT:
        made.added.insert(path)
    elif new is ABSENT:
        made.removed.insert(path)
    elif not same(old, new):
        made.modified.insert(path)


def _compare_maps(old: Any, new: Any, shape: Shape, path: Path, made: Comparison) -> None:
    for name in old.keys() | new.keys():
        one, other = old.get(name, ABSENT), new.get(name, ABSENT)
        _compare(one, other, shape.member(name) or DEDUCED, (*path, f"f:{name}"), made)


def _compare_lists(old: Any, new: Any, shape: Shape, path: Path, made: Comparison) -> None:
    """Items are found by their elements; those that are there twice are compared together, as one value."""
    before, after = _by_element(old, shape), _by_element(new, shape)
    item = shape.item
    for element in before.keys() | after.keys():
        one, other = before.get(element, []), after.get(element, [])
        own = (*path, element)
        if len(one) <= 1 and len(other) <= 1:
            _compare(one[0] if one else ABSENT, other[0] if other else ABSENT, item, own, made)
        elif len(one) > 1 and len(other) > 1:
            if not same(one, other):
                made.modified.insert(own)
        elif len(one) > 1:
            if other:
                _compare(ABSENT, other[0], item, own, made)
            made.removed.insert(own)
        else:
            if one:
                _compare(one[0], ABSENT, item, own, made)
            made.added.insert(own)


def _by_element(items: Any, shape: Shape) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for each in items:
        found.setdefault(shape.item_element(each), []).append(each)
    return found
