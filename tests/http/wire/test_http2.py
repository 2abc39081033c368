"""HTTP/2 connections against the h2 library's client on a real socket."""

from __future__ import annotations

import socket
from functools import partial

import h2.events as ev
import pytest
import trio
import trio.lowlevel

from watchcache.http.messages import Reply
from watchcache.http.wire import Limits, listen, serve

from .scene import Client2, client2, dial, read_all, running

pytestmark = pytest.mark.usefixtures("framing")


async def test_a_connection_serves_many_requests():
    """Requests with and without a body are answered, with Go's headers in lower case."""
    async with running() as scene, client2(scene) as client:
        for number in range(3):
            assert await client.get(f"/{number}", method="POST", body=b"hello") == (
                "200",
                b'["POST","/%d","hello"]' % number,
            )
        assert await client.get("/x") == ("200", b'["GET","/x",""]')
        headers = [name for name, _ in client.of(ev.ResponseReceived)[0].headers]
        assert headers == [":status", "content-type", "date", "content-length"]
        assert scene.requests[0].version == "2"
        assert scene.requests[0].headers["host"] == "here"


async def test_the_settings_are_those_of_kube_apiserver():
    """100 streams, windows and frames of 256 KiB, a header list of 1 MiB."""
    async with running() as scene, client2(scene) as client:
        await client.get("/")
        changed = client.of(ev.RemoteSettingsChanged)[0].changed_settings
        assert {int(code): one.new_value for code, one in changed.items() if int(code) in (3, 4, 5, 6)} == {
            3: 100,
            4: 262144,
            5: 262144,
            6: 1 << 20,
        }


async def test_a_connection_byte_by_byte_gets_the_same_answer():
    """How the bytes arrive does not matter, from the preface on."""
    async with running() as scene, await dial(scene) as stream:

        class Dripping:
            receive_some = stream.receive_some

            async def send_all(self, data):
                for byte in data:
                    await stream.send_all(bytes([byte]))
                    await trio.lowlevel.checkpoint()

        from .scene import Client2

        client = await Client2(Dripping()).start()
        assert await client.get("/x", method="PUT", body=b"drip") == ("200", b'["PUT","/x","drip"]')


async def test_a_slow_stream_does_not_hold_up_the_others():
    """A handler that waits has a task of its own."""
    async with running() as scene, client2(scene) as client:
        slow = await client.ask("/wait")
        assert (await client.get("/fast"))[0] == "200"
        scene.release.set()
        await client.until(ev.StreamEnded, slow)
        assert client.status(slow) == "201"


async def test_head_and_no_content_have_no_body():
    """HEAD has the length of the GET; 204 has none."""
    async with running() as scene, client2(scene) as client:
        assert await client.get("/x", method="HEAD") == ("200", b"")
        assert dict(client.of(ev.ResponseReceived)[0].headers)["content-length"] == "16"
        assert await client.get("/empty") == ("204", b"")
        assert "content-length" not in dict(client.of(ev.ResponseReceived)[1].headers)


@pytest.mark.parametrize("path", ["/fail", "/fail-later", "/split"])
async def test_a_failing_handler_is_a_500_and_the_connection_goes_on(path, caplog):
    """An exception costs the client one stream."""
    async with running() as scene, client2(scene) as client:
        assert (await client.get(path))[0] == "500"
        assert (await client.get("/"))[0] == "200"
        assert "handler" in caplog.text


async def test_large_answers_arrive_whole_through_the_default_window():
    """Flow control is kept over many windows."""
    async with running() as scene, client2(scene) as client:
        for path, size in (("/large", 2_100_000), ("/huge", 10_000_000)):
            status, body = await client.get(path)
            assert (status, len(body)) == ("200", size)
            assert body[:20] == body[-20:] == b"01234567890123456789"


async def test_a_stream_sends_its_blocks_and_ends():
    """Blocks are DATA, the end is END_STREAM."""
    async with running() as scene, client2(scene) as client:
        assert await client.get("/stream") == ("200", b"block 0;block 1;block 2;")


async def test_a_failing_stream_is_reset(caplog):
    """The client of a body that failed does not mistake it for a whole one."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/broken-stream")
        reset = await client.until(ev.StreamReset, number)
        assert reset.error_code == 2
        assert client.body(number) == b"begun"


async def test_a_stream_waits_for_its_window():
    """Without WINDOW_UPDATE no more than the window is sent, and little is produced."""
    async with running() as scene, client2(scene, window=1000) as client:
        number = await client.ask("/endless")
        await client.until_body(number, 1000)
        with trio.move_on_after(0.05):
            await client.receive()
        assert len(client.body(number)) == 1000
        client.h2.increment_flow_control_window(500, number)
        await client.flush()
        assert len(await client.until_body(number, 1500)) == 1500
        client.h2.reset_stream(number)
        await client.flush()
        with trio.fail_after(5):
            await scene.closed.wait()


async def test_a_watch_flushes_its_head_and_sends_what_it_is_given():
    """A watch's head arrives before its first event, events at once, and finish() ends the stream only."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/watch")
        await client.until(ev.ResponseReceived, number)
        watch = await scene.watch()
        assert watch.send(b"one\n")
        assert await client.until_body(number, 4) == b"one\n"
        watch.send(b"two\n")
        watch.sink.finish()
        await client.until(ev.StreamEnded, number)
        assert client.body(number) == b"one\ntwo\n"
        assert (await client.get("/"))[0] == "200"
        assert not watch.stopped.is_set()


async def test_what_is_gathered_goes_out_together():
    """While sends are gathered nothing leaves; then all of it does, in order."""
    async with running() as scene, client2(scene) as client:
        numbers = [await client.ask("/watch") for _ in range(3)]
        watches = [await scene.watch(number) for number in range(3)]
        assert scene.server is not None
        scene.server.gathering.hold()
        for word in (b"one\n", b"two\n"):
            for watch in watches:
                assert watch.send(word)
        with trio.move_on_after(0.05):
            while True:
                await client.receive()
        assert [client.body(number) for number in numbers] == [b"", b"", b""]
        scene.server.gathering.release()
        for number in numbers:
            assert await client.until_body(number, 8) == b"one\ntwo\n"
        watches[0].send(b"three\n")
        await client.until_body(numbers[0], 14)


class CountedSocket(socket.socket):
    """Counts the calls of `send`."""

    sends = 0

    def send(self, *args):
        self.sends += 1
        return super().send(*args)


class CountingListener(socket.socket):
    """Accepts counted sockets."""

    def accept(self):
        accepted, address = super().accept()
        self.last = CountedSocket(fileno=accepted.detach())
        return self.last, address


async def test_answers_that_come_together_go_out_together(framing):
    """What one event lets go on, such as a group of writes that is durable, is one send; what comes alone is not held up."""
    release = [trio.Event(), trio.Event()]
    begun = trio.Semaphore(0)

    async def handler(request):
        begun.release()
        await release[int(request.target[1:])].wait()
        return Reply(201, [], b"done")

    (plain,) = listen("127.0.0.1", 0)
    listener = CountingListener(fileno=plain.detach())
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, handler, [listener], framing=framing))
        async with await trio.open_tcp_stream(*listener.getsockname()) as stream:
            client = await Client2(stream).start()
            numbers = [await client.ask(path) for path in ("/0", "/0", "/1", "/0")]
            for _ in numbers:
                await begun.acquire()
            for event, streams in zip(release, (numbers[:2] + numbers[3:], numbers[2:3]), strict=True):
                before = listener.last.sends
                event.set()
                for number in streams:
                    await client.until(ev.StreamEnded, number)
                assert listener.last.sends == before + 1
                assert {client.status(number) for number in streams} == {"201"}
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_watch_is_stopped_when_the_client_leaves(how):
    """RST_STREAM and the end of the connection both call stop()."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/watch")
        watch = await scene.watch()
        if how == "reset":
            client.h2.reset_stream(number)
            await client.flush()
        else:
            await client.stream.aclose()
        with trio.fail_after(5):
            await watch.stopped.wait()
        assert watch.send(b"late")


async def test_a_watch_whose_window_is_used_up_is_told_to_wait_and_to_go_on():
    """send() returns False above the high-water mark; the drain callback comes when the window has opened."""
    async with running() as scene, client2(scene, window=10_000) as client:
        number = await client.ask("/watch")
        watch = await scene.watch()
        sent = 0
        while watch.send(b"%06d" % sent + b"x" * 9994):
            sent += 1
        sent += 1
        assert watch.sink.queued > Limits().high_water
        assert watch.drains == 0
        client.h2.increment_flow_control_window(1 << 20)
        client.h2.increment_flow_control_window(1 << 20, number)
        await client.flush()
        body = await client.until_body(number, sent * 10_000)
        assert [int(body[i : i + 6]) for i in range(0, len(body), 10_000)] == list(range(sent))
        assert watch.drains == 1
        assert watch.sink.queued == 0


async def test_one_stalled_watch_does_not_hold_up_another():
    """Windows are per stream: the neighbour of a full one is live."""
    async with running() as scene, client2(scene, window=10_000) as client:
        await client.ask("/watch")
        second = await client.ask("/watch")
        stalled, live = await scene.watch(0), await scene.watch(1)
        while stalled.send(b"x" * 9000):
            pass
        assert live.send(b"hello")
        assert await client.until_body(second, 5) == b"hello"


async def test_a_waiting_handler_is_cancelled_by_a_reset():
    """Nobody works for a stream that has gone."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/wait")
        await scene.waiting.wait()
        client.h2.reset_stream(number)
        await client.flush()
        with trio.fail_after(5):
            await scene.cancelled.wait()
        assert (await client.get("/"))[0] == "200"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_answered_by_the_callers_words(announced):
    """413 by content-length at once, else when the body exceeds the limit; the connection goes on."""
    limits = Limits(
        body_bytes=1000, too_large=lambda request: Reply(413, [("X-Method", request.method)], b"too much")
    )
    async with running(limits) as scene, client2(scene) as client:
        more = [("content-length", "5000")] if announced else []
        number = await client.ask("/", "PUT", None if announced else b"x" * 5000, False, *more)
        await client.until(ev.StreamEnded, number)
        assert (client.status(number), client.body(number)) == ("413", b"too much")
        assert not scene.requests
        assert (await client.get("/"))[0] == "200"


async def test_an_expectation_is_answered():
    """`expect: 100-continue` gets 100 before the body."""
    async with running() as scene, client2(scene) as client:
        number = await client.ask("/", "PUT", None, False, ("expect", "100-continue"))
        await client.until(ev.InformationalResponseReceived, number)
        client.h2.send_data(number, b"ok", end_stream=True)
        await client.flush()
        await client.until(ev.StreamEnded, number)
        assert client.body(number) == b'["PUT","/","ok"]'


@pytest.mark.parametrize("path", ["relative", "/with space"])
async def test_a_malformed_path_is_a_400(path):
    """What is HTTP/2 but not HTTP costs its stream."""
    async with running() as scene, client2(scene) as client:
        assert (await client.get(path))[0] == "400"
        assert not scene.requests


async def test_a_client_that_says_goodbye_gets_its_answers():
    """After the client's GOAWAY running streams finish, then the connection closes."""
    async with running() as scene, await dial(scene) as stream:
        from .scene import Client2

        client = await Client2(stream).start()
        await client.ask("/wait")
        await scene.waiting.wait()
        await stream.send_all(b"\0\0\x08\x07\0\0\0\0\0" + b"\0\0\0\0" + b"\0\0\0\0")
        await trio.testing.wait_all_tasks_blocked(0.01)
        scene.release.set()
        await client.drain()
        assert client.status(1) == "201"


async def test_random_frames_after_the_preface_end_the_connection():
    """What is no HTTP/2 gets a GOAWAY and the end."""
    async with running() as scene, await dial(scene) as stream:
        await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n" * 10)
        answer = await read_all(stream)
        assert b"\x07\0\0\0\0\0" in answer
