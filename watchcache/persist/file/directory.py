"""The data directory: names of files, the lock, the format and the epoch."""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import suppress
from pathlib import Path

import msgspec

from watchcache.log import Corrupt
from watchcache.persist.errors import DirectoryLocked, DirectoryUnusable
from watchcache.persist.file.disk import ASIDE, Disk
from watchcache.persist.file.records import FORMAT

SEGMENT, SNAPSHOT = ".events", ".state"
LOCK_NAME, FORMAT_NAME = "LOCK", "FORMAT"
HISTORY_NAME = (
    "HISTORY"  # there instead of FORMAT: what a server on etcd has seen, see `persist.etcd.archive`
)
RESTORE = "Restore the directory from a backup; `watchcache check` lists every fault in it"


class FormatFile(msgspec.Struct, frozen=True):
    """What FORMAT says."""

    format: int
    epoch: str


class Directory:
    """Paths in a data directory. Making one touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def segment(self, base: int) -> Path:
        """Return the path of the segment with the events after revision `base`."""
        return self.path / f"{base:020}{SEGMENT}"

    def snapshot(self, revision: int) -> Path:
        """Return the path of the snapshot at a revision."""
        return self.path / f"{revision:020}{SNAPSHOT}"

    def segments(self) -> list[int]:
        """Return the bases of the segments, ascending."""
        return self._numbers(SEGMENT)

    def snapshots(self) -> list[int]:
        """Return the revisions of the snapshots, ascending."""
        return self._numbers(SNAPSHOT)

    def left_aside(self) -> list[Path]:
        """Return the files that a crash left half written."""
        return sorted(self.path.glob(f"*{ASIDE}"))

    def _numbers(self, suffix: str) -> list[int]:
        return sorted(int(file.stem) for file in self.path.glob(f"*{suffix}") if file.stem.isdecimal())

    def epoch(self) -> str | None:
        """Return the data's epoch, None in a directory without data. Raises Corrupt, DirectoryUnusable."""
        file = self.path / FORMAT_NAME
        try:
            found = msgspec.json.decode(file.read_bytes(), type=FormatFile)
        except FileNotFoundError:
            self._refuse_data_without(file)
            return None
        except msgspec.DecodeError as error:
            raise Corrupt(file, 0, f"it does not say the data's format ({error})", RESTORE) from error
        if found.format > FORMAT:
            raise DirectoryUnusable(
                f"{self.path} was written by a newer version of watchcache (format {found.format}; this one reads up to {FORMAT})"
            )
        return found.epoch

    def _refuse_data_without(self, file: Path) -> None:
        if (self.path / HISTORY_NAME).exists():
            raise DirectoryUnusable(f"{self.path} holds the history of a server on etcd, and no journal")
        if self.segments() or self.snapshots():
            raise Corrupt(file, 0, "it is missing", RESTORE)

    def begin(self, disk: Disk) -> str:
        """Return the epoch; in an empty directory a new one, made to last. Raises Corrupt, DirectoryUnusable, OSError."""
        for leftover in self.left_aside():
            leftover.unlink()
        epoch = self.epoch()
        if epoch is not None:
            return epoch
        epoch = uuid.uuid4().hex
        text = msgspec.json.encode(FormatFile(FORMAT, epoch)) + b"\n"
        disk.write_aside(self.path / FORMAT_NAME, [text], "format")
        with suppress(
            PermissionError
        ):  # the directory's own name; a parent that is not ours to read was there before
            disk.sync_directory(self.path.absolute().parent, "format")
        return epoch

    def lock(self) -> int:
        """Make the directory if need be and take it; returns the descriptor that holds the lock.

        Raises DirectoryLocked, DirectoryUnusable. The lock ends with the process, however that ends.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DirectoryUnusable(
                f"the data directory {self.path} cannot be used: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise DirectoryLocked(self.path, holder) from error
            raise DirectoryUnusable(f"{self.path} cannot be locked: {error.strerror}") from error
        with suppress(OSError):  # no room: then nobody reads who holds it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor
