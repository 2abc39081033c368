"""From an HTTP/2 header block to a `Request`: pseudo headers, cookies, and what the framing does not check."""

from __future__ import annotations

import re

from watchcache.http.messages import Peer, Reply, Request
from watchcache.http.wire.framing import HeaderList
from watchcache.http.wire.header_rules import FIRST_COUNTS, HOST

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH = re.compile(r"/[\x21-\x7e\x80-\U0010ffff]*")


class BadRequest(Exception):
    """The request is well-formed HTTP/2 but not HTTP; the stream is answered with `reply`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(400, [("Content-Type", "text/plain; charset=utf-8")], text.encode())


def request_of(headers: HeaderList, peer: Peer) -> Request:
    """The request, its body still empty. Raises `BadRequest`."""
    method = target = ""
    fields: dict[str, str] = {}
    for name, value in headers:
        if name in fields:
            if name in FIRST_COUNTS:
                continue
            fields[name] += f"{'; ' if name == 'cookie' else ', '}{value}"
        elif name[0] != ":":
            fields[name] = value
        elif name == ":method":
            method = value
        elif name == ":path":
            target = value
        elif name == ":authority":
            fields["host"] = value
    _check(method, target, fields)
    return Request(method, target or fields.get("host", ""), fields, b"", "2", peer)


def _check(method: str, target: str, fields: dict[str, str]) -> None:
    if not _METHOD.fullmatch(method):
        raise BadRequest("400 Bad Request: invalid method")
    if not HOST.fullmatch(fields.get("host", "")):
        raise BadRequest("400 Bad Request: malformed Host header")
    if not _PATH.fullmatch(target) and not (target == "*" and method == "OPTIONS") and method != "CONNECT":
        raise BadRequest("400 Bad Request: malformed path")


def body_expected(request: Request) -> int:
    """What content-length announces; the framing holds the body to it."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
