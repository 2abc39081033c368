"""Protobuf's wire format: varints, tags, and what may be skipped.

A field is a tag (its number and one of six wire types) and its content. A content of known length is `LENGTH` delimited: a varint, then so many bytes.
Positions are plain indexes into the whole body, so that nothing is copied before it becomes a value. Who reads past the end of the body
gets an IndexError or an empty slice, and who reads past the end of a message notices at the end of its fields: there is one check
of the end for each message, not one for each byte. `decoding.py` turns all of that into `unexpected EOF`.

Texts of errors are those of kube-apiserver's generated decoders. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
GROUP_START: Final = 3
GROUP_END: Final = 4
FIXED32: Final = 5

_MAX_SHIFT: Final = 64
_TOO_LONG: Final = 1 << 63
_DOUBLE: Final = struct.Struct("<d")


class MalformedMessageError(ValueError):
    """Bytes that are no message of their kind; the text is what kube-apiserver says about them."""


def truncated(at: int = 0) -> MalformedMessageError:
    """A message or field ended before its content, whose end would have been at `at`."""
    if at >= _TOO_LONG:
        return MalformedMessageError("proto: negative length found during unmarshaling")
    return MalformedMessageError("unexpected EOF")


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned number at a position, and the position behind it."""
    value = shift = 0
    while True:
        if shift >= _MAX_SHIFT:
            raise MalformedMessageError("proto: integer overflow")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7


def signed(value: int, bits: int) -> int:
    """The low bits of an unsigned number as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def read_double(data: bytes, at: int) -> tuple[float, int]:
    """The 64-bit number at a position, and the position behind it."""
    if at + 8 > len(data):
        raise truncated()
    return _DOUBLE.unpack_from(data, at)[0], at + 8


def skip(data: bytes, at: int, wire_type: int) -> int:
    """The position behind the content of a field of no interest; groups are skipped whole."""
    depth = 0
    while True:
        at = _skip_one(data, at, wire_type)
        depth += (wire_type == GROUP_START) - (wire_type == GROUP_END)
        if depth == 0:
            return at
        tag, at = read_varint(data, at)
        wire_type = tag & 7


def _skip_one(data: bytes, at: int, wire_type: int) -> int:
    match wire_type:
        case 0:
            return read_varint(data, at)[1]
        case 1:
            return at + 8
        case 2:
            size, at = read_varint(data, at)
            return at + size
        case 3 | 4:
            return at
        case 5:
            return at + 4
        case _:
            raise MalformedMessageError(f"proto: illegal wireType {wire_type}")


def varint(value: int) -> bytes:
    """A number, negative ones as 64-bit two's complement."""
    if 0 <= value < 0x80:
        return _SHORT[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT: Final = tuple(bytes((value,)) for value in range(0x80))


def double(value: float) -> bytes:
    """A 64-bit floating point number."""
    return _DOUBLE.pack(value)


def tag(number: int, wire_type: int) -> bytes:
    """The tag of a field."""
    return varint(number << 3 | wire_type)


def delimited(tag: bytes, content: bytes) -> bytes:
    """A length-delimited field."""
    size = len(content)
    return tag + (_SHORT[size] if size < 0x80 else varint(size)) + content
