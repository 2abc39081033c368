"""Sends of many streams that go out together: what a slice of the fan-out brings one HTTP/2 connection is one record.

A client with ten watches of the same objects on one connection is sent an event ten times. Each by itself would cost a TLS record and a
system call, and be answered by returned windows of its own. Between `hold` and `release` connections note that they have something,
and send it at the release; nothing is awaited in between, so nobody else sees the delay.
"""

from __future__ import annotations

from collections.abc import Callable


class Gathering:
    """The connections that have something to send, while sends are held."""

    __slots__ = ("_held", "_sends")

    def __init__(self) -> None:
        self._held = False
        self._sends: dict[Callable[[], None], None] = {}

    def takes(self, send: Callable[[], None]) -> bool:
        """Whether `send` is called later; an equal one is called once."""
        if self._held:
            self._sends[send] = None
        return self._held

    def hold(self) -> None:
        """Gather from now on."""
        self._held = True

    def release(self) -> None:
        """Send what was gathered. `send` must not raise."""
        self._held = False
        sends, self._sends = self._sends, {}
        for send in sends:
            send()
