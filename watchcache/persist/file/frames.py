r"""Frames: how bytes lie in a file so that damage is found, and told from the end of a crash.

A frame is a header of 20 bytes and a payload (msgpack, at most `MAX_PAYLOAD` bytes):

    magic   4   b"\xffWC\x00"
    length  4   of the payload, little endian
    crc     4   CRC-32 of commit and payload
    commit  8   the offset in this file where the commit that wrote the frame starts

A crash in the middle of a commit leaves any part of that commit behind: writes reach the disk in any order. Nothing
after it can be there, since the next commit is written only when this one is synced. Hence the rule for the first frame
that is not whole, at offset X: if a whole frame of a *later* commit follows (its `commit` is greater than X), then X had been
acknowledged and the file is damaged; otherwise X is the torn end of a write that no one was promised. (A disk that spoils
the very last commit after it was synced looks the same. Nothing that is kept in the file could tell: see `reached`.)

The search for such a frame looks for the magic. It cannot be met by chance inside a payload's keys and values: these
are UTF-8, in which 0xff does not occur. If it occurs in other payload bytes the checksum tells.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from zlib import crc32

MAGIC = b"\xffWC\x00"
HEADER = struct.Struct("<4sIIQ")
COMMIT = struct.Struct("<Q")
TARGET_PAYLOAD = 256 << 10  # bytes: a frame is read, checked and decoded as one; larger ones are no faster
MAX_PAYLOAD = 64 << 20  # bytes: no record comes near; a length beyond is damage, not an allocation


class Damaged(Exception):
    """The bytes at `offset` are no whole frame."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(offset, problem)
        self.offset = offset
        self.problem = problem


def frame(payload: bytes, commit: int) -> bytes:
    """Return the frame of a payload that is part of the commit at that offset."""
    crc = crc32(payload, crc32(COMMIT.pack(commit)))
    return HEADER.pack(MAGIC, len(payload), crc, commit) + payload


def payload_length(header: bytes | memoryview, offset: int) -> int:
    """Return how long the payload behind a header at `offset` is. Raises Damaged."""
    if len(header) < HEADER.size:
        raise Damaged(offset, "the file ends in the middle of a frame's header")
    magic, length, _, _ = HEADER.unpack(header)
    if magic != MAGIC:
        raise Damaged(offset, "no frame starts here")
    if length > MAX_PAYLOAD:
        raise Damaged(offset, f"a frame of {length} bytes is impossible")
    return int(length)


def verify(header: bytes | memoryview, payload: bytes | memoryview, offset: int) -> None:
    """Check that a payload is whole. Raises Damaged."""
    _, length, crc, commit = HEADER.unpack(header)
    if len(payload) < length:
        raise Damaged(offset, "the file ends in the middle of a frame")
    if crc32(payload, crc32(COMMIT.pack(commit))) != crc:
        raise Damaged(offset, "the checksum is wrong")


def later_commit(data: bytes, start: int) -> int | None:
    """Return the offset of a whole frame of a commit that began after `start`, or None.

    data: the file's bytes from `start` on.
    """
    found = data.find(MAGIC, 1)
    while found >= 0:
        header = data[found : found + HEADER.size]
        if len(header) == HEADER.size and HEADER.unpack(header)[3] > start and _whole(data, header, found):
            return start + found
        found = data.find(MAGIC, found + 1)
    return None


def scan(data: bytes) -> Iterator[tuple[int, memoryview] | Damaged]:
    """Yield offset and payload of every whole frame of a file, and where others should be the damage there."""
    offset = 0
    while offset < len(data):
        header = data[offset : offset + HEADER.size]
        payload = memoryview(data)[offset + HEADER.size :]
        try:
            payload = payload[: payload_length(header, offset)]
            verify(header, payload, offset)
        except Damaged as damage:
            yield damage
            offset = _next_whole(data, offset + 1)
        else:
            yield offset, payload
            offset += HEADER.size + len(payload)


def _next_whole(data: bytes, start: int) -> int:
    found = data.find(MAGIC, start)
    while found >= 0 and not _whole(data, data[found : found + HEADER.size], found):
        found = data.find(MAGIC, found + 1)
    return found if found >= 0 else len(data)


def _whole(data: bytes, header: bytes, at: int) -> bool:
    body = at + HEADER.size
    try:
        length = payload_length(header, at)
        verify(header, memoryview(data)[body : body + length], at)
    except Damaged:
        return False
    return True
