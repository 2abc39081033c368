"""Looks at HTTP/2 frame headers as they arrive, before the framing keeps any of what they announce.

The `h2` library checks a frame's length, and a header block's size, when the last byte is there: until then a client could
have it hold 16 MiB.
"""

from __future__ import annotations

_HEADER = 9
_HEADERS, _CONTINUATION = 0x1, 0x9
_PREFACE_BYTES = 24


class FrameWalk:
    """Pure: sees all bytes of one connection, keeps at most eight of them."""

    __slots__ = ("_block", "_frame_bytes", "_head_bytes", "_part", "_skip")

    def __init__(self, frame_bytes: int, head_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._head_bytes = head_bytes
        self._skip = _PREFACE_BYTES  # bytes until the next frame header
        self._part = b""  # the beginning of a frame header
        self._block = 0  # bytes of the header block being received

    def walk(self, data: bytes) -> str:
        """Step over the frames; what is wrong with them: "frame" (too long), "block" (too large), or "" for nothing."""
        skip = self._skip
        if skip >= len(data):
            self._skip = skip - len(data)
            return ""
        if self._part:
            data, self._part = self._part + data, b""
        size = len(data)
        while skip + _HEADER <= size:
            length = data[skip] << 16 | data[skip + 1] << 8 | data[skip + 2]
            kind = data[skip + 3]
            if length > self._frame_bytes:
                return "frame"
            if kind in (_HEADERS, _CONTINUATION):
                self._block = length + (self._block if kind == _CONTINUATION else 0)
                if self._block > self._head_bytes:
                    return "block"
            skip += _HEADER + length
        self._skip = max(0, skip - size)
        self._part = data[skip:] if skip < size else b""
        return ""
