"""The system calls with which the journal changes its directory.

Each call says what it is for (`purpose`), so that `persist.faults` can make exactly that one fail or end the process there.
All of them block: they are called in threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

ASIDE = ".tmp"  # a file that is being written, or was when the process ended


class Disk:
    """The real one. Every method raises OSError."""

    def create(self, path: Path, purpose: str) -> int:  # noqa: ARG002 -- for the fault points
        """Make a file that must not exist and return its descriptor, positioned by appending."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes, purpose: str) -> None:  # noqa: ARG002
        """Append all of the data."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def overwrite(self, descriptor: int, data: bytes, purpose: str) -> None:  # noqa: ARG002
        """Write a few bytes over the file's first ones, in one call."""
        os.pwrite(descriptor, data, 0)

    def sync(self, descriptor: int, purpose: str) -> None:  # noqa: ARG002
        """Wait until the file's data, and the length that is needed to read it, are on the disk."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, length: int, purpose: str) -> None:  # noqa: ARG002
        """Cut the file."""
        os.ftruncate(descriptor, length)

    def rename(self, source: Path, target: Path, purpose: str) -> None:  # noqa: ARG002
        """Give a file its final name, in one step."""
        source.replace(target)

    def unlink(self, path: Path, purpose: str) -> None:  # noqa: ARG002
        """Remove a file."""
        path.unlink()

    def sync_directory(self, path: Path, purpose: str) -> None:  # noqa: ARG002
        """Wait until the names in a directory are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write_aside(
        self, path: Path, pieces: Iterable[bytes], purpose: str, sync_every: int = 8 << 20
    ) -> int:
        """Write a file so that it is there whole or not at all, and return its length.

        Synced every some megabytes: one large sync at the end would hold up those of the commits beside it.
        """
        aside = path.with_name(path.name + ASIDE)
        descriptor = self.create(aside, purpose)
        try:
            length = self._fill(descriptor, pieces, purpose, sync_every)
        except BaseException:  # also a cancellation: what is left would only take room
            os.close(descriptor)
            aside.unlink(missing_ok=True)
            raise
        os.close(descriptor)
        self.rename(aside, path, purpose)
        self.sync_directory(path.parent, purpose)
        return length

    def _fill(self, descriptor: int, pieces: Iterable[bytes], purpose: str, sync_every: int) -> int:
        length = synced = 0
        for piece in pieces:
            self.write(descriptor, piece, purpose)
            length += len(piece)
            if length - synced >= sync_every:
                self.sync(descriptor, purpose)
                synced = length
        self.sync(descriptor, purpose)
        return length


class Unsynced(Disk):
    """For what need not outlive a loss of power: nothing waits for the disk."""

    def sync(self, descriptor: int, purpose: str) -> None:
        """Leave it to the system when the data reach the disk."""

    def sync_directory(self, path: Path, purpose: str) -> None:
        """Leave it to the system when the names reach the disk."""
