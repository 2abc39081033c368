"""Connections to webhooks, as httpcore wants them made: a service's name is looked up in the cluster, and failures are said in Go's words."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import trio

from watchcache.webhooks.failures import NotReached, TooLarge, dial_words
from watchcache.webhooks.target import Target


class Dialing(httpcore.AsyncNetworkBackend):
    """Makes the connections to one target."""

    def __init__(
        self, target: Target, resolve: Callable[[str, str, int], tuple[str, int]], largest: int
    ) -> None:
        """`largest`: bytes that an answer may have, with its head."""
        self._target = target
        self._resolve = resolve
        self._largest = largest
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
            stream = await self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        except httpcore.ConnectError as error:
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise NotReached(dial_words(error, address)) from None
        return _Bounded(stream, self._largest)

    async def sleep(self, seconds: float) -> None:
        """By trio's clock."""
        await trio.sleep(seconds)


class _Bounded(httpcore.AsyncNetworkStream):
    """A connection that reads no more than so many bytes between two writes.

    The bound is here, and not where the answer is put together, so that httpcore sees an error and gives the connection up.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, largest: int) -> None:
        self._stream = stream
        self._largest = largest
        self._came = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        """Raises TooLarge."""
        came = await self._stream.read(max_bytes, timeout)
        self._came += len(came)
        if self._came > self._largest:
            raise TooLarge(f"http: response body too large: more than {self._largest} bytes")
        return came

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        """What comes from now on is another answer."""
        self._came = 0
        await self._stream.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        """What counts is what is within. A handshake that is given up, as when a call's time is over, closes the connection."""
        try:
            within = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._stream.aclose()
            raise
        return _Bounded(within, self._largest)

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Of the connection itself."""
        return self._stream.get_extra_info(info)
