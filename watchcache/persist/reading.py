"""The events in a data directory, for `watchcache log`: all that are kept, and with `follow` those to come.

It reads only and takes no lock, so it may run beside a server; what it shows last may be a write that is just under way and
that a crash or a full disk would still take back. It blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from watchcache.log import Compacted, Corrupt, Event, Stamp
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.file.directory import RESTORE, Directory
from watchcache.persist.file.frames import Damaged, later_commit
from watchcache.persist.file.records import Inconsistent, Replay
from watchcache.persist.file.segment import READ_AHEAD, parse_header, parse_records, read_frames


def _unstamped(value: bytes, _revision: int) -> bytes:
    return value


def _pause() -> None:
    time.sleep(0.2)


def read_events(
    path: Path | str,
    from_revision: int | None = None,
    *,
    follow: bool = False,
    wait: Callable[[], None] = _pause,
    stamp: Stamp = _unstamped,
) -> Iterator[Event]:
    """Yield the events in a data directory, in order, from a revision on; from the oldest that is kept for None and 0.

    follow: at the end call `wait` and look for more, for ever. stamp: given, a deletion's value gets its revision put in.
    Raises Compacted when the revision is no longer there, Corrupt at damage, DirectoryUnusable.
    """
    directory = Directory(Path(path))
    if not directory.path.is_dir():
        raise DirectoryUnusable(f"{directory.path} is no directory")
    first = from_revision or 0
    try:
        for event in _follow(
            directory, _first_segment(directory, from_revision), stamp, wait if follow else None
        ):
            if event.revision >= first:
                yield event
    except OSError as error:
        raise DirectoryUnusable(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _first_segment(directory: Directory, from_revision: int | None) -> int:
    if directory.epoch() is None:
        raise DirectoryUnusable(f"{directory.path} holds no data of watchcache")
    bases = directory.segments() or [0]
    if not from_revision:
        return bases[0]
    if from_revision <= bases[0]:
        raise Compacted(from_revision - 1, bases[0])
    return max(base for base in bases if base < from_revision)


def _follow(
    directory: Directory, base: int, stamp: Stamp, wait: Callable[[], None] | None
) -> Iterator[Event]:
    tail = _Tail(directory.segment(base), base, stamp)
    while True:
        yield from tail.events()
        later = [each for each in directory.segments() if each > tail.base]
        if tail.revision in later:  # it was begun when this one was complete, and we have all up to there
            tail = _Tail(directory.segment(tail.revision), tail.revision, stamp)
        elif wait is not None and not later:
            wait()
        else:
            tail.refuse_damage()
            if later:
                raise Compacted(tail.revision, min(later))
            return


class _Tail:
    """One segment, read as far as it goes, again and again."""

    def __init__(self, path: Path, base: int, stamp: Stamp) -> None:
        self.base = base
        self._path = path
        self._replay = Replay(base, stamp)
        self._offset = 0

    @property
    def revision(self) -> int:
        return self._replay.revision

    def events(self) -> Iterator[Event]:
        try:
            with self._path.open("rb", buffering=READ_AHEAD) as file:
                for offset, payload in read_frames(file, start=self._offset):
                    if offset == 0:
                        parse_header((offset, payload))
                    else:
                        yield from self._replayed(offset, payload)
                    self._offset = file.tell()
        except Damaged:
            return  # perhaps it is being written; `refuse_damage` tells

    def _replayed(self, offset: int, payload: memoryview) -> list[Event]:
        try:
            return self._replay.events(parse_records(offset, payload))
        except Inconsistent as contradiction:
            raise Corrupt(self._path, offset, str(contradiction), RESTORE) from contradiction

    def refuse_damage(self) -> None:
        """Raise Corrupt when what could not be read is no write under way and no torn end."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            rest = file.read()
        if later_commit(rest, self._offset) is not None:
            raise Corrupt(self._path, self._offset, "no whole frame is here, but later ones are", RESTORE)
