"""Frames over a stream: four bytes of length, big-endian, and that many bytes of msgpack."""

from __future__ import annotations

import trio

_LENGTH = 4
_RECEIVE = 256 << 10
# A frame holds one tick's events or one collection; what is longer than this is not ours.
LONGEST = (1 << 31) - 1


def frame(payload: bytes) -> bytes:
    """The payload as it goes over the stream. Raises ValueError when it is too long for any receiver."""
    if len(payload) > LONGEST:
        raise ValueError(f"a frame of {len(payload)} bytes is too long")
    return len(payload).to_bytes(_LENGTH, "big") + payload


class Link:
    """One end. One task may send and one may receive at a time."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._received = bytearray()

    async def send(self, frames: bytes) -> None:
        """Send finished frames (see `frame`). Raises trio.BrokenResourceError when the other end has gone."""
        await self._stream.send_all(frames)

    async def receive(self) -> bytes | None:
        """The payload of the next frame; None when the other end has gone, in the middle of a frame as well."""
        while (payload := self._cut()) is None:
            try:
                data = await self._stream.receive_some(_RECEIVE)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._received += data
        return payload

    def _cut(self) -> bytes | None:
        received = self._received
        if len(received) < _LENGTH:
            return None
        end = _LENGTH + int.from_bytes(received[:_LENGTH], "big")
        if len(received) < end:
            return None
        payload = bytes(memoryview(received)[_LENGTH:end])
        del received[:end]
        return payload
