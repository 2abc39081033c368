"""HPACK blocks of requests as Go's encoder makes them, by a rule instead of a table.

A client sends the same seven headers again and again; only method, path and the type of a body change. The first block of
a connection puts the constant ones into the server's dynamic table, every later block refers to them by number: 5 bytes
instead of 150, which is what client-go costs a server. Paths are literals (Huffman-coded when that is shorter, as in Go).
"""

from __future__ import annotations

from functools import lru_cache

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

_HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
_METHODS = {"GET": b"\x82", "POST": b"\x83"}  # whole fields of the static table
_HTTPS = b"\x87"
_AUTHORITY, _METHOD, _PATH, _ACCEPT, _AUTHORIZATION, _LENGTH, _TYPE, _AGENT = 1, 2, 4, 19, 23, 28, 31, 58
_FIRST_DYNAMIC = 62


class HeaderBlocks:
    """Makes the blocks of connections to one server; what is per connection is one flag, kept by the caller."""

    def __init__(self, authority: str, token: str) -> None:
        constant = [(_AUTHORITY, authority), (_AGENT, "watchcache-bench/1"), (_ACCEPT, "application/json")]
        if token:
            constant.append((_AUTHORIZATION, f"Bearer {token}"))
        self._first = b"".join(integer(index, 6, 0x40) + text(value) for index, value in constant)
        # The newest entry of the dynamic table has the lowest number.
        self._again = b"".join(bytes([0x80 | (_FIRST_DYNAMIC + n)]) for n in reversed(range(len(constant))))

    def block(self, method: str, path: str, content_type: str, length: int, *, first: bool) -> bytes:
        """A block; `first` on a connection that has sent none yet. `length` 0: no body."""
        parts = [
            _METHODS.get(method) or integer(_METHOD, 4, 0) + text(method),
            _HTTPS,
            integer(_PATH, 4, 0),
            text(path),
            self._first if first else self._again,
        ]
        if length:
            parts += [
                integer(_TYPE, 4, 0),
                known_text(content_type),
                integer(_LENGTH, 4, 0),
                text(str(length)),
            ]
        return b"".join(parts)


def integer(value: int, bits: int, pattern: int) -> bytes:
    """An HPACK integer (RFC 7541, 5.1) behind the `pattern` of its first byte."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([pattern | value])
    out = bytearray([pattern | limit])
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string literal, Huffman-coded when that is shorter."""
    raw = value.encode()
    coded: bytes = _HUFFMAN.encode(raw)
    if len(coded) < len(raw):
        return integer(len(coded), 7, 0x80) + coded
    return integer(len(raw), 7, 0) + raw


known_text = lru_cache(64)(text)
