"""A watch as an answer: what happens around its stream, without touching what flows through it.

The host's sink is handed on with its own `send`, `framing` and `on_drain` (looked up once, so that a delivery pays nothing), and only
its end is noticed, because it frees what the watch holds: its count in the metrics and its place among those to end at a shutdown.
"""

from __future__ import annotations

from collections.abc import Callable

from watchcache.cacher import Sink
from watchcache.http.messages import Running, WatchReply


class WatchedSink:
    """A host's sink whose end is told once; implements `cacher.Sink`."""

    __slots__ = ("_ended", "_sink", "framing", "on_drain", "send")

    def __init__(self, sink: Sink, ended: Callable[[WatchedSink], None]) -> None:
        self._sink = sink
        self._ended: Callable[[WatchedSink], None] | None = ended
        self.send = sink.send
        self.framing = sink.framing
        self.on_drain = sink.on_drain

    @property
    def queued(self) -> int:
        """Bytes waiting in the host."""
        return self._sink.queued

    def finish(self) -> None:
        """End the stream after what is queued."""
        if self.end():
            self._sink.finish()

    def end(self) -> bool:
        """Tell that the stream is over; False when that was told before."""
        ended, self._ended = self._ended, None
        if ended is None:
            return False
        ended(self)
        return True


class WatchedRunning:
    """A running watch whose client may leave."""

    __slots__ = ("_running", "_sink")

    def __init__(self, sink: WatchedSink, running: Running) -> None:
        self._sink = sink
        self._running = running

    def stop(self) -> None:
        """The client left."""
        self._running.stop()
        self._sink.end()


def watched(
    reply: WatchReply, opened: Callable[[WatchedSink, Running], None], closed: Callable[[WatchedSink], None]
) -> WatchReply:
    """The same watch, with its begin and end told."""
    begin = reply.start

    def start(sink: Sink) -> Running:
        over = False

        def ended(sink: WatchedSink) -> None:
            nonlocal over
            over = True
            closed(sink)

        inner = WatchedSink(sink, ended)
        opened_early = begin(inner)
        running = WatchedRunning(inner, opened_early)
        if not over:
            opened(inner, opened_early)
        return running

    return WatchReply(reply.headers, start)
