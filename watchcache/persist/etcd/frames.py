"""HTTP/2 (RFC 9113) as a gRPC client needs it: writing requests, reading frames. Pure.

Header blocks are written without Huffman coding and without the dynamic table, so each stands alone and can be kept; the peer is told to
do the same (SETTINGS_HEADER_TABLE_SIZE 0), so what it sends can be remembered by its bytes: most responses' headers are the same few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 16 << 20  # that we give each stream and the connection
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME = 16_384
REMEMBERED = 64  # header blocks
_HEAD = struct.Struct(">HBBBL")  # length as 16 and 8 bits, type, flags, stream
_SETTING = struct.Struct(">HL")
_NUMBER = struct.Struct(">L")


# Types of frames; no enumeration: each frame is compared with some of them, and looking up a member takes longer than the rest of that.
DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20
CANCEL = 8
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = 1, 2, 3, 4, 5


NO_HTTP2 = "what answers speaks no HTTP/2; is it an etcd's client port?"


class Broken(Exception):
    """The peer does not speak HTTP/2 as it should."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def opening() -> bytes:
    """What a client sends first."""
    settings = ((HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (INITIAL_WINDOW, WINDOW))
    payload = b"".join(_SETTING.pack(*setting) for setting in settings)
    return PREFACE + frame(SETTINGS, 0, 0, payload) + window_update(0, WINDOW - DEFAULT_WINDOW)


def window_update(stream: int, credit: int) -> bytes:
    """Let the peer send more."""
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(credit))


def reset(stream: int) -> bytes:
    """Cancel a stream."""
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(CANCEL))


def settings_of(payload: bytes) -> Iterator[tuple[int, int]]:
    """The settings in a frame."""
    return _SETTING.iter_unpack(payload)


def number_of(payload: bytes) -> int:
    """The 31 bits of a WINDOW_UPDATE, or the first of a GOAWAY; the 32 of an error are few."""
    value: int = _NUMBER.unpack_from(payload)[0]
    return value & 0x7FFF_FFFF


def header_block(headers: Iterable[tuple[str, str]]) -> bytes:
    """Headers as literals (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: str) -> bytes:
    data = text.encode()
    size = len(data)
    if size < 127:
        return bytes((size,)) + data
    head, size = bytearray((127,)), size - 127
    while size >= 128:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + data


class HeaderReader:
    """Reads header blocks of a peer that keeps no dynamic table."""

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self._known: dict[bytes, dict[str, str]] = {}

    def read(self, block: bytes) -> dict[str, str]:
        """The headers of a block. Raises Broken."""
        found = self._known.get(block)
        if found is None:
            try:
                decoded = self._decoder.decode(block, raw=True)
            except hpack.HPACKError as problem:
                raise Broken(f"headers cannot be read: {problem}") from None
            found = {name.decode("latin-1"): value.decode("latin-1") for name, value in decoded}
            # Before the peer has heard of the table size it may have indexed something: such blocks mean less and less.
            if len(self._known) < REMEMBERED and self._decoder.header_table_size == 0:
                self._known[block] = found
        return found


class FrameReader:
    """Cuts what is received into frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes) -> list[tuple[int, int, int, bytes]]:
        """Take bytes; the complete frames: (kind, flags, stream, payload). Raises Broken."""
        if self._rest:
            data = self._rest + data
        found = []
        at, end = 0, len(data)
        while end - at >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
            size = high << 8 | low
            if size > DEFAULT_FRAME:
                raise Broken(f"a frame of {size} bytes" if self._begun else NO_HTTP2)
            if end - at < 9 + size:
                break
            self._begun = True
            found.append((kind, flags, stream & 0x7FFF_FFFF, data[at + 9 : at + 9 + size]))
            at += 9 + size
        self._rest = data[at:]
        return found


def unpadded(kind: int, flags: int, payload: bytes) -> bytes:
    """The content of DATA or HEADERS, without padding and priority."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload or payload[0] >= end:
            raise Broken("padding longer than its frame")
        start, end = 1, end - payload[0]
    if kind == HEADERS and flags & PRIORITY:
        start += 5
    return payload[start:end]
