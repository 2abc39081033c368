"""Noticing that a client left while its HTTP/1.1 request waits in a handler, without a task to read for it.

The connection's task is inside the handler then. All such connections are polled together, once a tick of the wheel: a
system call for all instead of a task for each. As in Go's net/http, a half-closed connection counts as left.
"""

from __future__ import annotations

import select
from collections.abc import Callable

from watchcache.http.wire.transport import Transport


class Departures:
    """The connections whose task is inside a handler."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Transport, Callable[[], None]]] = {}

    def watch(self, transport: Transport, left: Callable[[], None]) -> int:
        """Call `left` once if the peer leaves; returns what `forget` wants."""
        descriptor = transport.fileno()
        if descriptor >= 0:
            self._waiting[descriptor] = (transport, left)
        return descriptor

    def forget(self, descriptor: int) -> None:
        """The handler has answered."""
        self._waiting.pop(descriptor, None)

    def check(self) -> None:
        """Report who has left."""
        if not self._waiting:
            return
        poll = select.poll()  # made anew: most requests have come and gone between two checks
        for descriptor, (transport, left) in list(self._waiting.items()):
            if transport.closed:
                self.forget(descriptor)
                left()
            else:
                poll.register(descriptor, select.POLLRDHUP)
        for descriptor, _event in poll.poll(0):
            waiting = self._waiting.pop(descriptor, None)
            if waiting is not None:
                waiting[1]()
