"""What a custom resource's document loses when it comes in: fields that its schema does not have, and nulls that it does not allow.

Source: apiextensions-apiserver pkg/apiserver/schema/{pruning,defaulting}; order and paths of the warnings measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

from typing import Any, Final

from watchcache.api.custom.structural import Document, Node, below

DEEPEST: Final = 150
"""Levels that an instance may have: everything that looks at one calls itself, several frames for each."""
_TYPE_AND_METADATA: Final = frozenset({"apiVersion", "kind", "metadata"})


def prune(document: Document, schema: Node) -> list[str]:
    """Drop what the schema does not have, in place; returns the dropped fields' paths, sorted (`spec.ports[0].bogus`)."""
    found: list[str] = []
    _prune(document, schema, "", True, found)
    return sorted(found)


def _prune(value: Any, node: Node, path: str, is_resource: bool, found: list[str]) -> None:
    if type(value) is dict:
        _prune_object(value, node, path, is_resource, found)
    elif type(value) is list and node.items is not None:
        for index, item in enumerate(value):
            _prune(item, node.items, f"{path}[{index}]", node.items.embedded, found)


def _prune_object(value: Document, node: Node, path: str, is_resource: bool, found: list[str]) -> None:
    for name in list(value):
        if is_resource and name in _TYPE_AND_METADATA:
            continue
        child = node.child(name)
        if child is not None:
            _prune(value[name], child, below(path, name), child.embedded, found)
        elif not node.preserves:
            del value[name]
            found.append(below(path, name))


def drop_nulls(value: Any, node: Node) -> None:
    """Drop, in place, the fields that are null and may not be: to JSON clients they are absent."""
    if type(value) is dict:
        for name in list(value):
            child = node.child(name)
            if child is None:
                continue
            if value[name] is None and not child.nullable:
                del value[name]
            else:
                drop_nulls(value[name], child)
    elif type(value) is list and node.items is not None:
        for item in value:
            drop_nulls(item, node.items)


def copied(value: Any, room: int = DEEPEST) -> Any:
    """A copy of a JSON value with whole numbers as such: Go writes 2.0 as 2, and what no int64 holds with a fraction.

    Raises RecursionError for what lies deeper than there is room for.
    """
    kind = type(value)
    if kind is dict or kind is list:
        if not room:
            raise RecursionError
        if kind is list:
            return [item if type(item) in _PLAIN else copied(item, room - 1) for item in value]
        return {
            name: item if type(item) in _PLAIN else copied(item, room - 1) for name, item in value.items()
        }
    if kind is float and value.is_integer() and abs(value) < _EXPONENT:
        return int(value)
    if kind is int and not -(2**63) <= value < 2**63:
        return float(value)
    return value


_PLAIN: Final = frozenset({str, bool, type(None)})
_EXPONENT: Final = 1e21
"""From here on Go writes an exponent."""
