"""Lists that are sets or maps: no element, no key, may be there twice.

Source: apiextensions-apiserver pkg/apiserver/schema/listtype/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from watchcache.api import causes
from watchcache.api.custom.structural import Node
from watchcache.api.status import Cause


def check_lists(value: Any, node: Node, path: str = "") -> Iterator[Cause]:
    """What is there twice, each once."""
    if not node.has_lists:
        return
    if isinstance(value, list):
        if node.list_type == "set":
            yield from _repeated(value, path)
        elif node.list_type == "map":
            yield from _repeated([_key(item, node) for item in value], path)
        if node.items is not None:
            for index, item in enumerate(value):
                yield from check_lists(item, node.items, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name in sorted(value):
            if name in node.properties:
                yield from check_lists(value[name], node.properties[name], f"{path}.{name}" if path else name)
            elif node.additional is not None:
                yield from check_lists(value[name], node.additional, f"{path}[{name}]")


def _key(item: Any, node: Node) -> dict[str, Any]:
    return (
        {name: item[name] for name in sorted(node.list_keys) if name in item}
        if isinstance(item, dict)
        else {}
    )


def _repeated(values: Iterable[Any], path: str) -> Iterator[Cause]:
    seen: set[bytes] = set()
    told: set[bytes] = set()
    for index, value in enumerate(values):
        text = msgspec.json.encode(value, order="deterministic")
        if text in seen and text not in told:
            told.add(text)
            yield causes.duplicate(f"{path}[{index}]", value)
        seen.add(text)
