"""The defaults of a custom resource's schema: set in what is written, and in what was written before the schema had them.

Source: apiextensions-apiserver pkg/apiserver/schema/defaulting/algorithm.go.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from watchcache.api.custom.structural import Node


def set_defaults(value: Any, node: Node) -> None:
    """Set what is absent, or null where null is not allowed, in place: outer values before inner ones, so that a default object gets its defaults, too."""
    if not node.sets_defaults:
        return
    if type(value) is dict:
        for name, child in node.properties.items():
            if child.has_default and (name not in value or (value[name] is None and not child.nullable)):
                value[name] = deepcopy(child.default)
        for name, item in value.items():
            inner = node.child(name)
            if inner is not None:
                set_defaults(item, inner)
    elif type(value) is list and node.items is not None:
        for item in value:
            set_defaults(item, node.items)
