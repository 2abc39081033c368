"""The places that journals keep events in, for the suite that every journal must pass.

To add one (etcd): a subclass of `Place`, and a line in `PLACES`. The suite uses only what `Log` offers and does
not take revisions to be consecutive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from watchcache.log import Journal, Log
from watchcache.persist import FileJournal, MemoryJournal, Retention

from .samples import stamp


class Place:
    """Somewhere to keep events; each `log` opens what is there."""

    durable: bool

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def journal(self, retention: Retention) -> Journal:
        """Return a journal on this place."""
        raise NotImplementedError

    @asynccontextmanager
    async def log(self, retention: Retention = Retention(), ring_bytes: int = 1 << 20) -> AsyncIterator[Log]:  # noqa: B008
        """Open and run a log on this place."""
        log = Log(self.journal(retention), stamp=stamp, clock=lambda: 1000.0, ring_bytes=ring_bytes)
        await log.open()
        async with trio.open_nursery() as nursery:
            await nursery.start(log.run)
            yield log
            await log.close()


class Memory(Place):
    durable = False

    def journal(self, retention: Retention) -> Journal:
        """Return an empty journal."""
        return MemoryJournal(retention=retention)


class File(Place):
    durable = True

    def journal(self, retention: Retention) -> Journal:
        """Return the journal of one directory, with files so small that some dozen events fill several."""
        return FileJournal(
            self.scratch / "data", retention=retention, segment_bytes=2000, snapshot_bytes=5000
        )


PLACES = [Memory, File]
