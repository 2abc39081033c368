"""Every bound of the wire host in one place, each with its reason.

Where kube-apiserver 1.36 has the same bound its number is used (SETTINGS and timeouts as a default server sends and
keeps them), so that a client tuned against it sees no difference.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from watchcache.http.messages import Reply, Request


def _too_large(_request: Request) -> Reply:
    return Reply(413, [("Content-Type", "text/plain; charset=utf-8")], b"Request entity too large")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one `serve()` call. Sizes are bytes, times seconds."""

    connections: int = 120_000
    """Open connections: 100,000 watches over HTTP/1.1 and a margin. Beyond, clients wait in the listen backlog."""

    backlog: int = 4096
    """A restart brings every client back within a second; the kernel's own cap (somaxconn) is 4096."""

    head_bytes: int = 1 << 20
    """Request line and headers, before and after HPACK: Go's DefaultMaxHeaderBytes."""

    headers: int = 500
    """Header fields of one request: client-go sends ten; each costs an object, so bytes alone are no bound on work."""

    body_bytes: int = 3 * 1024 * 1024
    """kube-apiserver's limit; exactly this many bytes pass."""

    bodies_bytes: int = 32 * 1024 * 1024
    """All unfinished bodies of one HTTP/2 connection: 100 streams of 3 MiB would be 300 MiB for one client."""

    too_large: Callable[[Request], Reply] = _too_large
    """Words the 413; the request has its headers and an empty body."""

    handshake_seconds: float = 10.0
    """A TLS handshake is three packets; a connection that does not finish it holds a descriptor for nothing."""

    head_seconds: float = 32.0
    """From a request's first byte to the end of its head: kube-apiserver's ReadHeaderTimeout."""

    body_seconds: float = 60.0
    """From the end of the head to the end of the body: the request timeout, of which the body is a part."""

    idle_seconds: float = 90.0
    """Between requests: kube-apiserver's IdleTimeout."""

    stall_seconds: float = 60.0
    """A client that takes less than 16 KiB of what is queued for it in this time is gone or stopped."""

    part_seconds: float = 1.0
    """From the GOAWAY behind an answer that ends its connection to the end: Go's goAwayTimeout."""

    linger_seconds: float = 2.0
    """How long input is read and dropped after a last answer, so that a reset does not destroy it on its way."""

    high_water: int = 256 * 1024
    """Bytes queued on a connection, or an HTTP/2 stream, above which producers wait: two blocks of a large list."""

    low_water: int = 64 * 1024
    """Producers go on below this, early enough that the socket does not run dry."""

    streams: int = 100
    """SETTINGS_MAX_CONCURRENT_STREAMS of a default kube-apiserver."""

    stream_window: int = 262_144
    """SETTINGS_INITIAL_WINDOW_SIZE, the same."""

    frame_bytes: int = 262_144
    """SETTINGS_MAX_FRAME_SIZE, the same."""

    connection_window: int = 25 * 1024 * 1024
    """Upload window of a connection: kube-apiserver's 100 streams of 256 KiB."""

    resets: tuple[int, float] = (1000, 100.0)
    """Streams reset before their answer ended: (at once, and per second from then on). A controller that stops cancels
    all its watches at once; rapid-reset attacks do 10,000 a second."""

    pings: tuple[int, float] = (200, 10.0)
    """PING frames: Go sends one in 15 to 30 s."""

    settings: tuple[int, float] = (50, 1.0)
    """SETTINGS frames: clients send one or two."""

    trifles: tuple[int, float] = (2000, 200.0)
    """Frames without use: PRIORITY, empty DATA, unknown types, what crosses our resets. Browsers send some. Over a WebSocket, all
    that a client sends: it may ping, and should say nothing else."""

    message_bytes: int = 64 * 1024
    """One frame of a WebSocket client, which is dropped as it comes; kube-apiserver reads 32 MiB."""

    @property
    def inline_bytes(self) -> int:
        """Answers up to this are written in one go, larger ones in blocks with back-pressure."""
        return self.high_water // 2
