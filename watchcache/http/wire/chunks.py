"""The chunked transfer coding, both ways (RFC 9112 7.1): a strict reader and the function that frames a chunk."""

from __future__ import annotations

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")
_LINE_BYTES = 1024  # a size with its extensions, which nobody sends
_TRAILER_BYTES = 8192

LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Frame a piece of a body. An empty piece frames as nothing: a chunk of size 0 would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class BadChunk(Exception):
    """The body is not in the chunked coding."""


class TooLarge(Exception):
    """The body is longer than the limit."""


class ChunkReader:
    """Decodes one body. Extensions and trailers are checked and dropped."""

    __slots__ = ("_limit", "_missing", "_overhead", "_parts", "_size", "_trailing")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._missing = 0  # bytes of the current chunk still to come, its CRLF included
        self._overhead = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._trailing = False

    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self._parts)

    def read(self, buffer: bytearray) -> bool:
        """Take what can be taken off the buffer's front; True at the body's end. Raises `BadChunk`, `TooLarge`."""
        while not self._trailing:
            if self._missing:
                if not self._read_data(buffer):
                    return False
            elif not self._read_size(buffer):
                return False
        return self._read_trailer(buffer)

    def _read_size(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\n", 0, _LINE_BYTES)
        if end < 0:
            if len(buffer) >= _LINE_BYTES:
                raise BadChunk
            return False
        match = _SIZE.fullmatch(bytes(buffer[: end + 1]))
        if match is None:
            raise BadChunk
        del buffer[: end + 1]
        size = int(match[1], 16)
        self._size += size
        # a byte a chunk would make three lines of work of each byte: framing may not outweigh the limit either
        self._overhead += end + 1
        if self._size > self._limit or self._overhead > self._limit + _TRAILER_BYTES:
            raise TooLarge
        self._trailing = size == 0
        self._missing = size + 2 if size else 0
        return True

    def _read_data(self, buffer: bytearray) -> bool:
        missing = self._missing
        have = min(len(buffer), missing)
        data = min(have, missing - 2) if missing > 2 else 0
        if data > 0:
            self._parts.append(bytes(memoryview(buffer)[:data]))
            del buffer[:data]
            self._missing = missing = missing - data
        if missing > 2 or len(buffer) < missing:
            if missing == 2 and buffer and buffer[0] != 0x0D:
                raise BadChunk
            return False
        if buffer[:2] != b"\r\n":
            raise BadChunk
        del buffer[:2]
        self._missing = 0
        return True

    def _read_trailer(self, buffer: bytearray) -> bool:
        end = 0 if buffer.startswith(b"\r\n") else buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > _TRAILER_BYTES:
                raise BadChunk
            return False
        end += 2 if end == 0 else 4
        if end > _TRAILER_BYTES or not _TRAILER.fullmatch(bytes(buffer[:end])):
            raise BadChunk
        del buffer[:end]
        return True
