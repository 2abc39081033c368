"""Named places where a test lets the disk fail, or the process end.

A point is `<purpose>.<call>.<when>`: what the call is for, which call of `Disk`, and `before`, `after` or, for a write,
`middle` (half of it is written). Each point in `POINTS` has a crash test and an error test in `tests/persist`.

Purposes: `format` the FORMAT file of a new directory; `roll` beginning a segment; `segment` committing to it; `snapshot`;
`retention` removing what is no longer kept; `recovery` repairing what a crash left; `reached` writing down
how far the commits have come.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from watchcache.persist.file.disk import Disk

CRASHED = 113  # the exit status of a process that ended at a point

_ASIDE = ("create", "write", "sync", "rename", "sync_directory")
_CALLS: Mapping[str, tuple[str, ...]] = {
    "format": _ASIDE,
    "roll": ("create", "write", "sync", "sync_directory"),
    "segment": ("write", "sync", "truncate"),
    "snapshot": _ASIDE,
    "retention": ("unlink",),
    "recovery": ("truncate", "sync", "sync_directory", "unlink"),
    "reached": ("overwrite",),
}
POINTS: tuple[str, ...] = tuple(
    f"{purpose}.{call}.{when}"
    for purpose, calls in _CALLS.items()
    for call in calls
    for when in (("before", "middle", "after") if call == "write" else ("before", "after"))
)

Fault = Callable[[], None]


def crash() -> None:
    """End the process at once, as SIGKILL does: nothing is flushed, no handler runs."""
    os._exit(CRASHED)


def fail(code: int) -> Fault:
    """Return a fault that has the call fail with an errno."""

    def raise_error() -> None:
        raise OSError(code, os.strerror(code))

    return raise_error


class FaultyDisk(Disk):
    """The disk, with faults at some points; each may be put off by some visits and ends after some more."""

    def __init__(self) -> None:
        self.visits: dict[str, int] = {}
        self._armed: dict[str, tuple[Fault, range]] = {}

    def arm(self, point: str, fault: Fault, *, skip: int = 0, times: int = 1 << 60) -> None:
        """Have a fault happen at a point, after `skip` more visits, `times` times."""
        assert point in POINTS, point
        first = self.visits.get(point, 0) + skip
        self._armed[point] = (fault, range(first, first + times))

    def disarm(self) -> None:
        """Take all faults away."""
        self._armed.clear()

    def create(self, path: Path, purpose: str) -> int:
        """Fail before or after making a file."""
        with self._around(f"{purpose}.create"):
            return super().create(path, purpose)

    def write(self, descriptor: int, data: bytes, purpose: str) -> None:
        """Fail before, in the middle of, or after a write."""
        with self._around(f"{purpose}.write"):
            half = len(data) // 2
            super().write(descriptor, data[:half], purpose)
            self._visit(f"{purpose}.write.middle")
            super().write(descriptor, data[half:], purpose)

    def overwrite(self, descriptor: int, data: bytes, purpose: str) -> None:
        """Fail before or after writing over a file's beginning."""
        with self._around(f"{purpose}.overwrite"):
            super().overwrite(descriptor, data, purpose)

    def sync(self, descriptor: int, purpose: str) -> None:
        """Fail before or after a sync."""
        with self._around(f"{purpose}.sync"):
            super().sync(descriptor, purpose)

    def truncate(self, descriptor: int, length: int, purpose: str) -> None:
        """Fail before or after cutting a file."""
        with self._around(f"{purpose}.truncate"):
            super().truncate(descriptor, length, purpose)

    def rename(self, source: Path, target: Path, purpose: str) -> None:
        """Fail before or after a rename."""
        with self._around(f"{purpose}.rename"):
            super().rename(source, target, purpose)

    def unlink(self, path: Path, purpose: str) -> None:
        """Fail before or after removing a file."""
        with self._around(f"{purpose}.unlink"):
            super().unlink(path, purpose)

    def sync_directory(self, path: Path, purpose: str) -> None:
        """Fail before or after syncing a directory."""
        with self._around(f"{purpose}.sync_directory"):
            super().sync_directory(path, purpose)

    @contextmanager
    def _around(self, call: str) -> Iterator[None]:
        self._visit(f"{call}.before")
        yield
        self._visit(f"{call}.after")

    def _visit(self, point: str) -> None:
        visit = self.visits.get(point, 0)
        self.visits[point] = visit + 1
        fault, when = self._armed.get(point, (None, range(0)))
        if fault is not None and visit in when:
            fault()
