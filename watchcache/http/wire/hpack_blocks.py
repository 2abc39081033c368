"""HPACK for requests: a decoder that reads a block once, from end to end (RFC 7541). Pure.

The `hpack` library is right, and copies the rest of the block for each field, takes a string apart by half bytes and makes an object
of each field: a quarter of what a watch costs that is opened, and clients open ninety thousand after a restart. Its
tables do the work here too: the static and the dynamic one, and the state machine of Huffman's code, which is walked by
whole bytes. What both make of any bytes is compared in the tests.
"""

from __future__ import annotations

from hpack.exceptions import HPACKDecodingError, HPACKError, InvalidTableSizeError, OversizedHeaderListError
from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE
from hpack.table import HeaderTable

__all__ = ["BlockDecoder", "HPACKError", "OversizedHeaderListError"]

_STATIC = (None, *HeaderTable.STATIC_TABLE)
_FIELD_OVERHEAD = 32  # what a field counts beyond its bytes (4.1)
_LENGTH_BYTES = 5  # of an integer behind its prefix: more than any length or index needs

_STEPS_KEPT = 8192  # some 2,000 are ever used by text; a client that sends noise must not fill memory
_steps: dict[int, tuple[int, bytes, bool]] = {}


class BlockDecoder:
    """The receiving end of one connection. `most`: bytes of one header list, counted as in RFC 9113 6.5.2."""

    __slots__ = ("_most", "_table")

    def __init__(self, most: int) -> None:
        self._most = most
        self._table = HeaderTable()

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        """The fields of the connection's next block. Raises `HPACKError`: the connection cannot go on."""
        try:
            return self._decode(block)
        except IndexError:
            raise HPACKDecodingError("truncated header block") from None

    def _decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        fields: list[tuple[bytes, bytes]] = []
        at, end, left = 0, len(block), self._most
        while at < end:
            first = block[at]
            if first & 0x80:
                index, at = _integer(block, at, 0x7F)
                field = self._indexed(index)
            elif first & 0xE0 == 0x20:
                at = self._resize(block, at, begun=bool(fields))
                continue
            else:
                field, at = self._literal(block, at, first)
            fields.append(field)
            left -= len(field[0]) + len(field[1]) + _FIELD_OVERHEAD
            if left < 0:
                raise OversizedHeaderListError(f"a header list of more than {self._most} bytes")
        return fields

    def _indexed(self, index: int) -> tuple[bytes, bytes]:
        field = _STATIC[index] if index < len(_STATIC) else self._table.get_by_index(index)
        if field is None:
            raise HPACKDecodingError("index 0")
        return field

    def _literal(self, block: bytes, at: int, first: int) -> tuple[tuple[bytes, bytes], int]:
        kept = first & 0x40
        index, at = _integer(block, at, 0x3F if kept else 0x0F)
        if index:
            name = self._indexed(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        if kept:
            self._table.add(name, value)
        return (name, value), at

    def _resize(self, block: bytes, at: int, *, begun: bool) -> int:
        """The client wants a smaller table than the 4,096 bytes that it has been granted, or these again (6.3)."""
        size, at = _integer(block, at, 0x1F)
        if begun:
            raise HPACKDecodingError("a table size behind a field")
        if size > HeaderTable.DEFAULT_SIZE:
            raise InvalidTableSizeError("a larger table than granted")
        self._table.maxsize = size
        return at


def _integer(block: bytes, at: int, prefix: int) -> tuple[int, int]:
    """The integer whose prefix has these bits, and where it ends (5.1)."""
    value = block[at] & prefix
    at += 1
    if value < prefix:
        return value, at
    for shift in range(0, 7 * _LENGTH_BYTES, 7):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise HPACKDecodingError("an integer that is too long")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """The string literal, and where it ends (5.2)."""
    coded = block[at] & 0x80
    length, at = _integer(block, at, 0x7F)
    end = at + length
    if end > len(block):
        raise HPACKDecodingError("truncated header block")
    text = block[at:end]
    return (huffman_decoded(text) if coded else text), end


def huffman_decoded(coded: bytes) -> bytes:
    """What Huffman's code stands for. Raises `HPACKError` for a bad code or padding."""
    known = _steps.get
    text, state, complete = bytearray(), 0, True
    for byte in coded:
        state, symbols, complete = known(state | byte) or _step(state | byte)
        text += symbols
    if not complete:
        raise HPACKDecodingError("incomplete Huffman string")
    return bytes(text)


def _step(from_state: int) -> tuple[int, bytes, bool]:
    """By state << 8 | byte: the next state << 8, the symbols that have come, and whether the string may end there."""
    state, symbols, flags = from_state >> 8, bytearray(), 0
    for nibble in (from_state >> 4 & 0x0F, from_state & 0x0F):
        state, flags, symbol = HUFFMAN_TABLE[state * 16 + nibble]
        if flags & HUFFMAN_FAIL:
            raise HPACKDecodingError("invalid Huffman string")
        if flags & HUFFMAN_EMIT_SYMBOL:
            symbols.append(symbol)
    step = state << 8, bytes(symbols), bool(flags & HUFFMAN_COMPLETE)
    if len(_steps) < _STEPS_KEPT:
        _steps[from_state] = step
    return step
