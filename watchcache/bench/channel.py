"""Messages between the coordinator and its processes: msgpack behind its length, over pipes."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

_LENGTH = 4


class Channel:
    """Both directions to one peer."""

    def __init__(self, reader: trio.abc.ReceiveStream, writer: trio.abc.SendStream) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = bytearray()
        self._turn = trio.Lock()

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        data = msgspec.msgpack.encode(message)
        async with self._turn:
            await self._writer.send_all(len(data).to_bytes(_LENGTH, "big") + data)

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None when the peer is gone."""
        head = await self._take(_LENGTH)
        body = await self._take(int.from_bytes(head, "big")) if head else None
        if body is None:
            return None
        message: dict[str, Any] = msgspec.msgpack.decode(body)
        return message

    async def _take(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            data = await self._reader.receive_some(1 << 16)
            if not data:
                return None
            self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
