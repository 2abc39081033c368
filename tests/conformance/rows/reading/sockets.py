"""A client that watches over a WebSocket: `wsproto` on a TLS connection, so that what is looked at is what a client gets."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    RejectConnection,
    RejectData,
    Request,
)

from tests.conformance.rows.dealing import Place
from tests.messages import Messages

Headers = Sequence[tuple[str, str]]
ORIGIN = (("Origin", "https://example.com"),)


class Refusal(Exception):
    """The handshake was not made: status, headers (lower-case names) and body of the answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.headers = headers
        self.body = body


class Socket:
    """One connection; `answer` is what accepted it."""

    answer: AcceptConnection

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._received = Messages()

    def start(self, path: str, headers: Headers, subprotocols: Sequence[str]) -> None:
        """Make the handshake. Raises `Refusal`."""
        extra = [(name.encode(), value.encode()) for name, value in headers]
        self.say(Request(host="localhost", target=path, subprotocols=list(subprotocols), extra_headers=extra))
        answer = self.next()
        if isinstance(answer, RejectConnection):
            lines = {name.decode().lower(): value.decode() for name, value in answer.headers}
            raise Refusal(answer.status_code, lines, self._body())
        assert isinstance(answer, AcceptConnection), answer
        self.answer = answer

    def _body(self) -> bytes:
        body = b""
        while isinstance(part := self.next(), RejectData):
            body += part.data
            if part.body_finished:
                break
        return body

    def say(self, event: Event) -> None:
        """Send a frame."""
        self._connection.sendall(self._received.ws.send(event))

    def next(self) -> Event | str | bytes | None:
        """The next message or other event; None when the server has closed the connection."""
        while not self._received:
            data = self._connection.recv(65536)
            if not data:
                return None
            self._received.feed(data)
        return self._received.next()

    def messages(self) -> tuple[list[str | bytes], int]:
        """All messages up to the server's goodbye, and its code; it does close."""
        found: list[str | bytes] = []
        while isinstance(message := self.next(), str | bytes):
            found.append(message)
        assert isinstance(message, CloseConnection), message
        assert self.next() is None
        return found, message.code

    def events(self) -> list[dict[str, Any]]:
        """All events of a watch in JSON that ends cleanly, each in a text message of its own."""
        found, code = self.messages()
        assert code == 1000
        assert all(isinstance(message, str) for message in found)
        return [json.loads(message) for message in found]


@contextmanager
def opened(
    place: Place,
    path: str,
    *more: tuple[str, str],
    origin: Headers = ORIGIN,
    subprotocols: Sequence[str] = (),
    token: str | None = None,
) -> Iterator[Socket]:
    """A watch over a WebSocket, with further headers; an administrator's, unless `token` is "". Raises `Refusal`."""
    parts = urlsplit(place.url)
    context = ssl.create_default_context(cafile=str(place.ca_file))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as plain:
        connection = context.wrap_socket(plain, server_hostname=parts.hostname)
        with connection:
            made = Socket(connection)
            credentials = [("Authorization", f"Bearer {place.token}")] if token is None else []
            made.start(path, [*credentials, *origin, *more], subprotocols)
            yield made
