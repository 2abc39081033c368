"""HPACK for responses without a dynamic table: each field is a literal, made once and kept.

A dynamic table saves some hundred bytes an answer and costs 50 us of Python for each; here a known field costs a
dictionary look-up. Never indexing has a second merit: nothing a client causes us to send can be probed through
compression (CRIME). RFC 7541; decoding is in `hpack_blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpack.table import HeaderTable

_KEPT = 2048  # fields; values such as audit ids never repeat, so the cache is emptied when full
_NAMES: dict[str, int] = {}
_WHOLE: dict[tuple[str, str], int] = {}
for _index, (_name, _value) in enumerate(HeaderTable.STATIC_TABLE, 1):
    _NAMES.setdefault(_name.decode(), _index)
    _WHOLE[_name.decode(), _value.decode()] = _index
_fields: dict[tuple[str, str], bytes] = {}


def encode(fields: Sequence[tuple[str, str]]) -> bytes:
    """A header block. Raises UnicodeEncodeError for what is not latin-1."""
    known = _fields
    return b"".join([known.get(field) or _encode(field) for field in fields])


def _encode(field: tuple[str, str]) -> bytes:
    whole = _WHOLE.get(field)
    name, value = field
    if whole is not None:
        made = bytes([0x80 | whole])
    elif name in _NAMES:
        made = integer(_NAMES[name], 4) + _string(value)
    else:
        made = b"\0" + _string(name) + _string(value)
    if len(_fields) >= _KEPT:
        _fields.clear()
    _fields[field] = made
    return made


def _string(text: str) -> bytes:
    data = text.encode("latin-1")
    return integer(len(data), 7) + data


def integer(value: int, bits: int) -> bytes:
    """An integer with a prefix of that many bits, the bits before it zero (RFC 7541 5.1)."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    value -= limit
    made = bytearray([limit])
    while value >= 128:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)
