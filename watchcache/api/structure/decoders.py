"""Schemas compiled to decoders: one closure for each struct, list and map, made when it is first met.

Rules:
- One pass over the document makes the new one; nothing of the old one that can change is kept in it, except raw JSON.
- What becomes of absent, null and empty values is `go_types.py`'s table. null in a list or map is the zero value of its elements.
- A struct's fields are compiled at its first use: `JSONSchemaProps` contains itself.
- The first wrong type in document order ends it, as encoding/json reports only that one; unknown fields are collected.

The pass is on the path of every write: the body of a small pod takes 5 us, a stored pod of 3.5 KB 35 us.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from watchcache.api.quoting import quoted
from watchcache.api.schema import Schema
from watchcache.api.structure import scalars
from watchcache.api.structure.go_types import derived_type, element_type, go_field
from watchcache.api.structure.places import Decode, Field, Place, Problems, TypeMismatch, strict_path, unfit
from watchcache.api.structure.quantity import decode_quantity, decode_resource
from watchcache.api.structure.times import decode_micro_time, decode_time

Zero = Callable[[], Any]

_BY_FORMAT: Final[dict[str, Decode]] = {
    "quantity": decode_quantity,
    "int-or-string": scalars.decode_int_or_string,
    "date-time": decode_time,
    "micro-time": decode_micro_time,
    "byte": scalars.decode_bytes,
}
_EXTENSIONS: Final = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_EMPTY_STRUCTS: Final = frozenset({_EXTENSIONS + "CustomResourceSubresourceStatus"})
"""Structs without fields; other objects without fields are raw JSON."""
_SCHEMA: Final = _EXTENSIONS + "JSONSchemaProps"


def _decode_schema(value: Any, place: Place) -> dict[str, Any]:
    """A schema in a place of its own decoder, which says nothing of unknown fields; null is an empty one."""
    return _structs[_SCHEMA].decode({} if value is None else value, place, [])


def _decode_schema_or_bool(value: Any, place: Place, _problems: Problems) -> Any:
    """A JSON schema's `additionalProperties`: true, false or a schema."""
    if type(value) is dict:
        return _decode_schema(value, place)
    if type(value) is not bool:
        raise TypeMismatch("boolean or JSON schema expected")
    return value


def _decode_schema_or_list(value: Any, place: Place, _problems: Problems) -> Any:
    """A JSON schema's `items`: a schema, or a list of them; anything else is nothing."""
    if type(value) is dict:
        return _decode_schema(value, place)
    return [_decode_schema(each, place) for each in value] if type(value) is list else None


_BY_NAME: Final[dict[str, Decode]] = {
    _EXTENSIONS + "JSONSchemaPropsOrBool": _decode_schema_or_bool,
    _EXTENSIONS + "JSONSchemaPropsOrArray": _decode_schema_or_list,
}
_TYPE_META: Final = frozenset({"kind", "apiVersion", "metadata"})
"""The fields of a definition that embeds Go's TypeMeta."""
_ZERO_BY_FORMAT: Final[dict[str, Any]] = {
    "quantity": "0",
    "int-or-string": 0,
    "date-time": None,
    "micro-time": None,
    "byte": None,
}
_ZERO_BY_TYPE: Final[dict[str, Any]] = {"string": "", "integer": 0, "number": 0, "boolean": False}
_PLAIN: Final[dict[str, type]] = {"string": str, "boolean": bool}


def decoder(schema: Schema, go_type: str) -> Decode:
    """The decoder of values of the schema; `go_type` is what errors call it."""
    special = _BY_FORMAT.get(schema.format) or _BY_NAME.get(schema.name)
    if special is not None:
        return special
    if _is_struct(schema):
        return struct(schema.name or go_type, schema).decode
    if schema.items is not None:
        return _list(schema.items, go_type)
    if schema.additional is not None:
        return _map(schema.additional, go_type)
    return _scalar(schema, go_type)


def zero_of(schema: Schema) -> Zero:
    """Makes the schema's zero value as Go prints it."""
    if schema.format in _ZERO_BY_FORMAT:
        value = _ZERO_BY_FORMAT[schema.format]
    elif _is_struct(schema):
        return struct(schema.name, schema).zero
    else:
        value = _ZERO_BY_TYPE.get(schema.type)
    return lambda: value


def _is_struct(schema: Schema) -> bool:
    return bool(schema.properties) or schema.name in _EMPTY_STRUCTS


def _scalar(schema: Schema, go_type: str) -> Decode:
    match schema.type:
        case "string" | "boolean":
            return scalars.scalar(_PLAIN[schema.type], go_type)
        case "integer":
            return scalars.integer(go_type, 31 if schema.format == "int32" else 63)
        case "number":
            return scalars.number(go_type)
        case _:
            return scalars.decode_raw


def _list(items: Schema, go_type: str) -> Decode:
    inner = element_type(go_type) or derived_type(items)
    decode_item, zero = decoder(items, inner), zero_of(items)
    plain = _plain(items)

    def decode(value: Any, place: Place, problems: Problems) -> list[Any]:
        if type(value) is not list:
            raise unfit(value, place, go_type, "slice")
        return [
            item
            if type(item) is plain
            else zero()
            if item is None
            else decode_item(item, (place, index), problems)
            for index, item in enumerate(value)
        ]

    return decode


def _map(values: Schema, go_type: str) -> Decode:
    inner = element_type(go_type) or derived_type(values)
    decode_value, zero = decoder(values, inner), zero_of(values)
    if go_type == "v1.ResourceList":
        decode_value = decode_resource
    if values.format == "byte":
        zero = str  # a null []byte in a map comes back from the store as an empty one
    plain = _plain(values)

    def decode(value: Any, place: Place, problems: Problems) -> dict[str, Any]:
        if type(value) is not dict:
            raise unfit(value, place, go_type, "map")
        return {
            key: item
            if type(item) is plain
            else zero()
            if item is None
            else decode_value(item, (place, key), problems)
            for key, item in value.items()
        }

    return decode


def _plain(schema: Schema) -> type | None:
    """The Python type of values that need no decoding; None when all need it."""
    return None if schema.format in _BY_FORMAT else _PLAIN.get(schema.type)


class Struct:
    """A Go struct: its fields by JSON name, and those that are printed even when nothing set them."""

    __slots__ = ("_always", "_fields", "_schema", "go_name", "go_type")

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.go_type = derived_type(schema)
        self.go_name = self.go_type.rpartition(".")[2]
        self._fields: dict[str, Field] | None = None
        self._always: tuple[tuple[str, Zero], ...] = ()

    def decode(self, value: Any, place: Place, problems: Problems) -> dict[str, Any]:
        """The struct as Go prints it after reading `value`."""
        if type(value) is not dict:
            raise unfit(value, place, self.go_type, "struct")
        fields = self._fields
        if fields is None:
            fields = self._compile()
        decoded = {}
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                problems.append(f"unknown field {quoted(strict_path(place, name))}")
            elif type(item) is field.plain:
                if item or field.keeps_empty:
                    decoded[name] = item
            elif item is not None:
                result = field.decode(item, (place, field), problems)
                if result or field.keeps_empty:
                    decoded[name] = result
        for name, zero in self._always:
            if name not in decoded:
                decoded[name] = zero()
        return decoded

    def zero(self) -> dict[str, Any]:
        """The struct when nothing was set."""
        if self._fields is None:
            self._compile()
        return {name: zero() for name, zero in self._always}

    def _compile(self) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        always: list[tuple[str, Zero]] = []
        typed = self._schema.properties.keys() >= _TYPE_META
        for name, schema in self._schema.properties.items():
            facts = go_field(self._schema.name, name, schema)
            nil = schema.items is not None or schema.additional is not None
            keeps = facts.mode in ("v", "p") or (facts.mode == "n" and not nil)
            decode = decoder(schema, facts.type)
            embedded = "TypeMeta." if typed and name in ("kind", "apiVersion") else facts.embedded
            fields[name] = Field(self.go_name, name, embedded, _plain(schema), keeps, decode)
            if facts.mode == "v":
                always.append((name, zero_of(schema)))
            elif facts.mode == "n":
                always.append((name, _null))
        self._fields, self._always = fields, tuple(always)
        return fields


def _null() -> None:
    return None


_structs: Final[dict[str, Struct]] = {}


def struct(name: str, schema: Schema) -> Struct:
    """The struct of a named definition, shared by all that refer to it."""
    found = _structs.get(name)
    if found is None:
        found = _structs[name] = Struct(schema)
    return found


@lru_cache(maxsize=1024)
def root(schema: Schema) -> Struct:
    """The struct of a whole document."""
    return struct(schema.name, schema) if schema.name else Struct(schema)
