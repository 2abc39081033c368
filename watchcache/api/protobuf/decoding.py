"""Messages to JSON: each message compiled to one table from tags to readers, when it is first met.

Rules:
- A reader gets the body, the position behind its tag and the dict that it fills, and returns the position behind its content. The dict
  is the JSON object itself: an embedded struct's readers fill their parent's.
- The end of a message is checked once, after its last field: whatever read past it is an error then (see `wire.py`).
- A field that comes again replaces a scalar, adds to a list or map and is merged into a message, as everywhere in protobuf.
- Zero values that Go leaves out of JSON are left out, so that the document is that of the same object's JSON.
- Unknown fields are skipped, as gogo's decoders do. Text that is no UTF-8 becomes what Go's JSON shows of it.
- Depth is bounded by `MAX_DEPTH`, because Python's stack is; kube-apiserver knows no bound. Time is linear in the body's length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from watchcache.api.protobuf import messages
from watchcache.api.protobuf.messages import Field
from watchcache.api.protobuf.scalars import CONTENTS, NUMBERS, Number
from watchcache.api.protobuf.special import SPECIAL
from watchcache.api.protobuf.wire import (
    GROUP_END,
    LENGTH,
    MalformedMessageError,
    read_varint,
    signed,
    skip,
    truncated,
)

MAX_DEPTH: Final = 100
"""Messages within messages; a pod has 10, a custom resource definition two for each level of its schema."""

Document = dict[str, Any]
Reader = Callable[[bytes, int, Document, int], int]
"""Body, position behind the tag, object to fill, depth; gives the position behind the content."""
Value = Callable[[bytes, int, int, int], Any]
"""Body, begin and end of a content, depth; gives its JSON value."""

_GO_NAMES: Final = {"metadata": "ObjectMeta", "typeMeta": "TypeMeta"}


def decode_message(name: str, data: bytes) -> Document:
    """The JSON object of a message. Raises MalformedMessageError."""
    document: Document = {}
    decoder_of(name).read(data, 0, len(data), document, 0)
    return document


class MessageDecoder:
    """One message: readers by tag, compiled at the first use, because messages contain themselves."""

    __slots__ = ("_known", "_readers", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._readers: dict[int, Reader] | None = None
        self._known: dict[int, str] = {}

    def read(self, data: bytes, at: int, end: int, into: Document, depth: int) -> None:
        """Fills `into` with the fields between two positions."""
        readers = self._readers
        if readers is None:
            readers = self._compile()
        if depth > MAX_DEPTH:
            raise MalformedMessageError(f"exceeded max depth of {MAX_DEPTH} messages")
        try:
            while at < end:
                tag = data[at]
                at += 1
                if tag > 0x7F:
                    tag, at = read_varint(data, at - 1)
                reader = readers.get(tag)
                at = self._skip(data, at, tag) if reader is None else reader(data, at, into, depth)
        except IndexError:
            raise truncated(end) from None
        if at != end:
            raise truncated(at)

    def _skip(self, data: bytes, at: int, tag: int) -> int:
        number, wire_type = signed(tag >> 3, 32), tag & 7
        if wire_type == GROUP_END:
            raise MalformedMessageError(f"proto: {self._short}: wiretype end group for non-group")
        if number <= 0:
            raise MalformedMessageError(f"proto: {self._short}: illegal tag {number} (wire type {tag})")
        name = self._known.get(number)
        if name is not None:
            go_name = _GO_NAMES.get(name) or name[0].upper() + name[1:]
            raise MalformedMessageError(f"proto: wrong wireType = {wire_type} for field {go_name}")
        return skip(data, at, wire_type)

    @property
    def _short(self) -> str:
        return self.name.rpartition(".")[2]

    def _compile(self) -> dict[int, Reader]:
        readers: dict[int, Reader] = {}
        for field in messages.fields_of(self.name):
            self._known[field.number] = field.name
            for wire_type, reader in _readers_of(field):
                readers[field.number << 3 | wire_type] = reader
        self._readers = readers
        return readers


_decoders: Final[dict[str, MessageDecoder]] = {}


def decoder_of(name: str) -> MessageDecoder:
    """The decoder of a message, shared by all that contain it."""
    found = _decoders.get(name)
    if found is None:
        found = _decoders[name] = MessageDecoder(name)
    return found


def _readers_of(field: Field) -> list[tuple[int, Reader]]:
    """The readers of a field by the wire types it may have."""
    numeric = NUMBERS.get(field.type)
    if numeric is not None and field.shape == "[]":
        wire_type, read = numeric
        return [(wire_type, _number_element(field.name, read)), (LENGTH, _packed(field.name, read))]
    if numeric is not None and not field.shape:
        return [(numeric[0], _number(field, numeric[1]))]
    return [(LENGTH, _delimited_reader(field))]


def _delimited_reader(field: Field) -> Reader:
    if field.shape == "{}":
        return _map_entry(field)
    if field.shape == "[]":
        return _element(field.name, _value_of(field.type))
    if field.type == "string":
        return _text(field)
    if field.type in CONTENTS or field.type in SPECIAL:
        return _single(field, _value_of(field.type))
    return _message(field)


def _number(field: Field, read: Number) -> Reader:
    name, keeps_zero = field.name, field.keeps_zero

    def reader(data: bytes, at: int, into: Document, depth: int) -> int:  # noqa: ARG001
        value, at = read(data, at)
        if value or keeps_zero:
            into[name] = value
        elif name in into:
            del into[name]
        return at

    return reader


def _number_element(name: str, read: Number) -> Reader:
    def reader(data: bytes, at: int, into: Document, depth: int) -> int:  # noqa: ARG001
        value, at = read(data, at)
        into.setdefault(name, []).append(value)
        return at

    return reader


def _packed(name: str, read: Number) -> Reader:
    def reader(data: bytes, at: int, into: Document, depth: int) -> int:  # noqa: ARG001
        size, at = read_varint(data, at)
        end = at + size
        values = into.setdefault(name, [])
        while at < end:
            value, at = read(data, at)
            values.append(value)
        if at != end:
            raise truncated(at)
        return at

    return reader


def _value_of(type_name: str) -> Value:
    """Makes the JSON value of a content: body, begin, end, depth."""
    scalar = CONTENTS.get(type_name)
    if scalar is not None:
        return lambda data, at, end, depth: scalar(data, at, end)  # noqa: ARG005
    decoder = decoder_of(type_name)
    special = SPECIAL.get(type_name)

    def value(data: bytes, at: int, end: int, depth: int) -> Any:
        fields: Document = {}
        decoder.read(data, at, end, fields, depth + 1)
        return fields if special is None else special.unpack(fields)

    return value


def _text(field: Field) -> Reader:
    name, keeps_zero = field.name, field.keeps_zero

    def reader(data: bytes, at: int, into: Document, depth: int) -> int:  # noqa: ARG001
        size = data[at]
        at += 1
        if size > 0x7F:
            size, at = read_varint(data, at - 1)
        end = at + size
        if size or keeps_zero:
            into[name] = data[at:end].decode("utf-8", "watchcache.go")
        elif name in into:
            del into[name]
        return end

    return reader


def _single(field: Field, value_of: Value) -> Reader:
    name, keeps_null, keeps_zero = field.name, field.mode in ("v", "n"), field.keeps_zero

    def reader(data: bytes, at: int, into: Document, depth: int) -> int:
        size, at = read_varint(data, at)
        end = at + size
        value = value_of(data, at, end, depth)
        if keeps_null or (value is not None and (keeps_zero or value != "")):
            into[name] = value
        return end

    return reader


def _element(name: str, value_of: Value) -> Reader:
    def reader(data: bytes, at: int, into: Document, depth: int) -> int:
        size, at = read_varint(data, at)
        end = at + size
        value = value_of(data, at, end, depth)
        values = into.get(name)
        if values is None:
            into[name] = [value]
        else:
            values.append(value)
        return end

    return reader


def _message(field: Field) -> Reader:
    name, keeps_zero, embedded = field.name, field.keeps_zero, field.embedded
    decoder = decoder_of(field.type)

    def reader(data: bytes, at: int, into: Document, depth: int) -> int:
        size, at = read_varint(data, at)
        end = at + size
        if embedded:
            decoder.read(data, at, end, into, depth + 1)
            return end
        fields = into.get(name)
        if fields is None:
            fields = {}
        decoder.read(data, at, end, fields, depth + 1)
        if fields or keeps_zero:
            into[name] = fields
        return end

    return reader


def _map_entry(field: Field) -> Reader:
    name = field.name
    entry: dict[int, Reader] = {
        1 << 3 | LENGTH: _text(Field(1, "key", "string", "", "v")),
        2 << 3 | LENGTH: _delimited_reader(Field(2, "value", field.type, "", "v")),
    }
    zero = _zero_of(field.type)

    def reader(data: bytes, at: int, into: Document, depth: int) -> int:
        size, at = read_varint(data, at)
        end = at + size
        pair: Document = {}
        while at < end:
            tag, at = read_varint(data, at)
            read = entry.get(tag)
            at = skip(data, at, tag & 7) if read is None else read(data, at, pair, depth + 1)
        if at != end:
            raise truncated(at)
        values = into.get(name)
        if values is None:
            values = into[name] = {}
        values[pair.get("key", "")] = pair["value"] if "value" in pair else zero()
        return end

    return reader


def _zero_of(type_name: str) -> Callable[[], Any]:
    special = SPECIAL.get(type_name)
    if special is not None:
        return lambda: special.unpack({})
    return str if type_name in CONTENTS else dict
