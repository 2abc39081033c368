"""The schema of a custom resource, compiled once: a tree of nodes with what pruning, defaults and checks ask of each.

Structural means that the tree alone says which fields there are; what stands in `allOf`, `anyOf`, `oneOf` and `not` only restricts values. `shape` refuses
other schemas, so that nothing here has to doubt what it is given. Trees are never changed.

Source: apiextensions-apiserver pkg/apiserver/schema/structural.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

Document = dict[str, Any]

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
RULES: Final = "x-kubernetes-validations"


class Node:
    """One node of a schema. `raw` is the JSON that it was made of."""

    __slots__ = (
        "__dict__",
        "additional",
        "default",
        "embedded",
        "has_default",
        "int_or_string",
        "items",
        "list_keys",
        "list_type",
        "nullable",
        "preserves",
        "properties",
        "raw",
        "rules",
        "type",
    )

    def __init__(self, raw: Document) -> None:
        self.raw = raw
        self.type: str = raw.get("type") or ""
        self.properties = {name: Node(each) for name, each in sorted((raw.get("properties") or {}).items())}
        items = raw.get("items")
        self.items = Node(items) if isinstance(items, dict) else None
        self.additional = _additional(raw.get("additionalProperties"))
        self.preserves = bool(raw.get(_PRESERVE))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.int_or_string = bool(raw.get("x-kubernetes-int-or-string"))
        self.nullable = bool(raw.get("nullable"))
        self.has_default = raw.get("default") is not None
        self.default = raw.get("default")
        self.list_type: str = raw.get("x-kubernetes-list-type") or ""
        self.list_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.rules: list[Document] = raw.get(RULES) or []

    def children(self) -> Iterator[Node]:
        """The nodes directly below."""
        yield from self.properties.values()
        if self.items is not None:
            yield self.items
        if self.additional is not None:
            yield self.additional

    @cached_property
    def sets_defaults(self) -> bool:
        """Whether something in it or below may set a default."""
        return self.has_default or any(child.sets_defaults for child in self.children())

    @cached_property
    def has_lists(self) -> bool:
        """Whether a list in it or below is a set or a map."""
        return self.list_type in {"set", "map"} or any(child.has_lists for child in self.children())

    @cached_property
    def embeds(self) -> bool:
        """Whether it or something below is a resource within the resource."""
        return self.embedded or any(child.embeds for child in self.children())

    @cached_property
    def has_rules(self) -> bool:
        """Whether it or something below has rules in CEL."""
        return bool(self.rules) or any(child.has_rules for child in self.children())

    def child(self, name: str) -> Node | None:
        """The node of a field; None when nothing is said of it."""
        return self.properties.get(name) or self.additional

    def __repr__(self) -> str:
        return f"Node({self.type or 'any'})"


def _additional(raw: Any) -> Node | None:
    if raw is None or raw is False:
        return None
    return Node({_PRESERVE: True, "nullable": True} if raw is True else raw)


def storage_version(definition: Document) -> str:
    """The name of the version in which instances are kept; "" when none is named."""
    versions = (definition.get("spec") or {}).get("versions") or []
    return next((each["name"] for each in versions if each.get("storage")), "")


def below(path: str, name: str) -> str:
    """The path of a field of what stands at a path; "" is the document."""
    return f"{path}.{name}" if path else name
