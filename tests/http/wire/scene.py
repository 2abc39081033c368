"""A wire host on loopback with a handler that shows what reached it, and raw clients for both protocols."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import h2.config
import h2.connection
import h2.events
import msgspec
import trio
import trio.lowlevel

from watchcache.http.messages import Handler, Reply, Request, Stream, WatchReply
from watchcache.http.upgrade import accepted
from watchcache.http.wire import Limits, Server, listen, serve

FRAMING = "own"
TEXT = [("Content-Type", "text/plain")]


class Watch:
    """A watch the test feeds by hand."""

    def __init__(self, sink):
        self.sink = sink
        self.stopped = trio.Event()
        self.drains = 0
        sink.on_drain(self._drained)

    def _drained(self):
        self.drains += 1

    def stop(self):
        self.stopped.set()

    def send(self, data: bytes) -> bool:
        return self.sink.send(self.sink.framing(data))


class Scene:
    """Routes of the test handler, and what happened in them."""

    def __init__(self):
        self.requests: list[Request] = []
        self.watches: list[Watch] = []
        self.release = trio.Event()
        self.cancelled = trio.Event()
        self.waiting = trio.Event()
        self.closed = trio.Event()
        self.server: Server

    def handler(self, request: Request):
        self.requests.append(request)
        path = request.target.partition("?")[0]
        route = getattr(self, "route_" + path.strip("/").replace("-", "_"), None)
        return route(request) if route else Reply(200, TEXT, self.echo(request))

    def echo(self, request: Request) -> bytes:
        return msgspec.json.encode([request.method, request.target, request.body.decode("latin-1")])

    async def route_wait(self, request):
        self.waiting.set()
        try:
            await self.release.wait()
        except trio.Cancelled:
            self.cancelled.set()
            raise
        return Reply(201, TEXT, self.echo(request))

    def route_fail(self, _request):
        raise RuntimeError("the handler's own fault")

    async def route_fail_later(self, _request):
        await trio.lowlevel.checkpoint()
        raise RuntimeError("the handler's own fault")

    def route_split(self, _request):
        return Reply(200, [("X-Bad", "a\r\nSet-Cookie: b")], b"")

    def route_empty(self, _request):
        return Reply(204, [], b"")

    def route_large(self, _request):
        return Reply(200, TEXT, [b"0123456789" * 300] * 700)  # 2.1 MB

    def route_huge(self, _request):
        return Reply(200, TEXT, b"0123456789" * 1_000_000)

    def route_stream(self, _request):
        return Stream(200, TEXT, self._blocks(3))

    def route_endless(self, _request):
        return Stream(200, TEXT, self._blocks(1 << 60, b"x" * 65536))

    def route_broken_stream(self, _request):
        return Stream(200, TEXT, self._blocks(-1))

    async def _blocks(self, count: int, block: bytes = b"") -> AsyncIterator[bytes]:
        try:
            if count < 0:
                yield b"begun"
                raise RuntimeError("half way")
            for number in range(count):
                yield block or b"block %d;" % number
        finally:
            self.closed.set()

    def route_watch(self, _request):
        return WatchReply([("Content-Type", "application/json")], self._start)

    def route_socket(self, request):
        messages = "binary" if "binary" in request.target else "text"
        return WatchReply(accepted(request.headers), self._start, messages=messages)

    def _start(self, sink):
        self.watches.append(Watch(sink))
        return self.watches[-1]

    async def watch(self, number: int = 0) -> Watch:
        """The watch, as soon as it has started."""
        while len(self.watches) <= number:
            await trio.lowlevel.checkpoint()
        return self.watches[number]


@asynccontextmanager
async def running(
    limits: Limits | None = None, tls: ssl.SSLContext | None = None, handler: Handler | None = None
) -> AsyncIterator[Scene]:
    """A scene whose server runs for the length of the block."""
    scene = Scene()
    async with trio.open_nursery() as nursery:
        listeners = listen("127.0.0.1", 0)
        start = partial(serve, handler or scene.handler, listeners, tls=tls, limits=limits, framing=FRAMING)
        scene.server = await nursery.start(start)
        yield scene
        nursery.cancel_scope.cancel()


async def dial(scene: Scene) -> trio.SocketStream:
    """A TCP connection to the scene's server."""
    return await trio.open_tcp_stream(*scene.server.addresses[0])


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything until the server closes (a reset counts as closing)."""
    parts = []
    try:
        while part := await stream.receive_some(1 << 20):
            parts.append(part)
    except trio.BrokenResourceError:
        pass
    return b"".join(parts)


async def read_until(stream: trio.abc.ReceiveStream, end: bytes) -> bytes:
    """Everything up to the first time `end` is the end of what came."""
    data = b""
    while not data.endswith(end):
        more = await stream.receive_some(65536)
        assert more, f"closed after {data[-200:]!r}"
        data += more
    return data


async def talk(scene: Scene, data: bytes) -> bytes:
    """Send bytes, half-close nothing, return everything the server says until it closes."""
    async with await dial(scene) as stream:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, stream, data)
                answer = await read_all(stream)
                scope.cancel()
        return answer


async def send(stream: trio.SocketStream, data: bytes) -> None:
    """Send what the server lets us."""
    try:
        await stream.send_all(data)
    except trio.BrokenResourceError:
        return


def request(
    method: str = "GET", target: str = "/", body: bytes = b"", *fields: str, close: bool = False
) -> bytes:
    """The bytes of an HTTP/1.1 request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: here", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def responses(data: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each response with Content-Length in `data`."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        size = int(length[1]) if length else len(data)
        found.append((int(head.split()[1]), data[:size]))
        data = data[size:]
    return found


class Client2:
    """An HTTP/2 client on the h2 library; windows are opened by hand."""

    def __init__(self, stream: trio.abc.Stream, *, window: int | None = None):
        self.stream = stream
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        )
        self.next = 1
        self.events: list[h2.events.Event] = []
        self.window = window
        self.closed = False

    async def start(self) -> Client2:
        if self.window is not None:
            settings = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.window}
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        await self.flush()
        return self

    async def flush(self) -> None:
        if data := self.h2.data_to_send():
            await self.stream.send_all(data)

    async def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, end: bool = True, *more
    ) -> int:
        number, self.next = self.next, self.next + 2
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "here"), *more]
        self.h2.send_headers(number, fields, end_stream=body is None and end)
        if body is not None:
            for start in range(0, len(body), 16384):
                piece = body[start : start + 16384]
                while self.h2.local_flow_control_window(number) < len(piece):
                    await self.flush()
                    await self.receive()
                self.h2.send_data(number, piece)
            if end:
                self.h2.end_stream(number)
        await self.flush()
        return number

    async def receive(self) -> list[h2.events.Event]:
        """The events of the next read; an empty list when the server has closed."""
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            data = b""
        if not data:
            self.closed = True
            return []
        events = self.h2.receive_data(data)
        self.events += events
        if self.window is None:
            for event in events:
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if self.h2.state_machine.state is not h2.connection.ConnectionState.CLOSED:
            await self.flush()
        return events

    def of(self, kind: type, number: int | None = None) -> list:
        return [
            e for e in self.events if isinstance(e, kind) and number in (None, getattr(e, "stream_id", None))
        ]

    def status(self, number: int) -> str | None:
        for event in self.of(h2.events.ResponseReceived, number):
            return dict(event.headers)[":status"]
        return None

    def body(self, number: int) -> bytes:
        return b"".join(event.data for event in self.of(h2.events.DataReceived, number))

    async def until(self, kind: type, number: int | None = None):
        """Receive until an event of that kind (and stream) is there; returns it."""
        while not self.of(kind, number):
            assert not self.closed, f"closed before {kind.__name__}: {self.events}"
            await self.receive()
        return self.of(kind, number)[0]

    async def until_body(self, number: int, size: int) -> bytes:
        while len(self.body(number)) < size:
            assert not self.closed
            await self.receive()
        return self.body(number)

    async def get(self, path: str, **options) -> tuple[str | None, bytes]:
        number = await self.ask(path, **options)
        await self.until(h2.events.StreamEnded, number)
        return self.status(number), self.body(number)

    async def drain(self) -> None:
        """Receive until the server closes."""
        while not self.closed:
            await self.receive()


@asynccontextmanager
async def client2(scene: Scene, **options) -> AsyncIterator[Client2]:
    """An HTTP/2 client over plain TCP with prior knowledge."""
    async with await dial(scene) as stream:
        yield await Client2(stream, **options).start()


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """`data` cut at those places."""
    at = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(at)]
