"""A connection to one member: gRPC over HTTP/2 on trio, without threads.

Measured in whole servers (benchmarks/side_by_side.py --etcd): grpcio took two thirds of the CPU of a write, most of it in handing over between its threads
and ours. Here a call is two frames appended to what the writer sends next, and its answer a callback from the reader.

* Two tasks of the system kind, so that a connection belongs to no nursery: the reader (which connects first) and the writer; a third looks
  after deadlines and keep-alive while calls are under way. None lets an exception out: a connection ends by telling each of its streams.
* The peer's windows are respected, oldest stream first. Our own windows are wide; a watch gives credit back as its messages are taken.
* Deadlines are looked at every TICK; a PING goes out when nothing was received for QUIET seconds, or when a call has met its deadline in silence,
  and the connection is dead when nothing came for PATIENCE after that: a frozen member is noticed within 10.5 s, a slow one answers.
  (etcd ends connections that ask more often than every 5 s.)
"""

from __future__ import annotations

import math
import ssl
from collections import deque
from collections.abc import Callable

import trio

from watchcache.persist.etcd import frames
from watchcache.persist.etcd.call import Stream, framed
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.dialing import FAILURES, Wire, dial, text_of
from watchcache.persist.etcd.endpoints import Endpoint

CONNECT_SECONDS = 3.0
TICK = 0.25
QUIET = 6.0
PATIENCE = 4.0
RECEIVE = 1 << 18
LAST_STREAM = 0x7FFF_FFF0
_NO_GREETING = "the connection was closed before anything was said; is it an https endpoint, or no etcd?"


class Connection:
    """Made unconnected; connects at once. `ended` is called when it cannot be used any more, with whether it ever could."""

    def __init__(
        self, endpoint: Endpoint, context: ssl.SSLContext | None, ended: Callable[[Connection], None]
    ) -> None:
        self.usable = True  # takes new streams
        self._endpoint = endpoint
        self._context = context
        self._on_ended = ended
        self._connected = False
        self._greeted = False  # the peer has sent its settings, as HTTP/2 begins
        self._streams: dict[int, Stream] = {}
        self._next = 1
        self._waiting: deque[tuple[Stream, bytes, bytes, bool]] = deque()  # for the connection, or for room
        self._blocked: dict[int, Stream] = {}  # have data that a window holds back
        self._most = 100  # streams, until the peer says otherwise
        self._initial_window = frames.DEFAULT_WINDOW
        self._window = frames.DEFAULT_WINDOW
        self._frame = frames.DEFAULT_FRAME
        self._credit = 0
        self._after_reading: list[Callable[[], None]] = []
        self._before_writing: list[Callable[[], None]] = []
        self._out: list[bytes] = [frames.opening()]
        self._out_came = trio.Event()
        self._block: tuple[int, int, bytes] | None = None  # a header block to be continued
        self._headers = frames.HeaderReader()
        self.received_at = trio.current_time()  # anything
        self._pinged_at = -math.inf
        self._scope = trio.CancelScope()
        trio.lowlevel.spawn_system_task(self._run, name="etcd-connection")

    # -- calls

    def start(self, head: bytes, message: bytes, stream: Stream, *, last: bool) -> None:
        """Begin a call with a header block and its first message; `last`: it is the only one."""
        self._waiting.append((stream, head, message, last))
        self._start_waiting()

    def send(self, stream: Stream, message: bytes) -> None:
        """A further message on a stream that goes on."""
        if not stream.done and stream.id:
            self._queue_data(stream, message, last=False)

    def cancel(self, stream: Stream) -> None:
        """Let go of a call; nothing is told of it any more."""
        if stream.done:
            return
        stream.done = True
        if stream.id:
            self._write(frames.reset(stream.id))
            self._forget(stream)

    def taken(self, stream: Stream) -> None:
        """The messages of a stream were taken: let the peer send more of it."""
        if stream.owed > frames.WINDOW // 4 and not stream.done:
            self._write(frames.window_update(stream.id, stream.owed))
            stream.owed = 0

    def after_reading(self, callback: Callable[[], None]) -> None:
        """Call this once, when everything that was received together has been taken; it must not raise."""
        self._after_reading.append(callback)

    def before_writing(self, callback: Callable[[], None]) -> None:
        """Call this once, when everybody whose turn it is has had it, and before what is to be sent is sent; it must not raise.

        What is built then is built together, in one loop, and not between the other work of each of those who want it. At once when nothing
        can be written yet; also when the connection ends, and within a TICK while the peer takes nothing.
        """
        if self._connected and self.usable:
            self._before_writing.append(callback)
            self._out_came.set()
        else:
            callback()

    def ask_sign(self) -> None:
        """Have the peer send something: it acknowledges settings, and does not count them as it counts PINGs."""
        self._write(frames.frame(frames.SETTINGS, 0, 0))

    def retire(self) -> None:
        """No more calls on this connection; those under way go on."""
        if self.usable:
            self.usable = False
            self._on_ended(self)

    def close(self) -> None:
        """Cut it; what is under way ends without a word."""
        self.usable = False
        for stream in (*self._streams.values(), *(each[0] for each in self._waiting)):
            stream.done = True
        self._scope.cancel()

    def _start_waiting(self) -> None:
        while self._waiting and self._connected and len(self._streams) < self._most:
            stream, head, message, last = self._waiting.popleft()
            if stream.done:
                continue
            stream.id, self._next = self._next, self._next + 2
            stream.window = self._initial_window
            stream.sent = True
            stream.started = trio.current_time()
            self._streams[stream.id] = stream
            self._write(frames.frame(frames.HEADERS, frames.END_HEADERS, stream.id, head))
            self._queue_data(stream, message, last=last)
            if self._next > LAST_STREAM:
                self.retire()
                self._refuse_waiting("the connection has no streams left")

    def _queue_data(self, stream: Stream, message: bytes, *, last: bool) -> None:
        data = framed(message)
        if len(data) <= min(stream.window, self._window, self._frame) and not stream.pending:
            stream.window -= len(data)
            self._window -= len(data)
            self._write(frames.frame(frames.DATA, frames.END_STREAM if last else 0, stream.id, data))
            return
        if stream.pending is None:
            stream.pending = deque()
        stream.pending.append((data, last))
        self._blocked[stream.id] = stream
        self._send_blocked()

    def _send_blocked(self) -> None:
        for stream in list(self._blocked.values()):
            while stream.pending:
                data, last = stream.pending[0]
                size = min(len(data), stream.window, self._window, self._frame)
                if size <= 0:
                    break
                whole = size == len(data)
                flags = frames.END_STREAM if last and whole else 0
                self._write(frames.frame(frames.DATA, flags, stream.id, data[:size]))
                stream.window -= size
                self._window -= size
                if whole:
                    stream.pending.popleft()
                else:
                    stream.pending[0] = data[size:], last
            if not stream.pending:
                del self._blocked[stream.id]

    def _write(self, data: bytes) -> None:
        if not self._out:
            self._out_came.set()
        self._out.append(data)

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        self._blocked.pop(stream.id, None)
        if self._waiting:
            self._start_waiting()
        if not (self._streams or self.usable):
            self._scope.cancel()  # it was retired, and the last of its calls has ended

    def _end(self, stream: Stream, code: Code, text: str) -> None:
        if not stream.done:
            stream.done = True
            self._forget(stream)
            stream.on_end(code, text, not stream.sent)

    def _refuse_waiting(self, text: str) -> None:
        waiting, self._waiting = self._waiting, deque()
        for stream, _, _, _ in waiting:
            self._end(stream, Code.UNAVAILABLE, text)

    # -- its life

    async def _run(self) -> None:
        why = "the connection was closed"
        try:
            with self._scope:
                with trio.move_on_after(CONNECT_SECONDS) as connecting:
                    stream = await dial(self._endpoint, self._context)
                if connecting.cancelled_caught:
                    why = "no connection within 3 s"
                else:
                    await self._use(stream)
        except* FAILURES as group:
            why = text_of(group)
        except* (
            Exception
        ) as group:  # a defect of ours; a system task that raises would take the whole server with it
            why = f"the client failed: {group.exceptions[0]!r}"
        self._lost(why)

    def _lost(self, why: str) -> None:
        text = why if self._connected else f"cannot connect: {why}"
        self.retire()
        self._prepare()  # on another connection
        self._refuse_waiting(text)
        for stream in list(self._streams.values()):
            self._end(stream, Code.UNAVAILABLE, text)

    async def _use(self, stream: Wire) -> None:
        try:
            self._connected = True
            self._start_waiting()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_out, stream)
                nursery.start_soon(self._look_after)
                await self._read(stream)
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)

    async def _write_out(self, stream: Wire) -> None:
        while True:
            self._prepare()
            if self._out:
                data, self._out = b"".join(self._out), []
                await stream.send_all(data)
            else:
                self._out_came = trio.Event()
                await self._out_came.wait()

    def _prepare(self) -> None:
        while self._before_writing:
            self._before_writing.pop()()

    async def _look_after(self) -> None:
        while True:
            await trio.sleep(TICK)
            self._prepare()  # their time counts, too
            now = trio.current_time()
            late = [each for each in self._streams.values() if each.deadline <= now]
            silent = any(each.started > self.received_at for each in late)
            for stream in late:
                self._write(frames.reset(stream.id))
                self._end(stream, Code.DEADLINE_EXCEEDED, "no answer in time")
            quiet = now - max(self.received_at, self._pinged_at)
            if self._pinged_at > self.received_at and now - self._pinged_at > PATIENCE:
                raise frames.Broken("no sign of life")
            if (self._streams and quiet > QUIET) or (silent and now - self._pinged_at > QUIET):
                self._pinged_at = now
                self._write(frames.frame(frames.PING, 0, 0, b"watching"))

    # -- what comes

    async def _read(self, stream: Wire) -> None:
        reader = frames.FrameReader()
        while True:
            data = await stream.receive_some(RECEIVE)
            if not data:
                raise frames.Broken("the connection was closed" if self._greeted else _NO_GREETING)
            self.received_at = trio.current_time()
            for kind, flags, number, payload in reader.feed(bytes(data)):
                self._take(kind, flags, number, payload)
            while self._after_reading:
                self._after_reading.pop()()
            if self._credit > frames.WINDOW // 4:
                self._write(frames.window_update(0, self._credit))
                self._credit = 0

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if not self._greeted:
            if kind != frames.SETTINGS:
                raise frames.Broken(frames.NO_HTTP2)
            self._greeted = True
        if self._block is not None and kind != frames.CONTINUATION:
            raise frames.Broken("a header block was interrupted")
        if kind == frames.DATA:
            self._take_data(flags, number, payload)
        elif kind == frames.HEADERS:
            self._take_headers(flags, number, frames.unpadded(kind, flags, payload))
        elif kind == frames.CONTINUATION:
            self._take_continuation(flags, number, payload)
        elif kind == frames.WINDOW_UPDATE:
            self._take_credit(number, frames.number_of(payload))
        elif kind == frames.PING and not flags & frames.ACK:
            self._write(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._take_settings(payload)
        elif kind == frames.RST_STREAM and number in self._streams:
            stream = self._streams[number]
            self._finish(stream, f"the stream was reset (error {frames.number_of(payload)})")
        elif kind == frames.GOAWAY:
            self._take_goaway(payload)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._credit += len(payload)
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.owed += len(payload)
        if stream.receive(frames.unpadded(frames.DATA, flags, payload)):
            self.taken(stream)  # a message larger than the window would otherwise never be whole
        if flags & frames.END_STREAM:
            self._finish(stream, "the stream ended without a status")

    def _take_headers(self, flags: int, number: int, block: bytes) -> None:
        if not flags & frames.END_HEADERS:
            self._block = number, flags, block
            return
        headers = self._headers.read(block)
        stream = self._streams.get(number)
        if stream is not None:
            stream.add_headers(headers)
            if flags & frames.END_STREAM:
                self._finish(stream, "")

    def _take_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != number:
            raise frames.Broken("a continuation of nothing")
        _, first, block = self._block
        self._block = None
        self._take_headers(first | flags & frames.END_HEADERS, number, block + payload)

    def _finish(self, stream: Stream, otherwise: str) -> None:
        self._end(stream, *stream.status(otherwise))

    def _take_settings(self, payload: bytes) -> None:
        for setting, value in frames.settings_of(payload):
            if setting == frames.INITIAL_WINDOW:
                for stream in self._streams.values():
                    stream.window += value - self._initial_window
                self._initial_window = value
            elif setting == frames.MAX_STREAMS:
                self._most = value
            elif setting == frames.MAX_FRAME:
                self._frame = value
        self._write(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._start_waiting()
        self._send_blocked()

    def _take_credit(self, number: int, credit: int) -> None:
        if number == 0:
            self._window += credit
        elif number in self._streams:
            self._streams[number].window += credit
        self._send_blocked()

    def _take_goaway(self, payload: bytes) -> None:
        last = frames.number_of(payload)
        self.retire()
        unseen = [stream for number, stream in self._streams.items() if number > last]
        for stream in unseen:
            stream.sent = False
        for stream in unseen:
            self._end(stream, Code.UNAVAILABLE, "the member is going away")
        self._refuse_waiting("the member is going away")
        if not self._streams:
            self._scope.cancel()
