"""One socket, with or without TLS: synchronous writes, a bounded queue behind them, and one reader.

Rules:
- `write` never waits. It encrypts and tries the socket; what the socket does not take is queued (as ciphertext: TLS
  records have an order) and a writer task exists only until the queue is empty.
- `write` always accepts. Whoever produces looks at what it returns, and at False waits: `drained()` for tasks, `on_drain`
  for those who have none. The queue's bound is therefore the high-water mark plus one write of each producer.
- A queue that does not move (`Limits.stall_seconds`) closes the connection, however small it is.
- After a failure the transport is `closed`, swallows writes, and the reader sees the end of input: there is one place,
  the connection's task, where leaving is dealt with.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from watchcache.http.wire.guard import call_guarded
from watchcache.http.wire.limits import Limits
from watchcache.http.wire.tls import READ, Tls
from watchcache.http.wire.wheel import Alarm, Wheel

PROGRESS = (
    16 * 1024
)  # less than a record in `stall_seconds` is no progress: one byte a minute would live for ever
PLAIN_TO_TLS = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"  # Go's words
)
# What an empty queue is: a deque takes 624 bytes, and a hundred thousand connections and streams have nothing to send.
NOTHING: deque[bytes | memoryview] = deque(maxlen=0)
GATHER = 64  # buffers handed to one sendmsg; IOV_MAX is 1024, 64 records are a MiB


class Transport:
    """Reads for one task, writes for anyone on the trio thread."""

    __slots__ = (
        "_drain", "_early", "_event", "_limits", "_lost", "_moved", "_queue", "_send", "_sent", "_sock", "_spawn", "_stall",
        "above", "closed", "queued", "stalled", "tls",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        tls: Tls | None,
        limits: Limits,
        wheel: Wheel,
        spawn: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        self._sock = sock
        self._send = sock.send
        self._limits = limits
        self._spawn = spawn
        self._queue = NOTHING
        self._drain: Callable[[], None] | None = None
        self._event: trio.Event | None = None  # the queue is below the low-water mark
        self._sent: trio.Event | None = None  # the queue is empty; there while a writer runs
        self._stall = Alarm(wheel, self._give_up)
        self._moved = 0
        self._lost: Callable[[], None] | None = None
        self._early = b""  # what came in the packet that ended the handshake
        self.tls = tls
        self.queued = 0  # bytes the kernel has not taken yet
        # Whether producers should wait: from above the high-water mark until below the low one.
        self.above = False
        self.closed = False
        self.stalled = False  # closed because the queue did not move

    # -- writing

    def write(self, data: bytes | memoryview) -> bool:
        """Send `data`, or queue what cannot be sent now. False: the queue is above the high-water mark."""
        if self.closed:
            return True
        if self.tls is not None:
            try:
                data = self.tls.encrypt(data)
            except ssl.SSLError:  # the peer has broken the session: the reader will see it too
                self.abort()
                return True
        return self._write_raw(data)

    def _write_raw(self, data: bytes | memoryview) -> bool:
        if self.queued:
            self._enqueue(data)
            return not self.above
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.abort()
            return True
        if sent != len(data):
            self._enqueue(memoryview(data)[sent:])
            self._start_writer()
        return not self.above

    def _start_writer(self) -> None:
        if self._sent is None:  # else it is the running writer that calls us, from a drain callback
            self._moved = 0
            self._stall.set(self._limits.stall_seconds)
            self._sent = trio.Event()
            self._spawn(self._run_writer)

    def _enqueue(self, data: bytes | memoryview) -> None:
        if self._queue is NOTHING:
            self._queue = deque()
        self._queue.append(data)
        self.queued += len(data)
        if self.queued > self._limits.high_water:
            self.above = True

    async def _run_writer(self) -> None:
        try:
            while self._queue:
                await trio.lowlevel.wait_writable(self._sock)
                self._send_queue()
        except (OSError, trio.ClosedResourceError):
            self.abort()
        finally:
            self._stall.off()
            if not self._queue:
                self._queue = NOTHING
            if self._sent is not None:
                self._sent.set()
                self._sent = None

    def _send_queue(self) -> None:
        """Hand the head of the queue to the socket. Raises OSError when it is broken."""
        queue = self._queue
        try:
            sent = self._sock.sendmsg([queue[i] for i in range(min(len(queue), GATHER))])
        except BlockingIOError:
            return
        self.queued -= sent
        self._moved += sent
        while sent:
            first = queue.popleft()
            if sent < len(first):
                queue.appendleft(memoryview(first)[sent:])
                break
            sent -= len(first)
        if self._moved >= PROGRESS:
            self._moved = 0
            self._stall.set(self._limits.stall_seconds)
        if self.queued <= self._limits.low_water:
            self._fell_below()

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    def _fell_below(self) -> None:
        self._wake()
        if self.above:
            self.above = False
            if self._drain is not None:
                call_guarded(self._drain, "a producer's drain callback")

    def on_drain(self, callback: Callable[[], None] | None) -> None:
        """Call this whenever the queue has fallen below the low-water mark after `write` returned False."""
        self._drain = callback

    async def drained(self) -> None:
        """Wait until the queue is below the low-water mark, or the transport closed."""
        if not self.closed and self.queued > self._limits.low_water:
            await self._event_to_come().wait()
        else:
            await trio.lowlevel.checkpoint()

    def _event_to_come(self) -> trio.Event:
        if self._event is None:
            self._event = trio.Event()
        return self._event

    # -- reading

    async def receive(self) -> bytes:
        """The next bytes of plain text; b"" when the peer has closed or the connection broke."""
        # waiting first: a receive that finds nothing is a system call and an exception, and nearly always finds nothing
        while not (self._early or self.closed):
            try:
                await trio.lowlevel.wait_readable(self._sock)
            except (OSError, trio.ClosedResourceError):
                return b""
            if (plain := self.take()) is not None:
                return plain
        early, self._early = self._early, b""
        return early

    def take(self) -> bytes | None:
        """What has come, without waiting: None when nothing complete has, b"" as `receive`."""
        tls = self.tls
        if self.closed or (tls is not None and tls.closed):
            return b""
        try:
            data = self._sock.recv(READ)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return data if tls is None or not data else self._decrypt(tls, data)

    def _decrypt(self, tls: Tls, data: bytes) -> bytes | None:
        try:
            plain = tls.decrypt(data)
        except ssl.SSLError:
            self._send_alert()
            return b""
        if answer := tls.take():
            self._write_raw(answer)
        return plain or (b"" if tls.closed else None)

    async def _receive_raw(self) -> bytes:
        while not self.closed:
            try:
                await trio.lowlevel.wait_readable(self._sock)
                return self._sock.recv(READ)
            except BlockingIOError:
                continue
            except (OSError, trio.ClosedResourceError):
                return b""
        return b""

    async def handshake(self, turn: Callable[[], Awaitable[None]]) -> bool:
        """Do TLS's handshake; False when the peer left or does not speak TLS. `turn` is awaited before each step, which may take a millisecond."""
        tls = self.tls
        assert tls is not None
        while data := await self._receive_raw():
            await turn()
            try:
                done = tls.handshake(data)
            except ssl.SSLError as error:
                self._write_raw(PLAIN_TO_TLS if error.reason == "HTTP_REQUEST" else tls.take())
                return False
            self._write_raw(tls.take())
            if done:
                self._early = tls.decrypt(b"")
                return True
        return False

    def _send_alert(self) -> None:
        if self.tls is not None and not self.closed and (alert := self.tls.take()):
            self._write_raw(alert)

    # -- closing

    def fileno(self) -> int:
        """The socket's descriptor, for `poll`; -1 when closed."""
        return self._sock.fileno()

    def abort(self) -> None:
        """Close now; what is queued is lost. The reader sees the end of input, those who wait to write go on."""
        if self.closed:
            return
        self.closed = True
        self._stall.drop()
        self._queue = NOTHING
        self.queued = 0
        if self._lost is not None:
            self._lost()
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
        self.above = False
        self._drain = None  # it refers to a producer, who refers to this
        self._wake()  # tasks; a watcher is told by stop(), not by a drain callback in the middle of its own send()

    def _give_up(self) -> None:
        self.stalled = not self.closed
        self.abort()

    def on_lost(self, callback: Callable[[], None] | None) -> None:
        """Call this when the connection is closed by `abort`, before its descriptor is."""
        self._lost = callback

    async def close(self, *, linger: bool = False) -> None:
        """Send what is queued, say goodbye and close; bounded by the stall alarm and `Limits.linger_seconds`.

        `linger`: input may be on its way (an answer was given before the request ended): read and drop it for a while,
        since closing a socket with unread input resets it and the client may never see the answer.
        """
        if self._sent is not None:
            await self._sent.wait()
        if self.closed:
            return
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.tls is not None:
                self._write_raw(self.tls.close())
            if not self.closed:
                self._sock.shutdown(socket.SHUT_WR)
        if linger:
            with trio.move_on_after(self._limits.linger_seconds):
                while await self._receive_raw():
                    pass
        self.abort()
