"""Schemas of kinds: OpenAPI nodes read lazily, with the Kubernetes extensions as plain attributes.

A node is read when it is first looked at: the built-in definitions are half a megabyte of which one
request needs a few hundred bytes, and `JSONSchemaProps` contains itself. A reference with a
default or list type of its own shares its target's children, so that `ObjectMeta` exists once.

Source of the format: OpenAPI v3 as kube-apiserver publishes it at /openapi/v3, and the
`openAPIV3Schema` of custom resource definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

MISSING: Final = msgspec.UNSET
"""What `Schema.default` is when the schema states none; `None` would be the default `null`."""

FORMATS: Final = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
}
"""Definitions that share an OpenAPI spelling with others but are Go types of their own: their `format`."""

_REFERENCE_PREFIX: Final = "#/components/schemas/"


class Definitions:
    """Named schemas, each parsed when it is first asked for."""

    def __init__(self, raw: Mapping[str, msgspec.Raw | dict[str, Any]]) -> None:
        self._raw = raw
        self._schemas: dict[str, Schema] = {}

    @classmethod
    def from_json(cls, data: bytes) -> Definitions:
        """Definitions out of a JSON object `{name: OpenAPI node}`; the nodes stay unparsed bytes."""
        return cls(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def names(self) -> Iterator[str]:
        """Names of all definitions, as OpenAPI has them: `io.k8s.api.core.v1.Pod`."""
        return iter(self._raw)

    def raw(self, name: str) -> bytes:
        """The definition's OpenAPI node as JSON, for publishing; KeyError when there is none."""
        node = self._raw[name]
        return bytes(node) if isinstance(node, msgspec.Raw) else msgspec.json.encode(node)

    def find(self, name: str) -> Schema:
        """The schema of that name; KeyError when there is none."""
        schema = self._schemas.get(name)
        if schema is None:
            node = self._raw[name]
            parsed = msgspec.json.decode(node) if isinstance(node, msgspec.Raw) else node
            schema = self._schemas[name] = Schema(parsed, self, name)
        return schema

    def resolve(self, node: dict[str, Any]) -> Schema:
        """The schema of a node met inside another one."""
        reference = _reference(node)
        if reference is None:
            return Schema(node, self)
        target = self.find(reference)
        return target if len(node) == 1 else Schema(node, self, reference, target)


class Schema:
    """One node. Attributes hold what the node says; children (`properties`, `items`, `additional`) are made on first use."""

    __slots__ = (
        "_additional",
        "_definitions",
        "_items",
        "_properties",
        "_target",
        "default",
        "enum",
        "format",
        "int_or_string",
        "list_keys",
        "list_type",
        "map_type",
        "name",
        "node",
        "nullable",
        "patch_merge_key",
        "patch_strategy",
        "preserve_unknown",
        "required",
        "type",
    )

    def __init__(
        self,
        node: dict[str, Any],
        definitions: Definitions | None = None,
        name: str = "",
        target: Schema | None = None,
    ) -> None:
        """`node` is the parsed OpenAPI node; `target` what it refers to, when it adds something to a reference."""
        base = node if target is None else {**target.node, **node}
        self.node: dict[str, Any] = base
        self.name = name
        self.type: str = base.get("type", "")
        self.format: str = FORMATS.get(name, base.get("format", ""))
        self.default: Any = base.get("default", MISSING)
        self.required: tuple[str, ...] = tuple(base.get("required", ()))
        self.enum: tuple[Any, ...] = tuple(base.get("enum", ()))
        self.nullable: bool = base.get("nullable", False)
        self.list_type: str = base.get("x-kubernetes-list-type", "")
        self.list_keys: tuple[str, ...] = tuple(base.get("x-kubernetes-list-map-keys", ()))
        self.map_type: str = base.get("x-kubernetes-map-type", "")
        self.patch_strategy: tuple[str, ...] = _comma_list(base.get("x-kubernetes-patch-strategy", ""))
        self.patch_merge_key: str = base.get("x-kubernetes-patch-merge-key", "")
        self.int_or_string: bool = self.format == "int-or-string" or base.get(
            "x-kubernetes-int-or-string", False
        )
        self.preserve_unknown: bool = _preserves_unknown(base, name)
        self._definitions = definitions
        self._target = target
        self._properties: dict[str, Schema] | None = None
        self._items: Schema | None = None
        self._additional: Schema | None = None

    def __repr__(self) -> str:
        return f"Schema({self.name or self.type or 'any'})"

    @property
    def properties(self) -> dict[str, Schema]:
        """Schemas of the named fields; empty for what is no object with fields."""
        if self._properties is None:
            if self._target is not None:
                self._properties = self._target.properties
            else:
                fields: dict[str, dict[str, Any]] = self.node.get("properties", {})
                self._properties = {name: self._child(node) for name, node in fields.items()}
        return self._properties

    @property
    def items(self) -> Schema | None:
        """Schema of an array's elements; None for what is no array."""
        if self._target is not None:
            return self._target.items
        if self._items is None and "items" in self.node:
            self._items = self._child(self.node["items"])
        return self._items

    @property
    def additional(self) -> Schema | None:
        """Schema of a map's values; None for what is no map. `additionalProperties: true` is a map of anything."""
        if self._target is not None:
            return self._target.additional
        if self._additional is None and self.node.get("additionalProperties", False) is not False:
            node = self.node["additionalProperties"]
            self._additional = self._child({} if node is True else node)
        return self._additional

    def _child(self, node: dict[str, Any]) -> Schema:
        return Schema(node) if self._definitions is None else self._definitions.resolve(node)


def _reference(node: dict[str, Any]) -> str | None:
    """Name of the definition that a node refers to: `$ref` alone, or the only member of `allOf`."""
    members = node.get("allOf", ())
    holder = members[0] if len(members) == 1 and "$ref" in members[0] else node
    target: str | None = holder.get("$ref")
    return None if target is None else target.removeprefix(_REFERENCE_PREFIX)


def _comma_list(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _preserves_unknown(node: dict[str, Any], name: str) -> bool:
    """Whether any field may stand in it: stated by a custom resource's schema, or a definition that is raw JSON.

    Raw JSON are the definitions without a type (`JSON`, `JSONSchemaPropsOrBool`, ...) and the objects without fields, except those
    that are empty structs in Go (`CustomResourceSubresourceStatus` keeps what it is given, too).
    """
    if "x-kubernetes-preserve-unknown-fields" in node:
        return bool(node["x-kubernetes-preserve-unknown-fields"])
    if not name or name in FORMATS:
        return not node
    return node.get("type", "object") == "object" and not node.keys() & {"properties", "additionalProperties"}
