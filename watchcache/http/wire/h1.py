"""HTTP/1.1 requests out of bytes: pure, fed in any pieces, strict where laxness lets requests be smuggled.

Smuggling needs two parsers that disagree about where a request ends; one that refuses everything ambiguous agrees with
all. The rules:
- A head ends at the first CRLF CRLF, and only whole heads are parsed. llhttp (`httptools`) reads them in strict mode: it
  refuses bare LF and CR, folded lines, white space before the colon, control characters, Content-Length that is repeated,
  signed or beside Transfer-Encoding. Tests hold it to each, so that an update cannot relax one unnoticed.
- The only transfer coding is `chunked`, alone. Bodies are delimited here (`chunks.py`), not by llhttp, so that bytes of
  the next request never enter a parser before the last one is answered; pipelining waits in the buffer.
- Whatever is refused ends the connection: after it nobody knows where the next request would begin.

Texts and codes are those of Go's net/http, which is what kube-apiserver's clients see.
"""

from __future__ import annotations

import re
from typing import Literal

import httptools

from watchcache.http.messages import Peer, Request
from watchcache.http.wire.chunks import BadChunk, ChunkReader, TooLarge
from watchcache.http.wire.header_rules import FIRST_COUNTS, HOST
from watchcache.http.wire.limits import Limits

_END = b"\r\n\r\n"
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_NAMES_KEPT = 1024  # header names seen, so that a name is decoded once; bounded, as clients choose them

Phase = Literal["idle", "head", "body"]


class Refused(Exception):
    """The bytes are not a request that may be answered; say `status` and `text`, then close."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class _Head:
    """What llhttp calls while it parses one head."""

    __slots__ = ("count", "headers", "hosts")
    _names: dict[bytes, str] = {}  # noqa: RUF012 - shared by all connections on purpose

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.count = 0
        self.hosts = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        key = self._names.get(name) or self._learn(name)
        text = value.decode("latin-1").rstrip(" \t")
        self.count += 1
        if key == "host":
            self.hosts += 1
        if key in self.headers:
            if key in FIRST_COUNTS:
                return
            text = f"{self.headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
        self.headers[key] = text

    def _learn(self, name: bytes) -> str:
        key = name.decode("latin-1").lower()
        if len(self._names) < _NAMES_KEPT:
            self._names[name] = key
        return key


class RequestReader:
    """Feed bytes, take requests. `keep_alive`, `http10`, `too_large` describe the request returned last."""

    __slots__ = (
        "_body", "_buffer", "_chunks", "_expects", "_head", "_limits", "_missing", "_parser", "_peer", "_request", "_scanned",
        "http10", "keep_alive", "too_large",
    )  # fmt: skip

    def __init__(self, peer: Peer, limits: Limits) -> None:
        self._peer = peer
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0  # no head ends before this
        self._head = _Head()
        self._parser = httptools.HttpRequestParser(self._head)
        self._request: Request | None = None  # its head is complete, its body is not
        self._missing = 0
        self._chunks: ChunkReader | None = None
        self._expects = False
        self.keep_alive = True
        self.http10 = False
        self.too_large = False

    @property
    def phase(self) -> Phase:
        """What the reader is in the middle of."""
        if self._request is not None:
            return "body"
        return "head" if self._buffer else "idle"

    @property
    def buffered(self) -> int:
        """Bytes received and not yet part of a request."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def take(self) -> bytes:
        """The bytes behind the last request, which are no request: another protocol has begun."""
        data, self._buffer = bytes(self._buffer), bytearray()
        return data

    def next(self) -> Request | None:
        """The next whole request; None when more bytes are needed. Raises `Refused`."""
        request = self._request or self._next_head()
        if request is None or self.too_large:
            return request
        if not self._body_is_whole(request):
            self._request = None if self.too_large else request
            return request if self.too_large else None
        self._request = None
        return request

    def wants_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body. True at most once a request."""
        wants = self._expects and self._request is not None and not self._buffer
        if wants:
            self._expects = False
        return wants

    # -- the head

    def _next_head(self) -> Request | None:
        buffer = self._buffer
        if not buffer:
            return None
        while buffer.startswith(b"\r\n"):  # an empty line before a request: RFC 9112 2.2
            del buffer[:2]
            self._scanned = 0
        end = buffer.find(_END, max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(buffer)
            self._check_partial()
            return None
        if end + 4 > self._limits.head_bytes:
            raise Refused(431, "431 Request Header Fields Too Large")
        data = bytes(memoryview(buffer)[: end + 4])
        del buffer[: end + 4]
        self._scanned = 0
        return self._parse(data)

    def _check_partial(self) -> None:
        """Refuse early what can never become a head: too long, or not HTTP at all (TLS, a bare-LF client)."""
        if len(self._buffer) > self._limits.head_bytes:
            raise Refused(431, "431 Request Header Fields Too Large")
        end = self._buffer.find(b"\n", 0, 65536)
        if (end >= 0 and not _LINE.match(self._buffer)) or (
            self._buffer and self._buffer[0] < 0x21 and self._buffer[0] != 0x0D
        ):
            raise self._bad_line(bytes(self._buffer[: end + 1]))

    def _bad_line(self, line: bytes) -> Refused:
        if re.fullmatch(rb"[^ ]+ [^ ]+ HTTP/\d\.\d\r?\n", line) and not line.rstrip().endswith(
            (b"1.1", b"1.0")
        ):
            return Refused(505, "505 HTTP Version Not Supported: unsupported protocol version")
        return Refused(400, "400 Bad Request")

    def _parse(self, data: bytes) -> Request:
        line = _LINE.match(data)
        if line is None:
            raise self._bad_line(data[: data.index(b"\n") + 1])
        method, target = line[1].decode(), line[2].decode()
        head, parser = self._head, self._parser
        head.headers, head.count, head.hosts = {}, 0, 0
        try:
            # the line is checked above: llhttp knows only some methods, where Go passes any to the handler (405)
            parser.feed_data(b"GET / HTTP/1.1\r\n" + data[line.end() :] if method not in _KNOWN else data)
        except httptools.HttpParserUpgrade:
            pass  # whether to another protocol is for the handler to say; the request is whole
        except httptools.HttpParserError as error:
            raise self._refused(head) from error
        finally:
            if (
                "content-length" in head.headers
                or "transfer-encoding" in head.headers
                or "upgrade" in head.headers
            ):
                # it waits for the body, which it shall not see
                self._head = _Head()
                self._parser = httptools.HttpRequestParser(self._head)
        self.http10 = line[3] == b"0"
        request = Request(method, target, head.headers, b"", "1.0" if self.http10 else "1.1", self._peer)
        self._check(request, head)
        return request

    def _refused(self, head: _Head) -> Refused:
        coding = head.headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked" and "content-length" not in head.headers:
            return Refused(501, "Unsupported transfer encoding")
        return Refused(400, "400 Bad Request")

    def _check(self, request: Request, head: _Head) -> None:
        """What llhttp leaves open: how many hosts and headers, which codings, what happens to the connection."""
        headers = request.headers
        if head.count > self._limits.headers:
            raise Refused(431, "431 Request Header Fields Too Large")
        if head.hosts != 1 and (head.hosts or not self.http10):
            raise Refused(
                400, "400 Bad Request: missing required Host header" if not head.hosts else "400 Bad Request"
            )
        if not HOST.fullmatch(headers.get("host", "")):
            raise Refused(400, "400 Bad Request: malformed Host header")
        if not request.target.startswith("/"):
            self._resolve_target(request)
        connection = headers.get("connection", "").lower()
        self.keep_alive = "close" not in connection if not self.http10 else "keep-alive" in connection
        self._settle_body(request)

    def _resolve_target(self, request: Request) -> None:
        """The absolute form must be accepted (RFC 9112 3.2.2), and its authority replaces Host."""
        absolute = _ABSOLUTE.fullmatch(request.target)
        if absolute is not None and absolute[1] and HOST.fullmatch(absolute[1]):
            rest = absolute[2].partition("#")[0]
            request.target = rest if rest.startswith("/") else "/" + rest
            request.headers["host"] = absolute[1]
        elif not (request.target == "*" and request.method == "OPTIONS") and request.method != "CONNECT":
            raise Refused(400, "400 Bad Request")

    def _settle_body(self, request: Request) -> None:
        headers = request.headers
        coding = headers.get("transfer-encoding")
        self._chunks, self._missing, self.too_large = None, 0, False
        expect = headers.get("expect")
        self._expects = expect is not None
        if expect is not None and expect.lower() != "100-continue":
            raise Refused(417, "")
        if coding is not None:
            if coding.lower() != "chunked" or self.http10:
                raise Refused(501, "Unsupported transfer encoding")
            self._chunks = ChunkReader(self._limits.body_bytes)
        elif (length := headers.get("content-length")) is not None:
            self._missing = int(length)  # llhttp has checked that these are digits
            self.too_large = self._missing > self._limits.body_bytes
            if self.too_large:
                self.keep_alive = False

    # -- the body

    def _body_is_whole(self, request: Request) -> bool:
        if self._chunks is not None:
            return self._read_chunks(request, self._chunks)
        if self._missing:
            if len(self._buffer) < self._missing:
                return False
            request.body = bytes(memoryview(self._buffer)[: self._missing])
            del self._buffer[: self._missing]
        return True

    def _read_chunks(self, request: Request, chunks: ChunkReader) -> bool:
        try:
            whole = chunks.read(self._buffer)
        except TooLarge:
            self.too_large, self.keep_alive = True, False
            return False
        except BadChunk as error:
            raise Refused(400, "400 Bad Request") from error
        if whole:
            request.body = chunks.body()
        return whole


_KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"})
