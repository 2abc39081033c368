"""The Swagger document in protobuf, which client-go's `OpenAPISchema` (kubectl before 1.27, Helm, Argo CD) takes and nothing else.

Each kind of node has a table from its JSON key to the field's number and how its value is written. Fields are written in the order of
their numbers, as Go does, so that a document gives the same bytes as kube-apiserver's; maps are lists of named values. What is in
no table (free-form values: enums, `x-` extensions) goes as YAML text, for which JSON is good enough.

Source of the numbers: gnostic's OpenAPIv2.proto; compared with a kube-apiserver's own document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from watchcache.api.protobuf import wire

MEDIA_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
ACCEPTED: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

Node = Mapping[str, Any]
Write = Callable[[int, Any], bytes]
"""(field number, JSON value) to the field's bytes."""


def encode(document: Node) -> bytes:
    """A Swagger 2.0 document as gnostic's openapi.v2.Document."""
    return _fields(document, _DOCUMENT, 16)


def _delimited(number: int, payload: bytes) -> bytes:
    return wire.delimited(wire.tag(number, wire.LENGTH), payload)


def _text(number: int, value: str) -> bytes:
    return _delimited(number, value.encode()) if value else b""


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_delimited(number, value.encode()) for value in values)


def _integer(number: int, value: float) -> bytes:
    return wire.tag(number, wire.VARINT) + wire.varint(int(value)) if value else b""


def _double(number: int, value: float) -> bytes:
    return wire.tag(number, wire.FIXED64) + wire.double(value) if value else b""


def yaml_text(value: Any) -> str:
    """A free-form value as YAML; JSON is YAML, too."""
    return msgspec.json.encode(value).decode() + "\n"


def _free(value: Any) -> bytes:
    return _text(2, yaml_text(value))


def _frees(number: int, values: Iterable[Any]) -> bytes:
    return b"".join(_delimited(number, _free(value)) for value in values)


def _fields(node: Node, table: Mapping[str, tuple[int, Write]], extensions: int) -> bytes:
    """The fields of a node; `extensions` is the number of its vendor_extension, higher than all others."""
    known = sorted((key for key in node if key in table), key=lambda key: table[key][0])
    written = [table[key][1](table[key][0], node[key]) for key in known]
    for key, value in node.items():
        if key.startswith("x-"):
            written.append(_delimited(extensions, _text(1, key) + _delimited(2, _free(value))))
    return b"".join(written)


def _message(table: Mapping[str, tuple[int, Write]], extensions: int) -> Write:
    """A node of one kind as a field."""
    return lambda number, value: _delimited(number, _fields(value, table, extensions))


def _wrapped(inner: int, write: Write) -> Write:
    """A value as the only field, numbered `inner`, of a message."""
    return lambda number, value: _delimited(number, write(inner, value))


def _each(write: Write) -> Write:
    """A list as a repeated field."""
    return lambda number, values: b"".join(write(number, value) for value in values)


def _named(write: Write, inner: int = 1) -> Write:
    """A map as a message whose repeated field `inner` holds names (1) and values (2)."""

    def field(number: int, values: Node) -> bytes:
        pairs = (_delimited(inner, _text(1, name) + write(2, value)) for name, value in values.items())
        return _delimited(number, b"".join(pairs))

    return field


def _schema(number: int, node: Node) -> bytes:
    return _delimited(number, _fields(node, _SCHEMA, 31))


def _additional(number: int, value: Any) -> bytes:
    return _delimited(number, _integer(2, value) if isinstance(value, bool) else _schema(1, value))


_SCHEMA: dict[str, tuple[int, Write]] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _integer),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _integer),
    "maxLength": (11, _integer),
    "minLength": (12, _integer),
    "pattern": (13, _text),
    "maxItems": (14, _integer),
    "minItems": (15, _integer),
    "uniqueItems": (16, _integer),
    "maxProperties": (17, _integer),
    "minProperties": (18, _integer),
    "required": (19, _texts),
    "enum": (20, _frees),
    "additionalProperties": (21, _additional),
    "type": (22, _wrapped(1, _text)),
    "items": (23, _wrapped(1, _schema)),
    "properties": (25, _named(_schema)),
}
_BODY: dict[str, tuple[int, Write]] = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _integer),
    "schema": (5, _schema),
}
_QUERY: dict[str, tuple[int, Write]] = {
    "required": (1, _integer),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (6, _text),
    "format": (7, _text),
    "uniqueItems": (20, _integer),
}
_PATH: dict[str, tuple[int, Write]] = {
    "required": (1, _integer),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (5, _text),
    "format": (6, _text),
    "uniqueItems": (19, _integer),
}
# by `in`: a parameter is one of several messages, each wrapped in those that say which
_PARAMETERS: dict[str, Write] = {
    "body": _wrapped(1, _message(_BODY, 6)),
    "query": _wrapped(2, _wrapped(3, _message(_QUERY, 23))),
    "path": _wrapped(2, _wrapped(4, _message(_PATH, 22))),
}


def _parameter(number: int, node: Node) -> bytes:
    if "$ref" in node:
        return _delimited(number, _delimited(2, _text(1, node["$ref"])))
    return _delimited(number, _PARAMETERS[node["in"]](1, node))


_RESPONSE: dict[str, tuple[int, Write]] = {"description": (1, _text), "schema": (2, _wrapped(1, _schema))}
_OPERATION: dict[str, tuple[int, Write]] = {
    "tags": (1, _texts),
    "summary": (2, _text),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _texts),
    "consumes": (7, _texts),
    "parameters": (8, _each(_parameter)),
    "responses": (9, _named(_wrapped(1, _message(_RESPONSE, 5)))),
    "schemes": (10, _texts),
    "deprecated": (11, _integer),
}
_ITEM: dict[str, tuple[int, Write]] = {
    **{
        method: (number, _message(_OPERATION, 13))
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), 2)
    },
    "parameters": (9, _each(_parameter)),
}
_INFO: dict[str, tuple[int, Write]] = {"title": (1, _text), "version": (2, _text), "description": (3, _text)}
_API_KEY: dict[str, tuple[int, Write]] = {
    "type": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "description": (4, _text),
}
_DOCUMENT: dict[str, tuple[int, Write]] = {
    "swagger": (1, _text),
    "info": (2, _message(_INFO, 7)),
    "paths": (8, _named(_message(_ITEM, 10), 2)),
    "definitions": (9, _named(_schema)),
    "security": (12, _each(_named(_wrapped(1, _texts)))),
    "securityDefinitions": (13, _named(_wrapped(2, _message(_API_KEY, 5)))),
}
