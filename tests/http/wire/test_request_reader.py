"""What the HTTP/1.1 reader makes of bytes, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.http.messages import Peer
from watchcache.http.wire.h1 import Refused, RequestReader
from watchcache.http.wire.limits import Limits

from .scene import pieces, request

PEER = Peer("127.0.0.1", 1)
LIMITS = Limits(head_bytes=4096, headers=20, body_bytes=100)

CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
VALID = [
    request(),
    request("POST", "/x?a=b", b"hello"),
    request("PUT", "/empty", b"", "Content-Length: 0"),
    CHUNKED + b"5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nTrailer: x\r\n\r\n",
    b"\r\n" + request("DELETE", "/after-an-empty-line"),
    request("GET", "/", b"", "Upgrade: websocket", "Connection: Upgrade"),
    request("BREW", "/pot"),
    request(
        "GET",
        "/c",
        b"",
        "Cookie: a=1",
        "Cookie: b=2",
        "Accept-Language: x",
        "Accept-Language: y",
        "Accept: x",
        "Accept: y",
    ),
    b"GET /old HTTP/1.0\r\n\r\n",
    b"GET http://there:1/abs?q HTTP/1.1\r\nHost: here\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n",
]

REFUSED = {
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare LF in a header": (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
    "bare CR in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400),
    "obsolete folding": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
    "folding of the first header": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", 400),
    "control character in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\x08z\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no header name": (b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
    "length and chunked": (CHUNKED[:-2] + b"Content-Length: 3\r\n\r\n", 400),
    "chunked and length": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
    "two equal lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        400,
    ),
    "list of lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400),
    "hexadecimal length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400),
    "empty length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
    "length beyond 64 bits": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        400,
    ),
    "gzip coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "gzip and chunked": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "chunked twice": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "two coding headers": (CHUNKED[:-2] + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "almost chunked": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    "bad chunk size": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "signed chunk size": (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "huge chunk size": (CHUNKED + b"fffffffff\r\n", 400),
    "chunk size with a bare LF": (CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400),
    "chunk longer than it says": (CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", 400),
    "bad trailer": (CHUNKED + b"0\r\nBad Name: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "bad host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "no path": (b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute form of another scheme": (b"GET file:///etc HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "HTTP/2.0 in a line": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "garbage": (b"\x16\x03\x01\x02\x00\x01", 400),
    "text": (b"hello there\r\n", 400),
    "other expectation": (request("GET", "/", b"", "Expect: 200-ok"), 417),
    "too many headers": (request("GET", "/", b"", *[f"X-{i}: y" for i in range(30)]), 431),
    "too long a head": (request("GET", "/", b"", "X: " + "y" * 5000), 431),
    "endless first line": (b"GET /" + b"a" * 5000, 431),
}


def read(parts: list[bytes]) -> list[object]:
    """Everything a reader returns for the parts, fed one after the other."""
    reader, seen = RequestReader(PEER, LIMITS), []
    try:
        for part in parts:
            reader.feed(part)
            while (got := reader.next()) is not None:
                seen.append((got.method, got.target, got.headers, got.body, got.version, reader.keep_alive))
                if reader.too_large:
                    return [*seen, "too large"]
                if not reader.keep_alive:
                    return seen
    except Refused as refused:
        seen.append(refused.status)
    return seen


@pytest.mark.parametrize("data", VALID)
def test_valid_requests_are_read_byte_by_byte_as_at_once(data):
    """Every valid request gives the same request fed whole and in single bytes."""
    whole = read([data])
    assert len(whole) == 1
    assert not isinstance(whole[0], int)
    assert read([bytes([byte]) for byte in data]) == whole


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_and_malformed_requests_are_refused(name):
    """Whatever two parsers could read differently is refused, at once and byte by byte."""
    data, status = REFUSED[name]
    assert read([data]) == [status]
    assert read([bytes([byte]) for byte in data]) == [status]


@given(
    st.lists(st.sampled_from(VALID), min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=12)
)
def test_pipelined_requests_do_not_depend_on_how_they_are_cut(requests, cuts):
    """Any number of requests back to back, cut anywhere, are read one after the other."""
    data = b"".join(requests)
    assert read(pieces(data, cuts)) == _up_to_the_last([one for each in requests for one in read([each])])


def _up_to_the_last(seen: list) -> list:
    for number, one in enumerate(seen, 1):
        if not one[5]:  # it does not keep the connection
            return seen[:number]
    return seen


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_random_bytes_are_refused_or_wait(data, cuts):
    """Random bytes never raise anything but Refused."""
    read(pieces(data, cuts))


@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    st.data(),
)
def test_mutated_requests_are_read_alike_however_cut(data, changes, draw):
    """A request with some bytes changed gives the same result whole and in pieces."""
    changed = bytearray(data)
    for place, byte in changes:
        changed[place % len(changed)] = byte
    cuts = draw.draw(st.lists(st.integers(0, 400), max_size=6))
    assert read(pieces(bytes(changed), cuts)) == read([bytes(changed)])


def test_a_body_of_exactly_the_limit_passes():
    """The body limit is inclusive, by length and in chunks."""
    assert read([request("POST", "/", b"x" * 100)])[0][3] == b"x" * 100
    assert read([CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n"])[0][3] == b"x" * 100


@pytest.mark.parametrize(
    "data",
    [request("POST", "/", b"x" * 101), CHUNKED + b"65\r\n" + b"x" * 101, CHUNKED + b"1\r\nx\r\n" * 101],
)
def test_a_larger_body_is_reported_and_not_read(data):
    """A request over the limit is returned without its body, marked, and ends the connection."""
    seen = read([data])
    assert seen[-1] == "too large"
    assert seen[0][3] == b""
    assert seen[0][5] is False


def test_framing_may_not_outweigh_the_body():
    """Chunk extensions do not let a client send without end."""
    assert (
        read([CHUNKED + b"1;" + b"e" * 900 + b"\r\nx\r\n"] * 1 + [b"1;" + b"e" * 900 + b"\r\nx\r\n"] * 20)[-1]
        == "too large"
    )


def test_absolute_form_replaces_the_host():
    """The authority of an absolute-form target is the request's host."""
    (got,) = read([b"GET http://there:1/abs?q HTTP/1.1\r\nHost: here\r\n\r\n"])
    assert got[:2] == ("GET", "/abs?q")
    assert got[2]["host"] == "there:1"


def test_repeated_headers_are_joined():
    """Repeated headers are joined by commas, cookies by semicolons; of some the first counts."""
    (got,) = read([VALID[7]])
    assert got[2]["accept-language"] == "x, y"
    assert got[2]["cookie"] == "a=1; b=2"
    assert got[2]["accept"] == "x"


def test_continue_is_wanted_once_and_only_before_the_body():
    """`100 Continue` is asked for when the head is complete and nothing of the body has come."""
    reader = RequestReader(PEER, LIMITS)
    reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert reader.next() is None
    assert reader.wants_continue()
    assert not reader.wants_continue()
    reader.feed(b"ok")
    got = reader.next()
    assert got is not None
    assert got.body == b"ok"


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (request(), True),
        (request(close=True), False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_keep_alive_follows_version_and_header(data, keeps):
    """HTTP/1.1 keeps the connection unless told, HTTP/1.0 only when told."""
    assert read([data])[0][5] is keeps
