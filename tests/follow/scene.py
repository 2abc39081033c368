"""A log, a feed of it, and followers on streams in memory or on real sockets."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing

from tests.log.samples import stamp, value
from watchcache.follow import Feed, FollowerLog
from watchcache.log import Event, EventLog, Log
from watchcache.persist import MemoryJournal, Retention

__all__ = ["Scene", "fed", "running", "stamp", "value"]


class Scene:
    """The log and its feed, both running in `nursery`."""

    def __init__(
        self, log: EventLog, feed: Feed, nursery: trio.Nursery, streams: list[trio.SocketStream]
    ) -> None:
        self.log = log
        self.feed = feed
        self.nursery = nursery
        self.published: list[Event] = []
        self.streams = streams
        log.subscribe(self.published.extend)

    def pair(self) -> tuple[trio.SocketStream, trio.SocketStream]:
        """Two ends of a Unix socket, as a worker has them."""
        one, other = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair())
        self.streams += [one, other]
        return one, other

    async def write(self, *keys: str, text: str = "") -> None:
        """Write keys, or delete those with a minus in front."""
        for key in keys:
            await self.log.append(key.removeprefix("-"), None if key.startswith("-") else value(text))

    async def follow(
        self, stream: trio.abc.Stream | None = None, **options: Any
    ) -> tuple[FollowerLog, list[Event]]:
        """A running follower and the events that its readers get."""
        if stream is None:
            theirs, stream = self.pair()
            self.nursery.start_soon(self.feed.serve, theirs)
        follower, seen = FollowerLog(stream, **options), list[Event]()
        await follower.open()
        follower.subscribe(seen.extend)
        await self.nursery.start(follower.run)
        return follower, seen

    async def settle(self, follower: FollowerLog) -> None:
        """Wait until a follower has what the log has."""
        wanted, reached = self.log.published, trio.Event()

        def look(events: Sequence[Event]) -> None:
            if follower.published >= wanted:
                reached.set()

        leave = follower.subscribe(look)
        if follower.published < wanted:
            with trio.fail_after(10):
                await reached.wait()
        leave()


@asynccontextmanager
async def running(
    retention: Retention | None = None, ring_bytes: int = 1 << 20, **options: Any
) -> AsyncIterator[Scene]:
    """A log in memory with its feed."""
    journal = MemoryJournal(retention=retention) if retention else MemoryJournal()
    log = Log(journal, stamp=stamp, clock=lambda: 1000.0, ring_bytes=ring_bytes)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        async with fed(log, **options) as scene:
            yield scene
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def fed(log: EventLog, **options: Any) -> AsyncIterator[Scene]:
    """A log that runs, with a feed of it."""
    streams: list[trio.SocketStream] = []
    try:
        async with trio.open_nursery() as nursery:
            feed = Feed(log, **options)
            await nursery.start(feed.run)
            yield Scene(log, feed, nursery, streams)
            nursery.cancel_scope.cancel()
    finally:
        for stream in streams:
            stream.socket.close()
