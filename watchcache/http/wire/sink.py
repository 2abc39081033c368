"""Where a watcher writes: the body of an HTTP/1.1 answer, or the WebSocket messages that follow one.

HTTP/2's sink is its stream (`http2_stream.py`).
A sink outlives neither its answer nor its connection: once either is over, `send` swallows what it is given and
reports no pressure, until the watcher hears of it through `Running.stop()`.
"""

from __future__ import annotations

from collections.abc import Callable

from watchcache.http.wire.transport import Transport


def identity(data: bytes) -> bytes:
    """No framing: HTTP/2 frames outside the payload, HTTP/1.0 ends the body by closing."""
    return data


class Http1Sink:
    """A watch on an HTTP/1.1 connection; `last` is what ends it: a chunk, a close frame, or nothing."""

    __slots__ = ("_ended", "_last", "_transport", "_write", "finished", "framing")
    connection = 0  # which has one answer at a time

    def __init__(
        self, transport: Transport, ended: Callable[[], None], framing: Callable[[bytes], bytes], last: bytes
    ) -> None:
        self._transport = transport
        self._write = transport.write
        self._ended = ended
        self._last = last
        self.framing = framing
        self.finished = False

    def send(self, framed: bytes) -> bool:
        """Send framed bytes; False when the connection is above its high-water mark."""
        return True if self.finished else self._write(framed)

    def on_drain(self, callback: Callable[[], None]) -> None:
        """Call this when the queue has fallen below the low-water mark after a False."""
        self._transport.on_drain(callback)

    def finish(self) -> None:
        """End the watch; after a body the connection goes on with the next request."""
        if self.finished:
            return
        if self._last:
            self._write(self._last)
        self.finished = True
        self._ended()

    @property
    def stalled(self) -> bool:
        """Whether the connection was closed because it did not move."""
        return self._transport.stalled

    @property
    def queued(self) -> int:
        """Bytes the kernel has not taken yet."""
        return self._transport.queued
