"""WebSocket frames, the server's half (RFC 6455 5): what a watch sends, and what its client may say. Pure.

A server's frames are not masked, so equal events make equal bytes: `text` and `binary` are framings like `chunk`, and one
payload serves all watchers of a lane. There are no extensions and no fragments from this side.

A client of a watch has nothing to say but ping and close. What else it sends is read and dropped as it comes, its payload
neither kept nor looked at. What is no frame, or more than its share, ends the watch with the code that says so; stricter
than kube-apiserver, which lets some of it pass.

Why not `wsproto`: what is needed is this file. It keeps messages to hand them on, where these are to be dropped, and joins a
frame anew for each connection, where ours is shared. The tests' client is `wsproto`, as a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, Literal, NamedTuple

_FINAL = 0x80
_RESERVED = 0x70
_MASKED = 0x80
_LENGTH_PREFIX = 4  # of a protobuf frame on a stream; a message has its own


class Opcode(IntEnum):
    """RFC 6455 5.2: what a frame is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES: Final = frozenset(Opcode)
_CONTROL_BYTES = 125  # the most that a control frame carries


class Code(IntEnum):
    """RFC 6455 7.4.1: why a connection is closed."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _CONTROL_BYTES:
        head = bytes((_FINAL | opcode, size))
    elif size < 1 << 16:
        head = bytes((_FINAL | opcode, 126)) + size.to_bytes(2)
    else:
        head = bytes((_FINAL | opcode, 127)) + size.to_bytes(8)
    return head + payload


def text(data: bytes) -> bytes:
    """One frame of a watch in JSON as a text message."""
    return _frame(Opcode.TEXT, data)


def binary(data: bytes) -> bytes:
    """One frame of a watch in protobuf as a binary message, without the length before it (W20)."""
    return _frame(Opcode.BINARY, data[_LENGTH_PREFIX:])


def pong(payload: bytes) -> bytes:
    """The answer to a ping."""
    return _frame(Opcode.PONG, payload)


def close(code: Code) -> bytes:
    """The last frame."""
    return _frame(Opcode.CLOSE, code.to_bytes(2))


FRAMINGS: dict[Literal["text", "binary"], Callable[[bytes], bytes]] = {"text": text, "binary": binary}
GOODBYE = close(Code.NORMAL)


class Broken(Exception):
    """The client said what it may not; close with `code`."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code


class Frame(NamedTuple):
    """What a client said; only control frames keep their payload."""

    opcode: Opcode
    payload: bytes


class ClientFrames:
    """Feed bytes, take frames. Holds a head, or a control frame, and what was fed last."""

    __slots__ = ("_buffer", "_largest", "_missing", "_open")

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._missing = 0  # bytes of a data frame still to be dropped
        self._open = False  # a message has begun and its last frame has not come

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def next(self) -> Frame | None:
        """The next frame, a data frame as soon as its head is there; None when more bytes are needed. Raises `Broken`."""
        buffer = self._buffer
        dropped = min(self._missing, len(buffer))
        self._missing -= dropped
        del buffer[:dropped]
        if self._missing or len(buffer) < 2:
            return None
        opcode, final = self._begun(buffer[0], buffer[1])
        size = buffer[1] & ~_MASKED
        head = 6 + {126: 2, 127: 8}.get(size, 0)
        if len(buffer) < head:
            return None
        if head > 6:
            size = int.from_bytes(buffer[2 : head - 4])
        if size > self._largest:
            raise Broken(Code.TOO_BIG)
        if opcode >= Opcode.CLOSE:
            return self._control(opcode, head, size)
        self._open = not final
        self._missing = size
        del buffer[:head]
        return Frame(opcode, b"")

    def _begun(self, first: int, second: int) -> tuple[Opcode, bool]:
        """What begins with these two bytes, and whether it ends its message. Raises `Broken`."""
        code, final = first & 0x0F, bool(first & _FINAL)
        if first & _RESERVED or code not in _OPCODES or not second & _MASKED:
            raise Broken(Code.PROTOCOL_ERROR)
        opcode = Opcode(code)
        if opcode >= Opcode.CLOSE:
            good = final and second & ~_MASKED <= _CONTROL_BYTES
        else:
            good = (opcode is Opcode.CONTINUATION) is self._open
        if not good:
            raise Broken(Code.PROTOCOL_ERROR)
        return opcode, final

    def _control(self, opcode: Opcode, head: int, size: int) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < head + size:
            return None
        mask = buffer[head - 4 : head]
        payload = bytes(byte ^ mask[at & 3] for at, byte in enumerate(buffer[head : head + size]))
        if opcode is Opcode.CLOSE and size == 1:
            raise Broken(Code.PROTOCOL_ERROR)
        del buffer[: head + size]
        return Frame(opcode, payload)
