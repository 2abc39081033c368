"""The pure parts of the lean clients."""

from __future__ import annotations

import pytest
from hpack import Decoder
from hypothesis import given, settings
from hypothesis import strategies as st

from watchcache.bench.client.header_block import HeaderBlocks, integer
from watchcache.bench.client.http1 import _Answer
from watchcache.bench.client.http2 import status_of


def test_blocks_of_a_connection_decode_to_what_was_asked():
    """The first block fills the server's table, the later ones refer to it; both say the same."""
    blocks, decoder = HeaderBlocks("127.0.0.1:6443", "secret"), Decoder()
    for first in (True, False, False):
        block = blocks.block("PUT", "/api/v1/nodes/n-1/status?x=1", "application/json", 17, first=first)
        assert dict(decoder.decode(block)) == {
            ":method": "PUT",
            ":scheme": "https",
            ":path": "/api/v1/nodes/n-1/status?x=1",
            ":authority": "127.0.0.1:6443",
            "user-agent": "watchcache-bench/1",
            "accept": "application/json",
            "authorization": "Bearer secret",
            "content-type": "application/json",
            "content-length": "17",
        }
    assert len(block) < 70


def test_a_block_without_body_and_token():
    """A client that has a certificate sends no authorization."""
    found = Decoder().decode(HeaderBlocks("h:1", "").block("GET", "/", "", 0, first=True))
    assert [name for name, _ in found] == [
        ":method",
        ":scheme",
        ":path",
        ":authority",
        "user-agent",
        "accept",
    ]


def test_integers_are_those_of_the_rfc():
    """RFC 7541, C.1: 10 and 1337 behind five bits of prefix."""
    assert integer(10, 5, 0) == b"\x0a"
    assert integer(1337, 5, 0) == b"\x1f\x9a\x0a"


@pytest.mark.parametrize(
    ("block", "status"),
    [(b"\x88", 200), (b"\x20\x88", 200), (b"\x8d", 404), (b"\x08\x03201", 201), (b"\x20\x08\x03429", 429)],
)
def test_the_status_is_read_from_the_start_of_a_block(block: bytes, status: int):
    """Indexed, literal, and behind the size update with which a server answers an empty table."""
    assert status_of(block) == status


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n, wonderful worl\r\n1\r\nd\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nmissing"


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(1, len(CHUNKED)), max_size=5))
def test_chunks_are_joined_however_they_come(cuts: list[int]):
    """A watch over HTTP/1.1 gets its bytes without the chunks' sizes, and none when it is accepted."""
    parts: list[bytes] = []
    answer, at, done = _Answer(parts.append), 0, False
    for cut in [*sorted(cuts), len(CHUNKED)]:
        done = answer.feed(CHUNKED[at:cut]) or done
        at = cut
    assert done
    assert parts[0] == b""
    assert b"".join(parts) == b"hello, wonderful world"


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, len(SIZED)))
def test_a_body_of_known_length(cut: int):
    """The body is whole when as many bytes have come."""
    answer = _Answer(None)
    done = [answer.feed(part) for part in (SIZED[:cut], SIZED[cut:]) if part]
    assert done[-1]
    assert (answer.status, b"".join(answer.body)) == (404, b"missing")
