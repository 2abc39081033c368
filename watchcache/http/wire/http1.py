"""An HTTP/1.1 connection: take a request, answer it, take the next; all in the connection's one task.

An answer that is there without an await is written at once. A handler that must wait is awaited here, and so are large
answers (with back-pressure) and watches: while a watch runs this task does nothing but notice that the client left, or
over a WebSocket, which is the last that a connection carries, answer its pings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

import trio

from watchcache.http.messages import Answer, Peer, Reply, Request, Running, Stream, WatchReply
from watchcache.http.waiting import Waiting
from watchcache.http.wire import heads
from watchcache.http.wire.blocks import close_blocks, pieces, size_of, whole
from watchcache.http.wire.budget import Budget
from watchcache.http.wire.chunks import LAST_CHUNK, chunk
from watchcache.http.wire.context import Shared, failure
from watchcache.http.wire.guard import call_guarded, log
from watchcache.http.wire.h1 import Refused, RequestReader
from watchcache.http.wire.heads import BadHeader
from watchcache.http.wire.sink import Http1Sink, identity
from watchcache.http.wire.transport import Transport
from watchcache.http.wire.websocket import (
    FRAMINGS,
    GOODBYE,
    Broken,
    ClientFrames,
    Code,
    Opcode,
    close,
    pong,
)
from watchcache.http.wire.wheel import COARSE, Alarm

PIPELINED = 64 * 1024  # what a client may send ahead while a watch runs; more is a flood
# Of an answer that are sent before the others' turn: 0.2 ms, where a turn costs 20 us.
TURN_BYTES = 256 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Over(Exception):
    """The connection ends here; what must be said has been said."""


class Http1:
    """The HTTP/1.1 side of one connection."""

    def __init__(self, shared: Shared, transport: Transport, peer: Peer) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._transport = transport
        self._reader = RequestReader(peer, shared.limits)
        self._scope = trio.CancelScope()
        self._alarm = Alarm(shared.wheel, self._ring)
        self._phase = ""
        self._last = False  # whether the connection ends with the answer that is being sent
        self._reading = False
        self._left = False  # the client, while a handler waited
        self._request: Request | None = None
        self._waiting: Waiting | None = None  # what this connection keeps the time of
        self._overdue: Answer | None = None  # to a request whose time, and our scope with it, is over
        self._watch: tuple[Http1Sink, Running] | None = None
        self._frames: ClientFrames | None = None  # of a client that speaks WebSocket from now on

    def _cancel(self) -> None:
        self._scope.cancel()

    def _ring(self) -> None:
        """The time of what this connection waits for has passed."""
        if self._waiting is not None:
            self._waiting.expire()
        self._scope.cancel()

    def drain(self) -> None:
        """The server is shutting down: close now if idle, else after the request that has begun."""
        if self._reading and self._reader.phase == "idle":
            self._scope.cancel()

    async def run(self, data: bytes) -> bool:
        """Serve until the connection ends; True when input may be on its way that nobody will read."""
        self._reader.feed(data)
        del data
        try:
            while True:
                with self._scope:
                    return await self._serve()
                if not self._goes_on():
                    return not self._left and self._timed_out()
        except _Over:
            return self._frames is not None  # whose close frame may be on its way
        finally:
            self._stop_watch()
            self._alarm.drop()

    def _timed_out(self) -> bool:
        """A deadline of the reader passed: say so where a request had begun."""
        if self._reader.phase == "idle":
            return False
        self._transport.write(heads.refusal(408, "408 Request Timeout"))
        return True

    async def _serve(self) -> bool:
        reader, transport = self._reader, self._transport
        answered = await self._send_overdue()
        while True:
            if answered:
                if self._watch is not None:
                    if self._frames is not None:
                        await self._hear(self._watch[0], self._frames)
                        return True
                    await self._wait_left()
                    return False
                if not self._keeps():
                    return reader.too_large
            try:
                request = reader.next()
            except Refused as refused:
                transport.write(heads.refusal(refused.status, refused.text))
                return True
            answered = request is not None
            if request is not None:
                await self._answer(request)
            elif not await self._read():
                return False

    def _keeps(self) -> bool:
        return (
            not self._last
            and self._reader.keep_alive
            and not self._shared.draining
            and not self._transport.closed
        )

    async def _read(self) -> bool:
        """Receive more of a request, under the deadline of what it is the middle of."""
        if self._reader.wants_continue():
            self._transport.write(CONTINUE)
        self._set_alarm()
        self._reading = True
        data = await self._transport.receive()
        self._reading = False
        self._reader.feed(data)
        return bool(data)

    def _set_alarm(self) -> None:
        phase, limits = self._reader.phase, self._limits
        if phase == "idle":
            self._alarm.set(limits.idle_seconds)
        elif phase != self._phase:  # set once a phase: a byte now and then does not prolong it
            self._alarm.set(limits.head_seconds if phase == "head" else limits.body_seconds)
        self._phase = phase

    # -- answers

    async def _answer(self, request: Request) -> None:
        self._request = request
        self._phase = ""
        answer = self._call(request)
        if not isinstance(answer, (Reply, WatchReply, Stream)):
            answer = await self._await(answer)
        await self._deliver(answer)

    async def _deliver(self, answer: Answer) -> None:
        try:
            await self._send(answer)
        except BadHeader:
            request = self._request
            assert request is not None
            log.exception("%s %s: the handler's headers cannot be sent", request.method, request.target)
            await self._send(failure())

    def _call(self, request: Request) -> Answer | Awaitable[Answer]:
        try:
            if self._reader.too_large:
                return self._limits.too_large(request)
            return self._shared.handler(request)
        except Exception:
            log.exception("%s %s: the handler failed", request.method, request.target)
            return failure()

    async def _await(self, answer: Awaitable[Answer]) -> Answer:
        """Wait for the handler, for its time to pass, or for the client to leave."""
        request = self._request
        assert request is not None
        self._alarm.off()
        ticket = self._shared.departures.watch(self._transport, self._leave)
        try:
            if isinstance(answer, Waiting) and answer.seconds >= COARSE:
                return await self._in_time(answer)
            return await answer
        except Exception:
            log.exception("%s %s: the handler failed", request.method, request.target)
            return failure()
        finally:
            self._shared.departures.forget(ticket)

    async def _in_time(self, waiting: Waiting) -> Answer:
        """Wait under the connection's alarm, whose ringing ends its scope; the answer then goes out in the next one."""
        self._waiting = waiting
        self._alarm.set_at(trio.current_time() + waiting.seconds)
        try:
            answer = await waiting.wait()
            if waiting.expired():  # the answer came in the same moment
                waiting.late = answer
                await trio.lowlevel.checkpoint_if_cancelled()
            return answer
        finally:
            self._overdue = waiting.late
            self._waiting = None
            self._alarm.off()

    async def _send_overdue(self) -> bool:
        """Send the answer that could not go out in the scope before; whether there was one."""
        if self._overdue is None:
            return False
        answer, self._overdue = self._overdue, None
        await self._deliver(answer)
        return True

    def _leave(self) -> None:
        """The client left while the handler waited: the connection's scope will do, a scope for each request costs 4 us."""
        self._left = True
        self._scope.cancel()

    async def _send(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            await self._send_reply(answer)
        elif isinstance(answer, WatchReply):
            self._start_watch(answer)
        else:
            await self._send_stream(answer)

    def _has_body(self, status: int) -> bool:
        assert self._request is not None
        return self._request.method != "HEAD" and status not in heads.BODILESS

    def _closing(self) -> str:
        if self._last or not self._reader.keep_alive or self._shared.draining:
            return "Connection: close\r\n"
        return "Connection: keep-alive\r\n" if self._reader.http10 else ""

    async def _send_reply(self, reply: Reply) -> None:
        """The head, and the body or its beginning with it: in one record and one system call where it is small."""
        body, size = reply.body, size_of(reply.body)
        self._last = reply.close
        framing = "" if reply.status in heads.BODILESS else heads.length_line(size)
        head = heads.head(reply.status, reply.headers, framing + self._closing())
        if not self._has_body(reply.status):
            self._transport.write(head)
        elif size <= self._limits.inline_bytes:
            self._transport.write(head + whole(body))
        else:
            await self._send_pieces([head, body] if isinstance(body, bytes) else [head, *body])

    async def _send_pieces(self, parts: Sequence[bytes]) -> None:
        self._alarm.off()
        taken = 0  # without a wait
        for piece in pieces(parts):
            taken += len(piece)
            if not self._transport.write(piece) or taken >= TURN_BYTES:
                await self._go_on()
                taken = 0
        await self._go_on()

    async def _push(self, data: bytes | memoryview) -> None:
        """Write with back-pressure, letting others run in any case. Raises `_Over` when the client left."""
        self._transport.write(data)
        await self._go_on()

    async def _go_on(self) -> None:
        """Wait until more may be written, and for a turn at least. Raises `_Over` when the client left."""
        if self._transport.above:
            await self._transport.drained()
        else:
            await trio.lowlevel.checkpoint()
        if self._transport.closed:
            raise _Over

    def _send_head(self, status: int, headers: heads.Headers) -> bool:
        """The head of a body of unknown length; whether it is chunked."""
        chunked = not self._reader.http10
        if not chunked:
            self._reader.keep_alive = False
        framing = "Transfer-Encoding: chunked\r\n" if chunked and status not in heads.BODILESS else ""
        self._transport.write(heads.head(status, headers, framing + self._closing()))
        return chunked

    async def _send_stream(self, stream: Stream) -> None:
        chunked = self._send_head(stream.status, stream.headers)
        if not self._has_body(stream.status):
            return
        self._alarm.off()
        frame = chunk if chunked else identity
        with trio.CancelScope() as scope:
            ticket = self._shared.departures.watch(self._transport, scope.cancel)
            try:
                async for block in stream.blocks:
                    await self._push(frame(block))
            except Exception as error:
                if not isinstance(error, _Over):  # the head is out: a body cut short is how the client learns
                    log.exception("the body of an answer failed")
                raise _Over from error
            finally:
                self._shared.departures.forget(ticket)
                await close_blocks(stream.blocks)
            if chunked:
                self._transport.write(LAST_CHUNK)
            return
        raise _Over

    # -- watches: 100,000 connections may wait here, so they wait in few frames and one scope, without their request

    def _start_watch(self, reply: WatchReply) -> None:
        sink = self._switch(reply) if reply.messages else self._send_watch_head(reply)
        if sink is None:
            return
        self._alarm.off()
        try:
            running = reply.start(sink)
        except Exception as error:
            log.exception("a watch could not be started")
            raise _Over from error
        self._watch = sink, running
        if self._request is not None:
            self._request.headers.clear()

    def _send_watch_head(self, reply: WatchReply) -> Http1Sink | None:
        """The sink of a watch that is a body; None where there is none."""
        chunked = self._send_head(reply.status, reply.headers)
        if not self._has_body(reply.status):
            return None
        framing, last = (chunk, LAST_CHUNK) if chunked else (identity, b"")
        return Http1Sink(self._transport, self._cancel, framing, last)

    def _switch(self, reply: WatchReply) -> Http1Sink:
        """The sink of a watch over a WebSocket: from here on there is no HTTP on this connection."""
        assert reply.messages, "only what is asked for"
        self._transport.write(heads.head(reply.status, reply.headers, ""))
        self._last = True
        self._frames = ClientFrames(self._limits.message_bytes)
        self._frames.feed(self._reader.take())
        return Http1Sink(self._transport, self._cancel, FRAMINGS[reply.messages], GOODBYE)

    async def _hear(self, sink: Http1Sink, frames: ClientFrames) -> None:
        """Return when a client's WebSocket is over from its side; where it is still there, say so."""
        transport = self._transport
        budget = Budget(self._limits.trifles, trio.current_time())
        try:
            while self._heard(sink, frames, budget):
                if transport.above:  # whoever does not read is not asked for more pings
                    await transport.drained()
                data = await transport.receive()
                if not data:
                    return
                frames.feed(data)
        except Broken as broken:
            transport.write(close(broken.code))

    def _heard(self, sink: Http1Sink, frames: ClientFrames, budget: Budget) -> bool:
        """Take what has come; False at the client's goodbye. Raises `Broken`."""
        while not sink.finished and (frame := frames.next()) is not None:
            if not budget.spend(trio.current_time()):
                raise Broken(Code.POLICY_VIOLATION)
            if frame.opcode is Opcode.CLOSE:
                self._transport.write(GOODBYE)
                return False
            if frame.opcode is Opcode.PING:
                self._transport.write(pong(frame.payload))
        return True

    async def _wait_left(self) -> None:
        """Return when the client left. What it sends ahead waits for the watch to end, up to a bound."""
        while data := await self._transport.receive():
            self._reader.feed(data)
            if self._reader.buffered > PIPELINED:
                self._transport.write(LAST_CHUNK)
                return

    def _goes_on(self) -> bool:
        """Whether the scope ended because a watch did, or a request's time; if the connection goes on, it has a new one."""
        if self._overdue is None and not self._watch_ended():
            return False
        self._scope = trio.CancelScope()
        return True

    def _watch_ended(self) -> bool:
        if self._watch is None or not self._watch[0].finished:
            return False
        self._stop_watch()
        if not self._keeps():
            raise _Over
        return True

    def _stop_watch(self) -> None:
        """The watch is over: for its client, if it was not from this side."""
        if self._watch is None:
            return
        (sink, running), self._watch = self._watch, None
        self._transport.on_drain(None)
        ended, sink.finished = sink.finished, True
        if not ended:
            call_guarded(running.stop, "stopping a watch")
