"""What all connections of one server share."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import trio

from watchcache.http.messages import Handler, Reply
from watchcache.http.turns import Turns
from watchcache.http.wire.departures import Departures
from watchcache.http.wire.gathering import Gathering
from watchcache.http.wire.limits import Limits
from watchcache.http.wire.wheel import Wheel
from watchcache.readers import Readers


class Shared(msgspec.Struct):
    """One server's handler, bounds, clock and the nursery in which queues are written out; `handshakes` go round the addresses."""

    handler: Handler
    limits: Limits
    tls: ssl.SSLContext | None
    wheel: Wheel
    departures: Departures
    nursery: trio.Nursery
    framing: str  # of HTTP/2: a key of `http2.FRAMINGS`
    readers: Readers | None = None  # of HTTP/2; without, each connection's task reads
    gathering: Gathering = msgspec.field(default_factory=Gathering)
    numbers: Iterator[int] = msgspec.field(
        default_factory=lambda: itertools.count(1)
    )  # of HTTP/2 connections
    handshakes: Turns = msgspec.field(default_factory=Turns)
    failed_handshakes: int = 0
    draining: bool = False  # shutting down: no request is begun on an old connection after the running one

    def spawn(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run a task that catches its own exceptions, for as long as the server runs."""
        self.nursery.start_soon(task)


def failure() -> Reply:
    """The answer when a handler raised; the exception goes to the log, not to the client."""
    return Reply(500, [("Content-Type", "text/plain; charset=utf-8")], b"Internal Server Error\n")
