"""Decoders of scalars: the checks that encoding/json makes for Go's basic types, and their zero values."""

from __future__ import annotations

import binascii
import re
from typing import Any, Final

import msgspec

from watchcache.api.structure.places import Decode, Place, Problems, TypeMismatch, unfit

_ROOM: Final = 150
"""Levels that raw content must leave free below the interpreter's limit: where it is written, it lies deeper than here."""
_INT_BITS: Final = {"int32": 31, "int64": 63}
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?", re.ASCII)
_BASE64_CHARACTER: Final = re.compile(r"[A-Za-z0-9+/]", re.ASCII)


def decode_raw(value: Any, _place: Place, _problems: Problems) -> Any:
    """Any JSON: raw extensions, JSON schema's free parts. Raises RecursionError for what could not be written again."""
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Raise RecursionError unless the encoder can write the value, with room for what is around it and the calls above."""
    if type(value) not in (dict, list):
        return
    for _ in range(_ROOM):
        value = [value]
    msgspec.json.encode(value)


def scalar(expected: type, go_type: str) -> Decode:
    """Strings and bools. Named Go types (`v1.DNSPolicy`) have the same form as their basic type."""

    def decode(value: Any, place: Place, _problems: Problems) -> Any:
        if type(value) is not expected:
            raise unfit(value, place, go_type)
        return value

    return decode


def integer(go_type: str, bits: int) -> Decode:
    """Whole numbers of `bits` bits beside the sign; 80.0 is no whole number."""
    limit = 1 << bits

    def decode(value: Any, place: Place, _problems: Problems) -> int:
        if type(value) is not int or not -limit <= value < limit:
            raise unfit(value, place, go_type)
        return value

    return decode


def number(go_type: str) -> Decode:
    """Floating-point numbers."""

    def decode(value: Any, place: Place, _problems: Problems) -> float:
        if type(value) is not int and type(value) is not float:
            raise unfit(value, place, go_type)
        return value

    return decode


_int32: Final = integer("int32", _INT_BITS["int32"])


def decode_int_or_string(value: Any, place: Place, problems: Problems) -> int | str:
    """A string, or what fits an int32."""
    return value if type(value) is str else _int32(value, place, problems)


def decode_bytes(value: Any, place: Place, _problems: Problems) -> str:
    """Base64, or a list of numbers as encoding/json also takes it; given back as standard base64 without line breaks."""
    if type(value) is list:
        return _encoded_list(value, place)
    if type(value) is not str:
        raise unfit(value, place, "[]uint8")
    joined = value.replace("\n", "").replace("\r", "")
    if _BASE64.fullmatch(joined) is None:
        raise TypeMismatch(f"illegal base64 data at input byte {_corrupt_byte(value)}")
    # Decoding and encoding again clears the bits that the last character carries beyond the data.
    return binascii.b2a_base64(binascii.a2b_base64(joined), newline=False).decode()


def _encoded_list(value: list[Any], place: Place) -> str:
    for element in value:
        if element is not None and (type(element) is not int or not 0 <= element < 256):
            raise unfit(element, place, "uint8")
    return binascii.b2a_base64(bytes(element or 0 for element in value), newline=False).decode()


def _corrupt_byte(value: str) -> int:
    """What Go blames: the first byte that cannot stand there, the end when padding is missing, or the start of an open group."""
    in_group = 0
    for at, character in enumerate(value):
        if character in "\r\n":
            continue
        if character == "=":
            return at if in_group < 2 else _corrupt_padding(value, at, in_group)
        if _BASE64_CHARACTER.fullmatch(character) is None:
            return at
        in_group = (in_group + 1) % 4
    return len(value) - in_group


def _corrupt_padding(value: str, at: int, in_group: int) -> int:
    """Where the padding that begins at `at`, behind two or three characters of a group, goes wrong."""
    rest = value[at + 1 :].lstrip("\r\n")
    if in_group == 2:
        if not rest:
            return len(value)
        if rest[0] != "=":
            return len(value) - len(rest) - 1
        rest = rest[1:].lstrip("\r\n")
    return len(value) - len(rest)
