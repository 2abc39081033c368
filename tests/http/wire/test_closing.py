"""Answers that end their connection."""

from __future__ import annotations

import trio
from hpack import Encoder

from watchcache.cacher import Sink
from watchcache.http.messages import Reply, Request, WatchReply
from watchcache.http.wire import listen, serve


def last(_request: Request) -> Reply:
    """A refusal after which the server wants the client gone."""
    return Reply(401, [("Content-Type", "text/plain")], b"no", close=True)


async def exchange(data: bytes, nursery: trio.Nursery) -> bytes:
    """What comes back until the server closes."""
    server = await nursery.start(serve, last, listen("127.0.0.1", 0))
    async with await trio.open_tcp_stream(*server.addresses[0]) as stream:
        await stream.send_all(data)
        received = b""
        async for piece in stream:
            received += piece
    nursery.cancel_scope.cancel()
    return received


async def test_http1_says_connection_close_and_closes(nursery: trio.Nursery):
    """A second request on the connection is not answered."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await exchange(request + request, nursery)
    assert answer.count(b"HTTP/1.1 401") == 1
    assert b"Connection: close" in answer


async def test_http2_answers_then_goes_away(nursery: trio.Nursery):
    """The stream gets its whole answer, then GOAWAY, then the connection ends."""
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")]
    block = Encoder().encode(fields)
    headers = len(block).to_bytes(3, "big") + b"\x01\x05" + (1).to_bytes(4, "big") + block
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
    kinds = frames_of(await exchange(preface + headers, nursery))
    assert [kind for kind in kinds if kind in (0, 1, 7)] == [1, 0, 7]


class Watch:
    """A watch that runs until it is told to finish."""

    def __init__(self) -> None:
        self.sinks: list[Sink] = []

    def __call__(self, request: Request) -> Reply | WatchReply:
        if request.target == "/":
            return WatchReply([("Content-Type", "text/plain")], self.start, close=True)
        return Reply(200, [("Content-Type", "text/plain")], b"late")

    def start(self, sink: Sink) -> Watch:
        self.sinks.append(sink)
        return self

    def stop(self) -> None:
        """The client left."""


async def test_a_watch_goes_on_after_its_goaway(nursery: trio.Nursery):
    """Its events come behind the GOAWAY, a stream that is opened behind it gets no answer, and its end is the connection's."""
    watch, encoder = Watch(), Encoder()
    server = await nursery.start(serve, watch, listen("127.0.0.1", 0))
    async with await trio.open_tcp_stream(*server.addresses[0]) as stream:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
        await stream.send_all(preface + opening(encoder, 1, "/"))
        received = await stream.receive_some()
        while 7 not in frames_of(received):
            received += await stream.receive_some()
        await stream.send_all(opening(encoder, 3, "/late"))
        watch.sinks[0].send(watch.sinks[0].framing(b"event"))
        while b"event" not in received:
            received += await stream.receive_some()
        watch.sinks[0].finish()
        async for piece in stream:
            received += piece
    nursery.cancel_scope.cancel()
    assert [kind for kind in frames_of(received) if kind in (0, 1, 7)][:3] == [1, 7, 0]
    assert b"late" not in received


def opening(encoder: Encoder, stream: int, path: str) -> bytes:
    """A GET."""
    block = encoder.encode([(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", path)])
    return len(block).to_bytes(3, "big") + b"\x01\x05" + stream.to_bytes(4, "big") + block


def frames_of(data: bytes) -> list[int]:
    """The types of the frames, in order."""
    kinds = []
    while data:
        kinds.append(data[3])
        data = data[9 + int.from_bytes(data[:3], "big") :]
    return kinds
