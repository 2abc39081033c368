"""Lists that are sets or maps: no element, no key, may be there twice.

Source: apiextensions-apiserver pkg/apiserver/schema/listtype/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from watchcache.api import causes
from watchcache.api.custom.structural import Node, below
from watchcache.api.status import Cause


def check_lists(value: Any, node: Node, path: str = "") -> Iterator[Cause]:
    """What is there twice, each once."""
    if not node.has_lists:
        return
    if isinstance(value, list):
        if node.list_type == "set":
            yield from _repeated(dict(enumerate(value)), path)
        elif node.list_type == "map":
            yield from _repeated_keys(value, node, path)
        if node.items is not None:
            for index, item in enumerate(value):
                yield from check_lists(item, node.items, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name in sorted(value):
            if name in node.properties:
                yield from check_lists(value[name], node.properties[name], below(path, name))
            elif node.additional is not None:
                yield from check_lists(value[name], node.additional, f"{path}[{name}]")


def _repeated_keys(values: list[Any], node: Node, path: str) -> Iterator[Cause]:
    keys = {}
    for index, value in enumerate(values):
        if isinstance(value, dict):
            keys[index] = {name: value[name] for name in sorted(node.list_keys) if name in value}
        else:
            text = "must be an object for an array of list-type map"
            yield causes.invalid(f"{path}[{index}]", value, text)
    yield from _repeated(keys, path)


def _repeated(values: Mapping[int, Any], path: str) -> Iterator[Cause]:
    """The values, by their index, that were there before."""
    seen: set[bytes] = set()
    told: set[bytes] = set()
    for index, value in values.items():
        text = msgspec.json.encode(value, order="deterministic")
        if text in seen and text not in told:
            told.add(text)
            yield causes.duplicate(f"{path}[{index}]", value)
        seen.add(text)
