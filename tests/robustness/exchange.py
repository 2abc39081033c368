"""A small HTTP/1.1 client on trio, over h11: calls, and streams of lines. Not one of ours, so that it shares no mistakes with the server."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import h11
import msgspec
import trio

RECEIVE = 1 << 16


class Lost(Exception):
    """The connection failed, or nothing came in time: nobody knows whether the request was carried out."""


class Connection:
    """One connection; one request at a time."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)
        self._rest = b""

    @classmethod
    async def open(cls, url: str, context: ssl.SSLContext | None = None) -> Connection:
        """Connect to the host of a URL. Raises Lost."""
        parts = urlsplit(url)
        try:
            stream: trio.abc.Stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
            if context is not None:
                stream = trio.SSLStream(
                    stream, context, server_hostname=parts.hostname, https_compatible=True
                )
        except OSError as problem:
            raise Lost(str(problem)) from problem
        return cls(stream)

    async def begin(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> int:
        """Send a request and return the status of the answer. Raises Lost."""
        all_headers = {"Host": "localhost", **headers, "Content-Length": str(len(body))}
        out = self._http.send(h11.Request(method=method, target=target, headers=list(all_headers.items())))
        out = (
            (out or b"")
            + (self._http.send(h11.Data(body)) or b"")
            + (self._http.send(h11.EndOfMessage()) or b"")
        )
        try:
            await self._stream.send_all(out)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as problem:
            raise Lost(str(problem)) from problem
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                return event.status_code

    async def chunk(self) -> bytes | None:
        """Some of the body; None at its proper end. Raises Lost."""
        event = await self._event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return None
        self.close()
        return None

    async def body(self) -> bytes:
        """The whole body. Raises Lost."""
        parts = []
        while (part := await self.chunk()) is not None:
            parts.append(part)
        return b"".join(parts)

    async def line(self) -> bytes | None:
        """The next line of the body; None at its proper end. Raises Lost."""
        while b"\n" not in self._rest:
            part = await self.chunk()
            if part is None:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._http.our_state is h11.IDLE

    def close(self) -> None:
        """Cut it."""
        transport = (
            self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        )
        assert isinstance(transport, trio.SocketStream)
        transport.socket.close()

    async def _event(self) -> Any:
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(await self._stream.receive_some(RECEIVE))
                elif isinstance(event, h11.ConnectionClosed):
                    raise Lost("the connection was closed")
                else:
                    return event
        except (
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            OSError,
            h11.RemoteProtocolError,
        ) as problem:
            raise Lost(str(problem)) from problem


class Caller:
    """Calls one server, over one connection that is made again when it was lost."""

    def __init__(self, url: str, headers: dict[str, str], context: ssl.SSLContext | None = None) -> None:
        self.url = url
        self._headers = headers
        self._context = context
        self._connection: Connection | None = None

    async def call(
        self,
        method: str,
        target: str,
        document: Any = None,
        *,
        seconds: float,
        kind: str = "application/json",
    ) -> tuple[int, Any]:
        """The status and the document of an answer. Raises Lost, also when it takes too long."""
        body = b"" if document is None else msgspec.json.encode(document)
        connection, self._connection = self._connection, None
        try:
            with trio.fail_after(seconds):
                if connection is not None and not connection.usable:
                    connection.close()
                    connection = None
                if connection is None:
                    connection = await Connection.open(self.url, self._context)
                status = await connection.begin(method, target, {**self._headers, "Content-Type": kind}, body)
                raw = await connection.body()
        except (trio.TooSlowError, Lost) as problem:
            if connection is not None:
                connection.close()
            raise Lost(str(problem) or "no answer in time") from problem
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        self.close()  # one that another call has left meanwhile
        self._connection = connection
        return status, _document(raw)

    async def stream(self, target: str, seconds: float) -> tuple[int, Connection]:
        """Begin a stream of lines: the status, and a connection of its own. Raises Lost."""
        return await self._begin("GET", target, b"", seconds)

    async def post_stream(self, target: str, document: Any, seconds: float) -> Connection:
        """Begin a stream of lines that is asked for by a POST. Raises Lost, also when it is refused."""
        status, connection = await self._begin("POST", target, msgspec.json.encode(document), seconds)
        if status != 200:
            connection.close()
            raise Lost(f"{target}: status {status}")
        return connection

    async def _begin(self, method: str, target: str, body: bytes, seconds: float) -> tuple[int, Connection]:
        connection = None
        try:
            with trio.fail_after(seconds):
                connection = await Connection.open(self.url, self._context)
                return await connection.begin(method, target, self._headers, body), connection
        except BaseException as problem:
            if connection is not None:
                connection.close()
            if isinstance(problem, trio.TooSlowError):
                raise Lost("no answer in time") from problem
            raise

    def close(self) -> None:
        """Cut the connection."""
        if self._connection is not None:
            self._connection.close()


def _document(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {"message": raw.decode(errors="replace")}
