"""Segments: the files that events are appended to, and how they are read back.

A segment is written by one thread at a time and only at its end. `length` is what is known to be on the disk: whatever is
behind it was promised to no one and may be cut off.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from watchcache.log import Event, JournalFailed, JournalFull
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.frames import HEADER, Damaged, frame, payload_length, verify
from watchcache.persist.file.records import (
    Record,
    SegmentHeader,
    commit_frames,
    encoder,
    record_decoder,
    segment_header_decoder,
)

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_AHEAD = 256 << 10  # bytes


class Segment(msgspec.Struct):
    """What is known of a segment without reading it; the last three grow while it is the active one.

    base: the revision before its first event. last, time: revision and time of its last event. bytes: its length.
    """

    base: int
    last: int
    time: float
    bytes: int


class SegmentWriter:
    """The active segment. Every method blocks."""

    def __init__(self, disk: Disk, descriptor: int, base: int, length: int) -> None:
        self.base = base
        self.length = length
        self.sync_seconds = 0.0  # of the last sync
        self._disk = disk
        self._descriptor = descriptor

    @classmethod
    def create(cls, disk: Disk, path: Path, header: SegmentHeader) -> SegmentWriter:
        """Begin a segment. Raises JournalFull when there is no room and nothing is left behind; OSError."""
        data = frame(encoder.encode(header), 0)
        descriptor = -1
        try:
            descriptor = disk.create(path, "roll")
            disk.write(descriptor, data, "roll")
            disk.sync(descriptor, "roll")
            disk.sync_directory(path.parent, "roll")
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
                path.unlink()
            raise _full(error) from error
        return cls(disk, descriptor, header.base, len(data))

    @classmethod
    def reopen(cls, disk: Disk, path: Path, base: int) -> SegmentWriter:
        """Go on with a segment that recovery has read to its end. Raises OSError.

        It is synced, and so is the directory: a process that was killed may have written what it had not synced yet. Clients are
        about to see that, and a loss of power must not take it back.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            disk.sync(descriptor, "recovery")
            disk.sync_directory(path.parent, "recovery")
        except BaseException:
            os.close(descriptor)
            raise
        return cls(disk, descriptor, base, os.fstat(descriptor).st_size)

    def write(self, events: Sequence[Event]) -> None:
        """Append one commit and wait until it is on the disk.

        Raises JournalFull when there is no room and the file is certainly as before; anything else (OSError,
        JournalFailed) leaves unknown what is on the disk.
        """
        data = b"".join(commit_frames(events, self.base, self.length))
        try:
            self._disk.write(self._descriptor, data, "segment")
        except OSError as error:
            if error.errno in NO_ROOM:
                self._take_back(error)
            raise _full(error) from error
        started = time.perf_counter()
        self._disk.sync(self._descriptor, "segment")
        self.sync_seconds = time.perf_counter() - started
        self.length += len(data)

    def _take_back(self, error: OSError) -> None:
        # Synced, or a crash now could bring back a whole record of a write that was answered "refused".
        try:
            self._disk.truncate(self._descriptor, self.length, "segment")
            self._disk.sync(self._descriptor, "segment")
        except OSError as worse:
            raise JournalFailed(
                f"{error.strerror}, and what was half written cannot be taken back: {worse.strerror}"
            ) from worse

    def close(self) -> None:
        """Let go of the file; everything written is on the disk already."""
        os.close(self._descriptor)


def _full(error: OSError) -> Exception:
    if error.errno in NO_ROOM:
        return JournalFull(f"the data directory has no room: {error.strerror}")
    return error


def read_frames(file: BinaryIO, limit: int | None = None, start: int = 0) -> Iterator[tuple[int, memoryview]]:
    """Yield offset and payload of each frame from `start` to the file's end or `limit`; each is valid until the next.

    Raises Damaged at the first that is not whole, OSError.
    """
    offset, buffer = start, bytearray(READ_AHEAD * 2)
    file.seek(start)
    while limit is None or offset < limit:
        header = file.read(HEADER.size)
        if not header:
            return
        length = payload_length(header, offset)
        if length > len(buffer):
            buffer = bytearray(length)
        payload = memoryview(buffer)[:length]
        verify(header, payload[: file.readinto(payload)], offset)  # type: ignore[attr-defined]
        yield offset, payload
        offset += HEADER.size + length


def read_header(path: Path) -> SegmentHeader:
    """Return a segment's header. Raises Damaged (at offset 0), OSError."""
    with path.open("rb", buffering=HEADER.size) as file:
        return parse_header(next(read_frames(file), None))


def parse_header(first: tuple[int, memoryview] | None) -> SegmentHeader:
    """Return the header in a segment's first frame. Raises Damaged."""
    if first is None:
        raise Damaged(0, "the file is empty")
    try:
        return segment_header_decoder.decode(first[1])
    except msgspec.DecodeError as error:
        raise Damaged(0, f"the segment's header cannot be read ({error})") from error


def read_records(path: Path, limit: int | None = None) -> Iterator[tuple[int, list[Record]]]:
    """Yield offset and records of each frame of a segment after its header. Raises Damaged, OSError."""
    with path.open("rb", buffering=READ_AHEAD) as file:
        frames = read_frames(file, limit)
        parse_header(next(frames, None))
        for offset, payload in frames:
            yield offset, parse_records(offset, payload)


def parse_records(offset: int, payload: memoryview) -> list[Record]:
    """Return the records of a frame. Raises Damaged."""
    try:
        return record_decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise Damaged(offset, f"the checksum is right, but its records cannot be read ({error})") from error
