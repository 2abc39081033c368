"""The pure parts of HTTP/2's framing, and of bodies."""

from __future__ import annotations

import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from watchcache.http.wire import hpack_plain
from watchcache.http.wire.blocks import pieces, size_of
from watchcache.http.wire.chunks import LAST_CHUNK, ChunkReader, chunk
from watchcache.http.wire.frame_walk import FrameWalk
from watchcache.http.wire.frames import frame
from watchcache.http.wire.header_rules import Malformed, check_request, check_trailers, fields_of
from watchcache.http.wire.heads import BadHeader, head, http2_head

from .scene import pieces as cut

NAMES = st.sampled_from([":status", "content-type", "date", "x-own", "audit-id", "warning"])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_encoded_headers_are_decoded_to_the_same(fields):
    """A decoder that follows RFC 7541 reads what the plain encoder writes, twice with one table."""
    decoder = Decoder()
    expected = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    for _ in range(2):
        assert [tuple(one) for one in decoder.decode(hpack_plain.encode(fields), raw=True)] == expected


@given(st.integers(0, 1 << 30), st.integers(4, 7))
def test_integers_round_trip(value, bits):
    """Integers of every prefix are read back."""
    from hpack.hpack import decode_integer

    made = hpack_plain.integer(value, bits)
    assert decode_integer(made, bits) == (value, len(made))


GOOD = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"a")]
BAD = {
    "upper case": [*GOOD, (b"Accept", b"x")],
    "space in a name": [*GOOD, (b"a b", b"x")],
    "connection": [*GOOD, (b"connection", b"close")],
    "transfer-encoding": [*GOOD, (b"transfer-encoding", b"chunked")],
    "te": [*GOOD, (b"te", b"gzip")],
    "unknown pseudo": [*GOOD, (b":status", b"200")],
    "pseudo after regular": [GOOD[0], (b"accept", b"x"), *GOOD[1:]],
    "pseudo twice": [*GOOD, (b":path", b"/b")],
    "no path": GOOD[:2],
    "empty path": [*GOOD[:2], (b":path", b"")],
    "no method": GOOD[1:],
    "line end in a value": [*GOOD, (b"x", b"a\r\nb")],
    "NUL in a value": [*GOOD, (b"x", b"a\0b")],
    "two lengths": [*GOOD, (b"content-length", b"1"), (b"content-length", b"2")],
    "signed length": [*GOOD, (b"content-length", b"+1")],
    "CONNECT with a path": [(b":method", b"CONNECT"), (b":path", b"/"), (b":authority", b"a")],
}


@pytest.mark.parametrize("name", BAD)
def test_malformed_header_blocks_are_refused(name):
    """RFC 9113 8.2 and 8.3, one rule each."""
    with pytest.raises(Malformed):
        check_request(fields_of(BAD[name]), ended=False)


def test_a_good_block_gives_its_announced_length():
    """The length is announced or not, and may not be announced where no body follows."""
    assert check_request(fields_of(GOOD), ended=True) == -1
    announced = fields_of([*GOOD, (b"content-length", b"7")])
    assert check_request(announced, ended=False) == 7
    with pytest.raises(Malformed):
        check_request(announced, ended=True)
    with pytest.raises(Malformed):
        check_trailers(announced, ended=True)


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 4, 8, 9]), st.integers(0, 60)), max_size=10),
    st.lists(st.integers(0, 900), max_size=8),
)
def test_the_walk_finds_long_frames_and_blocks_however_cut(frames, cuts):
    """A frame over its limit, or a header block over its own, is found whatever the pieces, and nothing else is."""
    wrong, block = "", 0
    for kind, size in frames:
        block = size if kind == 1 else block + size if kind == 9 else block
        wrong = wrong or ("frame" if size > 50 else "block" if kind in (1, 9) and block > 70 else "")
    data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(
        frame(kind, 0, 1, b"\0" * size) for kind, size in frames
    )
    walk, found = FrameWalk(50, 70), ""
    for piece in cut(data, cuts):
        found = found or walk.walk(piece)
    assert found == wrong


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(0, 600), max_size=8))
def test_chunks_round_trip_however_cut(parts, cuts):
    """What `chunk` frames the reader reads, and the next request's bytes stay in the buffer."""
    data = b"".join(map(chunk, parts)) + LAST_CHUNK
    reader, buffer, whole = ChunkReader(1000), bytearray(), False
    for piece in cut(data, cuts):
        buffer += piece
        whole = whole or reader.read(buffer)
    assert whole
    assert reader.body() == b"".join(parts)
    buffer += b"GET"
    assert buffer == b"GET"


@given(
    st.one_of(st.binary(max_size=500), st.lists(st.binary(max_size=120), max_size=20)), st.integers(1, 100)
)
def test_pieces_are_the_body(body, size):
    """Blocks joined are the body, none above the size."""
    made = [bytes(piece) for piece in pieces(body, size)]
    assert b"".join(made) == (body if isinstance(body, bytes) else b"".join(body))
    assert all(0 < len(piece) <= size for piece in made if piece)
    assert sum(map(len, made)) == size_of(body)


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "a\0b"])
def test_headers_cannot_leave_their_line(value):
    """A handler's header with a line end is refused by both protocols."""
    with pytest.raises(BadHeader):
        head(200, [("X", value)], "")
    with pytest.raises(BadHeader):
        http2_head(200, [("X", value)], None)
