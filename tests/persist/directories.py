"""Data directories for tests: filled, opened, looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from watchcache.log import Event, Head, Log
from watchcache.persist import FileJournal, Retention
from watchcache.persist.file.disk import Disk

from .samples import stamp, value


@asynccontextmanager
async def opened(
    path: Path,
    *,
    disk: Disk | None = None,
    retention: Retention = Retention(),  # noqa: B008
    segment_bytes: int = 2000,
    snapshot_bytes: int = 1 << 30,
    ring_bytes: int = 1 << 20,
) -> AsyncIterator[Log]:
    """A running log on a directory; small segments, no snapshots unless asked for."""
    journal = FileJournal(
        path, disk=disk, retention=retention, segment_bytes=segment_bytes, snapshot_bytes=snapshot_bytes
    )
    times = iter(range(1000, 1 << 40))
    log = Log(journal, stamp=stamp, clock=lambda: float(next(times)), ring_bytes=ring_bytes)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        try:
            yield log
        finally:
            with trio.CancelScope(shield=True):
                await log.close()


async def scribble(log: Log, writes: int, keys: int = 5) -> list[Event]:
    """Creates, updates and deletions of some keys, one after the other."""
    events = []
    for number in range(writes):
        key = f"pods/default/p{number % keys}"
        gone = log.head(key) is not None and number % 4 == 3
        events.append(await log.append(key, None if gone else value(f"{number:0100}")))
    return events


async def history(log: Log, after: int = 0) -> list[Event]:
    """All events after a revision."""
    return [event async for batch in log.history(after) for event in batch]


def state_of(events: list[Event]) -> dict[str, Head]:
    """What events add up to."""
    state: dict[str, Head] = {}
    for event in events:
        if event.deleted:
            del state[event.key]
        else:
            state[event.key] = Head(event.revision, event.value)
    return state


def segments(path: Path) -> list[Path]:
    """The segments of a directory, oldest first."""
    return sorted(path.glob("*.events"))


def snapshots(path: Path) -> list[Path]:
    """The snapshots of a directory, oldest first."""
    return sorted(path.glob("*.state"))
