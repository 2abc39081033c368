"""Logs on an etcd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tests.conformance.samples import Verbatim, stamp
from watchcache.persist.etcd import Cluster, EtcdLog, Options

QUICK = Options(compaction=0, patience=1.0)  # for an etcd that does not answer
PATIENT = Options(compaction=0, patience=20)  # for one that does, on whatever machine


def log_on(*urls: str, options: Options = QUICK, **more) -> EtcdLog:
    """A log that is not open yet; `cluster` gives what Cluster has beside URLs."""
    cluster = Cluster(urls, **more.pop("cluster", {}))
    return EtcdLog(cluster, form=Verbatim(), stamp=stamp, options=options, **more)


@asynccontextmanager
async def running(*urls: str, **more) -> AsyncIterator[EtcdLog]:
    """A log that runs."""
    log = log_on(*urls, **{"options": PATIENT, **more})
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        yield log
        await log.close()


async def history(log: EtcdLog, after: int) -> list:
    """All events after a revision, in one list."""
    return [event async for batch in log.history(after) for event in batch]


def answered(log: EtcdLog, path: str) -> int:
    """How many calls of a method etcd has answered."""
    spent = log.figures.seconds.get(path)
    return 0 if spent is None else sum(spent.counts)
