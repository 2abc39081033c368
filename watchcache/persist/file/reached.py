"""How far the events had certainly come: one line beside the segments, by which a lost end is told from a torn one.

The segments alone cannot tell: one that lost its last acknowledged commit, or is missing altogether, looks like one that a crash cut short.
So after each synced commit its last revision is written over the line in REACHED. That is never synced, and need not be: the line is written after
what it speaks of is on the disk, so whatever a crash leaves of it is true. When only the process was killed it is exact, after a loss of
power it may be some seconds old. A start that does not come as far has lost what was acknowledged, and refuses.

The line names the file that it was written to (device and inode), because a copy of the directory, made while the server ran, holds
files of different moments: it is not held to the line. Nor is a directory without one, which is how an operator goes on without what is lost.
That it is a copy tells something else: the original may have gone on, and clients of it may come with revisions that are not there yet.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import msgspec

from watchcache.persist.file.disk import Disk

REACHED_NAME = "REACHED"
PURPOSE = "reached"
_LONGEST = 256  # bytes: more than any line


class Line(msgspec.Struct, frozen=True):
    """What a directory's line says. revision: that the events had reached, 0 when nothing says so of these very files; copied: they are copies of others."""

    revision: int = 0
    copied: bool = False


class Reached:
    """The line of a directory that this process holds the lock of. Every method blocks."""

    def __init__(self, disk: Disk, directory: Path, epoch: str) -> None:
        """Take the file over, or make it. Raises OSError."""
        self._disk = disk
        self._descriptor = os.open(directory / REACHED_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._whose = _whose(self._descriptor, epoch)

    def note(self, revision: int) -> None:
        """Write down that all up to this revision is on the disk. Raises OSError; the line may then be no line any more."""
        line = b"%b %020d" % (self._whose, revision)
        self._disk.overwrite(self._descriptor, b"%b %08x\n" % (line, crc32(line)), PURPOSE)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def read_reached(directory: Path, epoch: str) -> Line:
    """Return what the line says of this body of data. Raises OSError."""
    try:
        descriptor = os.open(directory / REACHED_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Line()
    try:
        line, _, crc = os.read(descriptor, _LONGEST).partition(b"\n")[0].rpartition(b" ")
        whose, _, revision = line.rpartition(b" ")
        if crc != b"%08x" % crc32(line) or not whose.startswith(epoch.encode() + b" "):
            return Line()
        return Line(int(revision)) if whose == _whose(descriptor, epoch) else Line(copied=True)
    finally:
        os.close(descriptor)


def _whose(descriptor: int, epoch: str) -> bytes:
    status = os.fstat(descriptor)
    return f"{epoch} {status.st_dev} {status.st_ino}".encode()
