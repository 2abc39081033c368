"""Scalar contents to JSON values: numbers by their wire types, and what has its length before it.

Text that is no UTF-8 becomes what Go's JSON shows of it; bytes become base64; embedded JSON is read.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, Final

from watchcache.api import codec
from watchcache.api.protobuf.wire import (
    FIXED64,
    VARINT,
    MalformedMessageError,
    read_double,
    read_varint,
    signed,
    truncated,
)

Number = Callable[[bytes, int], tuple[Any, int]]
"""Body and position; gives the number and the position behind it."""
Content = Callable[[bytes, int, int], Any]
"""Body, begin and end; gives the JSON value."""


def _bool(data: bytes, at: int) -> tuple[bool, int]:
    value, at = read_varint(data, at)
    return value != 0, at


def _integer(bits: int) -> Number:
    def read(data: bytes, at: int) -> tuple[int, int]:
        value = data[at]
        if value < 0x80:
            return value, at + 1
        value, at = read_varint(data, at)
        return signed(value, bits), at

    return read


NUMBERS: Final[dict[str, tuple[int, Number]]] = {
    "bool": (VARINT, _bool),
    "int32": (VARINT, _integer(32)),
    "int64": (VARINT, _integer(64)),
    "double": (FIXED64, read_double),
}


def _text_value(data: bytes, at: int, end: int) -> str:
    return data[at:end].decode("utf-8", "watchcache.go")


def _base64_value(data: bytes, at: int, end: int) -> str:
    return binascii.b2a_base64(data[at:end], newline=False).decode("ascii")


def _json_value(data: bytes, at: int, end: int) -> Any:
    if end > len(data):
        raise truncated(end)
    if at == end:
        return None
    try:
        return codec.decode_json(data[at:end])
    except codec.DecodeError as error:
        raise MalformedMessageError(str(error)) from None


CONTENTS: Final[dict[str, Content]] = {
    "string": _text_value,
    "bytes": _base64_value,
    "json": _json_value,
    "raw": lambda data, at, end: data[at:end],
}
