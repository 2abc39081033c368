"""What a host and the handlers say to each other: requests in, one of three kinds of answer out.

Nothing here knows HTTP/1.1 from HTTP/2, TLS from plain text, or the wire host from Hypercorn; a handler written
against these types runs under every host. Header names are lower case on the way in (as HTTP/2 sends them) and of any
case on the way out. The host adds what belongs to the connection (`Date`, `Content-Length`, `Transfer-Encoding`,
`Connection`) and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:  # only named here, so that a host does not load the cacher
    from watchcache.cacher import Sink


class Peer(msgspec.Struct, frozen=True, gc=False):
    """Who is at the other end of a connection. One per connection, shared by its requests."""

    address: str
    port: int
    certificate: bytes | None = None  # DER; TLS has verified it against the client CA
    tls: bool = False


class Request(msgspec.Struct, gc=False):
    """A whole request: the host has read the body before the handler sees it."""

    method: str
    target: str  # path and query as received, still percent-encoded; "*" for OPTIONS *
    headers: dict[
        str, str
    ]  # lower-case names; repeated ones joined by ", " (cookie by "; "); HTTP/2's :authority is "host"
    body: bytes
    version: str  # "1.1" or "2" ("1.0" clients say so)
    peer: Peer


class Reply(msgspec.Struct):
    """A complete answer. The host sets Content-Length and sends no body to HEAD, 204 and 304."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Sequence[bytes] = b""  # several blocks are sent in order, with back-pressure between them
    close: bool = (
        False  # the connection's last: `Connection: close`, or GOAWAY once the running streams have ended
    )


class Stream(msgspec.Struct):
    """An answer of unknown length: chunked or DATA frames. The next block is asked for when the last has drained."""

    status: int
    headers: list[tuple[str, str]]
    blocks: AsyncIterator[bytes]


class Running(Protocol):
    """A watch that has been started on a sink."""

    def stop(self) -> None:
        """The client left, or the stream was reset: nothing sent from now on arrives. Must not raise."""


class WatchReply(msgspec.Struct):
    """A watch: the headers are flushed before `start` is called with the stream's sink.

    `start` may write into the sink at once. The stream ends with `sink.finish()`; `Running.stop()` is called when the
    client left first, and not otherwise.
    """

    headers: list[tuple[str, str]]
    start: Callable[[Sink], Running]
    close: bool = False  # GOAWAY: the connection takes no more streams; this one and its others go on
    # HTTP/1.1 alone, and only for who asked: the headers are those of a handshake, and each frame is a WebSocket message of this kind.
    messages: Literal["", "text", "binary"] = ""

    @property
    def status(self) -> int:
        """Of the head that is sent."""
        return 101 if self.messages else 200


Answer: TypeAlias = Reply | Stream | WatchReply
Handler: TypeAlias = Callable[[Request], Answer | Awaitable[Answer]]
