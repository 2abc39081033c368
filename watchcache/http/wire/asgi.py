"""Serving an ASGI application behind the wire host: what a person looks at, for every path the API does not take.

`AsgiBridge(app)` turns a `Request` into the application's `http` scope and its messages into an answer. The application
runs in a task of the bridge's own nursery, so that it outlives the call that started it while its body is being sent;
when the client leaves, it is told `http.disconnect` and cancelled. WebSockets are not carried.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import unquote

import trio

from watchcache.http.messages import Reply, Request, Stream
from watchcache.http.wire.context import failure
from watchcache.http.wire.guard import log

Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_OF_THE_HOST = frozenset({"content-length", "transfer-encoding", "connection", "date"})
_GATHERED = 256 * 1024  # announced bodies up to this are sent as one `Reply`
_VERSION = {"version": "3.0", "spec_version": "2.3"}


class AsgiBridge:
    """Answers requests by an ASGI application. Made by `asgi_bridge`."""

    def __init__(self, app: Application, nursery: trio.Nursery) -> None:
        self._app = app
        self._nursery = nursery

    async def __call__(self, request: Request) -> Reply | Stream:
        """The application's answer: a `Reply` when it sends its body in one message, else a `Stream`."""
        exchange = _Exchange(request)
        try:
            self._nursery.start_soon(exchange.run, self._app)
            return await exchange.answer()
        except BaseException:
            exchange.abandon()
            raise


class _Exchange:
    """One request and the application's task for it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._requested = False
        self._scope = trio.CancelScope()
        self._gone = trio.Event()
        self._start: Message | None = None
        self._put, self._get = trio.open_memory_channel[tuple[bytes, bool]](0)

    async def run(self, app: Application) -> None:
        """The application's task."""
        with self._put, self._scope:
            try:
                await app(scope_of(self._request), self._receive, self._send)
            except Exception:
                log.exception("%s %s: the application failed", self._request.method, self._request.target)

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self._gone.set()
        self._scope.cancel()

    async def _receive(self) -> Message:
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            await self._put.send((bytes(message.get("body", b"")), bool(message.get("more_body"))))

    async def answer(self) -> Reply | Stream:
        """Wait for the beginning of the answer."""
        try:
            return await self._begin()
        except trio.EndOfChannel:
            return failure()

    async def _begin(self) -> Reply | Stream:
        body, more = await self._get.receive()
        if self._start is None:
            return failure()
        status, headers = self._start["status"], _headers_of(self._start)
        if more and _announced(self._start) <= _GATHERED:
            body, more = await self._rest(body), False
        if not more:
            self._gone.set()
            return Reply(status, headers, body)
        return Stream(status, headers, self._blocks(body))

    async def _rest(self, first: bytes) -> bytes:
        """A body whose small size the application has announced, whole (Quart ends each with an empty message)."""
        parts, more = [first], True
        while more:
            part, more = await self._get.receive()
            parts.append(part)
        return b"".join(parts)

    async def _blocks(self, first: bytes) -> AsyncIterator[bytes]:
        try:
            block, more = first, True
            while True:
                if block:
                    yield block
                if not more:
                    return
                block, more = await self._get.receive()
        except trio.EndOfChannel:
            raise RuntimeError("the application ended in the middle of a body") from None
        finally:
            self.abandon()


def scope_of(request: Request) -> Message:
    """The `http` connection scope of a request (ASGI 3.0)."""
    path, _, query = request.target.partition("?")
    peer = request.peer
    return {
        "type": "http",
        "asgi": _VERSION,
        "http_version": request.version,
        "method": request.method,
        "scheme": "https" if peer.tls else "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
        ],
        "client": (peer.address, peer.port),
        "server": None,
        "extensions": {},
        "state": {},
    }


def _announced(start: Message) -> float:
    """The body's size by the application's Content-Length; infinite without one."""
    for name, value in start.get("headers", ()):
        if bytes(name).lower() == b"content-length" and bytes(value).isdigit():
            return int(value)
    return math.inf


def _headers_of(start: Message) -> list[tuple[str, str]]:
    pairs = (
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
        for name, value in start.get("headers", ())
    )
    return [(name, value) for name, value in pairs if name.lower() not in _OF_THE_HOST]


@asynccontextmanager
async def asgi_bridge(app: Application) -> AsyncIterator[AsgiBridge]:
    """Start the application (its `lifespan`, if it has one) and end it with the block.

    Raises RuntimeError when the application's startup fails.
    """
    async with trio.open_nursery() as nursery:
        ended = trio.Event()
        await nursery.start(_live, app, ended)
        try:
            async with trio.open_nursery() as requests:
                yield AsgiBridge(app, requests)
                requests.cancel_scope.cancel()
        finally:
            ended.set()


async def _live(app: Application, ended: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
    """The application's lifespan: startup now, shutdown when `ended`."""
    messages: list[Message] = [{"type": "lifespan.startup"}]
    report: list[str] = []
    stopped = trio.Event()

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await ended.wait()
        if stopped.is_set():
            await trio.sleep(math.inf)
        stopped.set()
        return {"type": "lifespan.shutdown"}

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            report.append(message.get("message", ""))
        elif message["type"] == "lifespan.startup.complete":
            task_status.started()

    try:
        await app({"type": "lifespan", "asgi": _VERSION, "state": {}}, receive, send)
    except Exception:
        if stopped.is_set():
            log.exception("the application's shutdown failed")
    if report:
        raise RuntimeError(f"the application did not start: {report[0]}")
    if not stopped.is_set():  # it has no lifespan, which ASGI lets it say by returning or raising
        _ignore_started(task_status)


def _ignore_started(task_status: trio.TaskStatus[None]) -> None:
    try:
        task_status.started()
    except RuntimeError:
        return
