"""An apply patch merged into the document that is stored: what it states counts, all else stays.

Lists that are not atomic are merged item by item, and what the patch has keeps the patch's order. Neither argument is changed.
Source: structured-merge-diff typed/merge.go.
"""

from __future__ import annotations

from typing import Any

from watchcache.api.fields.shapes import ABSENT, DEDUCED, Misfit, Shape


def merge(live: Any, config: Any, shape: Shape) -> Any:
    """The merged document. Raises Misfit for a stored list whose items have no keys."""
    merged = _merge(live, config, shape)
    return {} if merged is ABSENT else merged


def _merge(live: Any, config: Any, shape: Shape) -> Any:
    """The merged value; ABSENT for a list or map that would be empty."""
    if config is ABSENT:
        return live
    kind = shape.kind_of(config)
    if kind == "scalar" or (shape.atomic_map if kind == "map" else shape.atomic_list):
        return config
    held = dict if kind == "map" else list
    one, other = (value if isinstance(value, held) else None for value in (live, config))
    if not one and not other:
        return config
    if kind == "map":
        return _merge_maps(one or {}, other or {}, shape)
    return _merge_lists(one or [], other or [], shape)


def _merge_maps(live: Any, config: Any, shape: Shape) -> Any:
    out = {}
    for name in (*live, *(name for name in config if name not in live)):
        value = _merge(live.get(name, ABSENT), config.get(name, ABSENT), shape.member(name) or DEDUCED)
        if value is not ABSENT:
            out[name] = value
    return out or ABSENT


def _merge_lists(live: Any, config: Any, shape: Shape) -> Any:
    """The walk of merge.go: both lists at once, and items that both have where the patch has them."""
    ours, theirs = _elements(live, shape), _elements(config, shape)
    before = _by_element(ours, live)
    after = dict(zip(theirs, config, strict=True))
    shared = iter([element for element in theirs if element in before])
    due = next(shared, None)  # the next of those that both have, in the patch's order
    item = shape.item
    out: list[Any] = []
    done: set[str] = set()
    left = right = 0
    while left < len(ours) or right < len(theirs):
        if left < len(ours) and right < len(theirs):
            element = ours[left]
            if element == theirs[right]:
                done.add(element)
                _append(out, before[element], after[element], item)
                left, right, due = left + 1, right + 1, next(shared, None)
                continue
            if element in after and due is not None and due != element:
                left += 1  # it has its turn where the patch has it
                continue
        if left < len(ours):
            element = ours[left]
            if element not in after:
                _append(out, live[left], ABSENT, item)
                left += 1
                continue
            if element in done:
                left += 1
        if right < len(theirs):
            element = theirs[right]
            done.add(element)
            _append(out, before.get(element, ABSENT), after[element], item)
            right += 1
            if due == element:
                due = next(shared, None)
    return out or ABSENT


def _append(out: list[Any], live: Any, config: Any, item: Shape) -> None:
    merged = _merge(live, config, item)
    if merged is not ABSENT:
        out.append(merged)


def _elements(items: Any, shape: Shape) -> list[str]:
    found = []
    for index, each in enumerate(items):
        try:
            found.append(shape.item_element(each))
        except Misfit as error:
            raise Misfit([f"element {index}: {error}"]) from None
    return found


def _by_element(found: list[str], items: Any) -> dict[str, Any]:
    """Items by element; one that is there twice is not merged with what the patch has."""
    made: dict[str, Any] = {}
    for element, each in zip(found, items, strict=True):
        made[element] = None if element in made else each
    return made
