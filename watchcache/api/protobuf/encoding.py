"""Documents to messages, byte for byte as kube-apiserver writes them.

Rules:
- Fields come in the order of their numbers, the entries of maps in the order of their keys' bytes.
- What is a value in Go is written even when it is zero or absent from the JSON, what is a pointer only when it is there.
- A document is one that `watchcache.api.structure.conform` made or a stored one: its types are not checked again.

Each message is compiled to a list of writers when it is first met. A writer gets the JSON object and gives the field's bytes.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from watchcache.api.protobuf import messages
from watchcache.api.protobuf.messages import Field
from watchcache.api.protobuf.special import SPECIAL
from watchcache.api.protobuf.wire import FIXED64, LENGTH, VARINT, delimited, double, tag, varint

Document = Mapping[str, Any]
Writer = Callable[[Document], bytes]
Content = Callable[[Any], bytes]
"""A JSON value, or None for the zero value, as a content."""


def encode_message(name: str, document: Document) -> bytes:
    """The message of a document, without an envelope."""
    return encoder_of(name).write(document)


class MessageEncoder:
    """One message: the writers of its fields, compiled at the first use, because messages contain themselves."""

    __slots__ = ("_writers", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._writers: list[Writer] | None = None

    def write(self, document: Document) -> bytes:
        """The message's bytes."""
        writers = self._writers
        if writers is None:
            writers = self._writers = [_writer(field) for field in messages.fields_of(self.name)]
        return b"".join([write(document) for write in writers])


_encoders: Final[dict[str, MessageEncoder]] = {}


def encoder_of(name: str) -> MessageEncoder:
    """The encoder of a message, shared by all that contain it."""
    found = _encoders.get(name)
    if found is None:
        found = _encoders[name] = MessageEncoder(name)
    return found


# contents


def _text(value: str | None) -> bytes:
    return value.encode() if value else b""


def _bytes(value: str | None) -> bytes:
    return binascii.a2b_base64(value) if value else b""


def _raw(value: bytes | None) -> bytes:
    return value or b""


_DELIMITED: Final[dict[str, Content]] = {
    "string": _text,
    "bytes": _bytes,
    "json": msgspec.json.encode,
    "raw": _raw,
}
_NUMERIC: Final[dict[str, tuple[int, Content]]] = {
    "bool": (VARINT, lambda value: b"\x01" if value else b"\x00"),
    "int32": (VARINT, lambda value: varint(value or 0)),
    "int64": (VARINT, lambda value: varint(value or 0)),
    "double": (FIXED64, lambda value: double(value or 0.0)),
}


def _content(type_name: str) -> Content:
    """Writes a value of a type whose content has a length before it."""
    scalar = _DELIMITED.get(type_name)
    if scalar is not None:
        return scalar
    encoder = encoder_of(type_name)
    special = SPECIAL.get(type_name)
    if special is None:
        return lambda value: encoder.write(value or {})
    pack = special.pack

    def content(value: Any) -> bytes:
        fields = pack(value)
        return encoder.write(fields) if fields else b""

    return content


# fields


def _writer(field: Field) -> Writer:
    if field.embedded:
        return _embedded(field)
    if field.shape == "{}":
        return _map(field)
    write = _element(field)
    return _repeated(field.name, write) if field.shape == "[]" else _single(field, write)


def _element(field: Field) -> Content:
    """Writes one value with its tag."""
    numeric = _NUMERIC.get(field.type)
    if numeric is not None:
        wire_type, number = numeric
        head = tag(field.number, wire_type)
        return lambda value: head + number(value)
    head, content = tag(field.number, LENGTH), _content(field.type)
    return lambda value: delimited(head, content(value))


def _single(field: Field, write: Content) -> Writer:
    name = field.name
    absent = field.written_always and field.type not in ("bytes", "json", "raw")

    def writer(document: Document) -> bytes:
        value = document.get(name)
        return b"" if value is None and not absent else write(value)

    return writer


def _repeated(name: str, write: Content) -> Writer:
    def writer(document: Document) -> bytes:
        values = document.get(name)
        return b"".join([write(value) for value in values]) if values else b""

    return writer


def _embedded(field: Field) -> Writer:
    head, encoder = tag(field.number, LENGTH), encoder_of(field.type)
    return lambda document: delimited(head, encoder.write(document))


def _map(field: Field) -> Writer:
    name, head = field.name, tag(field.number, LENGTH)
    write_key = _element(Field(1, "key", "string", "", "v"))
    write_value = _element(Field(2, "value", field.type, "", "v"))

    def writer(document: Document) -> bytes:
        values = document.get(name)
        if not values:
            return b""
        entries = sorted(values.items(), key=_key_bytes)
        return b"".join([delimited(head, write_key(key) + write_value(value)) for key, value in entries])

    return writer


def _key_bytes(item: tuple[str, Any]) -> bytes:
    return item[0].encode()
