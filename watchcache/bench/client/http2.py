"""HTTP/2 as client-go's transport speaks it, for tens of thousands of streams in one process.

What a server sees is what Go sends: a stream window of 4 MiB, a connection window of 1 GiB, WINDOW_UPDATE for stream and
connection after each 4 KiB that was read, the server's limit of concurrent streams respected by waiting. One thing differs:
the client announces no dynamic header table, so that one decoder without state serves all connections.
"""

from __future__ import annotations

import struct
from collections import deque

from hpack import Decoder

from watchcache.bench.client.header_block import HeaderBlocks
from watchcache.bench.client.requests import OnData, OnEnd, Request
from watchcache.bench.client.transport import Transport

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0,
    1,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32
_TOP = (1 << 31) - 1
_LONG = struct.Struct("!I")
_UPDATE = struct.Struct("!BHBBII")
_SETTING = struct.Struct("!HI")
_HEADER_TABLE_SIZE, _ENABLE_PUSH, _MAX_STREAMS, _INITIAL_WINDOW = 1, 2, 3, 4
_REFRESH = 4096  # Go's inflowMinRefresh
_STATUS = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}  # the static table's


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    size = len(payload)
    return struct.pack("!BHBBI", size >> 16, size & 0xFFFF, kind, flags, stream) + payload


GREETING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(
        SETTINGS,
        0,
        0,
        b"".join(
            _SETTING.pack(*one)
            for one in ((_HEADER_TABLE_SIZE, 0), (_ENABLE_PUSH, 0), (_INITIAL_WINDOW, 4 << 20))
        ),
    )
    + frame(WINDOW_UPDATE, 0, 0, _LONG.pack(1 << 30))
)
_DECODER = Decoder()
_DECODER.header_table_size = 0
_DECODER.max_allowed_table_size = 0


class _Exchange:
    """One stream: a request's answer is collected, a watch's data are passed on."""

    __slots__ = ("body", "on_data", "on_end", "owed", "status")

    def __init__(self, on_data: OnData | None, on_end: OnEnd) -> None:
        self.on_data, self.on_end = on_data, on_end
        self.status = 0
        self.owed = 0
        self.body = b""


class Http2Client:
    """One connection with many streams."""

    __slots__ = (
        "_blocks",
        "_head",
        "_limit",
        "_next",
        "_out",
        "_owed",
        "_rest",
        "_streams",
        "_transport",
        "_waiting",
        "_window",
        "alive",
    )  # fmt: skip

    def __init__(self, transport: Transport, blocks: HeaderBlocks) -> None:
        self._transport, self._blocks = transport, blocks
        self._streams: dict[int, _Exchange] = {}
        self._waiting: deque[tuple[Request, _Exchange]] | None = None
        self._limit = 100  # until the server says otherwise, as Go assumes
        self._window = 65_535
        self._next = 1
        self._owed = 0
        self._rest = b""
        self._head = b""
        self._out: list[bytes] = []
        self.alive = True
        transport.send(GREETING)

    async def run(self) -> None:
        """Receive until the connection ends, then end everything that is open with status 0."""
        try:
            await self._transport.serve(self._take_in)
        finally:
            self.close()
            left = [*self._streams.values(), *(one for _, one in self._waiting or ())]
            self._streams.clear()
            for exchange in left:
                exchange.on_end(0, b"")

    def _take_in(self, data: bytes) -> None:
        self._feed(data)
        self._send_out()

    @property
    def arrived(self) -> int:
        """When what is being handed to callbacks arrived (`time.monotonic_ns`); 0: not known."""
        return self._transport.arrived

    def submit(self, request: Request, on_end: OnEnd) -> None:
        """Send a request now, or as soon as the server's limits allow."""
        self._open(request, _Exchange(None, on_end))

    def watch(self, path: str, on_data: OnData, on_end: OnEnd) -> None:
        """Open a watch; its bytes come as the network cut them."""
        self._open(Request("GET", path, "WATCH"), _Exchange(on_data, on_end))

    def close(self) -> None:
        """Drop the connection at once."""
        self.alive = False
        self._transport.close()

    def hinder(self, bytes_per_second: float | None) -> None:
        """Read slowly from now on; 0 stops reading, None reads at full speed again."""
        self._transport.hinder(bytes_per_second)

    # -- sending

    def _open(self, request: Request, exchange: _Exchange) -> None:
        if not self.alive:
            exchange.on_end(0, b"")
        elif self._waiting or len(self._streams) >= self._limit or len(request.body) > self._window:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((request, exchange))
        else:
            self._start(request, exchange)

    def _start(self, request: Request, exchange: _Exchange) -> None:
        stream, body = self._next, request.body
        self._next += 2
        self._streams[stream] = exchange
        block = self._blocks.block(
            request.method, request.path, request.content_type, len(body), first=stream == 1
        )
        data = frame(HEADERS, END_HEADERS if body else END_HEADERS | END_STREAM, stream, block)
        if body:
            self._window -= len(body)
            data += frame(DATA, END_STREAM, stream, body)
        self._transport.send(data)

    def _start_waiting(self) -> None:
        waiting = self._waiting
        while waiting and len(self._streams) < self._limit and len(waiting[0][0].body) <= self._window:
            self._start(*waiting.popleft())
        if not waiting:
            self._waiting = None

    def _send_out(self) -> None:
        if self._out:
            data, self._out = b"".join(self._out), []
            self._transport.send(data)

    # -- receiving

    def _feed(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 9:
            stop = at + 9 + (data[at] << 16 | data[at + 1] << 8 | data[at + 2])
            if stop > end:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = _LONG.unpack_from(data, at + 5)[0] & _TOP
            if kind == DATA:
                self._on_data(stream, flags, data[at + 9 : stop])
            elif kind in {HEADERS, CONTINUATION}:
                self._on_headers(stream, kind, flags, data[at + 9 : stop])
            else:
                self._on_control(kind, flags, stream, data[at + 9 : stop])
            at = stop
        self._rest = data[at:]

    def _on_data(self, stream: int, flags: int, payload: bytes) -> None:
        size = len(payload)
        if flags & PADDED:
            payload = payload[1 : size - payload[0]]
        exchange = self._streams.get(stream)
        self._owed += size
        if self._owed >= _REFRESH:
            self._update(0, self._owed)
            self._owed = 0
        if exchange is None:
            return
        if flags & END_STREAM:
            self._take(exchange, payload)
            self._end(stream, exchange)
            return
        exchange.owed += size
        if exchange.owed >= _REFRESH:
            self._update(stream, exchange.owed)
            exchange.owed = 0
        self._take(exchange, payload)

    def _take(self, exchange: _Exchange, payload: bytes) -> None:
        if exchange.on_data is not None and exchange.status == 200:
            if payload:
                exchange.on_data(payload)
        else:
            exchange.body = exchange.body + payload if exchange.body else payload

    def _update(self, stream: int, size: int) -> None:
        self._out.append(_UPDATE.pack(0, 4, WINDOW_UPDATE, 0, stream, size))

    def _on_headers(self, stream: int, kind: int, flags: int, payload: bytes) -> None:
        if kind == HEADERS:
            if flags & PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            if flags & PRIORITIZED:
                payload = payload[5:]
        block = self._head + payload
        if not flags & END_HEADERS:
            self._head = block
            return
        self._head = b""
        exchange = self._streams.get(stream)
        if exchange is None:
            return
        if not exchange.status:  # else trailers
            exchange.status = status_of(block)
            if exchange.on_data is not None and exchange.status == 200:
                exchange.on_data(b"")
        if flags & END_STREAM:
            self._end(stream, exchange)

    def _end(self, stream: int, exchange: _Exchange) -> None:
        del self._streams[stream]
        exchange.on_end(exchange.status, exchange.body)
        if self._waiting:
            self._start_waiting()

    def _on_control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for key, value in _SETTING.iter_unpack(payload):
                if key == _MAX_STREAMS:
                    self._limit = value
            self._out.append(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += _LONG.unpack(payload)[0] & _TOP
        elif kind == RST_STREAM:
            if exchange := self._streams.pop(stream, None):
                exchange.on_end(0, b"")
        elif kind == GOAWAY:
            # Go opens a new connection for new requests and lets running ones end; a node here leaves at once.
            self.close()
        if self._waiting:
            self._start_waiting()


def status_of(block: bytes) -> int:
    """The status in an answer's header block, by its first byte where that tells it all."""
    at = 1 if block[:1] == b"\x20" else 0  # the size update that answers our empty table
    found = _STATUS.get(block[at]) if len(block) > at else 0
    if found is None:
        for name, value in _DECODER.decode(block, raw=True):
            if name == b":status":
                return int(value)
        return 0
    return found
