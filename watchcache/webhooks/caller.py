"""One POST to a webhook and its answer.

Rules: HTTP/1.1 only (kube-apiserver turns HTTP/2 off, so that webhooks behind one address share the calls), connections are kept for the next
call, redirects are not followed, an answer has a size that it may not exceed, and a call ends with its time. What is called may be as slow or as broken as
it likes: nothing waits for it but the request that it is about.

httpcore and certificates are imported with the first call.
"""

from __future__ import annotations

import math
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import trio

from watchcache.api.codec import DecodeError, check_type_fields, decode_json, decode_yaml
from watchcache.webhooks.failures import (
    CallFailed,
    NotReached,
    TooLarge,
    Unusable,
    causes,
    refused,
    tls_words,
)
from watchcache.webhooks.target import Target

if TYPE_CHECKING:
    import httpcore

AGENT: Final = "kube-apiserver-admission"
"""Who calls, for admission and conversion alike: what webhooks that look at it expect."""
_HEADERS: Final = (
    ("Accept", "application/json, */*"),
    ("Content-Type", "application/json"),
    ("User-Agent", AGENT),
)
_IN_BODY: Final = "unexpected error when reading response body. Please retry. Original error"
_KEPT: Final = 25
"""Idle connections to a webhook, as client-go has it."""
_IDLE: Final = 90.0
"""Seconds that a connection is kept for the next call, as Go's transport has it."""
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes: a list of the largest objects, converted piece by piece, is far below that."""
_POOLS: Final = 256
"""Webhooks whose connections are kept."""

Resolve = Callable[[str, str, int], tuple[str, int]]
"""(namespace, name, port) of a service -> the address to call. Raises NotReached."""


class Caller:
    """Calls webhooks. `resolve` finds services. To be closed at the end (`aclose`)."""

    def __init__(self, resolve: Resolve, *, largest: int = _LARGEST) -> None:
        """`largest`: bytes that an answer may have."""
        self._resolve = resolve
        self._largest = largest
        self._pools: OrderedDict[tuple[str, str], httpcore.AsyncConnectionPool] = OrderedDict()

    async def post(self, target: Target, body: bytes, *, seconds: float) -> dict[str, Any]:
        """The document that a webhook answers `body` with, within so many `seconds`. Raises CallFailed."""
        whole = math.ceil(seconds)
        url = target.url(whole)
        with trio.move_on_after(seconds):
            return await self._post(target, url, body)
        raise CallFailed(f'Post "{url}": context deadline exceeded')

    async def _post(self, target: Target, url: str, body: bytes) -> dict[str, Any]:
        import httpcore  # noqa: PLC0415 - see the module's docstring

        pool = await self._pool(target)
        headers = [("Host", target.authority), *_HEADERS, ("Content-Length", str(len(body)))]
        answered = False
        try:
            async with pool.stream("POST", url, headers=headers, content=body) as response:
                answered = True
                text = await response.aread()
        except TooLarge as problem:
            raise CallFailed(str(problem)) from None
        except NotReached as problem:
            raise CallFailed(f'Post "{url}": {problem}') from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            OSError,
        ) as error:
            if answered:
                raise CallFailed(f"{_IN_BODY}: unexpected EOF") from None
            raise CallFailed(f'Post "{url}": {tls_words(error, target) or _lost(error)}') from None
        return _document(response, text)

    async def _pool(self, target: Target) -> httpcore.AsyncConnectionPool:
        key = target.authority, target.ca
        pool = self._pools.get(key)
        if pool is not None:
            self._pools.move_to_end(key)
            return pool
        import httpcore  # noqa: PLC0415 - see the module's docstring

        from watchcache.webhooks.dialing import Dialing  # noqa: PLC0415 - imports httpcore

        made = httpcore.AsyncConnectionPool(
            ssl_context=_context(target.ca),
            max_connections=None,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=_IDLE,
            network_backend=Dialing(target, self._resolve, self._largest),
        )
        self._pools[key] = made
        for old, idle in [*self._pools.items()][:-_POOLS]:
            if all(each.is_idle() for each in idle.connections):
                del self._pools[old]
                await idle.aclose()
        return made

    async def aclose(self) -> None:
        """Close all connections."""
        pools = [*self._pools.values()]
        self._pools.clear()
        for pool in pools:
            await pool.aclose()


def _context(ca: str) -> ssl.SSLContext:
    if ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=ca)
        except ssl.SSLError:
            raise Unusable("unable to load root certificates: unable to parse bytes as PEM block") from None
    else:
        context = ssl.create_default_context()
    # Go takes a certificate of the bundle that is no authority of its own for an end of the chain, too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _document(response: httpcore.Response, text: bytes) -> dict[str, Any]:
    content_type = next(
        (value.decode("latin-1") for name, value in response.headers if name.lower() == b"content-type"), ""
    )
    succeeded = 200 <= response.status < 300
    if succeeded and not text:
        what = f"status code: {response.status} and content type: {content_type}"
        raise CallFailed(f"0-length response with {what}", response.status)
    try:
        document = _decoded(text)
    except DecodeError as error:
        if succeeded:
            raise CallFailed(str(error), response.status) from None
        document = None
    if not succeeded:
        raise refused(response.status, content_type, text, document)
    return document or {}


def _decoded(text: bytes) -> dict[str, Any] | None:
    """The object in an answer; what does not begin as JSON is YAML to kube-apiserver. Raises DecodeError."""
    document: dict[str, Any] | None = decode_json(text) if text.lstrip()[:1] == b"{" else decode_yaml(text)
    check_type_fields(document)
    return document


def _lost(error: BaseException) -> str:
    """Of a connection that ended: without an answer, or in the middle of one."""
    text = str(error)
    if "without sending" in text:
        return "EOF"
    if "peer closed connection" in text:
        return "unexpected EOF"
    if any(isinstance(each, ConnectionResetError) for each in causes(error)):
        return "read: connection reset by peer"
    return text or "EOF"
