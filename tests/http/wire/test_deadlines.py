"""The time that a request has, as the connection keeps it: over HTTP/1.1 and HTTP/2, with filters that see what they are told at the end."""

from __future__ import annotations

import h2.events as ev
import pytest
import trio
import trio.testing

from watchcache.http.filters import Deadline, RequestInfoFilter
from watchcache.http.messages import Reply, Stream
from watchcache.http.pipeline import Pipeline

from .scene import Client2, client2, dial, read_all, read_until, request, responses, running

SECONDS = 60.0
LATE = 1.0  # two ticks of the wheel
END_OF_504 = b'"code":504}\n'


class Record:
    """A filter that notes whom it sees off, and with what."""

    def __init__(self, name, left):
        self.name = name
        self.left = left

    def enter(self, exchange):
        pass

    def leave(self, exchange, answer):
        self.left.append((self.name, exchange.info.path, answer.status))


class Slow:
    """A handler: `/after/SECONDS` answers 201 after that time, `/stubborn/SECONDS` cannot be cancelled meanwhile.

    `/failing/SECONDS` fails when it is cancelled, in one of two tasks; `/stream/SECONDS` takes a second to begin, and then that long to send its body.
    """

    def __init__(self):
        self.left = []
        self.waiting = trio.Event()
        self.handler = Pipeline(
            [Record("outer", self.left), RequestInfoFilter(), Deadline(SECONDS), Record("inner", self.left)],
            self.endpoint,
        )

    def endpoint(self, exchange):
        _, how, seconds = exchange.info.path.split("/")
        if how == "failing":
            return self.fail(float(seconds))
        if how == "stream":
            return self.stream(float(seconds))
        return self.answer(float(seconds), shield=how == "stubborn")

    async def answer(self, seconds, shield):
        self.waiting.set()
        with trio.CancelScope(shield=shield):
            await trio.sleep(seconds)
        return Reply(201, [], b"at last")

    async def fail(self, seconds):
        async def one():
            try:
                await trio.sleep(seconds)
            finally:
                raise KeyError("defect")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, seconds)
            nursery.start_soon(one)

    async def stream(self, seconds):
        await trio.sleep(1)
        return Stream(200, [], self.blocks(seconds))

    async def blocks(self, seconds):
        yield b"first"
        await trio.sleep(seconds)
        yield b"last"

    def seen_off(self, path, status):
        return [("inner", path, status), ("outer", path, status)]


async def test_over_http1_the_connection_goes_on_after_a_504(autojump_clock):
    """The request that took too long is answered, then the one behind it; the filters are left once, with what the client gets."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, await dial(scene) as stream:
        began = trio.current_time()
        await stream.send_all(request("POST", "/after/inf", b"body") + request("GET", "/after/1"))
        late = await read_until(stream, END_OF_504)
        assert SECONDS <= trio.current_time() - began <= SECONDS + LATE
        assert late.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert responses(await read_until(stream, b"at last")) == [(201, b"at last")]
        assert slow.left == slow.seen_off("/after/inf", 504) + slow.seen_off("/after/1", 201)


async def test_over_http1_each_request_has_its_own_time(autojump_clock):
    """Neither the time that earlier requests took counts, nor that between two requests."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, await dial(scene) as stream:
        for seconds in (50, 50, "inf", 50, "inf"):
            await trio.sleep(20)
            await stream.send_all(request(target=f"/after/{seconds}"))
            await read_until(stream, END_OF_504 if seconds == "inf" else b"at last")
        assert [status for name, _, status in slow.left if name == "outer"] == [201, 201, 504, 201, 504]


async def test_over_http1_a_504_is_the_last_answer_where_the_client_says_so(autojump_clock):
    """`Connection: close` holds for it, too."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/after/inf", close=True))
        answer = await read_all(stream)
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"\r\nConnection: close\r\n" in answer


async def test_over_http1_an_answer_that_comes_after_all_is_sent(autojump_clock):
    """What cannot be cancelled has happened, so the client is told that and not 504; the connection goes on."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, await dial(scene) as stream:
        await stream.send_all(request(target="/stubborn/70") + request(target="/after/1", close=True))
        assert responses(await read_all(stream)) == [(201, b"at last"), (201, b"at last")]
        assert slow.left == slow.seen_off("/stubborn/70", 201) + slow.seen_off("/after/1", 201)


async def test_over_http1_a_client_that_leaves_is_no_504(autojump_clock):
    """The filters are left when the client has, with a code of its own."""
    slow = Slow()
    async with running(handler=slow.handler) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/after/inf"))
            await slow.waiting.wait()
        await trio.sleep(SECONDS + LATE)
        assert slow.left == slow.seen_off("/after/inf", 499)


@pytest.mark.usefixtures("framing")
async def test_over_http2_a_504_is_one_streams_alone(autojump_clock):
    """The other streams go on, and new ones are opened."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, client2(scene) as client:
        began = trio.current_time()
        late = await client.ask("/after/inf", "POST", b"body")
        await trio.sleep(30)
        other = await client.ask("/after/50", "POST", b"body")
        await client.until(ev.StreamEnded, late)
        assert SECONDS <= trio.current_time() - began <= SECONDS + LATE
        assert (client.status(late), client.body(late)[-len(END_OF_504) :]) == ("504", END_OF_504)
        await client.until(ev.StreamEnded, other)
        assert client.status(other) == "201"
        assert await client.get("/after/1") == ("201", b"at last")
        assert slow.left == [
            *slow.seen_off("/after/inf", 504),
            *slow.seen_off("/after/50", 201),
            *slow.seen_off("/after/1", 201),
        ]


@pytest.mark.usefixtures("framing")
async def test_over_http2_an_answer_that_comes_after_all_is_sent(autojump_clock):
    """As over HTTP/1.1."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, client2(scene) as client:
        assert await client.get("/stubborn/70") == ("201", b"at last")
        assert slow.left == slow.seen_off("/stubborn/70", 201)


@pytest.mark.usefixtures("framing")
async def test_over_http2_a_stream_that_is_reset_is_no_504(autojump_clock):
    """The filters are left when the client has, with a code of its own."""
    slow = Slow()
    async with running(handler=slow.handler) as scene, client2(scene) as client:
        number = await client.ask("/after/inf")
        await slow.waiting.wait()
        client.h2.reset_stream(number)
        await client.flush()
        await trio.sleep(SECONDS + LATE)
        assert slow.left == slow.seen_off("/after/inf", 499)


async def test_a_server_that_ends_lets_go_of_what_waits(autojump_clock):
    """The filters of both are left, and nobody is answered."""
    slow = Slow()
    async with running(handler=slow.handler) as scene:
        one, other = await dial(scene), await dial(scene)
        await one.send_all(request(target="/after/inf"))
        await slow.waiting.wait()
        slow.waiting = trio.Event()
        await (await Client2(other).start()).ask("/after/inf")
        await slow.waiting.wait()
    assert slow.left == 2 * slow.seen_off("/after/inf", 499)
    await one.aclose()
    await other.aclose()


async def test_what_fails_when_its_time_has_passed_is_a_504_and_logged(autojump_clock, caplog):
    """Where several tasks work on a request, one may fail while the others are cancelled; no connection suffers from it."""
    slow = Slow()
    async with running(handler=slow.handler) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/failing/inf") + request(target="/after/1", close=True))
            assert [status for status, _ in responses(await read_all(stream))] == [504, 201]
        async with client2(scene) as client:
            assert (await client.get("/failing/inf"))[0] == "504"
            assert (await client.get("/after/1"))[0] == "201"
    assert caplog.text.count("KeyError: 'defect'") == 2
    late, done = slow.seen_off("/failing/inf", 504), slow.seen_off("/after/1", 201)
    assert slow.left == [*late, *done, *late, *done]


@pytest.mark.parametrize("seconds", [0.3, 7])
async def test_a_short_time_is_kept_to_the_moment(seconds, autojump_clock):
    """Where a second makes a difference, the client's `?timeout=` is not rounded."""
    slow = Slow()
    async with running(handler=slow.handler) as scene:
        async with await dial(scene) as stream:
            began = trio.current_time()
            await stream.send_all(request(target=f"/after/inf?timeout={seconds}s"))
            await read_until(stream, END_OF_504)
            assert trio.current_time() - began == pytest.approx(seconds, abs=0.1)
        async with client2(scene) as client:
            began = trio.current_time()
            assert (await client.get(f"/after/inf?timeout={seconds}s"))[0] == "504"
            assert trio.current_time() - began == pytest.approx(seconds, abs=0.1)


async def test_a_body_may_take_longer(autojump_clock):
    """The time is for the answer to begin."""
    slow = Slow()
    async with running(handler=slow.handler) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/stream/100"))
            assert b"\r\nfirst\r\n4\r\nlast\r\n" in await read_until(stream, b"0\r\n\r\n")
        async with client2(scene) as client:
            assert await client.get("/stream/100") == ("200", b"firstlast")


async def test_what_has_no_deadline_waits_as_long_as_it_takes(autojump_clock):
    """Without the filter there is no bound, over either protocol."""

    async def answer():
        await trio.sleep(10_000)
        return Reply(201, [], b"at last")

    async with running(handler=Pipeline([], lambda _exchange: answer())) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(close=True))
            assert responses(await read_all(stream)) == [(201, b"at last")]
        async with client2(scene) as client:
            assert await client.get("/") == ("201", b"at last")
