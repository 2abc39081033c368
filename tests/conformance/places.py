"""The places that logs keep events in, for the suite that every one must pass.

To add one: a subclass of `Place`, and a line in `PLACES`. The suite uses only what `Log` offers and does
not take revisions to be consecutive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests import etcds
from watchcache.log import EventLog, Journal, Log
from watchcache.persist import FileJournal, MemoryJournal, Retention

from .samples import Verbatim, stamp


@asynccontextmanager
async def running(log: EventLog) -> AsyncIterator[None]:
    """Open, run and close a log."""
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        yield
        await log.close()


class Place:
    """Somewhere to keep events; each `log` opens what is there."""

    durable: bool
    retains = True  # how much history is kept is for the server to say
    first = 0  # the revision of an empty place

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def close(self) -> None:
        """Let go of what was started."""

    def journal(self, retention: Retention) -> Journal:
        """Return a journal on this place."""
        raise NotImplementedError

    @asynccontextmanager
    async def log(
        self,
        retention: Retention = Retention(),  # noqa: B008
        ring_bytes: int = 1 << 20,
    ) -> AsyncIterator[EventLog]:
        """Open and run a log on this place."""
        log = Log(self.journal(retention), stamp=stamp, clock=lambda: 1000.0, ring_bytes=ring_bytes)
        async with running(log):
            yield log


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


class Etcd(Place):
    """An etcd of its own, shared by all logs that are opened here."""

    durable = True
    retains = False  # etcd's compaction is between all its servers
    first = 1

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self.etcd = etcds.Etcd(
            scratch / "etcd", f"--max-request-bytes={16 << 20}", program=self.program()
        ).start()

    def program(self) -> str | None:
        """The etcd to use."""
        return etcds.binary()

    def close(self) -> None:
        """End the etcd."""
        self.etcd.stop()

    @asynccontextmanager
    async def log(
        self,
        retention: Retention = Retention(),  # noqa: B008
        ring_bytes: int = 1 << 20,
    ) -> AsyncIterator[EventLog]:
        """Open and run a log on the etcd."""
        del retention
        from watchcache.persist.etcd import Archive, Cluster, EtcdLog

        log = EtcdLog(
            Cluster((self.etcd.url,)),
            form=Verbatim(),
            stamp=stamp,
            archive=Archive(self.scratch / "history", segment_bytes=2000),
            clock=lambda: 1000.0,
            ring_bytes=ring_bytes,
        )
        async with running(log):
            yield log


class OlderEtcd(Etcd):
    def program(self) -> str | None:
        """An etcd 3.5."""
        return etcds.older_binary()


PLACES = [
    Memory,
    File,
    pytest.param(Etcd, marks=etcds.needs_etcd),
    pytest.param(OlderEtcd, marks=etcds.needs_older_etcd),
]
