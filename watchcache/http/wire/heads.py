"""Response heads: the status line and headers as HTTP/1.1 bytes, and the Date both protocols share."""

from __future__ import annotations

import http
import time
from collections.abc import Sequence
from email.utils import formatdate

Headers = Sequence[tuple[str, str]]

_STATUS = {status.value: f"{status.value} {status.phrase}" for status in http.HTTPStatus}
# Go's words where Python's differ: kube-apiserver's clients see Go's
_STATUS |= {
    413: "413 Request Entity Too Large",
    422: "422 Unprocessable Entity",
    414: "414 Request URI Too Long",
}
_STATUS |= {416: "416 Requested Range Not Satisfiable", 418: "418 I'm a teapot"}

BODILESS = frozenset({204, 304})


class BadHeader(ValueError):
    """A handler's header would break out of its line: a defect of the handler, answered with 500."""


class _Dates:
    """The Date header's value, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


date = _Dates()


def head(status: int, headers: Headers, framing: str, *, version: str = "1.1") -> bytes:
    """A response head; `framing` is what the host adds to it, complete lines. Raises `BadHeader`."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    # one count over all finds every header that holds a line end, in a tenth of the time of looking at each
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise BadHeader(lines)
    words = _STATUS.get(status) or f"{status} status code {status}"
    try:
        return f"HTTP/{version} {words}\r\n{lines}Date: {date()}\r\n{framing}\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise BadHeader(lines) from error


def http2_head(status: int, headers: Headers, length: int | None) -> list[tuple[str, str]]:
    """The header list of an HTTP/2 answer. Raises `BadHeader`."""
    lines = [(":status", str(status))]
    for name, value in headers:
        if "\n" in value or "\r" in value or "\0" in value:
            raise BadHeader(f"{name}: {value}")
        lines.append((name.lower(), value))
    lines.append(("date", date()))
    if length is not None:
        lines.append(("content-length", str(length)))
    return lines


def length_line(length: int) -> str:
    """The framing of a body whose length is known."""
    return f"Content-Length: {length}\r\n"


def refusal(status: int, text: str) -> bytes:
    """The last answer on a connection, in the words of Go's net/http."""
    reason = _STATUS[status] if not text.startswith(f"{status} ") else text
    body = text.encode()
    return (
        f"HTTP/1.1 {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n".encode()
        + body
    )
