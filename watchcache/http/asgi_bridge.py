"""The handler as an ASGI application, for hosts that are not ours (Hypercorn).

What differs from the wire host, because ASGI and Hypercorn 0.18 are as they are:

- the peer's certificate is not handed up, so only tokens authenticate;
- a watch goes through a queue and a task of its own (116 us a delivery instead of 7);
- there are no watches over a WebSocket;
- a reader that stalls is only noticed through the queue's bound; over HTTP/2 Hypercorn itself buffers without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import trio

from watchcache.http.messages import Answer, Handler, Peer, Reply, Request, Running, Stream, WatchReply

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

BODY_LIMIT = 3 * 1024 * 1024  # bytes, as kube-apiserver's
HIGH_WATER = 256 * 1024  # bytes queued on a watch before it is parked


class BodyTooLarge(Exception):
    """The body is over the limit; what is left of it is not read."""


class Disconnected(Exception):
    """The client left before its request was whole."""


async def serve_http(
    handler: Handler, too_large: Callable[[Request], Reply], scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer one ASGI request."""
    request = request_of(scope)
    try:
        request.body = await read_body(receive)
        answer = await answer_of(handler, request)
    except BodyTooLarge:
        answer = too_large(request)
    except Disconnected:
        return
    if isinstance(answer, WatchReply):
        await send_watch(answer, receive, send)
    elif isinstance(answer, Stream):
        await send_stream(answer, send)
    else:
        await send_reply(answer, send, with_body=request.method != "HEAD")


async def answer_of(handler: Handler, request: Request) -> Answer:
    """The handler's answer, waited for when it must be."""
    answer = handler(request)
    return answer if isinstance(answer, Reply | Stream | WatchReply) else await answer


def request_of(scope: Scope) -> Request:
    """The request line and headers of an ASGI scope; the body is still to come."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    # Hypercorn keeps to itself what it takes for a WebSocket, and there is no other way to make one.
    headers.pop("upgrade", None)
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    target = f"{path}?{query}" if query and "?" not in path else path
    address, port = scope.get("client") or ("", 0)
    peer = Peer(address, port or 0, None, scope.get("scheme") == "https")
    return Request(scope["method"], target, headers, b"", scope["http_version"], peer)


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises `BodyTooLarge` and `Disconnected`."""
    blocks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        block = message.get("body", b"")
        size += len(block)
        if size > BODY_LIMIT:
            raise BodyTooLarge
        blocks.append(block)
        if not message.get("more_body"):
            return b"".join(blocks)


def _start(status: int, headers: list[tuple[str, str]]) -> dict[str, Any]:
    encoded = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers
    ]
    return {"type": "http.response.start", "status": status, "headers": encoded}


async def send_reply(reply: Reply, send: Send, *, with_body: bool = True) -> None:
    """A complete answer."""
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    bodiless = reply.status in {204, 304}
    length = [] if bodiless else [("content-length", str(len(body)))]
    headers = [header for header in reply.headers if header[0].lower() != "connection"]  # the host's business
    await send(_start(reply.status, headers + length))
    await send({"type": "http.response.body", "body": body if with_body and not bodiless else b""})


async def send_stream(stream: Stream, send: Send) -> None:
    """An answer in blocks; `send` waits while the client does not read."""
    await send(_start(stream.status, stream.headers))
    async for block in stream.blocks:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def send_watch(reply: WatchReply, receive: Receive, send: Send) -> None:
    """A watch: headers at once, then what the cacher puts into the sink, until either side ends it."""
    await send(_start(200, reply.headers))
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    sink = QueueSink()
    running = reply.start(sink)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_when_gone, receive, running, nursery.cancel_scope)
        try:
            async for block in sink:
                await send({"type": "http.response.body", "body": block, "more_body": True})
        except OSError:  # the host noticed first that the client left
            running.stop()
        else:
            await send({"type": "http.response.body", "body": b""})
        nursery.cancel_scope.cancel()


async def _stop_when_gone(receive: Receive, running: Running, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    running.stop()
    scope.cancel()


def unframed(data: bytes) -> bytes:
    """ASGI frames by itself. One function, so that all watchers over ASGI share their bytes."""
    return data


class QueueSink:
    """A `cacher.Sink` over a bounded queue; the sending task iterates over it."""

    connection = 0
    stalled = False  # the host that sends it on cuts nobody off

    def __init__(self) -> None:
        self.framing = unframed
        self.queued = 0
        self._blocks: deque[bytes] = deque()
        self._drained: Callable[[], None] | None = None
        self._waiting = False
        self._finished = False
        self._changed = trio.Event()

    def send(self, framed: bytes) -> bool:
        """Queue bytes; False above the high-water mark."""
        self._blocks.append(framed)
        self.queued += len(framed)
        self._changed.set()
        self._waiting = self.queued > HIGH_WATER
        return not self._waiting

    def on_drain(self, callback: Callable[[], None]) -> None:
        """Have this called when there is room again."""
        self._drained = callback

    def finish(self) -> None:
        """No more will come."""
        self._finished = True
        self._changed.set()

    def __aiter__(self) -> QueueSink:
        return self

    async def __anext__(self) -> bytes:
        while not self._blocks:
            if self._finished:
                raise StopAsyncIteration
            self._changed = trio.Event()
            await self._changed.wait()
        blocks = b"".join(self._blocks)
        self._blocks.clear()
        self.queued = 0
        if self._waiting:
            self._waiting = False
            if self._drained is not None:
                self._drained()
        return blocks
