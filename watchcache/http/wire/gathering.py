"""Sends of many streams that go out together: what a slice of the fan-out brings one HTTP/2 connection is one record.

A client with ten watches of the same objects on one connection is sent an event ten times. Each by itself would cost a TLS record and a
system call, and be answered by returned windows of its own. Between `hold` and `release` connections note that they have something,
and send it at the release; nothing is awaited in between, so nobody else sees the delay.
"""

from __future__ import annotations

from typing import Protocol


class Sender(Protocol):
    """A connection that has something to send."""

    def send_out(self) -> None:
        """Send it. Must not raise."""


class Gathering:
    """The connections that have something to send, while sends are held."""

    __slots__ = ("_senders", "held")

    def __init__(self) -> None:
        self.held = False
        self._senders: dict[Sender, None] = {}

    def add(self, sender: Sender) -> None:
        """Have it send at the release; twice is once."""
        self._senders[sender] = None

    def hold(self) -> None:
        """Gather from now on."""
        self.held = True

    def release(self) -> None:
        """Send what was gathered."""
        self.held = False
        senders, self._senders = self._senders, {}
        for sender in senders:
            sender.send_out()
