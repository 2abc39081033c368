"""One HTTP/2 stream: its request body, its queue under flow control, and the sink of a watch on it.

A stream's queue holds what its window, the connection's window or the transport does not take. It moves when one of them
opens (`Http2.pump`), and whoever filled it is told when it has drained: a task by `drained()`, a watcher by its callback.
A queue that flow control holds for `Limits.stall_seconds` ends the stream, not the connection: the other watches of a
client are not to blame for one that is not read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import trio

from watchcache.http.messages import Answer, Reply, Request, Running, Stream, WatchReply
from watchcache.http.waiting import Waiting
from watchcache.http.wire import heads
from watchcache.http.wire.blocks import BLOCK, close_blocks, size_of, whole
from watchcache.http.wire.context import failure
from watchcache.http.wire.framing import ErrorCode
from watchcache.http.wire.guard import call_guarded, log
from watchcache.http.wire.sink import identity
from watchcache.http.wire.transport import NOTHING
from watchcache.http.wire.wheel import COARSE, Alarm

if TYPE_CHECKING:
    from watchcache.http.wire.http2 import Http2


class Http2Stream:
    """A stream of a session. It is also the `Sink` of a watch: the frames of a payload are made below the queue."""

    __slots__ = (
        "_alarm", "_body", "_callback", "_ending", "_event", "_expired", "_framing", "_pressed", "_queue", "_running", "_scope",
        "_session", "_waiting", "answering", "body_size", "closed", "complete", "framing", "id", "queued", "request",
    )  # fmt: skip

    def __init__(self, session: Http2, number: int, request: Request) -> None:
        self._session = session
        self._framing = session.framing
        self._queue = NOTHING
        self._ending = False  # END_STREAM follows what is queued
        self._pressed = False  # somebody waits for the queue to drain
        self._expired = False  # a queue did not move
        self._callback: Callable[[], None] | None = None
        self._event: trio.Event | None = None
        self._running: Running | None = None
        self._scope: trio.CancelScope | None = None
        self._waiting: Waiting | None = None  # what this stream keeps the time of
        self._alarm: Alarm | None = None
        self._body: list[bytes] = []
        self.id = number
        self.request = request
        self.framing = identity  # a sink's: DATA is framed below
        self.answering = False
        self.complete = False  # the request has arrived to its end
        self.closed = False
        self.queued = 0
        self.body_size = 0

    # -- the request

    def await_body(self, seconds: float) -> None:
        """Give the client that long to send the body."""
        self._own_alarm().set(seconds)

    def add(self, data: bytes) -> int:
        """Keep a piece of the body; returns its size so far."""
        self._body.append(data)
        self.body_size += len(data)
        return self.body_size

    def take_body(self) -> None:
        """The body is whole: put it into the request."""
        self.complete = True
        if self._body:
            self.request.body = b"".join(self._body)
        self.drop_body()

    def drop_body(self) -> None:
        """Forget the body, and its deadline."""
        self._body = []
        if self._alarm is not None:
            self._alarm.off()

    # -- sending

    def send_head(self, status: int, headers: heads.Headers, size: int | None, *, end: bool = False) -> bool:
        """The head; False when no body may follow, and the stream is then over. Raises `BadHeader`."""
        if self.closed:
            return False
        lines = heads.http2_head(status, headers, None if status in heads.BODILESS else size)
        end = end or status in heads.BODILESS or self.request.method == "HEAD"
        self._framing.send_headers(self.id, lines, end)
        if end:
            self._finished()
        return not end

    def reply_now(self, reply: Reply) -> None:
        """A whole small answer."""
        size = size_of(reply.body)
        if self.send_head(reply.status, reply.headers, size, end=size == 0):
            self._ending = True
            self.send(whole(reply.body))

    def send(self, framed: bytes | memoryview) -> bool:
        """Send or queue bytes; False when the queue is above the high-water mark. A `Sink`'s method."""
        if self.closed:
            return True
        session = self._session
        size = len(framed)
        if (
            not self.queued
            and size
            and not session.transport.above
            and self._framing.send_whole(self.id, framed, self._ending)
        ):
            if self._ending:
                self._finished()
            session.flush()
            return not session.transport.above or self._press()
        if size:
            if self._queue is NOTHING:
                self._queue = deque()
            self._queue.append(framed)
            self.queued += size
            session.waiting[self.id] = self
            self.pump()
        return not self._over_mark() or self._press()

    def _over_mark(self) -> bool:
        return self.queued > self._session.shared.limits.high_water or self._session.transport.above

    def _press(self) -> bool:
        self._pressed = True
        return False

    def pump(self) -> None:
        """Send what is queued as far as there is room."""
        while self.send_frame():
            if self._session.transport_full():
                break
        self._session.flush()

    def send_frame(self) -> bool:
        """Send one DATA frame off the queue; False when there is nothing, or no room."""
        if not self._queue or self._session.transport.above:
            return False
        room = self._framing.room(self.id)
        if room <= 0:
            self._stalled()
            return False
        data = self._next(room)
        end = self._ending and not self._queue
        self._framing.send_data(self.id, data, end)
        if self._alarm is not None:
            self._alarm.off()
        if end:
            self._finished()
        else:
            self.relieve()
        return True

    def _next(self, room: int) -> bytes | memoryview:
        """Bytes for one frame: small payloads are joined, a large one is cut."""
        queue = self._queue
        parts: list[bytes | memoryview] = []
        size = 0
        while queue and size < room:
            first = queue.popleft()
            take = min(len(first), room - size)
            if take < len(first):
                view = memoryview(first)
                first = view[:take]
                queue.appendleft(view[take:])
            parts.append(first)
            size += take
        self.queued -= size
        if not queue:
            self._queue = NOTHING
            self._session.waiting.pop(self.id, None)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def relieve(self) -> None:
        """Tell whoever waits that the queue has drained."""
        limits, transport = self._session.shared.limits, self._session.transport
        if self.queued > limits.low_water or transport.above:
            return
        if self._event is not None:
            self._event.set()
            self._event = None
        if self._pressed:
            self._pressed = False
            if self._callback is not None:
                call_guarded(self._callback, "a watcher's drain callback")

    async def drained(self) -> None:
        """Wait until the queue is below the low-water mark, or the stream over."""
        if self.closed or not self._over_mark():
            await trio.lowlevel.checkpoint()
            return
        if self._event is None:
            self._event = trio.Event()
        await self._event.wait()

    def end(self) -> None:
        """END_STREAM, after what is queued."""
        if self.closed or self._ending:
            return
        self._ending = True
        if not self._queue:
            self._framing.send_data(self.id, b"", end=True)
            self._finished()
            self._session.flush()

    # -- the end

    def _finished(self) -> None:
        """END_STREAM is out."""
        if not self.closed:
            if not self.complete:
                self._dismiss()
            self._forget()
            self._session.over(self)

    def _dismiss(self) -> None:
        """The rest of the request is not wanted (RFC 9113 8.1): drop it, and soon say so.

        At once would be allowed, but there are clients (curl 7.88) that then lose the answer.
        """
        framing, session, number = self._framing, self._session, self.id

        def reset() -> None:
            framing.reset(number, ErrorCode.NO_ERROR)
            session.flush()

        Alarm(session.shared.wheel, reset).set(session.shared.limits.linger_seconds)

    def reset(self, code: ErrorCode) -> None:
        """End the stream at once."""
        if not self.closed:
            self._framing.reset(self.id, code)
            self._session.over(self)
            self.left()
            self._session.flush()

    def left(self) -> None:
        """The stream is over before its answer was: stop whoever produces it."""
        running = self._running
        self._forget()
        if self._scope is not None:
            self._scope.cancel()
        if running is not None:
            call_guarded(running.stop, "stopping a watch")

    def _forget(self) -> None:
        self.closed = True
        self._queue = NOTHING
        self.queued = 0
        self._session.waiting.pop(self.id, None)
        self._callback = None
        self._running = None  # it refers to its sink, which this is
        if self._alarm is not None:
            self._alarm.drop()
        if self._event is not None:
            self._event.set()
            self._event = None

    def _own_alarm(self) -> Alarm:
        if self._alarm is None:
            self._alarm = Alarm(self._session.shared.wheel, self._expire)
        return self._alarm

    def _stalled(self) -> None:
        """The queue does not move: start the deadline, unless it runs."""
        if self._alarm is None or self._alarm.deadline == float("inf"):
            self._own_alarm().set(self._session.shared.limits.stall_seconds)

    def _expire(self) -> None:
        if self._waiting is not None:
            assert self._scope is not None
            self._waiting.expire()
            self._scope.cancel()
            return
        self._expired = bool(self._queue)  # else it is the body that did not come
        self.reset(ErrorCode.CANCEL)

    # -- what has a task

    async def wait(self, answer: Awaitable[Answer]) -> Answer | None:
        """What the handler answers, or what is said when its time has passed; None when the client left before."""
        with trio.CancelScope() as self._scope:
            if self.closed:
                self._scope.cancel()
            try:
                if isinstance(answer, Waiting) and answer.seconds >= COARSE:
                    return await self._in_time(answer)
                return await answer
            except Exception:
                log.exception("%s %s: the handler failed", self.request.method, self.request.target)
                return failure()
        return answer.late if isinstance(answer, Waiting) else None

    async def _in_time(self, waiting: Waiting) -> Answer:
        """Wait under the stream's alarm, whose ringing ends its scope."""
        self._waiting = waiting
        alarm = self._own_alarm()
        alarm.set_at(trio.current_time() + waiting.seconds)
        try:
            return await waiting.wait()
        finally:
            self._waiting = None
            alarm.off()

    async def run(self, work: Awaitable[None]) -> None:
        """A task of this stream; ends with it."""
        with trio.CancelScope() as self._scope:
            if self.closed:
                self._scope.cancel()
            try:
                await work
            except Exception:
                self.fail()

    def fail(self) -> None:
        """An exception, which is being handled, has cut the answer short."""
        log.exception("%s %s: the answer failed", self.request.method, self.request.target)
        self.reset(ErrorCode.INTERNAL_ERROR)

    async def send_pieces(self, body: Iterator[bytes | memoryview]) -> None:
        """A large body, with back-pressure."""
        for piece in body:
            self.send(piece)
            await self.drained()
        self.end()

    async def send_blocks(self, stream: Stream) -> None:
        """A body of unknown length, with back-pressure."""
        try:
            async for block in stream.blocks:
                for start in range(0, len(block), BLOCK):
                    self.send(memoryview(block)[start : start + BLOCK])
                    await self.drained()
        finally:
            await close_blocks(stream.blocks)
        self.end()

    # -- a watch's sink

    def start_watch(self, reply: WatchReply) -> None:
        """Flush the head, then hand the stream to the watcher."""
        if not self.send_head(200, reply.headers, None):
            return
        self._session.flush()
        try:
            running = reply.start(self)
        except Exception:
            log.exception("a watch could not be started")
            self.reset(ErrorCode.INTERNAL_ERROR)
            return
        if self.closed and not self._ending:
            call_guarded(running.stop, "stopping a watch")  # reset while it started
        elif not self._ending:
            self._running = running
            self.request.headers.clear()  # a watch may be there for hours, and many are

    @property
    def connection(self) -> int:
        """The number of the connection."""
        return self._session.number

    @property
    def stalled(self) -> bool:
        """Whether the stream, or its connection, was ended because a queue did not move."""
        return self._expired or self._session.transport.stalled

    def on_drain(self, callback: Callable[[], None]) -> None:
        """Call this when the queue has fallen below the low-water mark after a False."""
        self._callback = callback

    def finish(self) -> None:
        """End the watch after what is queued."""
        self._running = None
        self.end()
