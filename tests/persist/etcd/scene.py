"""Logs on an etcd, and a proxy that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from tests.conformance.samples import Verbatim, stamp
from watchcache.persist.etcd import Cluster, EtcdLog, Options

QUICK = Options(compaction=0, patience=1.0)


def log_on(*urls: str, options: Options = QUICK, **more) -> EtcdLog:
    """A log that is not open yet; `cluster` gives what Cluster has beside URLs."""
    cluster = Cluster(urls, **more.pop("cluster", {}))
    return EtcdLog(cluster, form=Verbatim(), stamp=stamp, options=options, **more)


@asynccontextmanager
async def running(*urls: str, **more) -> AsyncIterator[EtcdLog]:
    """A log that runs."""
    log = log_on(*urls, **more)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        yield log
        await log.close()


async def history(log: EtcdLog, after: int) -> list:
    """All events after a revision, in one list."""
    return [event async for batch in log.history(after) for event in batch]


class Proxy:
    """Passes connections on to a port, unless it is cut; then it ends them and refuses others."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._target = port
        self._cut = False
        self._streams: set[trio.SocketStream] = set()
        self._accepted = 0
        self._held = -1
        self._go_on = trio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def run(self, *, task_status) -> None:
        """Serve until cancelled."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, listeners)

    async def cut(self) -> None:
        """End all connections."""
        self._cut = True
        for stream in list(self._streams):
            stream.socket.close()
        await trio.lowlevel.checkpoint()

    def hold(self, number: int) -> None:
        """Pass nothing on to the client of the connection with this number (from 0) until `release`."""
        self._held, self._go_on = number, trio.Event()

    def release(self) -> None:
        """Let all through again."""
        self._held = -1
        self._go_on.set()

    def restore(self) -> None:
        """Let connections through again."""
        self._cut = False

    async def _serve(self, client: trio.SocketStream) -> None:
        if self._cut:
            client.socket.close()
            return
        number, self._accepted = self._accepted, self._accepted + 1
        server = await trio.open_tcp_stream("127.0.0.1", self._target)
        self._streams |= {client, server}
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pass_on, client, server, nursery.cancel_scope, -2)
                nursery.start_soon(self._pass_on, server, client, nursery.cancel_scope, number)
        finally:
            self._streams -= {client, server}
            client.socket.close()
            server.socket.close()

    async def _pass_on(self, source, target, scope, number) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                if number == self._held:
                    await self._go_on.wait()
                await target.send_all(data)
        scope.cancel()
