"""What has ended is freed at once. A collection of garbage may be an hour away: what had to wait for it would be a leak until then."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import h2.events as ev
import pytest
import trio
from served import running_api

from tests.alive import Alive
from watchcache.cacher.watcher import Watcher
from watchcache.http.watching import WatchedSink
from watchcache.http.wire.connection import Connection
from watchcache.http.wire.http1 import Http1
from watchcache.http.wire.http2 import Http2
from watchcache.http.wire.http2_stream import Http2Stream
from watchcache.http.wire.sink import Http1Sink
from watchcache.http.wire.transport import Transport

from .scene import Client2, Scene, client2, dial, request, running

WATCH = "/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds={}"
TOKEN = ("authorization", "Bearer good")
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Origin: https://here",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
OF_WATCHES = {Watcher, WatchedSink, Http1Sink, Http2Stream}
OF_CONNECTIONS = OF_WATCHES | {Connection, Transport, Http1, Http2}


@pytest.fixture(autouse=True)
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@asynccontextmanager
async def serving() -> AsyncIterator[Scene]:
    """The whole API, without anything that a test before left."""
    async with running_api() as api, running(handler=api.handle) as scene:
        yield scene


async def idle(scene: Scene) -> None:
    """Wait until every connection has ended."""
    with trio.fail_after(10):
        while scene.server.stats().connections:
            await trio.lowlevel.checkpoint()
    await trio.testing.wait_all_tasks_blocked()


async def watches(client: Client2, seconds: int = 600) -> list[int]:
    """Three watches that run."""
    numbers = [await client.ask(WATCH.format(seconds), "GET", None, True, TOKEN) for _ in range(3)]
    for number in numbers:
        await client.until(ev.ResponseReceived, number)
    return numbers


@pytest.mark.usefixtures("framing")
async def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    """Over HTTP/2: its connection and its watches."""
    async with serving() as scene:
        alive = Alive(OF_CONNECTIONS)
        async with client2(scene) as client:
            await watches(client)
            assert alive.new()["Watcher"] == 3
        await idle(scene)
        assert not alive.new()


async def test_a_client_of_http1_leaves_nothing_behind() -> None:
    """Its connection and its watch."""
    async with serving() as scene:
        alive = Alive(OF_CONNECTIONS)
        async with await dial(scene) as stream:
            await stream.send_all(request("GET", WATCH.format(600), b"", "Authorization: Bearer good"))
            head = b""
            with trio.fail_after(10):
                while b"\r\n\r\n" not in head:  # events may follow in the same packet
                    head += await stream.receive_some(65536)
            del head
            assert alive.new()["Watcher"] == 1
        await idle(scene)
        assert not alive.new()


async def test_a_client_of_a_websocket_leaves_nothing_behind() -> None:
    """Whoever ends it: the client without a word, or the watch's time."""
    for seconds, leaves in ((600, True), (1, False)):
        async with serving() as scene:
            alive = Alive(OF_CONNECTIONS)
            async with await dial(scene) as stream:
                head = request("GET", WATCH.format(seconds), b"", "Authorization: Bearer good", *HANDSHAKE)
                await stream.send_all(head)
                answer = b""
                with trio.fail_after(10):
                    while b"\r\n\r\n" not in answer:
                        answer += await stream.receive_some(65536)
                assert answer.startswith(b"HTTP/1.1 101 ")
                assert alive.new()["Watcher"] == 1
                while not leaves and await stream.receive_some(65536):
                    pass
            await idle(scene)
            assert not alive.new()


@pytest.mark.usefixtures("framing")
async def test_a_watch_that_a_client_resets_is_freed() -> None:
    """Its connection goes on."""
    async with serving() as scene, client2(scene) as client:
        alive = Alive(OF_WATCHES)
        for number in await watches(client):
            client.h2.reset_stream(number)
        await client.flush()
        await client.ask(WATCH.format(1), "GET", None, True, TOKEN)
        await client.until(ev.StreamEnded)
        assert not alive.new()


@pytest.mark.usefixtures("framing")
async def test_a_watch_whose_time_is_over_is_freed() -> None:
    """That is how most end."""
    async with serving() as scene, client2(scene) as client:
        alive = Alive(OF_WATCHES)
        for number in await watches(client, seconds=1):
            await client.until(ev.StreamEnded, number)
        assert not alive.new()
