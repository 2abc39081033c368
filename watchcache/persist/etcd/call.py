"""One call of gRPC: messages on an HTTP/2 stream, and how it ended. Pure.

Source: grpc.io's "gRPC over HTTP2". Each message has a head of five bytes, whether it is compressed and its length; the status comes in the trailers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from urllib.parse import unquote

from watchcache.persist.etcd.codes import Code, code_of
from watchcache.persist.etcd.frames import Broken

_HEAD = 5  # bytes before a message

OnMessage = Callable[[bytes], None]
OnEnd = Callable[[Code, str, bool], None]
"""The status, its text, and whether the request certainly never left here."""


def framed(message: bytes) -> bytes:
    """A message as it is sent."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Stream:
    """One call. What a connection keeps of it is here, too: `id` (0: not begun), windows, and what waits to be sent."""

    __slots__ = (
        "_body", "deadline", "done", "headers", "id", "on_end", "on_message", "owed", "pending", "sent", "started", "window",
    )  # fmt: skip

    def __init__(self, on_message: OnMessage, on_end: OnEnd, deadline: float) -> None:
        self.on_message = on_message
        self.on_end = on_end
        self.deadline = deadline
        self.id = 0
        self.done = False
        self.sent = False
        self.started = 0.0
        self.headers: dict[str, str] = {}
        # to send when the windows allow: data, and whether it is the last
        self.pending: deque[tuple[bytes, bool]] | None = None
        self.window = 0
        self.owed = 0  # credit that is given back when its messages are taken
        self._body: bytearray | None = None  # received, not a whole message yet

    def receive(self, data: bytes) -> bool:
        """Take a piece of the body and pass on the messages that it completes. Raises Broken.

        True: the peer has said how long the next one is, and not all of it is here.
        """
        body = self._body
        if body is None:
            if len(data) >= _HEAD and len(data) == _HEAD + int.from_bytes(
                data[1:_HEAD], "big"
            ):  # as nearly always
                self._pass_on(data[0], data[_HEAD:])
                return False
            body = self._body = bytearray()
        body += data
        while len(body) >= _HEAD:
            size = _HEAD + int.from_bytes(body[1:_HEAD], "big")
            if len(body) < size:
                return True
            compressed, message = body[0], bytes(body[_HEAD:size])
            del body[:size]
            self._pass_on(compressed, message)
        if not body:
            self._body = None
        return False

    def _pass_on(self, compressed: int, message: bytes) -> None:
        if compressed:
            raise Broken("a compressed message")
        if not self.done:
            self.on_message(message)

    def add_headers(self, headers: dict[str, str]) -> None:
        """Take the headers, then the trailers."""
        self.headers = {**self.headers, **headers} if self.headers else headers

    def status(self, otherwise: str) -> tuple[Code, str]:
        """How it ended: as its trailers say, else for a reason of the connection's; "": the peer ended it in order."""
        headers = self.headers
        if "grpc-status" in headers:
            message = headers.get("grpc-message", "")
            return code_of(headers["grpc-status"]), unquote(message) if message else ""
        if otherwise:
            return Code.UNAVAILABLE, otherwise
        return Code.UNKNOWN, f"HTTP status {headers.get(':status', 'missing')}, not gRPC"
