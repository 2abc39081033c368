"""A call of gRPC: its messages, however they come, and its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.persist.etcd.call import Stream, framed
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.frames import Broken


def stream(messages: list[bytes]) -> Stream:
    """A call whose messages go to a list."""
    return Stream(messages.append, lambda _code, _text, _unsent: None, 0.0)


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 20))
def test_messages_are_whole_wherever_the_bytes_are_cut(sent, step):
    """Each is passed on once, when its last byte is here, and until then it is known to be awaited."""
    data, got = b"".join(map(framed, sent)), list[bytes]()
    call = stream(got)
    ends = [sum(len(framed(each)) for each in sent[: count + 1]) for count in range(len(sent))]
    for at in range(0, len(data), step):
        reached = min(at + step, len(data))
        awaited = call.receive(data[at:reached])
        whole = [end for end in ends if end <= reached]
        assert got == sent[: len(whole)]
        assert awaited == (reached - max(whole, default=0) >= 5)
    assert got == sent


def test_a_compressed_message_is_refused():
    """We ask for none."""
    with pytest.raises(Broken, match="compressed"):
        stream([]).receive(b"\1" + framed(b"x")[1:])


@pytest.mark.parametrize(
    ("blocks", "otherwise", "status"),
    [
        ([{":status": "200"}, {"grpc-status": "0"}], "", (Code.OK, "")),
        ([{"grpc-status": "5", "grpc-message": "no%20key"}], "reset", (Code.NOT_FOUND, "no key")),
        ([{":status": "200"}], "reset", (Code.UNAVAILABLE, "reset")),
        ([{":status": "502"}], "", (Code.UNKNOWN, "HTTP status 502, not gRPC")),
        ([], "", (Code.UNKNOWN, "HTTP status missing, not gRPC")),
    ],
)
def test_the_trailers_say_how_it_ended(blocks, otherwise, status):
    """Without them the connection's reason counts, and a peer that ends in order speaks no gRPC."""
    call = stream([])
    for headers in blocks:
        call.add_headers(headers)
    assert call.status(otherwise) == status
