"""Moving a whole state from one store to another: what is moved, its checksum, and a data directory at either end.

A directory takes the state with its revisions: every object keeps its resourceVersion, and the log goes on above the revision that was read.
It is written beside its place and renamed when it has been read back, so it is there whole or not at all. History is not moved.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
import trio

from watchcache.log import Head, Ring, Stamp
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.file import FileJournal
from watchcache.persist.file.directory import LOCK_NAME, Directory
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.records import SnapshotHeader
from watchcache.persist.file.snapshot import write_snapshot


class Contents(msgspec.Struct):
    """A state at a revision. left_out: how many keys of which places were not taken along, because nothing here serves them."""

    revision: int
    heads: dict[str, Head]
    left_out: dict[str, int] = {}


def checksum(heads: Mapping[str, Head], stamp: Stamp) -> str:
    """The SHA-256 over all keys, sorted, and their values without their own revisions."""
    digest = sha256()
    for key in sorted(heads):
        value = stamp(heads[key].value, 0)
        digest.update(b"%d %d\n%b%b" % (len(key.encode()), len(value), key.encode(), value))
    return digest.hexdigest()


async def read_directory(path: Path, stamp: Stamp) -> Contents:
    """Read the newest state in a data directory that nobody uses. A torn end is cut off, as by a start. Raises JournalError."""
    _check_source(path)
    journal = FileJournal(path)
    recovered = await journal.open(stamp, Ring(1))
    await journal.close()
    return Contents(recovered.revision, recovered.heads)


async def write_directory(path: Path, contents: Contents, stamp: Stamp, *, replace: bool) -> Contents:
    """Make a data directory; what is read back from it. replace: one that is there is renamed to `<name>.before-copy`.

    Raises DirectoryUnusable, DirectoryLocked before anything is written; OSError.
    """
    aside = await trio.to_thread.run_sync(_begin, path, contents, replace)
    written = await read_directory(aside, stamp)
    await trio.to_thread.run_sync(_finish, path)
    return written


def _check_source(path: Path) -> None:
    if not path.is_dir():
        raise DirectoryUnusable(f"{path} is no directory")
    if Directory(path).epoch() is None:
        raise DirectoryUnusable(f"{path} holds no data of watchcache")


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".copying")


def _before(path: Path) -> Path:
    return path.with_name(path.name + ".before-copy")


def _begin(path: Path, contents: Contents, replace: bool) -> Path:
    """Write the directory beside its place."""
    aside, before = _aside(path), _before(path)
    occupied = _occupied(path)
    if occupied and not replace:
        raise DirectoryUnusable(
            f"{path} is not empty; choose another directory, or give --replace to have it renamed to {before.name}"
        )
    if occupied and before.exists():
        raise DirectoryUnusable(f"{before} is there already, from an earlier copy; take it away first")
    if aside.exists():
        raise DirectoryUnusable(
            f"{aside} is there, from a copy that was interrupted; remove it, and copy again"
        )
    _write(aside, contents)
    return aside


def _finish(path: Path) -> None:
    """Put it in its place."""
    if _occupied(path):
        path.rename(_before(path))
    elif path.exists():
        (path / LOCK_NAME).unlink(missing_ok=True)
        path.rmdir()
    _aside(path).rename(path)
    Disk().sync_directory(path.absolute().parent, "format")


def _occupied(path: Path) -> bool:
    """Whether something other than a lock is there, of a server that may not run now. Raises DirectoryUnusable, DirectoryLocked."""
    if not path.exists():
        return False
    if not path.is_dir():
        raise DirectoryUnusable(f"{path} is no directory")
    found = {each.name for each in path.iterdir()}
    if LOCK_NAME in found:
        os.close(Directory(path).lock())
    return bool(found - {LOCK_NAME})


def _write(path: Path, contents: Contents) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700)
    directory, disk = Directory(path), Disk()
    header = SnapshotHeader(directory.begin(disk), contents.revision, len(contents.heads))
    write_snapshot(disk, directory.snapshot(contents.revision), header, contents.heads, lambda: None)
