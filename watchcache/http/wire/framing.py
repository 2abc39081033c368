"""The seam between HTTP/2's framing and its streams: what a framing must do, and what it tells the session.

The session (`http2.py`) decides what to say on which stream and when; a framing knows frames, HPACK, windows and the
protocol's state machine. `framing_h2.py` does it with the `h2` library, `framing_own.py` by itself; no frame type, event
class or exception crosses this file. Both are pure: bytes in, calls and bytes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

HeaderList = Sequence[tuple[str, str]]


class ErrorCode(IntEnum):
    """RFC 9113 7: the codes this host sends."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class ConnectionOver(Exception):
    """The peer broke the protocol, or asked for more than its share: send `take()` (it holds the GOAWAY) and close."""


class Upcalls(Protocol):
    """What a framing tells the session while it reads. All may raise `ConnectionOver` to end the connection."""

    def on_request(self, stream: int, headers: HeaderList, ended: bool) -> None:
        """A stream was opened by a header block that the framing found well-formed; pseudo headers are in it."""

    def on_data(self, stream: int, data: bytes, counted: int) -> None:
        """Body bytes. `counted` is what flow control counts (padding included) and `acknowledge` wants back."""

    def on_end(self, stream: int) -> None:
        """The request is complete (after data or trailers, which are dropped)."""

    def on_reset(self, stream: int) -> None:
        """The stream is over: reset by the peer, or by the framing because the peer broke it."""

    def on_window(self, stream: int) -> None:
        """More may be sent: on that stream, or (0) on any."""

    def on_frame(self, kind: str) -> None:
        """A frame that costs its sender nothing arrived: "ping", "settings", "refused" (a stream too many) or "trifle"."""

    def on_goaway(self) -> None:
        """The peer will open no more streams."""


class Framing(Protocol):
    """One connection's framing. Calls about a stream that is over do nothing."""

    def start(self) -> None:
        """Queue the server's SETTINGS and the connection's window."""

    def receive(self, data: bytes) -> None:
        """Read bytes, making upcalls. Raises `ConnectionOver`."""

    def take(self) -> bytes:
        """Bytes to send; b"" when there are none."""

    def send_headers(self, stream: int, headers: HeaderList, end: bool) -> None:
        """Queue a header block; names are lower case, pseudo headers first."""

    def send_data(self, stream: int, data: bytes | memoryview, end: bool) -> None:
        """Queue DATA of at most `room(stream)` bytes."""

    def send_whole(self, stream: int, data: bytes | memoryview, end: bool) -> bool:
        """Queue DATA if one frame may carry all of it now; False when not."""

    def room(self, stream: int) -> int:
        """How many bytes one `send_data` may carry now: both windows and the peer's frame size."""

    def acknowledge(self, stream: int, counted: int) -> None:
        """The bytes have been taken: open the windows again."""

    def reset(self, stream: int, code: ErrorCode) -> None:
        """End a stream at once."""

    def goaway(self, code: ErrorCode) -> None:
        """Say that no stream newer than those seen will be answered. Running streams go on."""

    def forget(self) -> None:
        """The connection has ended: nothing will be received. Let go of who is told, so that both can be freed at once."""
