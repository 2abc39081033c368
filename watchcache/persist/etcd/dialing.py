"""Reaching a member: TCP, then TLS; and what an operator is told when that, or what follows, fails."""

from __future__ import annotations

import re
import ssl

import trio

from watchcache.persist.etcd.endpoints import Endpoint
from watchcache.persist.etcd.frames import Broken
from watchcache.persist.etcd.plain import Plain

FAILURES = (OSError, ssl.SSLError, trio.BrokenResourceError, trio.ClosedResourceError, Broken)
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING")


Wire = Plain | trio.SSLStream[trio.SocketStream]


async def dial(endpoint: Endpoint, context: ssl.SSLContext | None) -> Wire:
    """A connection to an endpoint, with TLS when there is a context. Raises `FAILURES`."""
    tcp = await trio.open_tcp_stream(endpoint.host, endpoint.port)
    if context is None:
        return Plain(tcp)
    tls = trio.SSLStream(tcp, context, server_hostname=endpoint.host)
    try:
        await tls.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(tls)
        raise
    return tls


def text_of(group: BaseExceptionGroup[BaseException]) -> str:
    """What went wrong, in some words: the first of a group of `FAILURES`."""
    found = _first(group)
    if isinstance(found, trio.BrokenResourceError | OSError) and found.__cause__ is not None:
        found = _first(found.__cause__)  # trio's own texts name the address only
    if isinstance(found, OSError) and found.strerror and not isinstance(found, ssl.SSLError):
        return found.strerror
    text = re.sub(r" \(_ssl\.c:\d+\)", "", " ".join(str(found).split()))
    if any(each in text for each in _NO_TLS):
        return f"no TLS came about; is it an http endpoint? ({text})"
    return text or type(found).__name__


def _first(found: BaseException) -> BaseException:
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
