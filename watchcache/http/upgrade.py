"""The handshake of a watch over a WebSocket (W20): who asks for one, who is refused, what the others are answered. Pure.

As kube-apiserver has it, whose watches do this with golang.org/x/net/websocket (RFC 6455 4.2, and the checks in that library's order):

- The key must be there and the version 13: else 400 in words.
- `Origin` must be there and be a URL: else 403. Any origin is: what a page may do is for its credentials to say.
- The one subprotocol that a client offers is echoed, whatever it is; of several nobody says which is meant: 400.
- A browser cannot send `Authorization`. Its token may come as a further subprotocol instead, which is taken out before the count
  (apiserver's authentication/request/websocket).

All of it comes last: a watch that cannot be is refused as over HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import re

from watchcache.auth import Rejected
from watchcache.http.messages import Reply

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_PROTOCOLS = "sec-websocket-protocol"
_TOKEN = "base64url.bearer.authorization.k8s.io."  # noqa: S105 - a prefix
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_WORD = re.compile(r"\S*")
# What Go's url.ParseRequestURI takes: an absolute URL or a path, whose escapes are some; of hosts, what it says of brackets and ports.
_PATH = r"(?:[^%\x7f]|%[0-9A-Fa-f]{2})*"
_HOST = r"(?:[^/?#@% ]*@)?(?:\[[0-9A-Fa-f:.%]*\]|[^/?#@% :\[\]]*)(?::[0-9]*)?"
_URL = re.compile(rf"\*|/{_PATH}|[A-Za-z][A-Za-z0-9+.-]*:(?://{_HOST}(?:[/?]{_PATH})?|(?!//){_PATH})")


def is_asked(headers: dict[str, str]) -> bool:
    """Whether the client asks to go on with WebSocket messages. `headers` are a request's."""
    return (
        headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in headers.get("connection", "").lower()
    )


def refusal(headers: dict[str, str]) -> Reply | None:
    """Why the handshake cannot be; None: it can, see `accepted`."""
    if not headers.get("sec-websocket-key"):
        return Reply(400, [], b"mismatch challenge/response", close=True)
    if headers.get("sec-websocket-version") != _VERSION:
        supported = [("Sec-WebSocket-Version", _VERSION)]
        return Reply(400, supported, b"missing or bad WebSocket Version", close=True)
    if not _URL.fullmatch(headers.get("origin", "")):
        return Reply(403, [], close=True)
    if len(_protocols(headers)) > 1:
        return Reply(400, [], close=True)
    return None


def accepted(headers: dict[str, str]) -> list[tuple[str, str]]:
    """The headers of the 101."""
    key = headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    return lines + [("Sec-WebSocket-Protocol", one) for one in _protocols(headers)]


def take_token(headers: dict[str, str]) -> str:
    """The bearer token among the subprotocols, which is taken out of them; "" when there is none. Raises `Rejected`."""
    if not is_asked(headers):
        return ""
    offered = _protocols(headers)
    tokens = [one.removeprefix(_TOKEN) for one in offered if one.startswith(_TOKEN)]
    others = [one for one in offered if not one.startswith(_TOKEN)]
    if len(tokens) > 1:
        raise Rejected("multiple base64.bearer.authorization tokens specified")
    token = _decoded(tokens[0]) if tokens else ""
    if not token:
        return ""
    if not others:
        raise Rejected("missing additional subprotocol")
    headers[_PROTOCOLS] = ", ".join(others)
    return token


def _protocols(headers: dict[str, str]) -> list[str]:
    text = headers.get(_PROTOCOLS, "").strip()
    return [one.strip() for one in text.split(",")] if text else []


def _decoded(token: str) -> str:
    """Base64 of URLs, without padding, of what could stand in a header."""
    if not _BASE64URL.fullmatch(token) or len(token) % 4 == 1:
        raise Rejected("invalid base64.bearer.authorization token encoding")
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except UnicodeDecodeError:
        raise Rejected("invalid base64.bearer.authorization token") from None
    if not _WORD.fullmatch(decoded):
        raise Rejected("invalid bearer token")
    return decoded
