"""A TCP proxy whose connections can be cut, stalled and delayed."""

from __future__ import annotations

import socket
from contextlib import suppress

import trio

RECEIVE = 1 << 16


class Proxy:
    """Passes connections on to a port of this machine.

    `cut` ends them and refuses others; `stall` lets nothing through and ends nothing, like a firewall that drops packets; `slow`
    holds back what passes; `restore` ends all that. `hold` stalls what one connection brings back, until `release`.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        self.port: int = self._listening.getsockname()[1]
        self._cut = False
        self._delay = 0.0
        self._flows = trio.Event()
        self._flows.set()
        self._streams: set[trio.SocketStream] = set()
        self._accepted = 0
        self._held = -1
        self._goes_on = trio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._listening))
        task_status.started()
        await trio.serve_listeners(self._serve, [listener])

    async def cut(self) -> None:
        """End all connections."""
        self._cut = True
        for stream in list(self._streams):
            stream.socket.close()
        await trio.lowlevel.checkpoint()

    def stall(self) -> None:
        """Let nothing through."""
        if self._flows.is_set():
            self._flows = trio.Event()

    def hold(self, number: int) -> None:
        """Pass nothing on to the client of the connection with this number, from 0 in the order of their coming."""
        self._held, self._goes_on = number, trio.Event()

    def release(self) -> None:
        """Let through again what was held."""
        self._held = -1
        self._goes_on.set()

    def slow(self, seconds: float) -> None:
        """Hold back each piece that passes."""
        self._delay = seconds

    def restore(self) -> None:
        """Let connections, and what was held back, through again."""
        self._cut = False
        self._delay = 0.0
        self._flows.set()

    async def _serve(self, client: trio.SocketStream) -> None:
        if self._cut:
            client.socket.close()
            return
        number, self._accepted = self._accepted, self._accepted + 1
        self._streams.add(client)
        try:
            await self._flows.wait()
            server = await trio.open_tcp_stream("127.0.0.1", self._target)
        except OSError:
            self._streams.discard(client)
            client.socket.close()
            return
        self._streams.add(server)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pass_on, client, server, nursery.cancel_scope, -2)
                nursery.start_soon(self._pass_on, server, client, nursery.cancel_scope, number)
        finally:
            self._streams -= {client, server}
            client.socket.close()
            server.socket.close()

    async def _pass_on(
        self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope, number: int
    ) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some(RECEIVE):
                if self._delay:
                    await trio.sleep(self._delay)
                await self._flows.wait()
                if number == self._held:
                    await self._goes_on.wait()
                await target.send_all(data)
        scope.cancel()
