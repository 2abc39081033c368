"""`serve`: listeners in, connections out, and an end that lets running requests finish."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Literal

import msgspec
import trio

from watchcache.http.messages import Handler
from watchcache.http.wire.connection import Connection
from watchcache.http.wire.context import Shared
from watchcache.http.wire.departures import Departures
from watchcache.http.wire.guard import log
from watchcache.http.wire.limits import Limits
from watchcache.http.wire.wheel import Wheel
from watchcache.readers import AVAILABLE, Readers

_OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_GONE = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM}
# a client machine that vanished without a word is noticed in 15 + 9 * 15 s: Go's listeners do the same
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 9))


class ServerStats(msgspec.Struct, frozen=True):
    """What a server holds now."""

    connections: int
    queued: int  # bytes that clients have not taken


def listen(
    host: str, port: int, backlog: int = Limits().backlog, *, reuse_port: bool = False
) -> list[socket.socket]:
    """Listening sockets for an address; port 0 picks a free one. Raises OSError when it cannot be bound.

    `reuse_port`: other processes may listen there too, and the kernel deals connections out (SO_REUSEPORT).
    """
    listener = _bound(host, port, reuse_port=reuse_port)
    listener.listen(backlog)
    return [listener]


def reserve(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Sockets that keep an address for processes that will `listen` there with `reuse_port`; they take no connections.

    Raises OSError when somebody else listens there, unless he may (`shared`).
    """
    if not shared:
        probe = _bound(host, port, reuse_port=False)
        port = probe.getsockname()[1]
        probe.close()
    return [_bound(host, port, reuse_port=True)]


def _bound(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


class Server:
    """A running server, as `serve` hands it to its caller."""

    def __init__(self, shared: Shared, listeners: Sequence[socket.socket]) -> None:
        self._shared = shared
        self._listeners = list(listeners)
        self._connections: set[Connection] = set()
        self._accepting = trio.CancelScope()
        self._room = trio.Event()
        self.gathering = shared.gathering
        self.addresses: list[tuple[str, int]] = [one.getsockname()[:2] for one in listeners]

    def stats(self) -> ServerStats:
        """Connections and the bytes queued on them. Looks at each connection."""
        return ServerStats(len(self._connections), sum(one.transport.queued for one in self._connections))

    @property
    def failed_handshakes(self) -> int:
        """TLS handshakes that came to nothing, whatever the reason: who connects and leaves is one of them."""
        return self._shared.failed_handshakes

    def shut_down(self) -> None:
        """Stop accepting and close idle connections; the others close when what runs on them has ended.

        Running watches are ended by whoever feeds them. `serve` returns when the last connection has gone; who does not
        want to wait so long cancels it.
        """
        if self._shared.draining:
            return
        self._shared.draining = True
        self._accepting.cancel()
        for listener in self._listeners:
            trio.lowlevel.notify_closing(listener)
            listener.close()
        for connection in list(self._connections):
            connection.drain()

    async def run(self) -> None:
        """Accept and serve until shut down and empty."""
        async with trio.open_nursery() as nursery:
            with self._accepting:
                async with trio.open_nursery() as accepting:
                    for listener in self._listeners:
                        accepting.start_soon(self._accept, listener, nursery)

    async def _accept(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        while not self._shared.draining:
            await self._wait_room()
            try:
                await trio.lowlevel.wait_readable(listener)
                sock, address = listener.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                await self._bear(error)
                continue
            if connection := self._admit(sock, (address[0], address[1])):
                nursery.start_soon(self._serve, connection)
            del connection, sock  # else the last one would be kept until the next comes

    async def _bear(self, error: OSError) -> None:
        """Go on after what other processes or clients cause; anything else is raised."""
        if error.errno in _OUT_OF_DESCRIPTORS:
            log.warning("cannot accept connections: %s", error)
            await trio.sleep(0.1)
        elif error.errno not in _GONE:
            raise error

    async def _wait_room(self) -> None:
        while len(self._connections) >= self._shared.limits.connections:
            self._room = trio.Event()
            await self._room.wait()

    def _admit(self, sock: socket.socket, address: tuple[str, int]) -> Connection | None:
        """Counted here, not in the connection's task: the limit must hold for the next accept."""
        try:
            _prepare(sock)
        except OSError:  # the client has left already
            sock.close()
            return None
        connection = Connection(self._shared, sock, address)
        self._connections.add(connection)
        return connection

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._room.set()


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def serve(
    handler: Handler,
    listeners: Sequence[socket.socket],
    *,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    framing: Literal["own", "h2"] = "own",
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve HTTP/1.1 and HTTP/2 on listening, non-blocking sockets (see `listen`), which are closed at the end.

    `framing` chooses who does HTTP/2's frames: our own code, or the `h2` library.

    Starts (`nursery.start`) with a `Server`. Returns after `Server.shut_down()` when the last connection has ended.
    """
    async with trio.open_nursery() as nursery:
        wheel, departures = Wheel(), Departures()
        readers = (
            Readers() if AVAILABLE and framing == "own" else None
        )  # the library is there to compare with: plainly
        shared = Shared(handler, limits or Limits(), tls, wheel, departures, nursery, framing, readers)
        server = Server(shared, listeners)
        nursery.start_soon(wheel.run, departures.check)
        if readers is not None:
            nursery.start_soon(readers.run)
        task_status.started(server)
        try:
            await server.run()
        finally:
            for listener in listeners:
                listener.close()
        nursery.cancel_scope.cancel()
