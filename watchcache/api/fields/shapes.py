"""What stands at a place of a document, as far as owning its fields goes: a scalar, a list or a map, atomic or not.

A `Shape` is what the rest of this package knows of a schema. It is read from a `Schema`, a built-in kind's or a custom
resource's, as kube-apiserver reads it from OpenAPI:

- a list is atomic, unless it is a set or a map of items found by their keys. Where only a patch strategy is stated, `merge` means the
  same: with a merge key a map, without one a set;
- a map is granular, unless it is atomic. Fields that it does not name are refused, unless it says what they are, names none at
  all, or unknown ones are preserved;
- what has no type may be anything, and what it is follows from the value (`deduced`).

Source: k8s.io/kube-openapi pkg/schemaconv, structured-merge-diff schema/elements.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from watchcache.api.fields import elements
from watchcache.api.schema import MISSING, Schema

ABSENT: Final = object()
"""The value of what is not there, which is not null."""

_NUMERIC: Final = frozenset({"integer", "number"})


class Misfit(Exception):
    """A value that is not of its shape: `messages` with the paths in front, as kube-apiserver words them."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(
            "\n".join(["errors:", *(f"  {text}" for text in messages)]) if messages[1:] else messages[0]
        )
        self.messages = messages


class Shape:
    """One place. `scalar` is "" for what cannot be one, else what it must be; `keys` are those by which a list's items are found."""

    __slots__ = (
        "_preserving",
        "_schema",
        "atomic_list",
        "atomic_map",
        "is_list",
        "is_map",
        "keys",
        "scalar",
    )

    def __init__(self, schema: Schema | None, preserving: bool = False) -> None:
        """`schema` None is a place of which nothing is known; `preserving`: unknown fields are preserved further out."""
        type = "" if schema is None else schema.type
        self._schema = schema
        self._preserving = preserving or (
            schema is not None and schema.node.get("x-kubernetes-preserve-unknown-fields") is True
        )
        self.is_list = type in ("", "array")
        self.is_map = type in ("", "object")
        self.scalar = _scalar(schema)
        self.keys: tuple[str, ...] = ()
        self.atomic_list = True
        self.atomic_map = schema is not None and schema.map_type == "atomic"
        if schema is not None and self.is_list:
            self.atomic_list, self.keys = _relationship(schema)

    @classmethod
    def of(cls, schema: Schema) -> Shape:
        """The shape of a document of a schema, made once."""
        return _shape_of(schema, False)

    @property
    def atomic(self) -> bool:
        """Whether a list or map here is one value."""
        return self.atomic_map if self.is_map else self.is_list and self.atomic_list

    @property
    def item(self) -> Shape:
        """The shape of a list's items."""
        return _shape_of(None if self._schema is None else self._schema.items, self._preserving)

    def named(self, name: str) -> bool:
        """Whether a map declares a field of that name."""
        return self._schema is not None and name in self._schema.properties

    def member(self, name: str) -> Shape | None:
        """The shape of a map's member; None when there may be none of that name."""
        schema = self._schema
        if schema is None:
            return DEDUCED
        fields: Mapping[str, Schema] = schema.properties
        if name in fields:
            return _shape_of(fields[name], self._preserving)
        if schema.additional is not None:
            return DEDUCED if not schema.additional.node else _shape_of(schema.additional, self._preserving)
        if schema.node.get("additionalProperties") is False:
            return None
        return DEDUCED if self._preserving or not fields else None

    def key_default(self, name: str) -> Any:
        """The default of a key of a list's items; ABSENT when it has none."""
        items = None if self._schema is None else self._schema.items
        found = None if items is None else items.properties.get(name)
        return ABSENT if found is None or found.default is MISSING else found.default

    def names(self, element: str) -> bool:
        """Whether an element is a field that is declared here."""
        return self.is_map and element.startswith("f:") and self.named(element[2:])

    def below(self, element: str) -> Shape | None:
        """The shape of what an element leads to; None where nothing is known of it."""
        if element.startswith("f:"):
            return self.member(element[2:]) if self.is_map else None
        return self.item if self.is_list and element.startswith("k:") else None

    def item_element(self, item: Any) -> str:
        """The element of an item of a list that is not atomic. Raises Misfit for an item that has none."""
        if self.keys:
            return self._keyed_element(item)
        if item is None:
            raise Misfit(["associative list without keys has an element that's an explicit null"])
        if isinstance(item, dict):
            raise Misfit(["associative list without keys has an element that's a map type"])
        if isinstance(item, list):
            raise Misfit(["not supported: associative list with lists as elements"])
        return elements.value(item)

    def _keyed_element(self, item: Any) -> str:
        if item is None:
            raise Misfit(["associative list with keys may not have a null element"])
        if not isinstance(item, dict):
            raise Misfit(["associative list with keys may not have non-map elements"])
        values = {}
        for name in self.keys:
            found = item[name] if name in item else self.key_default(name)
            if found is ABSENT:
                raise Misfit(
                    [
                        f'associative list with keys has an element that omits key field "{name}" (and doesn\'t have default value)'
                    ]
                )
            values[name] = found
        return elements.key(values)

    def kind_of(self, value: Any) -> str:
        """How a value is walked: `map`, `list` or `scalar`. What does not decide it (null) is what the place is first of all."""
        if isinstance(value, dict) and self.is_map:
            return "map"
        if isinstance(value, list) and self.is_list:
            return "list"
        if value is not None and self.scalar and not isinstance(value, dict | list):
            return "scalar"
        return "map" if self.is_map else "scalar" if self.scalar else "list"


def _scalar(schema: Schema | None) -> str:
    if schema is None:
        return "untyped"
    if schema.type in _NUMERIC:
        return "numeric"
    if schema.type == "boolean":
        return "boolean"
    if schema.type == "string":
        return "string" if schema.node.get("format", "") in ("", "byte") else "untyped"
    return "" if schema.type in ("object", "array") else "untyped"


def _relationship(schema: Schema) -> tuple[bool, tuple[str, ...]]:
    """Whether a list is atomic, and the keys of its items if it is not."""
    if schema.list_type:
        return schema.list_type == "atomic", schema.list_keys if schema.list_type == "map" else ()
    if "merge" in schema.patch_strategy:
        return False, (schema.patch_merge_key,) if schema.patch_merge_key else ()
    return True, ()


@lru_cache(maxsize=8192)
def _shape_of(schema: Schema | None, preserving: bool) -> Shape:
    return Shape(schema, preserving)


DEDUCED: Final = _shape_of(None, False)
"""Of which nothing is known: maps are granular, lists atomic."""
