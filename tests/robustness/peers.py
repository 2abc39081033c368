"""What the members of an etcd say to each other, through a proxy before each, so that any two can be parted.

All members name one address of another, so the address does not say who connects. The first request does: rafthttp sends `X-Server-From` with the id
of the member that it is from, and a connection is of one member for as long as it lives. What has no such header (probing, versions) passes.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress

import trio

RECEIVE = 1 << 16
HEAD = 1 << 14
_FROM = re.compile(rb"\r\nX-Server-From: ([0-9a-f]+)\r\n", re.IGNORECASE)


class PeerProxy:
    """Before one member's peer port. `part` drops what passes between it and another, like a firewall; `join` lets it through again, what was held back first."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        self.port: int = self._listening.getsockname()[1]
        self._parted: dict[str, trio.Event] = {}  # by member id; set when they are joined again
        self.connections: dict[str, int] = {}  # by member id: how many have come

    @property
    def url(self) -> str:
        """Where the other members find it."""
        return f"http://127.0.0.1:{self.port}"

    def part(self, member: str) -> None:
        """Let nothing through of the connections that a member has made; its id is as etcd writes it, in hexadecimal digits."""
        self._parted.setdefault(member, trio.Event())

    def join(self, member: str) -> None:
        """Let it through again."""
        joined = self._parted.pop(member, None)
        if joined is not None:
            joined.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._listening))
        task_status.started()
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, client: trio.SocketStream) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            async with client:
                head = b""
                while b"\r\n\r\n" not in head and len(head) < HEAD:
                    data = await client.receive_some(RECEIVE)
                    if not data:
                        return
                    head += data
                found = _FROM.search(head)
                member = found[1].decode().lower() if found is not None else ""
                self.connections[member] = self.connections.get(member, 0) + 1
                async with await trio.open_tcp_stream("127.0.0.1", self._target) as server:
                    await self._flow(member)
                    await server.send_all(head)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._pass_on, client, server, nursery.cancel_scope, member)
                        nursery.start_soon(self._pass_on, server, client, nursery.cancel_scope, member)

    async def _flow(self, member: str) -> None:
        while member in self._parted:
            await self._parted[member].wait()

    async def _pass_on(
        self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope, member: str
    ) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some(RECEIVE):
                await self._flow(member)
                await target.send_all(data)
        scope.cancel()
