"""HTTP/1.1 connections against a real socket."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel

from watchcache.http.messages import Reply
from watchcache.http.wire import Limits

from .scene import dial, read_all, read_until, request, responses, running, send, talk


async def test_a_connection_serves_one_request_after_the_other():
    """Keep-alive: several requests on one connection, and the answer's head is Go's."""
    async with running() as scene, await dial(scene) as stream:
        for number in range(3):
            await stream.send_all(request("POST", f"/{number}", b"body"))
            answer = await read_until(stream, b"]")
            assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: ")
            assert responses(answer) == [(200, b'["POST","/%d","body"]' % number)]


async def test_pipelined_answers_keep_the_order():
    """A slow first request holds up the answers of those behind it, and none is lost."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(
            request(target="/wait") + request(target="/a") + request(target="/b", close=True)
        )
        await scene.waiting.wait()
        assert len(scene.requests) == 1
        scene.release.set()
        answers = responses(await read_all(stream))
        assert [(status, body.split(b'"')[3]) for status, body in answers] == [
            (201, b"/wait"),
            (200, b"/a"),
            (200, b"/b"),
        ]


async def test_a_request_byte_by_byte_gets_the_same_answer():
    """How the bytes arrive does not matter."""
    data = request("POST", "/x", b"hello", close=True)
    async with running() as scene:
        whole = await talk(scene, data)
        async with await dial(scene) as stream:
            for byte in data:
                await stream.send_all(bytes([byte]))
                await trio.lowlevel.checkpoint()
            assert responses(await read_all(stream)) == responses(whole)


async def test_expect_continue_is_answered_before_the_body():
    """The client gets `100 Continue` when the body is awaited."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request("POST", "/", b"", "Expect: 100-continue", "Content-Length: 2"))
        assert await read_until(stream, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"ok")
        assert b'"ok"' in await read_until(stream, b"]")


async def test_head_has_the_length_and_no_body():
    """HEAD gets the headers of the GET."""
    async with running() as scene:
        answer = await talk(scene, request("HEAD", "/x", close=True))
        assert answer.endswith(b"Content-Length: 16\r\nConnection: close\r\n\r\n")


async def test_no_content_has_neither_length_nor_body():
    """204 carries no Content-Length."""
    async with running() as scene:
        assert b"Content-Length" not in await talk(scene, request(target="/empty", close=True))


async def test_http_1_0_is_closed_after_the_answer():
    """An HTTP/1.0 client gets an answer and the end of the connection, a stream without chunks."""
    async with running() as scene:
        assert (await talk(scene, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        answer = await talk(scene, b"GET /stream HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"\r\n\r\nblock 0;block 1;block 2;")


@pytest.mark.parametrize("target", ["/fail", "/fail-later", "/split"])
async def test_a_failing_handler_is_a_500_and_the_connection_goes_on(target, caplog):
    """An exception, or a header that would break out of its line, costs the client one request."""
    async with running() as scene:
        answer = await talk(scene, request(target=target) + request(close=True))
        assert [status for status, _ in responses(answer)] == [500, 200]
        assert b"Set-Cookie" not in answer
        assert "handler" in caplog.text


async def test_a_large_answer_arrives_whole():
    """Answers beyond one block are sent in pieces with the length in front."""
    async with running() as scene:
        for target, size in (("/large", 2_100_000), ("/huge", 10_000_000)):
            ((status, body),) = responses(await talk(scene, request(target=target, close=True)))
            assert (status, len(body)) == (200, size)
            assert body[:20] == body[-20:] == b"01234567890123456789"


async def test_a_stream_is_chunked():
    """Blocks become chunks, and the last chunk ends the answer."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/stream"))
        answer = await read_until(stream, b"0\r\n\r\n")
        assert b"Transfer-Encoding: chunked\r\n" in answer
        assert answer.endswith(b"8\r\nblock 0;\r\n8\r\nblock 1;\r\n8\r\nblock 2;\r\n0\r\n\r\n")
        await stream.send_all(request(close=True))
        assert responses(await read_all(stream))[0][0] == 200


async def test_a_failing_stream_is_cut_short(caplog):
    """The client of a body that failed sees it end without the last chunk."""
    async with running() as scene:
        answer = await talk(scene, request(target="/broken-stream"))
        assert answer.endswith(b"5\r\nbegun\r\n")
        assert "half way" in caplog.text


async def test_a_stream_waits_for_a_client_that_does_not_read():
    """Blocks are asked for as the client takes them, and the generator is closed when it leaves."""
    async with running() as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/endless"))
            await stream.receive_some(100)
            for _ in range(50):
                await trio.sleep(0.001)
            assert scene.server.stats().queued < 2 * Limits().high_water
        with trio.fail_after(5):
            await scene.closed.wait()


async def test_a_watch_flushes_its_head_and_sends_what_it_is_given():
    """A watch's head arrives before its first event; events arrive at once; finish() frees the connection."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch"))
        assert b"Transfer-Encoding: chunked" in await read_until(stream, b"\r\n\r\n")
        watch = await scene.watch()
        assert watch.send(b"event\n")
        assert await read_until(stream, b"event\n\r\n") == b"6\r\nevent\n\r\n"
        watch.sink.finish()
        assert await read_until(stream, b"\r\n\r\n") == b"0\r\n\r\n"
        await stream.send_all(request(target="/next", close=True))
        assert responses(await read_all(stream))[0][0] == 200
        assert not watch.stopped.is_set()


async def test_watches_follow_one_another_on_a_connection_and_keep_no_headers():
    """Each ends from this side, and the next begins; while one runs its request's headers are gone."""
    async with running() as scene, await dial(scene) as stream:
        for number in range(3):
            await stream.send_all(request(target="/watch"))
            watch = await scene.watch(number)
            assert scene.requests[number].headers == {}
            watch.sink.finish()
            await read_until(stream, b"0\r\n\r\n")
        await stream.send_all(request(target="/next", close=True))
        assert responses(await read_all(stream))[0][0] == 200


async def test_a_request_behind_a_watch_is_answered_after_it():
    """What a client sends during a watch waits for its end."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch") + request(target="/next", close=True))
        watch = await scene.watch()
        await stream.send_all(b"")
        watch.sink.finish()
        assert b'"/next"' in await read_all(stream)


async def test_a_flood_behind_a_watch_ends_the_connection():
    """A client may not fill memory with requests behind a watch."""
    async with running() as scene, await dial(scene) as stream:
        await send(stream, request(target="/watch") + request() * 5000)
        await read_all(stream)
        assert scene.watches[0].stopped.is_set()


async def test_a_watch_is_stopped_when_the_client_leaves():
    """Leaving calls stop() once, and later sends go nowhere."""
    async with running() as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/watch"))
            watch = await scene.watch()
        with trio.fail_after(5):
            await watch.stopped.wait()
        assert watch.send(b"late")


async def test_a_watch_on_a_full_connection_is_told_to_wait_and_to_go_on():
    """send() returns False above the high-water mark, and the drain callback comes when the client has read."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        sent = 0
        while watch.send(b"x" * 65536):
            sent += 1
        assert watch.sink.queued > Limits().high_water
        with trio.fail_after(10):
            while not watch.drains:
                await stream.receive_some(1 << 20)
        assert watch.sink.queued <= Limits().low_water
        watch.sink.finish()
        await read_until(stream, b"x\r\n0\r\n\r\n")


async def test_a_waiting_handler_is_cancelled_when_the_client_leaves():
    """Nobody works for a client that has gone."""
    async with running() as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/wait"))
            await scene.waiting.wait()
        with trio.fail_after(5):
            await scene.cancelled.wait()


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_body_over_the_limit_is_answered_by_the_callers_words(framing):
    """3 MiB pass, more is the 413 that the limits give, and the connection closes."""
    limits = Limits(
        body_bytes=1000, too_large=lambda request: Reply(413, [("X-Method", request.method)], b"too much")
    )
    body = b"x" * 5_000_000 if framing == "length" else b"fffff\r\n" + b"x" * 0xFFFFF
    fields = () if framing == "length" else ("Transfer-Encoding: chunked",)
    data = request("PUT", "/", body, *fields)
    if framing == "chunks":
        data = data.replace(b"Content-Length: %d\r\n" % len(body), b"")
    async with running(limits) as scene:
        answer = await talk(scene, data)
        assert b"X-Method: PUT\r\n" in answer
        assert responses(answer) == [(413, b"too much")]
        assert not scene.requests


async def test_malformed_requests_are_answered_and_the_connection_closed():
    """400 in Go's words, after the answers to what came before, and nothing behind it is served."""
    async with running() as scene:
        answer = await talk(
            scene, request(target="/good") + b"GET / HTTP/1.1\nHost: a\n\n" + request(target="/smuggled")
        )
        assert answer.endswith(
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
        )
        assert [one.target for one in scene.requests] == ["/good"]


@pytest.mark.parametrize(
    ("data", "answer"),
    [(b"", b""), (b"GET /", b"408"), (request("POST", "/", b"", "Content-Length: 9") + b"half", b"408")],
)
async def test_slow_senders_are_cut_off(data, answer, autojump_clock):
    """A connection that sends nothing, half a head or half a body ends at its deadline; those that began are told."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(data)
        got = await read_all(stream)
        assert got[9:12] == answer
        assert trio.current_time() < 100


async def test_a_dripping_head_does_not_prolong_its_deadline(autojump_clock):
    """A byte now and then is no progress: slowloris."""
    async with running() as scene, await dial(scene) as stream:
        started = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            for byte in request("GET", "/", b"", "X: " + "y" * 1000):
                await stream.send_all(bytes([byte]))
                await trio.sleep(1)
        assert trio.current_time() - started < 40


async def test_an_idle_connection_is_closed(autojump_clock):
    """Keep-alive ends after the idle time."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request())
        await read_until(stream, b"]")
        started = trio.current_time()
        assert await read_all(stream) == b""
        assert 89 < trio.current_time() - started < 92


async def test_a_client_that_does_not_read_is_closed(autojump_clock):
    """What is queued does not move: the write deadline ends the connection and the watch."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        while watch.send(b"x" * 65536):
            pass
        started = trio.current_time()
        assert not watch.sink.stalled
        await watch.stopped.wait()
        assert 59 < trio.current_time() - started < 62
        assert watch.sink.stalled


async def test_an_idle_watch_is_left_alone(autojump_clock):
    """No deadline applies to a watch that has nothing to say."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/watch"))
        watch = await scene.watch()
        await trio.sleep(3600)
        watch.send(b"still here")
        await read_until(stream, b"still here\r\n")
