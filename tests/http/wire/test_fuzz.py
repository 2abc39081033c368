"""Input nobody meant: the server neither falls nor hangs, and serves the next client."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .scene import dial, request, running

pytestmark = pytest.mark.usefixtures("framing")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def _headers(stream: int, path: str, flags: list[str]) -> bytes:
    fields = [(":method", "PUT"), (":scheme", "http"), (":path", path), (":authority", "a")]
    return HeadersFrame(stream, Encoder().encode(fields), flags=flags).serialize()


streams = st.sampled_from([0, 1, 1, 3, 5, 2])
flag_sets = st.sampled_from([["END_HEADERS"], ["END_HEADERS", "END_STREAM"], []])
paths = st.sampled_from(["/", "/watch", "/wait", "/stream", "/large", "/fail", "x"])
FRAMES = st.one_of(
    st.builds(_headers, st.sampled_from([1, 3, 5, 7]), paths, flag_sets),
    st.builds(
        lambda n, d, f: DataFrame(n, d, flags=f).serialize(),
        st.sampled_from([1, 3]),
        st.binary(max_size=50),
        st.sampled_from([[], ["END_STREAM"]]),
    ),
    st.builds(lambda n: RstStreamFrame(n, error_code=8).serialize(), st.sampled_from([1, 3, 9])),
    st.builds(
        lambda n, i: WindowUpdateFrame(n, window_increment=i).serialize(), streams, st.integers(1, 2**31 - 1)
    ),
    st.builds(lambda v: SettingsFrame(0, {4: v}).serialize(), st.integers(0, 2**31 - 1)),
    st.builds(lambda: PingFrame(0, b"12345678").serialize()),
    st.builds(lambda d: ContinuationFrame(1, d, flags=["END_HEADERS"]).serialize(), st.binary(max_size=20)),
    st.builds(lambda: GoAwayFrame(0).serialize()),
    st.builds(lambda: PriorityFrame(3, depends_on=1, stream_weight=3).serialize()),
    st.binary(max_size=40),
)


def survive(data: bytes, step: int) -> None:
    """Send the data in steps, leave, and see the server serve somebody else."""

    async def main() -> None:
        with trio.fail_after(20):
            async with running() as scene:
                async with await dial(scene) as stream:
                    try:
                        for start in range(0, len(data), step):
                            await stream.send_all(data[start : start + step])
                            await trio.lowlevel.checkpoint()
                        await stream.send_eof()
                        with trio.move_on_after(0.005):
                            while await stream.receive_some(65536):
                                pass
                    except trio.BrokenResourceError:
                        pass
                async with await dial(scene) as stream:
                    await stream.send_all(request())
                    assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 200")
                while scene.server.stats().connections:
                    await trio.lowlevel.checkpoint()
                    if scene.release.is_set():
                        continue
                    scene.release.set()

    trio.run(main)


@FUZZ
@given(st.lists(FRAMES, max_size=12), st.sampled_from([1, 7, 100_000]))
def test_any_sequence_of_frames(frames, step):
    """Valid frames in any order, with garbage between, cut in any way."""
    survive(PREFACE + b"".join(frames), step)


@FUZZ
@given(
    st.lists(FRAMES, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=5),
)
def test_damaged_frames(frames, changes):
    """Frames with some bytes changed."""
    data = bytearray(PREFACE + b"".join(frames))
    for place, byte in changes:
        data[24 + place % (len(data) - 24)] = byte
    survive(bytes(data), 100_000)


@FUZZ
@given(
    st.lists(st.one_of(st.builds(request, st.just("GET"), paths), st.binary(max_size=60)), max_size=6),
    st.sampled_from([1, 100_000]),
)
def test_any_sequence_of_requests_and_garbage(parts, step):
    """HTTP/1.1 requests with garbage between."""
    survive(b"".join(parts), step)
