"""An HTTP/2 connection: many requests on one transport, each a stream with a queue of its own.

Rules:
- One task reads for all connections (`readers.py`); a stream gets a task only when its handler must wait or its answer is large. Answers that
  are there at once, and watches, have none.
- All that one read brings about is sent in one write: with TLS that is one record and one system call. So are the answers to
  requests that have waited for the same thing (6 % of the CPU of 16 writers on a connection).
- Nothing is handed to the framing that flow control or the transport would hold: it waits in its stream's queue
  (`http2_stream.py`), where it is bounded and ordered. When room appears, the streams that wait take turns by one frame.
- A peer that makes us work for nothing has budgets (`Limits.resets`, `pings`, `settings`, `trifles`); over one of them the
  connection ends with ENHANCE_YOUR_CALM.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import trio

from watchcache.http.messages import Answer, Peer, Reply, Request, Stream, WatchReply
from watchcache.http.wire.blocks import pieces, size_of
from watchcache.http.wire.budget import Budget
from watchcache.http.wire.context import Shared, failure
from watchcache.http.wire.framing import ConnectionOver, ErrorCode, Framing, HeaderList, Upcalls
from watchcache.http.wire.framing_own import OwnFraming
from watchcache.http.wire.guard import log
from watchcache.http.wire.heads import BadHeader
from watchcache.http.wire.http2_request import BadRequest, body_expected, request_of
from watchcache.http.wire.http2_stream import Http2Stream
from watchcache.http.wire.limits import Limits
from watchcache.http.wire.transport import Transport
from watchcache.http.wire.wheel import Alarm
from watchcache.readers import Readers


def _h2_framing(limits: Limits, upcalls: Upcalls) -> Framing:
    """Imported when it is asked for: the h2 library takes 8 ms of a start."""
    from watchcache.http.wire.framing_h2 import H2Framing  # noqa: PLC0415

    return H2Framing(limits, upcalls)


FRAMINGS: dict[str, Callable[[Limits, Upcalls], Framing]] = {"own": OwnFraming, "h2": _h2_framing}


class Http2:
    """The HTTP/2 side of one connection; makes the framing's upcalls true."""

    def __init__(self, shared: Shared, transport: Transport, peer: Peer) -> None:
        limits, now = shared.limits, shared.wheel.now
        self.shared = shared
        self.transport = transport
        self.framing: Framing = FRAMINGS[shared.framing](limits, self)
        self.waiting: dict[int, Http2Stream] = {}  # streams with a queue, in the order of their turns
        self.number = next(shared.numbers)
        self._gathering = shared.gathering
        self._limits = limits
        self._peer = peer
        self._streams: dict[int, Http2Stream] = {}
        self._bodies = 0  # bytes of unfinished request bodies
        self._reading = False
        self._handling = 0  # streams whose handler is waited for
        self._gathers = False  # what is to be sent waits for the answers of other streams
        self._ours = True  # whether it is we who end the connection
        self._last = math.inf  # after our GOAWAY: the newest stream that is still answered
        self._newest = 0
        self._nursery: trio.Nursery | None = None
        self._scope = trio.CancelScope()  # around reading
        self._idle = Alarm(shared.wheel, self._end_idle)
        self._parting = Alarm(
            shared.wheel, self._scope.cancel
        )  # set: GOAWAY is out, frames on their way are still read
        self._resets = Budget(limits.resets, now)
        self._budgets = {
            "ping": Budget(limits.pings, now),
            "settings": Budget(limits.settings, now),
            "refused": Budget(limits.resets, now),
            "trifle": Budget(limits.trifles, now),
        }

    # -- the connection

    async def run(self, data: bytes) -> bool:
        """Serve until the connection ends; True when it is we who end it."""
        self.transport.on_drain(self._drained)
        self._idle.set(self._limits.idle_seconds)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self.framing.start()
                with self._scope:
                    reading = self._read(data)
                    del data  # else it would be kept as long as the connection
                    await reading
                self._end_streams()
                nursery.cancel_scope.cancel()
        finally:
            self._end_streams()
            self._idle.drop()
            self._parting.drop()
            self.transport.on_drain(None)
            self.framing.forget()
            self._nursery = None
        return self._ours

    async def _read(self, data: bytes) -> None:
        readers = self.shared.readers
        if readers is None:
            while data and self._feed(data):
                data = await self.transport.receive()
        elif self._feed(data):
            del data
            await self._read_with(readers)

    async def _read_with(self, readers: Readers) -> None:
        """Have a shared task read; returns when input has ended."""
        transport, descriptor = self.transport, self.transport.fileno()
        if descriptor < 0:
            return
        ended = trio.Event()

        def end() -> None:
            readers.remove(descriptor)
            ended.set()

        def take() -> None:
            if (data := transport.take()) is not None and not self._feed(data):
                end()

        readers.add(descriptor, take)
        transport.on_lost(end)
        try:
            await ended.wait()
        finally:
            transport.on_lost(None)
            readers.remove(descriptor)

    def _feed(self, data: bytes) -> bool:
        """Take input and send what it brings about; False when the connection is over, `_ours` says through whom."""
        if not data:
            self._ours = False
            return False
        self._reading = True
        try:
            self.framing.receive(data)
        except ConnectionOver as over:
            log.debug("HTTP/2 connection of %s ended: %s", self._peer.address, over)
            return False
        except Exception:
            log.exception("HTTP/2 connection of %s failed", self._peer.address)
            self.transport.abort()
            return False
        finally:
            self._reading = False
            self.flush()
        self._check_over()
        return True

    def flush(self) -> None:
        """Send what the framing has, unless a read is in progress or answers or sends are gathered: then once at the end."""
        if self._reading or self._gathers:
            return
        if self._gathering.held:
            self._gathering.add(self)
        else:
            self.send_out()

    def send_out(self) -> None:
        """Send what the framing has, now."""
        if data := self.framing.take():
            self.transport.write(data)

    def drain(self) -> None:
        """The server is shutting down: running streams finish, new ones are refused."""
        if self._last == math.inf:
            self._last = self._newest
            self.framing.goaway(ErrorCode.NO_ERROR)
            self.flush()
        self._check_over()

    def _part(self) -> None:
        """End the connection after an answer, a moment later: the client may be in the middle of saying something."""
        if self._last == math.inf:
            self._parting.set(self._limits.part_seconds)
            self.drain()

    def _end_idle(self) -> None:
        if not self._streams:
            self.drain()

    def _check_over(self) -> None:
        """Stop reading when draining is complete; the connection then closes."""
        if self._last != math.inf and not self._streams and self._parting.deadline == math.inf:
            self._scope.cancel()

    def _end_streams(self) -> None:
        for stream in list(self._streams.values()):
            self._streams.pop(stream.id, None)
            stream.left()

    # -- upcalls of the framing

    def on_request(self, stream: int, headers: HeaderList, ended: bool) -> None:
        """A request's head."""
        self._newest = max(self._newest, stream)
        if stream > self._last:
            self._refuse(stream)
            return
        if len(headers) > self._limits.headers:
            self.end_connection(ErrorCode.ENHANCE_YOUR_CALM, "too many headers")
        try:
            request = request_of(headers, self._peer)
        except BadRequest as bad:
            self._open(stream, Request("GET", "/", {}, b"", "2", self._peer), ended).reply_now(bad.reply)
            return
        opened = self._open(stream, request, ended)
        if ended:
            return  # on_end follows
        if body_expected(request) > self._limits.body_bytes:
            self._answer_too_large(opened)
            return
        opened.await_body(self._limits.body_seconds)
        if request.headers.get("expect", "").lower() == "100-continue":
            self.framing.send_headers(stream, [(":status", "100")], end=False)

    def _open(self, stream: int, request: Request, complete: bool) -> Http2Stream:
        self._idle.off()
        opened = self._streams[stream] = Http2Stream(self, stream, request)
        opened.complete = complete
        return opened

    def _refuse(self, stream: int) -> None:
        self.framing.reset(stream, ErrorCode.REFUSED_STREAM)
        self._count_reset()

    def on_data(self, stream: int, data: bytes, counted: int) -> None:
        """A piece of a request's body."""
        self.framing.acknowledge(stream, counted)
        receiver = self._streams.get(stream)
        if receiver is None or receiver.answering:
            return
        self._bodies += len(data)
        if receiver.add(data) > self._limits.body_bytes:
            self._answer_too_large(receiver)
        elif self._bodies > self._limits.bodies_bytes:
            self._release(receiver)
            receiver.reset(ErrorCode.ENHANCE_YOUR_CALM)

    def on_end(self, stream: int) -> None:
        """A request is complete."""
        ended = self._streams.get(stream)
        if ended is None or ended.answering:
            return
        ended.take_body()
        self._release(ended)
        self._answer(ended, ended.request)

    def on_reset(self, stream: int) -> None:
        """The client left a stream, or broke it."""
        left = self._streams.pop(stream, None)
        if left is not None:
            self._release(left)
            left.left()
            self._check_idle()
        self._count_reset()

    def on_window(self, stream: int) -> None:
        """More may be sent."""
        if stream == 0:
            self.pump()
        elif stream in self.waiting:
            self._streams[stream].pump()

    def on_frame(self, kind: str) -> None:
        """A frame that costs its sender nothing."""
        if not self._budgets[kind].spend(self.shared.wheel.now):
            self.end_connection(ErrorCode.ENHANCE_YOUR_CALM, f"too many {kind} frames")

    def on_goaway(self) -> None:
        """The client opens no more streams; what runs goes on."""
        self._last = min(self._last, self._newest)

    def end_connection(self, code: ErrorCode, reason: str) -> None:
        """Raises `ConnectionOver`, with the GOAWAY queued."""
        self.framing.goaway(code)
        raise ConnectionOver(reason)

    def _count_reset(self) -> None:
        if not self._resets.spend(self.shared.wheel.now):
            self.end_connection(ErrorCode.ENHANCE_YOUR_CALM, "too many reset streams")

    def _release(self, stream: Http2Stream) -> None:
        self._bodies -= stream.body_size
        stream.body_size = 0

    # -- streams

    def over(self, stream: Http2Stream) -> None:
        """A stream has been answered or reset."""
        if self._streams.pop(stream.id, None) is not None:
            self._release(stream)
            self._check_idle()

    def _check_idle(self) -> None:
        if not self._streams:
            self._idle.set(self._limits.idle_seconds)
            self._check_over()

    def pump(self) -> None:
        """Send what waits, one frame of each stream in turn, until there is no room."""
        moved = True
        while moved and self.waiting and not self.transport.above:
            moved = False
            for stream in list(self.waiting.values()):
                moved = stream.send_frame() or moved
            if self.transport_full():
                break
        self.flush()

    def transport_full(self) -> bool:
        """Hand what the framing has to the transport, which may then be above its mark."""
        if not self._reading:
            self.flush()
        return self.transport.above

    def _drained(self) -> None:
        self.pump()
        for stream in list(self._streams.values()):
            stream.relieve()

    # -- answers

    def _answer(self, stream: Http2Stream, request: Request) -> None:
        stream.answering = True
        try:
            answer = self.shared.handler(request)
        except Exception:
            log.exception("%s %s: the handler failed", request.method, request.target)
            answer = failure()
        if not isinstance(answer, (Reply, WatchReply, Stream)):
            assert self._nursery is not None
            self._nursery.start_soon(self._await, stream, answer)
        else:
            self._send(stream, answer)

    async def _await(self, stream: Http2Stream, answer: Awaitable[Answer]) -> None:
        """Wait for an answer and send it: in one go with those that come in the same pass of the scheduler, as a group of writes does."""
        self._handling += 1
        try:
            got = await stream.wait(answer)
        except Exception:
            stream.fail()
            return
        finally:
            self._handling -= 1
        if got is None:
            return
        first = self._handling > 0 and not self._gathers
        self._gathers = self._gathers or first
        try:
            self._send(stream, got)
        except Exception:
            stream.fail()
        if first:  # it sends for all, when these have run
            await trio.lowlevel.cancel_shielded_checkpoint()
            self._gathers = False
        self.flush()

    def _start(self, stream: Http2Stream, task: Awaitable[None]) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(stream.run, task)

    def _answer_too_large(self, stream: Http2Stream) -> None:
        self._release(stream)
        stream.drop_body()
        stream.answering = True
        self._send(stream, self._limits.too_large(stream.request))

    def _send(self, stream: Http2Stream, answer: Answer) -> None:
        """Begin an answer; what cannot be sent at once goes on in a task or in the stream's queue."""
        try:
            if isinstance(answer, Reply):
                self._send_reply(stream, answer)
            elif isinstance(answer, WatchReply):
                stream.start_watch(answer)
                if answer.close:
                    self._part()
            elif stream.send_head(answer.status, answer.headers, None):
                self._start(stream, stream.send_blocks(answer))
        except BadHeader:
            log.exception(
                "%s %s: the handler's headers cannot be sent", stream.request.method, stream.request.target
            )
            stream.reply_now(failure())

    def _send_reply(self, stream: Http2Stream, reply: Reply) -> None:
        size = size_of(reply.body)
        if size <= self._limits.inline_bytes:
            stream.reply_now(reply)
        elif stream.send_head(reply.status, reply.headers, size):
            self._start(stream, stream.send_pieces(pieces(reply.body)))
        if reply.close:
            self._part()
