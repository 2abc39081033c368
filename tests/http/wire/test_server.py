"""The server's life: listening, limits, and an end that lets running requests finish."""

from __future__ import annotations

import h2.events as ev
import pytest
import trio

from watchcache.http.wire import Limits, listen

from .scene import Client2, client2, dial, read_all, read_until, request, responses, running


async def test_port_zero_picks_a_free_port():
    """The server says where it listens."""
    async with running() as scene:
        host, port = scene.server.addresses[0]
        assert host == "127.0.0.1"
        assert port > 0


def test_a_busy_port_is_an_os_error():
    """Listening twice on one address fails and leaves no socket open."""
    (first,) = listen("127.0.0.1", 0)
    with first, pytest.raises(OSError):
        listen("127.0.0.1", first.getsockname()[1])


async def test_connections_beyond_the_limit_wait_for_a_place():
    """A full server serves the next client when one leaves."""
    async with running(Limits(connections=2)) as scene:
        first, second, third = await dial(scene), await dial(scene), await dial(scene)
        for stream in (first, second):
            await stream.send_all(request())
            await read_until(stream, b"]")
        await third.send_all(request())
        with trio.move_on_after(0.05) as scope:
            await third.receive_some(10)
        assert scope.cancelled_caught
        assert scene.server.stats().connections == 2
        await first.aclose()
        with trio.fail_after(5):
            await read_until(third, b"]")
        await second.aclose()
        await third.aclose()


async def test_shutdown_closes_idle_connections_and_the_listener():
    """Idle keep-alive connections end at once, and nobody new gets in."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request())
        await read_until(stream, b"]")
        scene.server.shut_down()
        scene.server.shut_down()
        assert await read_all(stream) == b""
        with pytest.raises(OSError):
            await dial(scene)


async def test_shutdown_lets_a_running_request_finish():
    """The running answer says that the connection closes, and what was pipelined behind it is not begun."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/wait") + request(target="/behind"))
        await scene.waiting.wait()
        scene.server.shut_down()
        scene.release.set()
        answer = await read_all(stream)
        assert b"Connection: close\r\n" in answer
        assert [status for status, _ in responses(answer)] == [201]


async def test_shutdown_leaves_watches_to_their_owner():
    """A watch runs on until finish(), then its connection closes."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        scene.server.shut_down()
        watch.send(b"last")
        watch.sink.finish()
        assert (await read_all(stream)).endswith(b"4\r\nlast\r\n0\r\n\r\n")


async def test_shutdown_says_goodbye_on_http_2_and_spares_running_streams():
    """GOAWAY first; streams that run are answered, later ones refused, then the connection closes."""
    async with running() as scene, client2(scene) as client:
        waiting, watching = await client.ask("/wait"), await client.ask("/watch")
        watch = await scene.watch()
        scene.server.shut_down()
        goodbye = await _raw_until_goaway(client)
        assert goodbye == (watching, 0)
        scene.release.set()
        watch.send(b"last")
        watch.sink.finish()
        await client.drain()
        assert client.status(waiting) == "201"
        assert client.body(watching) == b"last"


async def _raw_until_goaway(client: Client2) -> tuple[int, int]:
    """Last stream and error of the GOAWAY; keeps it from the library, which would call everything over."""
    import hyperframe.frame

    held = b""
    while True:
        held += await client.stream.receive_some(65536)
        at, kept = 0, b""
        while at + 9 <= len(held):
            frame, length = hyperframe.frame.Frame.parse_frame_header(memoryview(held[at : at + 9]))
            body = held[at + 9 : at + 9 + length]
            if isinstance(frame, hyperframe.frame.GoAwayFrame):
                frame.parse_body(memoryview(body))
                client.events += client.h2.receive_data(kept)
                return frame.last_stream_id, frame.error_code
            kept += held[at : at + 9 + length]
            at += 9 + length


async def test_shutdown_closes_an_idle_http_2_connection():
    """Without streams GOAWAY is the last word."""
    async with running() as scene, client2(scene) as client:
        await client.get("/")
        scene.server.shut_down()
        with trio.fail_after(5):
            await client.drain()
        assert client.of(ev.ConnectionTerminated)[0].error_code == 0


async def test_serve_returns_when_shut_down_and_empty():
    """The caller waits for the end by awaiting serve()."""
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            from watchcache.http.messages import Reply
            from watchcache.http.wire import serve

            listeners = listen("127.0.0.1", 0)

            async def run(task_status):
                await serve(lambda _: Reply(200, []), listeners, task_status=task_status)

            server = await nursery.start(run)
            server.shut_down()
