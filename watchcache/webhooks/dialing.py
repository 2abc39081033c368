"""Connections to webhooks, as httpcore wants them made: a service's name is looked up in the cluster, and failures are said in Go's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import trio

from watchcache.webhooks.failures import NotReached, dial_words
from watchcache.webhooks.target import Target


class Dialing(httpcore.AsyncNetworkBackend):
    """Makes the connections to one target."""

    def __init__(self, target: Target, resolve: Callable[[str, str, int], tuple[str, int]]) -> None:
        self._target = target
        self._resolve = resolve
        self._plain = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the address, or to that of the service. Raises NotReached."""
        if self._target.service is not None:
            host, port = self._resolve(*self._target.service, port)
        try:
            return await self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        except httpcore.ConnectError as error:
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise NotReached(dial_words(error, address)) from None

    async def sleep(self, seconds: float) -> None:
        """By trio's clock."""
        await trio.sleep(seconds)
