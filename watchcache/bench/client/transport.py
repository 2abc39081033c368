"""A TLS connection that sends without waiting and costs little while it is idle.

`send` encrypts and hands the bytes to the kernel at once; what the kernel does not take is kept and sent by a task that
exists only while something is kept. OpenSSL works on memory buffers, so that one system call receives many records.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import trio

from watchcache.bench.client import receipts
from watchcache.bench.target import Target
from watchcache.readers import Readers

_RECEIVE = 32 * 1024  # two TLS records; OpenSSL's memory buffers grow to this and stay
HANDSHAKE_SECONDS = 60.0  # a storm of 5,000 handshakes on two cores takes some 10 s


class ConnectionLost(Exception):
    """The connection could not be made, or is gone."""


class Dialer:
    """Makes connections to one target: the TLS contexts are made once and shared."""

    def __init__(self, target: Target, readers: Readers | None = None) -> None:
        """With `readers`, which somebody must run, one task reads for all connections that `serve` a callback."""
        self.target = target
        self._contexts = {protocol: target.context(protocol) for protocol in ("h2", "http/1.1")}
        self._readers = readers

    async def dial(self, protocol: str, nursery: trio.Nursery) -> Transport:
        """A connection that speaks `protocol`; `nursery` gets the task that sends what the kernel did not take.

        Raises `ConnectionLost`.
        """
        family = socket.AF_INET6 if ":" in self.target.host else socket.AF_INET
        sock = trio.socket.socket(family)
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                await sock.connect((self.target.host, self.target.port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                receipts.ask(sock)
                transport = Transport(
                    sock, self._contexts[protocol], self.target.host, nursery, self._readers
                )
                await transport.shake_hands(protocol)
        except BaseException as problem:
            sock.close()
            if isinstance(problem, OSError | trio.TooSlowError):
                raise ConnectionLost(str(problem) or "timed out") from None
            raise
        return transport


class Transport:
    """One TLS connection."""

    __slots__ = (
        "_incoming", "_kept", "_leave", "_nursery", "_outgoing", "_readers", "_sock", "_speed", "_tls", "_wake", "arrived", "closed",
    )  # fmt: skip

    def __init__(
        self,
        sock: trio.socket.SocketType,
        context: ssl.SSLContext,
        host: str,
        nursery: trio.Nursery,
        readers: Readers | None,
    ) -> None:
        self._sock = sock
        self._readers = readers
        self._leave: Callable[[], None] | None = None
        self._nursery = nursery
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._kept: bytearray | None = None
        self._speed: float | None = None
        self._wake: trio.Event | None = None
        self.arrived = 0
        """When the kernel received what was taken last: `time.monotonic_ns`, 0 where it does not say."""
        self.closed = False

    async def shake_hands(self, protocol: str) -> None:
        """The TLS handshake. Raises `OSError` (of which `ssl.SSLError` is one)."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._sock.send(self._outgoing.read()) if self._outgoing.pending else None
                data = await self._sock.recv(_RECEIVE)
                if not data:
                    raise ConnectionResetError("closed during the handshake") from None
                self._incoming.write(data)
            else:
                break
        self._flush()
        if self._tls.selected_alpn_protocol() not in (protocol, None if protocol == "http/1.1" else protocol):
            raise ConnectionResetError(f"the server does not speak {protocol}")

    async def receive(self) -> bytes:
        """What has come, at least one byte; empty at the end of the connection."""
        while not self.closed:
            size = await self._turn()
            if self.closed:  # while reading was stopped
                return b""
            try:
                await trio.lowlevel.wait_readable(self._sock)
            except (OSError, trio.ClosedResourceError):
                return b""
            if (plain := self._take(size)) is not None:
                if self._speed:
                    await trio.sleep(len(plain) / self._speed)
                return plain
        return b""

    def _take(self, size: int = _RECEIVE) -> bytes | None:
        """What has come, without waiting: None when nothing complete has, b"" at the end."""
        try:
            data, self.arrived = receipts.receive(self._sock._sock, size)  # type: ignore[attr-defined]  # must not wait
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return (self._decrypt(data) or None) if data else b""

    async def serve(self, feed: Callable[[bytes], None]) -> None:
        """Give `feed` what comes, until the end of the connection."""
        while not self.closed:
            if self._readers is None or self._speed is not None:
                data = await self.receive()
                if not data:
                    return
                feed(data)
            elif await self._serve_shared(self._readers, feed):
                return

    async def _serve_shared(self, readers: Readers, feed: Callable[[bytes], None]) -> bool:
        """Have the shared task read; False when reading is to be hindered, True at the end."""
        descriptor, left = self._sock.fileno(), trio.Event()
        ended = False

        def leave() -> None:
            readers.remove(descriptor)
            left.set()

        def take() -> None:
            nonlocal ended
            data = self._take()
            if data:
                feed(data)
            if data == b"" or self.closed:
                ended = True
                leave()

        readers.add(descriptor, take)
        self._leave = leave
        try:
            await left.wait()
        finally:
            self._leave = None
            readers.remove(descriptor)
        return ended or self.closed

    async def _turn(self) -> int:
        """Wait while reading is stopped; how many bytes to take then."""
        while self._speed == 0:
            self._wake = trio.Event()
            await self._wake.wait()
        return 4096 if self._speed else _RECEIVE

    def _decrypt(self, data: bytes) -> bytes:
        self._incoming.write(data)
        parts = []
        try:
            while part := self._tls.read(_RECEIVE):
                parts.append(part)
            self.closed = True  # close_notify
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.closed = True
        if self._outgoing.pending:  # a key update's answer
            self._flush()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def send(self, data: bytes) -> None:
        """Send now; what does not fit is kept. Of a lost connection nothing is said here: `receive` ends."""
        if self.closed:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:
            self.close()
            return
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if self._kept is not None:
            self._kept += data
            return
        try:
            sent = self._sock._sock.send(data)  # type: ignore[attr-defined]  # must not wait
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._kept = bytearray(data[sent:])
            self._nursery.start_soon(self._send_kept)

    async def _send_kept(self) -> None:
        try:
            while self._kept:
                sent = await self._sock.send(self._kept)
                del self._kept[:sent]
        except (OSError, trio.ClosedResourceError):
            self.close()
        self._kept = None

    def hinder(self, bytes_per_second: float | None) -> None:
        """Read at most so fast: 0 stops, None is full speed."""
        self._speed = bytes_per_second
        if self._leave is not None and bytes_per_second is not None:
            self._leave()
        if self._wake is not None:
            self._wake.set()
            self._wake = None

    def close(self) -> None:
        """Close the socket without a farewell."""
        if not self.closed or self._sock.fileno() >= 0:
            self.closed = True
            if self._leave is not None:
                self._leave()
            self.hinder(None)
            self._sock.close()
