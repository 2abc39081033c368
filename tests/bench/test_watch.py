"""What a watch notices in its stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.events import bookmark, event
from watchcache.bench.measures import Measures
from watchcache.bench.selectors import Scope
from watchcache.bench.watch import STAMP, State, Watch


def live(start: int = 10) -> Watch:
    """A watch whose initial state ended at a revision."""
    watch = Watch(Scope("v1/pods"), "node", Measures())
    watch.began(start)
    return watch


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 400), max_size=6))
def test_cuts_of_the_network_do_not_matter(cuts: list[int]):
    """However the bytes are cut, the same events are counted."""
    data = event("ADDED", 11) + event("MODIFIED", 12) + bookmark(13) + event("DELETED", 14)
    watch, at = live(), 0
    for cut in [*sorted(min(one, len(data)) for one in cuts), len(data)]:
        watch.feed(data[at:cut], now=0)
        at = cut
    assert (watch.count, watch.total, watch.position) == (3, 37, 14)
    assert watch.measures.counters.get("reordered", 0) == 0


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (event("ADDED", 11) + event("MODIFIED", 11), "repeated"),
        (event("ADDED", 12) + event("MODIFIED", 11), "reordered"),
        (event("ADDED", 10), "reordered"),
        (bookmark(20) + event("MODIFIED", 15), "reordered"),
        (event("ADDED", 12) + bookmark(11), "reordered"),
    ],
)
def test_a_faulty_stream_is_counted(stream: bytes, fault: str):
    """An event twice, one out of order, one from before the start, one that a bookmark had passed."""
    watch = live()
    watch.feed(stream, now=0)
    assert {name: watch.measures.counters.get(name, 0) for name in ("repeated", "reordered")} == {
        "repeated": int(fault == "repeated"),
        "reordered": int(fault == "reordered"),
    }


def test_initial_events_are_not_counted():
    """They come in the order of names; counting starts at the bookmark that ends them."""
    watch = Watch(Scope("v1/pods"), "node", Measures())
    watch.state = State.INITIAL
    watch.feed(
        event("ADDED", 9, "a") + event("ADDED", 3, "b") + bookmark(20, initial_end=True) + event("ADDED", 21),
        0,
    )
    assert (watch.start, watch.count, watch.position) == (20, 1, 21)
    assert "reordered" not in watch.measures.counters


def test_latency_is_from_the_stamp_to_now():
    """The stamp is nanoseconds of the shared clock."""
    watch = live()
    watch.feed(event("ADDED", 11, annotations={STAMP: "1000000"}), now=6_000_000)
    assert watch.measures.histograms["watch|node"].percentile(50) == pytest.approx(5000, rel=0.02)


def test_replays_are_measured_apart():
    """What was written before the stream was accepted is late for the connection's sake, not for the server's."""
    watch = live()
    watch.opened = 2_000_000
    watch.feed(event("ADDED", 11, annotations={STAMP: "1000000"}), now=6_000_000)
    assert list(watch.measures.histograms) == ["watch|replayed"]


def test_stamps_of_deletions_are_old():
    """A deletion does not renew the annotation: neither the mark for deletion nor the deletion is measured."""
    watch = live()
    old = {STAMP: "1"}
    watch.feed(
        event("MODIFIED", 11, annotations=old, deletionTimestamp="x") + event("DELETED", 12, annotations=old),
        now=10**9,
    )
    assert watch.count == 2
    assert watch.measures.histograms == {}


def test_a_410_in_the_stream_asks_for_a_relist():
    """The error event says that the position is too old."""
    watch = live()
    watch.feed(b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n', now=0)
    assert watch.gone
    assert watch.measures.counters["gone"] == 1
