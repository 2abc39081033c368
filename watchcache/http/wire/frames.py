"""HTTP/2's frames as bytes: types, flags, settings and how a frame is packed (RFC 9113 4.1, 6)."""

from __future__ import annotations

import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20
(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)

HEAD = struct.Struct(">HBBBL")  # length (16 + 8 bits), type, flags, stream
SETTING = struct.Struct(">HL")
LONG = struct.Struct(">L")
TOP = 0x7FFFFFFF  # the largest window, increment and stream id; masks the reserved bit


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame's bytes."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload
