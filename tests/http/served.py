"""A whole server behind its handler: real registry, log and memory journal, no sockets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp
from watchcache.api.user import UserInfo
from watchcache.auth import Credentials, Rejected
from watchcache.cacher import Hub
from watchcache.http import Api, Options, Peer, Reply, Request, Running, Stream, WatchReply
from watchcache.http.asgi_bridge import QueueSink
from watchcache.log import Log
from watchcache.persist import MemoryJournal
from watchcache.registry import Registry


class Tokens:
    """Knows the token `good`, as alice."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """Alice, nobody, or a rejection."""
        if credentials.authorization == "Bearer good":
            return UserInfo(name="alice", groups=("system:authenticated",))
        if credentials.authorization:
            raise Rejected("unknown")
        return None


class Client:
    """Asks the handler as a client would."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def ask(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        """A whole answer; a Stream is collected. `body` is bytes, or a document sent as JSON."""
        answer = await self.start(method, target, body, **headers)
        if isinstance(answer, Stream):
            blocks = [block async for block in answer.blocks]
            return Reply(answer.status, answer.headers, b"".join(blocks))
        assert isinstance(answer, Reply)
        return answer

    async def start(
        self, method: str, target: str, body: Any = None, **headers: str
    ) -> Reply | Stream | WatchReply:
        """The answer as the handler gives it."""
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(
            method, target, {"authorization": "Bearer good"} | named, data, "1.1", Peer("127.0.0.1", 1)
        )
        answer = self.api.handle(request)
        return answer if isinstance(answer, Reply | Stream | WatchReply) else await answer

    async def get(self, target: str, **headers: str) -> dict[str, Any]:
        """The document of a GET that succeeds."""
        reply = await self.ask("GET", target, **headers)
        assert reply.status == 200, reply.body
        return document(reply)

    async def create(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        """The object that a POST created."""
        reply = await self.ask("POST", target, body)
        assert reply.status == 201, reply.body
        return document(reply)

    @asynccontextmanager
    async def watch(self, target: str, **headers: str) -> AsyncIterator[Watching]:
        """An open watch."""
        answer = await self.start("GET", target, **headers)
        assert isinstance(answer, WatchReply), answer
        sink = QueueSink()
        watching = Watching(answer, sink, answer.start(sink))
        yield watching
        watching.running.stop()


class Watching:
    """The client's end of a watch."""

    def __init__(self, reply: WatchReply, sink: QueueSink, running: Running) -> None:
        self.headers = dict(reply.headers)
        self.running = running
        self._sink = sink
        self._lines: list[bytes] = []

    async def next(self) -> dict[str, Any]:
        """The next event; fails after 5 seconds without one."""
        with trio.fail_after(5):
            while not self._lines:
                self._lines = (await anext(self._sink)).splitlines()
        event: dict[str, Any] = msgspec.json.decode(self._lines.pop(0))
        return event

    async def ended(self) -> bool:
        """Whether nothing more comes; waits for the end, 100 seconds at most."""
        with trio.move_on_after(100):
            return not self._lines and [block async for block in self._sink] == []
        return False


def document(reply: Reply) -> dict[str, Any]:
    """The body of an answer, decoded."""
    assert isinstance(reply.body, bytes)
    decoded: dict[str, Any] = msgspec.json.decode(reply.body)
    return decoded


def header(reply: Reply, name: str) -> str | None:
    """The value of an answer's header, None when absent."""
    return dict(reply.headers).get(name)


@asynccontextmanager
async def running_api(
    options: Options | None = None, clock: Callable[[], float] = time.time
) -> AsyncIterator[Api]:
    """An API over an empty memory journal, with the standard objects."""
    log = Log(MemoryJournal(), stamp=stamp)
    await log.open()
    catalog, hub = load_catalog(), Hub(log, stamp=stamp)
    registry = Registry(log, hub, catalog, clock=clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        await nursery.start(hub.run)
        await registry.prepare()
        await nursery.start(registry.run)
        yield Api(registry, catalog, Tokens(), options=options)
        nursery.cancel_scope.cancel()
