"""The decoder of request heads makes of any bytes what the `hpack` library makes of them."""

import pytest
from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watchcache.http.wire import hpack_blocks
from watchcache.http.wire.hpack_blocks import BlockDecoder, huffman_decoded

MOST = 4096

names = st.one_of(
    st.sampled_from([b":path", b":method", b"authorization", b"x"]), st.binary(min_size=1, max_size=20)
)
values = st.one_of(st.sampled_from([b"/api/v1/pods?watch=true", b"GET", b""]), st.binary(max_size=300))
fields = st.lists(st.tuples(names, values, st.booleans()), max_size=8)
sizes = st.sampled_from([None, None, None, 0, 100, 4096])


def outcome(decode, block: bytes) -> list[tuple[bytes, bytes]] | str:
    """The fields, or that there is an error, and whether it is one of size."""
    try:
        return [(bytes(name), bytes(value)) for name, value in decode(block)]
    except OversizedHeaderListError:
        return "too large"
    except HPACKError:
        return "broken"


def agree(blocks: list[bytes]) -> None:
    """Both decoders, over a connection's blocks until the first that is broken."""
    theirs, ours = Decoder(max_header_list_size=MOST), BlockDecoder(MOST)
    for block in blocks:
        expected = outcome(lambda data: theirs.decode(data, raw=True), block)
        assert outcome(ours.decode, block) == expected
        if isinstance(expected, str):
            return


@given(st.lists(st.tuples(fields, st.booleans(), sizes), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_what_an_encoder_made_is_read_as_it_was(blocks) -> None:
    """Over a whole connection: with its dynamic table, evictions, table sizes, and Huffman's code or not."""
    encoder, made = Encoder(), []
    for headers, huffman, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        made.append(encoder.encode(headers, huffman=huffman))
    agree(made)


@given(fields, fields, st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_damaged_is_refused_as_the_library_does(first, second, data) -> None:
    """A byte changed, a piece cut out: the same fields, or the same kind of error."""
    encoder = Encoder()
    made = [encoder.encode(headers) for headers in (first, second)]
    block = bytearray(made[1])
    for _ in range(data.draw(st.integers(1, 3))):
        if block:
            at = data.draw(st.integers(0, len(block) - 1))
            if data.draw(st.booleans()):
                block[at] = data.draw(st.integers(0, 255))
            else:
                del block[at : at + data.draw(st.integers(1, 5))]
    agree([made[0], bytes(block)])


@given(st.lists(st.binary(max_size=60), max_size=3))
@settings(max_examples=200, deadline=None)
@example([b"\x80"])  # index 0
@example([b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"])  # an endless integer
@example([b"\x82\x20"])  # a table size behind a field
@example([b"\x3f\xe2\x1f"])  # a larger table than granted
@example([b"\x40\x81\xff\x00"])  # nothing but padding
@example([b"\xbe"])  # an entry that is not there
def test_noise_is_refused_as_the_library_does(blocks) -> None:
    """Any bytes at all."""
    agree(blocks)


def test_noise_does_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of Huffman's code beyond the bound are made anew each time, and are right."""
    monkeypatch.setattr(hpack_blocks, "_steps", {})
    monkeypatch.setattr(hpack_blocks, "_STEPS_KEPT", 3)
    coded = bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff")  # RFC 7541 C.4.1
    assert huffman_decoded(coded) == b"www.example.com"
    assert len(hpack_blocks._steps) == 3
