"""A watch as an answer: what happens around its stream, without touching what flows through it.

The host's sink is handed on with its own `send` and `framing` (looked up once, so that a delivery pays nothing), and only its end is
noticed, because it frees what the watch holds: its count in the metrics and its place among those to end at a shutdown. Watch and
sink then let go of each other, so that both are freed at once and not by a collection of garbage, which may be an hour away.
There may be a hundred thousand of these, so they are small and hold nothing of the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from watchcache.cacher import Sink
from watchcache.http.messages import Running, WatchReply


class Keeper(Protocol):
    """Who is told of a watch's begin and end."""

    def opened(self, sink: WatchedSink, running: Running) -> None:
        """It runs. Not called for a watch that ends while it starts."""

    def closed(self, sink: WatchedSink) -> None:
        """It has ended, by whichever side."""


class WatchedSink:
    """A host's sink whose end is told once. Implements `cacher.Sink` and, for the host, `messages.Running`."""

    __slots__ = ("_keeper", "_running", "_sink", "framing", "send")

    def __init__(self, sink: Sink, keeper: Keeper) -> None:
        self._sink = sink
        self._keeper: Keeper | None = keeper
        self._running: Running | None = None
        self.send = sink.send
        self.framing = sink.framing

    def begin(self, start: Callable[[Sink], Running]) -> None:
        """Start the watch on this sink."""
        running = start(self)
        if self._keeper is not None:
            self._running = running
            self._keeper.opened(self, running)

    def on_drain(self, callback: Callable[[], None]) -> None:
        """The host's."""
        self._sink.on_drain(callback)

    @property
    def connection(self) -> int:
        """The host's."""
        return self._sink.connection

    @property
    def queued(self) -> int:
        """Bytes waiting in the host."""
        return self._sink.queued

    @property
    def stalled(self) -> bool:
        """The host's."""
        return self._sink.stalled

    def finish(self) -> None:
        """End the stream after what is queued."""
        if self._end():
            self._sink.finish()

    def stop(self) -> None:
        """The client left."""
        running = self._running
        if running is not None:
            running.stop()
        self._end()

    def _end(self) -> bool:
        """Tell that the stream is over; False when that was told before."""
        keeper, self._keeper = self._keeper, None
        self._running = None
        if keeper is None:
            return False
        keeper.closed(self)
        return True


def watched(reply: WatchReply, keeper: Keeper) -> WatchReply:
    """The same watch, with its begin and end told."""
    begin = reply.start

    def start(sink: Sink) -> Running:
        inner = WatchedSink(sink, keeper)
        inner.begin(begin)
        return inner

    return WatchReply(reply.headers, start)
