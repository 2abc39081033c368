"""Whoever takes part in the simulated cluster through one client: it keeps its watches open, whatever happens.

As client-go's reflectors do: a lost connection is made again after a delay that grows, watches resume from the last revision
that they saw, and only a 410 makes one start over (a relist, which is counted: a good server needs none).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Literal

import trio

from watchcache.bench.client import Client, ConnectionLost, Dialer, Http1Client, Http2Client, Request
from watchcache.bench.client.header_block import HeaderBlocks
from watchcache.bench.measures import Measures
from watchcache.bench.watch import State, Watch

Start = Literal["stream", "list", "now"]
"""How a watch gets its initial state: as events (client-go since 1.35), by a LIST from the cache, or not at all."""

FIRST_DELAY, LAST_DELAY = 0.4, 10.0  # seconds; client-go's reflector waits 0.8 to 30
_HANDSHAKES = 128  # at once in a process: more would time out on the client's own CPU, not on the server
_STREAMED = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
_REVISION = b'"resourceVersion":"'


class Network:
    """What the participants of one process share."""

    def __init__(self, dialer: Dialer, measures: Measures, random: Random) -> None:
        self.dialer, self.measures, self.random = dialer, measures, random
        target = dialer.target
        self.blocks = HeaderBlocks(f"{target.host}:{target.port}", target.token)
        self.handshakes = trio.CapacityLimiter(_HANDSHAKES)


class Participant:
    """One client with its watches. `up` while it is connected and known to the server."""

    __slots__ = (
        "_lost",
        "_nursery",
        "_protocol",
        "_start",
        "client",
        "left",
        "network",
        "pending",
        "up",
        "watches",
    )

    def __init__(
        self,
        network: Network,
        watches: Sequence[Watch] = (),
        protocol: str = "http2",
        start: Start = "stream",
    ) -> None:
        self.network, self.watches = network, tuple(watches)
        self._protocol, self._start = protocol, start
        self.client: Client | None = None
        self._nursery: trio.Nursery | None = None
        self.pending = len(self.watches)
        """Watches that are not live."""
        self.up = False
        self._lost = 0.0
        self.left = False
        """It cut the connection itself: coming back is no fault of the server's."""

    async def run(self) -> None:
        """Connect and stay connected until cancelled."""
        delay = FIRST_DELAY
        while True:
            if await self._session():
                delay = FIRST_DELAY
            await trio.sleep(delay * (0.5 + self.network.random.random()))
            delay = min(delay * 2, LAST_DELAY)

    async def _session(self) -> bool:
        """One connection from its making to its end; False when it could not be made."""
        async with trio.open_nursery() as nursery:
            try:
                client = await self._connect(nursery)
            except ConnectionLost:
                self.network.measures.count("refused")
                return False
            self.client, self._nursery = client, nursery
            if self._lost:
                # Servers close connections on which nothing is open for a while: nobody loses anything by that.
                lost = self.watches and not self.left
                self.network.measures.count("reconnects" if lost else "returns")
                self.left = False
            nursery.start_soon(self._receive, client, nursery)
            await self.greet()
            self.up = True
            for watch in self.watches:
                self._open(watch)
        return True

    async def _connect(self, nursery: trio.Nursery) -> Client:
        network = self.network
        if self._protocol == "http1":
            return Http1Client(network.dialer, nursery)
        async with network.handshakes:
            transport = await network.dialer.dial("h2", nursery)
        return Http2Client(transport, network.blocks)

    async def _receive(self, client: Client, nursery: trio.Nursery) -> None:
        try:
            await client.run()
        finally:
            self._lose()
            nursery.cancel_scope.cancel()

    def _lose(self) -> None:
        self.up = False
        self.client = self._nursery = None
        self._lost = trio.current_time()
        self.pending = len(self.watches)

    async def greet(self) -> None:
        """What is done on a new connection before the watches; a node registers."""

    # -- watches

    def _open(self, watch: Watch) -> None:
        client = self.client
        if client is None or not client.alive:
            return
        if not watch.position and self._start != "stream":
            self._list_first(client, watch)
            return
        watch.state = State.OPENING
        initial = f"&resourceVersion={watch.position}" if watch.position else _STREAMED
        scope = watch.scope
        path = f"{scope.path}?watch=true&allowWatchBookmarks=true{initial}{scope.query}"
        client.watch(path, partial(self._on_data, watch), partial(self._on_end, watch))

    def _list_first(self, client: Client, watch: Watch) -> None:
        which = "limit=1" if self._start == "now" else "resourceVersion=0"
        path = f"{watch.scope.path}?{which}{watch.scope.query}"

        def listed(status: int, body: bytes) -> None:
            if status == 200:
                begin = body.index(_REVISION) + len(_REVISION)
                watch.began(int(body[begin : body.index(b'"', begin)]))
                watch.state = State.OPENING
                self._open(watch)
            else:
                self._failed(watch, "LIST", status)

        client.submit(Request("GET", path, "LIST"), listed)

    def _on_data(self, watch: Watch, data: bytes) -> None:
        was_live = watch.state is State.LIVE
        if not data:
            watch.state = State.LIVE if watch.position else State.INITIAL
            watch.opened = time.monotonic_ns()
        else:
            watch.feed(data, self._arrival())
        if not was_live and watch.state is State.LIVE:
            self._live()

    def _arrival(self) -> int:
        """When the data arrived; how long ago that was is this process's own delay."""
        now = time.monotonic_ns()
        arrived = self.client.arrived if self.client is not None else 0
        if not arrived:
            return now
        self.network.measures.histogram("lateness|receiving").record((now - arrived) // 1000)
        return arrived

    def _live(self) -> None:
        self.pending -= 1
        if self.pending == 0 and self._lost:
            self.network.measures.record("resume|all watches", trio.current_time() - self._lost)
            self._lost = 0.0

    def _on_end(self, watch: Watch, status: int, body: bytes) -> None:
        was_live, failed = watch.state is State.LIVE, watch.failed
        watch.closed()
        client = self.client
        if client is None or not client.alive:
            return  # the session's end: the next one resumes it
        if was_live:
            self.pending += 1
        measures = self.network.measures
        if watch.gone or status == 410:
            if not watch.gone:
                measures.count("gone")
            measures.count("relists")
            watch.forget()
            self._reopen(watch)
        elif status == 200:
            if not failed:
                measures.count("ended")
            self._reopen(watch)
        elif status == 0:  # HTTP/1.1: this watch's own connection; HTTP/2: its stream was reset
            measures.count("reconnects")
            self._lost = self._lost or trio.current_time()
            self._reopen(watch)
        else:
            self._failed(watch, "WATCH", status, body)

    def _failed(self, watch: Watch, verb: str, status: int, _body: bytes = b"") -> None:
        self.network.measures.count(f"error|{verb} {watch.scope.resource}|{status}")
        self._reopen(watch)

    def _reopen(self, watch: Watch) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(self._open_later, watch)

    async def _open_later(self, watch: Watch) -> None:
        await trio.sleep(FIRST_DELAY * (0.5 + self.network.random.random()))
        self._open(watch)
