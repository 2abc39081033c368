"""Clients that cost as little as Python can, so that the server is what is measured.

Requests are made once as bytes and sent again and again; answers are parsed as far as finding their end. HTTP/1.1 over
one TLS connection, HTTP/2 with one stream after the other on one TLS connection, and a reader of many watches at once.
"""

from __future__ import annotations

import functools
import select
import socket
import ssl
import struct
import time

from hpack import Encoder, NeverIndexedHeaderTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@functools.cache
def tls_context(*, h2: bool = False) -> ssl.SSLContext:
    """A client's context that trusts anyone: both servers here made their certificates themselves.

    Made once: it reads the system's certificates, which takes longer than a handshake.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"] if h2 else ["http/1.1"])
    return context


def connect(port: int, *, h2: bool = False, receive: int = 0) -> ssl.SSLSocket:
    """A TLS connection to loopback; `receive` bounds the kernel's receive buffer."""
    sock = socket.socket()
    if receive:  # before connecting, or the first window has been offered
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    sock.settimeout(60)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls_context(h2=h2).wrap_socket(sock, server_hostname="localhost")


class Http1:
    """One connection, one request at a time."""

    def __init__(self, port: int, token: str) -> None:
        self._sock = connect(port)
        self._token = token
        self._rest = b""
        # Where bodies go that nobody looks at: a new buffer for each record costs more than reading it.
        self._unread = memoryview(bytearray(1 << 14))

    def head(self, method: str, path: str, length: int = 0, content_type: str = "application/json") -> bytes:
        """A request's head."""
        body = f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n" if length else ""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n"
            f"Authorization: Bearer {self._token}\r\n{body}\r\n"
        ).encode()

    def send(self, request: bytes) -> None:
        """Send whole request bytes."""
        self._sock.sendall(request)

    def receive(self) -> tuple[int, int]:
        """Read one answer; (status, body bytes)."""
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head, body = data[:end].lower(), data[end + 4 :]
        status = int(head[9:12])
        if b"transfer-encoding: chunked" in head:
            return status, self._chunked(body)
        start = head.find(b"content-length:")
        length = (
            int(head[start + 15 : head.find(b"\r\n", start) if head.find(b"\r\n", start) > 0 else None])
            if start >= 0
            else 0
        )
        self._rest = self._drain(body, length)
        return status, length

    def _drain(self, body: bytes, length: int) -> bytes:
        if len(body) >= length:
            return body[length:]
        missing = length - len(body)
        while missing > 0:
            got = self._sock.recv_into(self._unread)
            if not got:
                raise ConnectionError("the server closed the connection")
            missing -= got
            if missing < 0:
                return bytes(self._unread[got + missing : got])
        return b""

    def _chunked(self, data: bytes) -> int:
        total = 0
        while True:
            while (line := data.find(b"\r\n")) < 0:
                data += self._more()
            size = int(data[:line], 16)
            data = data[line + 2 :]
            data = self._drain(data, size + 2)
            total += size
            if size == 0:
                self._rest = data
                return total

    def _more(self) -> bytes:
        data = self._sock.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


class Http2:
    """One connection, one stream after the other."""

    def __init__(self, port: int, token: str, *, receive: int = 0) -> None:
        self._sock = connect(port, h2=True, receive=receive)
        self._token = token
        self._stream = -1
        self._buffer = b""
        settings = struct.pack("!HI", 4, 1 << 30) + struct.pack("!HI", 2, 0)  # initial window; no push
        window = frame(8, 0, 0, struct.pack("!I", (1 << 30)))
        self._sock.sendall(PREFACE + frame(4, 0, 0, settings) + window)

    def block(self, method: str, path: str) -> bytes:
        """A header block that uses no table, so that the same bytes may be sent again."""
        fields = [
            (":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path),
            ("user-agent", "bench/1"), ("accept", "application/json"), ("authorization", f"Bearer {self._token}"),
        ]  # fmt: skip
        if method != "GET":
            fields.append(("content-type", "application/json"))
        return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in fields])

    def send(self, block: bytes, body: bytes = b"") -> None:
        """Open the next stream with a request."""
        self._stream += 2
        data = frame(1, 4 if body else 5, self._stream, block)
        if body:
            data += frame(0, 1, self._stream, body)
        self._sock.sendall(data)

    def receive(self) -> int:
        """Read until the stream ends; body bytes."""
        total = 0
        while True:
            kind, flags, stream, payload = self._frame()
            if kind == 4 and not flags & 1:
                self._sock.sendall(frame(4, 1, 0, b""))
            elif kind == 6 and not flags & 1:
                self._sock.sendall(frame(6, 1, 0, payload))
            elif kind in {3, 7}:
                raise ConnectionError(f"frame {kind}: {payload!r}")
            if kind == 0:
                total += len(payload)
                if len(payload):
                    self._sock.sendall(frame(8, 0, 0, struct.pack("!I", len(payload))))
            if stream == self._stream and flags & 1 and kind in {0, 1}:
                return total

    def _frame(self) -> tuple[int, int, int, bytes]:
        while len(self._buffer) < 9:
            self._buffer += self._more()
        length = int.from_bytes(self._buffer[:3], "big")
        while len(self._buffer) < 9 + length:
            self._buffer += self._more()
        head, payload = self._buffer[:9], self._buffer[9 : 9 + length]
        self._buffer = self._buffer[9 + length :]
        return head[3], head[4], int.from_bytes(head[5:9], "big"), payload

    def _more(self) -> bytes:
        data = self._sock.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class WatchReaders:
    """Many watches, each on a TLS connection of its own, read from one epoll; counts events by their newlines."""

    def __init__(self, port: int, token: str, path: str, count: int) -> None:
        self._sockets: dict[int, ssl.SSLSocket] = {}
        self._epoll = select.epoll()
        self.events = 0
        client = Http1.__new__(Http1)
        client._token = token
        request = client.head("GET", path)
        for _ in range(count):
            sock = connect(port)
            sock.sendall(request)
            sock.setblocking(False)
            self._sockets[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def taken(self, sock: ssl.SSLSocket, data: bytes) -> None:
        """Bytes of one watch, as they have come; for those who look into them."""

    def read_until(self, events: int, deadline: float) -> bool:
        """Read until so many events have come in all; False when the time (of `time.monotonic`) is over first."""
        while self.events < events:
            if time.monotonic() > deadline:
                return False
            for number, _ in self._epoll.poll(0.2):
                self._read(self._sockets[number])
        return True

    def _read(self, sock: ssl.SSLSocket) -> None:
        try:
            while True:
                data = sock.recv(1 << 18)
                self.taken(sock, data)
                if not data:
                    raise ConnectionError("a watch ended")
                self.events += data.count(b'{"type":"')
        except ssl.SSLWantReadError:
            return

    def close(self) -> None:
        """Leave."""
        for sock in self._sockets.values():
            sock.close()
        self._epoll.close()


class WatchStreams:
    """Many watches over HTTP/2, `each` on a connection, read from one epoll; gives windows back as Go's transport does.

    Go has a window of 4 MiB for a stream and 1 GiB for a connection, and gives back what was read, to both, from 4 KiB on.
    """

    def __init__(self, port: int, token: str, path: str, count: int, each: int = 1) -> None:
        self._connections: dict[int, _Watched] = {}
        self._epoll = select.epoll()
        for _ in range(count // each):
            client = Http2(port, token)
            block = client.block("GET", path)
            for _ in range(each):
                client.send(block)
            connection = _Watched(client._sock)
            self._connections[connection.sock.fileno()] = connection
            self._epoll.register(connection.sock.fileno(), select.EPOLLIN)

    @property
    def events(self) -> int:
        """How many have come."""
        return sum(connection.events for connection in self._connections.values())

    def read_until(self, events: int, deadline: float) -> bool:
        """Read until so many events have come in all; False when the time (of `time.monotonic`) is over first."""
        while self.events < events:
            if time.monotonic() > deadline:
                return False
            for number, _ in self._epoll.poll(0.2):
                self._connections[number].read()
        return True

    def close(self) -> None:
        """Leave."""
        for connection in self._connections.values():
            connection.sock.close()
        self._epoll.close()


class _Watched:
    """One HTTP/2 connection with watches on it."""

    REFRESH = 4096

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self.sock = sock
        self.events = 0
        self._buffer = b""
        self._unsent: dict[int, int] = {0: 0}
        sock.setblocking(False)

    def read(self) -> None:
        """Take what there is: count events, answer settings and pings, give windows back."""
        try:
            while True:
                data = self.sock.recv(1 << 18)
                if not data:
                    raise ConnectionError("a watch ended")
                self._buffer += data
        except ssl.SSLWantReadError:
            pass
        position, answers, buffer = 0, [], self._buffer
        while len(buffer) - position >= 9:
            length = int.from_bytes(buffer[position : position + 3], "big")
            if len(buffer) - position < 9 + length:
                break
            kind, flags = buffer[position + 3], buffer[position + 4]
            stream = int.from_bytes(buffer[position + 5 : position + 9], "big")
            payload = buffer[position + 9 : position + 9 + length]
            position += 9 + length
            answers.append(self._answer(kind, flags, stream, payload))
        self._buffer = buffer[position:]
        if joined := b"".join(answers):
            self.sock.sendall(joined)

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        if kind == 0:
            self.events += payload.count(b'{"type":"')
            return self._give_back(0, len(payload)) + self._give_back(stream, len(payload))
        if kind in {3, 7}:
            raise ConnectionError(f"frame {kind}: {payload!r}")
        return frame(kind, 1, 0, b"" if kind == 4 else payload) if kind in {4, 6} and not flags & 1 else b""

    def _give_back(self, stream: int, size: int) -> bytes:
        unsent = self._unsent.get(stream, 0) + size
        self._unsent[stream] = 0 if unsent >= self.REFRESH else unsent
        return frame(8, 0, stream, struct.pack("!I", unsent)) if unsent >= self.REFRESH else b""
