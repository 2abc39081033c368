"""HTTP/2 clients that make the server work or wait for nothing: each is cut off with the right error."""

from __future__ import annotations

import h2.events as ev
import pytest
import trio
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
)

from watchcache.http.wire import Limits

from .scene import Client2, client2, dial, running

pytestmark = pytest.mark.usefixtures("framing")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
HEADERS = [(":method", "GET"), (":scheme", "http"), (":path", "/wait"), (":authority", "a")]
CALM, PROTOCOL = 0xB, 0x1
SMALL = Limits(resets=(20, 1), pings=(20, 1), settings=(20, 1), trifles=(20, 1))


def block() -> bytes:
    """A header block that does not depend on the table."""
    return Encoder().encode([(name, value) for name, value in HEADERS], huffman=False)


def head(stream: int, *flags: str, data: bytes | None = None) -> bytes:
    """A HEADERS frame."""
    return HeadersFrame(stream, data if data is not None else block(), flags=list(flags)).serialize()


def rapid_reset(count: int) -> bytes:
    """Requests that are reset at once."""
    encoder = Encoder()
    return b"".join(
        HeadersFrame(n, encoder.encode(HEADERS), flags=["END_HEADERS", "END_STREAM"]).serialize()
        + RstStreamFrame(n, error_code=8).serialize()
        for n in range(1, 2 * count, 2)
    )


FLOODS = {
    "rapid reset": (rapid_reset(200), {CALM}),
    "PING flood": (PingFrame(0, b"12345678").serialize() * 200, {CALM}),
    "SETTINGS flood": (SettingsFrame(0, {3: 5}).serialize() * 200, {CALM}),
    "PRIORITY flood": (
        b"".join(PriorityFrame(n, depends_on=0, stream_weight=1).serialize() for n in range(1, 401, 2)),
        {CALM},
    ),
    "empty DATA flood": (head(1, "END_HEADERS") + DataFrame(1, b"").serialize() * 200, {CALM}),
    "CONTINUATION flood": (head(1) + ContinuationFrame(1, b"").serialize() * 200, {CALM, PROTOCOL}),
    "header bomb by indexing": (
        head(
            1,
            "END_HEADERS",
            data=block() + Encoder().encode([("x", "y" * 3900)], huffman=False) + b"\xbe" * 400,
        ),
        {CALM, PROTOCOL},
    ),
    "too many streams": (
        b"".join(head(n, "END_HEADERS", "END_STREAM") for n in range(1, 400, 2)),
        {CALM, PROTOCOL, 7},
    ),
}


async def end_of(stream: trio.SocketStream) -> tuple[int, list[Frame]]:
    """The error of the GOAWAY that ends the connection, and all frames before it."""
    from h2.frame_buffer import FrameBuffer

    frames, buffer = [], FrameBuffer(server=False)
    buffer.max_frame_size = 1 << 24
    try:
        while data := await stream.receive_some(65536):
            buffer.add_data(data)
            frames += list(buffer)
    except trio.BrokenResourceError:
        pass
    goaways = [frame for frame in frames if frame.type == 7]
    return (goaways[-1].error_code if goaways else -1), frames


@pytest.mark.parametrize("name", FLOODS)
async def test_floods_end_the_connection_with_the_right_error(name):
    """Each flood is answered by GOAWAY and the end; the server goes on."""
    data, codes = FLOODS[name]
    async with running(SMALL) as scene:
        async with await dial(scene) as stream:
            with trio.fail_after(10):
                await stream.send_all(PREFACE + data)
                code, _ = await end_of(stream)
            assert code in codes
        async with client2(scene) as client:
            assert (await client.get("/"))[0] == "200"


async def test_resets_in_moderation_are_no_abuse():
    """A client that cancels all its watches, now and then, is served on."""
    async with running() as scene, await dial(scene) as stream:
        client = await Client2(stream).start()
        for _ in range(3):
            numbers = [await client.ask("/watch") for _ in range(90)]
            for number in numbers:
                client.h2.reset_stream(number)
            await client.flush()
        assert (await client.get("/"))[0] == "200"
        assert all(watch.stopped.is_set() for watch in scene.watches)
        assert not any(watch.sink.stalled for watch in scene.watches)


async def test_a_window_that_stays_shut_ends_its_stream_only(autojump_clock):
    """Zero-window stall: the stream is reset at the write deadline, the connection goes on."""
    async with running() as scene, client2(scene, window=100) as client:
        number = await client.ask("/watch")
        watch = await scene.watch()
        watch.send(b"x" * 1000)
        started = trio.current_time()
        reset = await client.until(ev.StreamReset, number)
        assert 59 < trio.current_time() - started < 62
        assert reset.error_code == 8
        assert watch.stopped.is_set()
        assert watch.sink.stalled
        second = await client.ask("/watch")
        (await scene.watch(1)).send(b"hello")
        assert await client.until_body(second, 5) == b"hello"


async def test_a_window_of_zero_for_all_streams_ends_a_large_answer(autojump_clock):
    """SETTINGS_INITIAL_WINDOW_SIZE 0 does not hold an answer in memory for ever."""
    async with running() as scene, client2(scene, window=0) as client:
        number = await client.ask("/large")
        assert (await client.until(ev.StreamReset, number)).error_code == 8


async def test_a_body_that_does_not_come_ends_its_stream(autojump_clock):
    """A request without its end is reset at the body deadline."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/", "PUT", b"half", False)
        started = trio.current_time()
        await client.until(ev.StreamReset, number)
        assert 59 < trio.current_time() - started < 62
        assert not scene.requests


async def test_bodies_of_one_connection_are_bounded_together():
    """Many uploads at once may not hold more than the connection's share."""
    limits = Limits(bodies_bytes=100_000)
    async with running(limits) as scene, client2(scene) as client:
        for _ in range(5):
            await client.ask("/", "PUT", b"x" * 30_000, False)
        reset = await client.until(ev.StreamReset)
        assert reset.error_code == CALM
        assert (await client.get("/", method="PUT", body=b"y"))[0] == "200"


async def test_an_idle_connection_is_closed_with_a_goodbye(autojump_clock):
    """Without streams a connection ends after the idle time, by GOAWAY NO_ERROR."""
    async with running() as scene, client2(scene) as client:
        await client.get("/")
        started = trio.current_time()
        await client.drain()
        assert 89 < trio.current_time() - started < 94
        assert client.of(ev.ConnectionTerminated)[0].error_code == 0


async def test_half_a_preface_is_cut_off(autojump_clock):
    """A client that begins HTTP/2 and stops does not stay."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(PREFACE[:10])
        assert await stream.receive_some(10) == b""
        assert trio.current_time() < 100


async def test_an_open_watch_is_not_idle(autojump_clock):
    """A connection with a silent watch is left alone."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/watch")
        watch = await scene.watch()
        await trio.sleep(3600)
        watch.send(b"hello")
        assert await client.until_body(number, 5) == b"hello"
