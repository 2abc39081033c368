"""What went wrong with a call, as Go's HTTP client and client-go word it.

Source: Go 1.26 net/http, crypto/tls, crypto/x509; k/k apimachinery/pkg/api/errors `NewGenericServerResponse`; measured on kube-apiserver 1.36.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from watchcache.api.quoting import quoted
from watchcache.webhooks.target import Target

_VERIFY: Final = "tls: failed to verify certificate: x509: "
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's verify codes (x509_vfy.h) for a chain that ends at nobody who is trusted."""
_EXPIRED: Final = frozenset({9, 10})
_NAME_DIFFERS: Final = frozenset({62, 64})

_SOCKET_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.ECONNRESET: "connection reset by peer",
    errno.EADDRNOTAVAIL: "cannot assign requested address",
    errno.EACCES: "permission denied",
}

_GENERIC: Final = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
_SERVERS_OWN: Final = frozenset({403, 406, 415})
"""Codes whose text is what the server says."""
_QUOTED: Final = 2048
"""Bytes of an answer that a message repeats."""


class CallFailed(Exception):
    """No answer came that could be read; the text is Go's. `code` is the metrics' word for it: an HTTP status, 0 where none came."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Unusable(CallFailed):
    """The configuration cannot be called with: its certificates are none."""


class NotReached(Exception):
    """No connection was made; the text says why."""


class TooLarge(Exception):
    """An answer has more bytes than are read of one."""


def dial_words(error: BaseException, address: str) -> str:
    """Of a connection that was not made."""
    number = next((each.errno for each in causes(error) if isinstance(each, OSError) and each.errno), None)
    if any(isinstance(each, socket.gaierror) for each in causes(error)):
        return f"dial tcp: lookup {address.rpartition(':')[0]}: no such host"
    words = _SOCKET_WORDS.get(number or 0)
    if words is None:
        words = (str(error) or type(error).__name__).lower()
    return f"dial tcp {address}: connect: {words}"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it, also those within groups."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from causes(each)
        error = error.__cause__ or error.__context__


def tls_words(error: BaseException, target: Target) -> str | None:
    """Of a handshake that failed; None when it was something else."""
    for each in causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate_words(each, target)
        if isinstance(each, ssl.SSLError):
            reason = each.reason or ""
            if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
                return "http: server gave HTTP response to HTTPS client"
            if "EOF" in reason:
                return None
            return f"remote error: tls: {reason.lower().replace('_', ' ')}"
    return None


def _certificate_words(error: ssl.SSLCertVerificationError, target: Target) -> str:
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return f"{_VERIFY}certificate signed by unknown authority"
    if code in _EXPIRED:
        return f"{_VERIFY}certificate has expired or is not yet valid"
    if code in _NAME_DIFFERS:
        return f"{_VERIFY}certificate is valid for other names, not {target.host}"
    return f"{_VERIFY}{error.verify_message}"


def refused(status: int, content_type: str, body: bytes, document: Any) -> CallFailed:
    """Of an answer that is none: a Status says itself what is wrong."""
    if (
        isinstance(document, dict)
        and document.get("kind") == "Status"
        and document.get("status") == "Failure"
    ):
        return CallFailed(str(document.get("message") or "unknown"), status)
    said = "unknown"
    if content_type.startswith("text/"):
        said = body[:_QUOTED].decode(errors="replace").strip() or said
    if status in _SERVERS_OWN:
        return CallFailed(said, status)
    text = _GENERIC.get(status)
    if text is None and status >= 500:
        text = f"an error on the server ({quoted(said)}) has prevented the request from succeeding"
    if text is None:
        text = f"the server responded with the status code {status} but did not return more information"
    return CallFailed(text, status)
