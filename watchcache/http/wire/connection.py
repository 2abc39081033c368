"""One connection, one task: handshake, choice of protocol, service, goodbye."""

from __future__ import annotations

import socket
from typing import Protocol

from watchcache.http.messages import Peer
from watchcache.http.wire.context import Shared
from watchcache.http.wire.guard import log
from watchcache.http.wire.http1 import Http1
from watchcache.http.wire.http2 import Http2
from watchcache.http.wire.tls import Tls
from watchcache.http.wire.transport import Transport
from watchcache.http.wire.wheel import Alarm

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Service(Protocol):
    """A protocol's side of a connection."""

    def drain(self) -> None:
        """End when what runs has ended."""

    async def run(self, data: bytes) -> bool:
        """Serve, beginning with bytes already received; whether input may be left unread."""


class Connection:
    """A client's connection, from accept to close."""

    def __init__(self, shared: Shared, sock: socket.socket, address: tuple[str, int]) -> None:
        self._shared = shared
        self._address = address
        tls = Tls(shared.tls) if shared.tls is not None else None
        self.transport = Transport(sock, tls, shared.limits, shared.wheel, shared.spawn)
        self._alarm = Alarm(shared.wheel, self.transport.abort)
        self._service: Service | None = None

    def drain(self) -> None:
        """The server is shutting down."""
        if self._service is not None:
            self._service.drain()
        else:
            self.transport.abort()

    async def run(self) -> None:
        """Serve the connection. Never raises but to be cancelled: one connection's trouble is no other's."""
        try:
            linger = await self._serve()
            await self.transport.close(linger=linger)
        except Exception:
            log.exception("connection of %s:%s failed", *self._address)
        finally:
            self._alarm.drop()
            self.transport.abort()

    async def _serve(self) -> bool:
        self._alarm.set(self._shared.limits.handshake_seconds)
        if self.transport.tls is not None and not await self.transport.handshake(self._turn):
            self._shared.failed_handshakes += 1
            return False
        data = await self._first_bytes()
        self._alarm.drop()
        if not data:
            return False
        self._service = self._choose(data)
        if self._shared.draining:
            self._service.drain()
        run = self._service.run(data)
        del data  # up to 64 KiB, which would be kept for as long as the connection lasts
        return await run

    async def _turn(self) -> None:
        """Wait for a turn to do a step of a handshake; the client's time does not run meanwhile.

        Thousands of clients may come at once, and in one pass of the scheduler their handshakes would hold up every event for seconds.
        """
        left = self._alarm.deadline - self._shared.wheel.now
        self._alarm.off()
        await self._shared.handshakes.wait(self._address[0])
        self._alarm.set(left)

    async def _first_bytes(self) -> bytes:
        """Enough to tell HTTP/2's preface from a request."""
        tls = self.transport.tls
        self._alarm.set(self._shared.limits.head_seconds)
        data = await self.transport.receive()
        if tls is not None and tls.protocol is not None:
            return data
        while data and len(data) < len(PREFACE) and PREFACE.startswith(data):
            more = await self.transport.receive()
            if not more:
                return b""
            data += more
        return data

    def _choose(self, data: bytes) -> Service:
        tls = self.transport.tls
        host, port = self._address
        peer = Peer(host, port, tls.certificate if tls is not None else None, tls is not None)
        chosen = tls.protocol if tls is not None else None
        if chosen == "h2" or (chosen is None and data.startswith(PREFACE)):
            return Http2(self._shared, self.transport, peer)
        return Http1(self._shared, self.transport, peer)
