"""A client of WebSockets without input or output: `wsproto`, whose pieces of messages are put together."""

from __future__ import annotations

from wsproto import ConnectionType, WSConnection
from wsproto.events import Event, Message, TextMessage


class Messages:
    """What a client has received: whole messages as text or bytes, and other events; `ws` makes what it sends."""

    def __init__(self) -> None:
        self.ws = WSConnection(ConnectionType.CLIENT)
        self._came: list[Event | str | bytes] = []
        self._parts: list[str | bytes] = []

    def __bool__(self) -> bool:
        return bool(self._came)

    def feed(self, data: bytes) -> None:
        """Take what came from the server."""
        self.ws.receive_data(data)
        for event in self.ws.events():
            self._take(event)

    def next(self) -> Event | str | bytes:
        """The oldest that was not taken yet; there must be one."""
        return self._came.pop(0)

    def _take(self, event: Event) -> None:
        if not isinstance(event, Message):
            self._came.append(event)
            return
        self._parts.append(event.data)
        if event.message_finished:
            whole = "".join(self._parts) if isinstance(event, TextMessage) else b"".join(self._parts)
            self._came.append(whole)
            self._parts = []
