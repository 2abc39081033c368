"""Watches over a WebSocket: frames, what a client may say, and the connection; the client is `wsproto`, as a second opinion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    Request,
    TextMessage,
)

from tests.messages import Messages
from watchcache.http.wire import Limits
from watchcache.http.wire.websocket import Broken, ClientFrames, Code, Frame, Opcode, binary, close, text

from .scene import Scene, dial, pieces, read_all, request, running, send

MASK = b"\x01\x02\x03\x04"
LARGEST = 64 * 1024


def said(frames: ClientFrames) -> Iterator[Frame]:
    """What has come whole."""
    while (frame := frames.next()) is not None:
        yield frame


def messages(connection: Connection) -> list[str | bytes]:
    """The whole messages that a client has received."""
    whole: list[str | bytes] = []
    parts: list[str | bytes] = []
    for event in connection.events():
        assert isinstance(event, Message), event
        parts.append(event.data)
        if event.message_finished:
            whole.append("".join(parts) if isinstance(event, TextMessage) else b"".join(parts))
            parts = []
    return whole


# -- frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_messages_of_any_size_are_read_by_a_client(size: int):
    """The three ways to write a length, up to their ends; several messages in one piece stay several."""
    data = b"x" * size
    both = text(data) + text(b"next") + binary(b"\0\0\0\4" + data)
    received = messages(Connection(ConnectionType.CLIENT, trailing_data=both))
    assert received == [data.decode(), "next", data]


EVENTS = st.lists(
    st.one_of(
        st.builds(Ping, payload=st.binary(max_size=125)),
        st.builds(Pong, payload=st.binary(max_size=125)),
        st.builds(TextMessage, data=st.text(max_size=300), message_finished=st.booleans()),
        st.builds(CloseConnection, code=st.sampled_from([1000, 1001, 4000]), reason=st.text(max_size=20)),
    ),
    max_size=8,
)


@given(EVENTS, st.lists(st.integers(0, 5000)))
def test_a_clients_frames_come_out_as_they_went_in(events: list[Event], cuts: list[int]):
    """Of any sizes, fragments of messages among them, in any pieces; only control frames keep what they say."""
    client = Connection(ConnectionType.CLIENT)
    data, expected, fresh = b"", [], True
    for event in events:
        data += client.send(event)
        if isinstance(event, Ping):
            expected.append(Frame(Opcode.PING, event.payload))
        elif isinstance(event, Pong):
            expected.append(Frame(Opcode.PONG, event.payload))
        elif isinstance(event, TextMessage):
            expected.append(Frame(Opcode.TEXT if fresh else Opcode.CONTINUATION, b""))
            fresh = event.message_finished
        else:
            assert isinstance(event, CloseConnection)
            expected.append(Frame(Opcode.CLOSE, event.code.to_bytes(2) + (event.reason or "").encode()))
            break
    frames, found = ClientFrames(LARGEST), []
    for piece in pieces(data, cuts):
        frames.feed(piece)
        found += said(frames)
    assert found == expected


BROKEN = {
    "not masked": (b"\x81\x01x", Code.PROTOCOL_ERROR),
    "compressed, which nobody agreed on": (b"\xc1\x80" + MASK, Code.PROTOCOL_ERROR),
    "an opcode that does not exist": (b"\x83\x80" + MASK, Code.PROTOCOL_ERROR),
    "a control opcode that does not exist": (b"\x8b\x80" + MASK, Code.PROTOCOL_ERROR),
    "a ping in fragments": (b"\x09\x80" + MASK, Code.PROTOCOL_ERROR),
    "a ping that is too long": (b"\x89\xfe\x00\x7e" + MASK, Code.PROTOCOL_ERROR),
    "a close with half a code": (b"\x88\x81" + MASK + b"x", Code.PROTOCOL_ERROR),
    "the rest of no message": (b"\x80\x80" + MASK, Code.PROTOCOL_ERROR),
    "a message within a message": (b"\x01\x80" + MASK + b"\x81\x80" + MASK, Code.PROTOCOL_ERROR),
    "a byte more than may be": (b"\x82\xff" + (LARGEST + 1).to_bytes(8) + MASK, Code.TOO_BIG),
    "more than there is": (b"\x82\xff" + b"\xff" * 8 + MASK, Code.TOO_BIG),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_frame_is_refused(name: str):
    """With the code that says why, as soon as it can be seen, and in any pieces."""
    data, code = BROKEN[name]
    for step in (1, len(data)):
        frames = ClientFrames(LARGEST)
        with pytest.raises(Broken) as caught:
            for start in range(0, len(data), step):
                frames.feed(data[start : start + step])
                list(said(frames))
        assert caught.value.code is code


def outcome(parts: list[bytes]) -> tuple[list[Frame], Code | None]:
    """The frames of what came in these parts, and why there are no more."""
    frames, found = ClientFrames(100), []
    try:
        for part in parts:
            frames.feed(part)
            for frame in said(frames):
                found.append(frame)  # noqa: PERF402 - kept when a later one is refused
    except Broken as broken:
        return found, broken.code
    return found, None


@given(
    st.lists(st.binary(max_size=30).map(lambda end: b"\x89\x83" + MASK + end)), st.lists(st.integers(0, 900))
)
def test_any_bytes_in_any_pieces_are_the_same(data: list[bytes], cuts: list[int]):
    """Frames, or a refusal, and nothing else."""
    whole = b"".join(data)
    assert outcome(pieces(whole, cuts)) == outcome([whole])


def test_what_a_client_says_is_not_kept():
    """A frame of the largest size is dropped as it comes, and the next one is read."""
    frames = ClientFrames(LARGEST)
    frames.feed(b"\x82\xff" + LARGEST.to_bytes(8) + MASK)
    assert frames.next() == Frame(Opcode.BINARY, b"")
    for _ in range(LARGEST // 1024):
        frames.feed(b"x" * 1024)
        assert frames.next() is None
        assert frames._buffer == b""
    frames.feed(b"\x89\x82" + MASK + bytes((ord("h") ^ 1, ord("i") ^ 2)))
    assert frames.next() == Frame(Opcode.PING, b"hi")


# -- connections


class Socket:
    """The client's end of a watch."""

    def __init__(self, scene: Scene, stream: trio.SocketStream) -> None:
        self.scene = scene
        self.stream = stream
        self._received = Messages()
        self.ws = self._received.ws

    async def start(self, target: str = "/socket", *, ahead: bytes = b"") -> Socket:
        """Make the handshake; `ahead` goes out with it."""
        await self.stream.send_all(self.ws.send(Request(host="here", target=target)) + ahead)
        assert isinstance(await self.next(), AcceptConnection)
        return self

    async def say(self, event: Event) -> None:
        """Send a frame."""
        await self.stream.send_all(self.ws.send(event))

    async def next(self) -> Event | str | bytes | None:
        """The next message or other event; None when the server has closed the connection."""
        while not self._received:
            data = await self.stream.receive_some(65536)
            if not data:
                return None
            self._received.feed(data)
        return self._received.next()

    async def closed(self) -> int:
        """The code that the server closes with, and it does close."""
        event = await self.next()
        assert isinstance(event, CloseConnection), event
        assert await self.next() is None
        return event.code


@asynccontextmanager
async def opened(
    limits: Limits | None = None, target: str = "/socket", *, ahead: bytes = b""
) -> AsyncIterator[Socket]:
    """A client whose watch runs."""
    async with running(limits) as scene, await dial(scene) as stream:
        yield await Socket(scene, stream).start(target, ahead=ahead)


async def test_a_frame_is_a_message_and_the_end_is_said():
    """However they were joined on the way; the connection carries nothing else after it."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        assert watch.send(b'{"a":1}\n')
        framing = watch.sink.framing
        assert watch.sink.send(framing(b"two\n") + framing(b"three\n"))
        assert [await socket.next() for _ in range(3)] == ['{"a":1}\n', "two\n", "three\n"]
        watch.sink.finish()
        assert await socket.closed() == 1000
        assert not watch.stopped.is_set()


async def test_protobuf_is_binary():
    """Without the length that stands before each frame of a stream."""
    async with opened(target="/socket?binary") as socket:
        watch = await socket.scene.watch()
        watch.send(b"\0\0\0\3abc")
        assert await socket.next() == b"abc"


async def test_watchers_of_one_kind_share_their_bytes():
    """Lanes of the cacher go by the framing: equal for equal messages, and no other's."""
    async with (
        running() as scene,
        await dial(scene) as one,
        await dial(scene) as two,
        await dial(scene) as three,
    ):
        await Socket(scene, one).start()
        await Socket(scene, two).start()
        await three.send_all(request(target="/watch"))
        framings = [(await scene.watch(number)).sink.framing for number in range(3)]
    assert framings[0] == framings[1] != framings[2]


async def test_a_client_says_goodbye():
    """It is answered, the watch is stopped, and the connection ends; also when the goodbye came with the handshake."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        await socket.say(CloseConnection(code=1001))
        assert await socket.closed() == 1000
        assert watch.stopped.is_set()
    async with opened(ahead=b"\x88\x80" + MASK) as socket:
        assert await socket.closed() == 1000
        assert socket.scene.watches[0].stopped.is_set()


async def test_pings_are_answered_and_the_rest_is_dropped():
    """Between events, and from within a message in fragments."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        await socket.say(TextMessage(data="who reads this?", message_finished=False))
        await socket.say(Ping(payload=b"are you there"))
        await socket.say(TextMessage(data="nobody"))
        await socket.say(BytesMessage(data=b"x" * LARGEST))
        await socket.say(Pong())
        assert await socket.next() == Pong(payload=b"are you there")
        watch.send(b"event\n")
        assert await socket.next() == "event\n"
        await socket.say(Ping())
        assert await socket.next() == Pong(payload=b"")


async def test_a_watch_that_ends_as_it_starts():
    """What cannot go on says so in a message (W10) and closes; what the client sent meanwhile is not answered."""
    async with running() as scene, await dial(scene) as stream:
        start = scene._start

        def end(sink):
            watch = start(sink)
            watch.send(b"gone\n")
            sink.finish()
            return watch

        scene._start = end
        ask = WSConnection(ConnectionType.CLIENT).send(Request(host="here", target="/socket"))
        await stream.send_all(ask + b"\x89\x80" + MASK)
        assert (await read_all(stream)).endswith(b"\r\n\r\n" + text(b"gone\n") + close(Code.NORMAL))


@pytest.mark.parametrize("name", ["not masked", "a ping in fragments", "a byte more than may be"])
async def test_who_breaks_the_protocol_is_told_and_cut_off(name: str):
    """With the code of what was wrong."""
    data, code = BROKEN[name]
    async with opened() as socket:
        await socket.stream.send_all(data)
        assert await socket.closed() == code
        assert socket.scene.watches[0].stopped.is_set()


async def test_who_never_stops_talking_is_cut_off():
    """A client has a few frames a second, of whatever kind."""
    async with opened(Limits(trifles=(3, 0.0))) as socket:
        for _ in range(4):
            await socket.say(Ping())
        assert [await socket.next() for _ in range(3)] == [Pong(payload=b"")] * 3
        assert await socket.closed() == 1008
        assert socket.scene.watches[0].stopped.is_set()


async def test_a_watch_is_stopped_when_the_client_leaves():
    """Without a word, in the middle of a frame, too."""
    for last in (b"", b"\x82\xff\0", b"\x82\x90" + MASK + b"half"):
        async with running() as scene:
            async with await dial(scene) as stream:
                await Socket(scene, stream).start()
                watch = await scene.watch()
                await stream.send_all(last)
            with trio.fail_after(5):
                await watch.stopped.wait()
            assert watch.send(b"late")


async def test_a_client_that_does_not_read_is_told_to_wait_and_to_go_on():
    """As over a stream: above the high-water mark, until it has read; no message is torn."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        sent = 1
        while watch.send(b"x" * 65536):
            sent += 1
        assert watch.sink.queued > Limits().high_water
        with trio.fail_after(10):
            for _ in range(sent):
                assert await socket.next() == "x" * 65536
        assert watch.drains == 1
        watch.sink.finish()
        assert await socket.closed() == 1000


async def test_a_client_that_never_reads_is_closed(autojump_clock):
    """When what is queued does not move."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        while watch.send(b"x" * 65536):
            pass
        started = trio.current_time()
        await watch.stopped.wait()
        assert 59 < trio.current_time() - started < 62
        assert watch.sink.stalled


async def test_who_pings_and_does_not_read_is_not_read_either():
    """The answers that wait are bounded, however much is asked."""
    ping = Connection(ConnectionType.CLIENT).send(Ping(payload=b"x" * 125))
    async with opened(Limits(trifles=(1 << 30, 0.0))) as socket, trio.open_nursery() as nursery:
        nursery.start_soon(send, socket.stream, ping * 250_000)  # 33 MB: more than sockets hold
        with trio.fail_after(30):
            while socket.scene.server.stats().queued <= Limits().high_water:
                await trio.lowlevel.checkpoint()
        for _ in range(50):
            await trio.sleep(0.001)
            assert socket.scene.server.stats().queued < 2 * Limits().high_water
        nursery.cancel_scope.cancel()


async def test_an_idle_watch_is_left_alone(autojump_clock):
    """No deadline applies to a watch that has nothing to say."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        await trio.sleep(3600)
        watch.send(b"still here")
        assert await socket.next() == "still here"


async def test_a_client_that_answers_no_goodbye_is_waited_for_briefly(autojump_clock):
    """Its goodbye may be on its way, and a reset would destroy ours."""
    async with opened() as socket:
        (await socket.scene.watch()).sink.finish()
        assert await read_all(socket.stream) == close(Code.NORMAL)
        assert socket.scene.server.stats().connections == 1
        await trio.sleep(Limits().linger_seconds + 0.1)
        assert socket.scene.server.stats().connections == 0


async def test_a_server_that_shuts_down_ends_with_its_last_watch():
    """The watch goes on until whoever feeds it ends it; then the connection goes."""
    async with opened() as socket:
        watch = await socket.scene.watch()
        socket.scene.server.shut_down()
        watch.send(b"last\n")
        assert await socket.next() == "last\n"
        watch.sink.finish()
        assert await socket.closed() == 1000
