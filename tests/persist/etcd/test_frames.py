"""HTTP/2 as our gRPC client writes and reads it, beside the hpack and h2 libraries."""

import h2.config
import h2.connection
import h2.events
import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.persist.etcd import frames
from watchcache.persist.etcd.frames import Broken, FrameReader, HeaderReader

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=200)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=400)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_our_header_blocks_are_read_by_hpack(headers):
    """Names and values of any length, as literals."""
    assert hpack.Decoder().decode(frames.header_block(headers)) == headers


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 50))
def test_frames_are_cut_wherever_the_bytes_are(payloads, step):
    """However the network parts them."""
    sent = [(frames.DATA, 1, number, payload) for number, payload in enumerate(payloads)]
    data = b"".join(frames.frame(*each) for each in sent)
    reader = FrameReader()
    found = [each for at in range(0, len(data), step) for each in reader.feed(data[at : at + step])]
    assert found == sent


def test_our_opening_and_a_request_are_taken_by_h2():
    """The preface, settings, a request with a body, a PING."""
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/x"),
        (":authority", "a"),
        ("te", "trailers"),
    ]
    request = frames.frame(frames.HEADERS, frames.END_HEADERS, 1, frames.header_block(headers))
    body = frames.frame(frames.DATA, frames.END_STREAM, 1, b"hello")
    events = server.receive_data(
        frames.opening() + request + body + frames.frame(frames.PING, 0, 0, b"12345678")
    )
    kinds = [type(event) for event in events]
    for wanted in (
        h2.events.RequestReceived,
        h2.events.DataReceived,
        h2.events.StreamEnded,
        h2.events.PingReceived,
    ):
        assert wanted in kinds
    assert server.remote_settings.header_table_size == 0
    assert (
        server.remote_flow_control_window(1) == frames.WINDOW or server.outbound_flow_control_window > 65_535
    )


def test_headers_of_a_peer_without_a_table_are_remembered():
    """The same block is decoded once; one that updates the table first means the same."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    blocks = [encoder.encode([("grpc-status", "0"), ("x", "y")]) for _ in range(3)]
    reader = HeaderReader()
    assert [reader.read(block) for block in blocks] == [{"grpc-status": "0", "x": "y"}] * 3


def test_headers_of_a_peer_with_a_table_are_not():
    """Before it has heard of our settings: each block means what it means then."""
    encoder, reader = hpack.Encoder(), HeaderReader()
    for number in range(5):
        assert reader.read(encoder.encode([("a", str(number % 2)), ("b", "c")])) == {
            "a": str(number % 2),
            "b": "c",
        }


@pytest.mark.parametrize(
    ("flags", "payload", "content"),
    [(0, b"abc", b"abc"), (frames.PADDED, b"\x02abc\0\0", b"abc"), (frames.PRIORITY, b"12345abc", b"abc")],
)
def test_padding_and_priority_are_left_out(flags, payload, content):
    """Of HEADERS; nobody uses them, and anybody may."""
    assert frames.unpadded(frames.HEADERS, flags, payload) == content


def test_what_is_no_http2_is_refused():
    """A frame longer than allowed, padding longer than its frame, garbage for headers."""
    with pytest.raises(Broken):
        FrameReader().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(Broken):
        frames.unpadded(frames.DATA, frames.PADDED, b"\x05abc")
    with pytest.raises(Broken):
        HeaderReader().read(b"\xff\xff\xff\xff\xff\xff")
