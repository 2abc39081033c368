"""HTTP/1.1: a connection for each watch, and one for all requests, answered one after the other."""

from __future__ import annotations

from collections import deque

import trio

from watchcache.bench.client.requests import OnData, OnEnd, Request
from watchcache.bench.client.transport import ConnectionLost, Dialer, Transport


class Http1Client:
    """A participant's connections; it is alive until it is closed, each connection has an end of its own."""

    def __init__(self, dialer: Dialer, nursery: trio.Nursery) -> None:
        self._dialer, self._nursery = dialer, nursery
        target = dialer.target
        self._constant = f"Host: {target.host}:{target.port}\r\nUser-Agent: watchcache-bench/1\r\nAccept: application/json\r\n"
        if target.token:
            self._constant += f"Authorization: Bearer {target.token}\r\n"
        self._queue: deque[tuple[Request, OnEnd]] = deque()
        self._more = trio.Event()
        self._transports: set[Transport] = set()
        self.arrived = 0
        self._speed: float | None = None
        self.alive = True

    async def run(self) -> None:
        """Send requests in turn until the client is closed or their connection is lost."""
        transport: Transport | None = None
        try:
            while self.alive:
                if not self._queue:
                    self._more = trio.Event()
                    await self._more.wait()
                    continue
                request, on_end = self._queue.popleft()
                status, body = 0, b""
                try:
                    if transport is None:
                        transport = await self._dial()
                    transport.send(self.head(request) + request.body)
                    answer = _Answer(None)
                    if await self._answer(transport, answer):
                        status, body = answer.status, b"".join(answer.body)
                finally:
                    on_end(status, body)
                if not status:
                    break
        except ConnectionLost:
            pass
        finally:
            self.close()
            while self._queue:
                self._queue.popleft()[1](0, b"")

    def submit(self, request: Request, on_end: OnEnd) -> None:
        """Queue a request."""
        if not self.alive:
            on_end(0, b"")
            return
        self._queue.append((request, on_end))
        self._more.set()

    def watch(self, path: str, on_data: OnData, on_end: OnEnd) -> None:
        """Open a watch on a connection of its own."""
        self._nursery.start_soon(self._watch, path, on_data, on_end)

    async def _watch(self, path: str, on_data: OnData, on_end: OnEnd) -> None:
        answer = _Answer(on_data)
        status, body = 0, b""
        try:
            transport = await self._dial()
            transport.send(self.head(Request("GET", path, "WATCH")))
            if await self._answer(transport, answer):
                status, body = answer.status, b"".join(answer.body)
            self._drop(transport)
        except ConnectionLost:
            pass
        on_end(status, body)  # not when cancelled: the session is over, nobody resumes

    async def _dial(self) -> Transport:
        transport = await self._dialer.dial("http/1.1", self._nursery)
        if not self.alive:
            transport.close()
            raise ConnectionLost("closed")
        transport.hinder(self._speed)
        self._transports.add(transport)
        return transport

    def _drop(self, transport: Transport) -> None:
        transport.close()
        self._transports.discard(transport)

    async def _answer(self, transport: Transport, answer: _Answer) -> bool:
        """Read one answer; False when the connection ended before it did."""
        while data := await transport.receive():
            self.arrived = transport.arrived
            if answer.feed(data):
                return True
        return False

    def head(self, request: Request) -> bytes:
        """A request's head."""
        body = (
            f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n"
            if request.body
            else ""
        )
        return f"{request.method} {request.path} HTTP/1.1\r\n{self._constant}{body}\r\n".encode()

    def close(self) -> None:
        """Drop all connections at once."""
        self.alive = False
        self._more.set()
        for transport in self._transports:
            transport.close()

    def hinder(self, bytes_per_second: float | None) -> None:
        """Read slowly from now on; 0 stops reading, None reads at full speed again."""
        self._speed = bytes_per_second
        for transport in self._transports:
            transport.hinder(bytes_per_second)


class _Answer:
    """The parser of one answer: head, then a body by length or in chunks. Pure."""

    __slots__ = ("_chunked", "_left", "_on_data", "_rest", "body", "status")

    def __init__(self, on_data: OnData | None) -> None:
        self._on_data = on_data
        self._rest = b""
        self._left = 0  # bytes of the body, or of the running chunk with its line end, still to come
        self._chunked = False
        self.status = 0
        self.body: list[bytes] = []

    def feed(self, data: bytes) -> bool:
        """Take what came; True when the answer is whole."""
        data = self._rest + data if self._rest else data
        self._rest = b""
        if not self.status:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return False
            self._read_head(data[:end].lower())
            data = data[end + 4 :]
        return self._feed_chunks(data) if self._chunked else self._feed_length(data)

    def _read_head(self, head: bytes) -> None:
        self.status = int(head[9:12])
        self._chunked = b"transfer-encoding: chunked" in head
        _, found, after = head.partition(b"\r\ncontent-length:")
        self._left = int(after.split(b"\r\n", 1)[0]) if found else 0
        if self._on_data is not None and self.status == 200:
            self._on_data(b"")

    def _feed_length(self, data: bytes) -> bool:
        self._left -= len(data)
        self._take(data)
        return self._left <= 0

    def _feed_chunks(self, data: bytes) -> bool:
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                kept = max(0, min(len(piece), self._left - 2))  # the last two bytes end the line
                self._left -= len(piece)
                self._take(piece[:kept])
                continue
            line, found, after = data.partition(b"\r\n")
            if not found:
                self._rest = data
                return False
            size = int(line, 16)
            if size == 0:
                if len(after) < 2:
                    self._rest = data
                    return False
                return True
            self._left, data = size + 2, after
        return False

    def _take(self, data: bytes) -> None:
        if self._on_data is not None and self.status == 200:
            if data:
                self._on_data(data)
        else:
            self.body.append(data)
