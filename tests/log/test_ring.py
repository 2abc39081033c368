"""The newest events in memory, within a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.log import Event, Ring
from watchcache.log.ring import cost


def event(revision: int, size: int = 10, time: float = 0.0) -> Event:
    """An event of that many bytes."""
    return Event(revision, "k", b"x" * size, deleted=False, prev=None, prev_revision=0, time=time)


def test_what_is_held_can_be_read_from_any_revision():
    """`after` gives the events that follow, also after a revision that no event has."""
    ring = Ring(1 << 20, oldest=3)
    ring.extend([event(4), event(6), event(9)])
    assert [e.revision for e in ring.after(3, 10)] == [4, 6, 9]
    assert [e.revision for e in ring.after(5, 10)] == [6, 9]
    assert [e.revision for e in ring.after(4, 1)] == [6]
    assert ring.after(9, 10) == []


def test_reading_before_the_oldest_is_a_mistake_of_the_caller():
    """Whoever reads must have compared with `oldest`: a gap must not look like no events."""
    ring = Ring(1 << 20, oldest=3)
    with pytest.raises(AssertionError):
        ring.after(2, 1)


def test_expired_events_go_from_the_front():
    """Expiry stops at the first event that is young enough."""
    ring = Ring(1 << 20)
    ring.extend([event(1, time=1.0), event(2, time=5.0), event(3, time=2.0)])
    ring.expire(3.0)
    assert (ring.oldest, len(ring)) == (1, 2)


def test_an_event_larger_than_the_ring_leaves_it_empty():
    """The bound holds even then: the event is in the journal."""
    ring = Ring(1000)
    ring.extend([event(1, 5000)])
    ring.check()
    assert (len(ring), ring.oldest) == (0, 1)


@given(
    st.lists(st.lists(st.integers(0, 900), max_size=5), max_size=20),
    st.integers(500, 5000),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_the_bound_holds_and_nothing_is_missing_behind_the_oldest(groups, limit, drops):
    """Whatever is added and dropped, the ring is a suffix of all events, within its bound."""
    ring, added, revision = Ring(limit), [], 0
    for number, sizes in enumerate(groups):
        events = [event(revision + n + 1, size) for n, size in enumerate(sizes)]
        revision += len(events)
        added += events
        ring.extend(events)
        if number < len(drops):
            ring.drop(min(drops[number], revision))
        ring.check()
        assert ring.after(ring.oldest, 1000) == [e for e in added if e.revision > ring.oldest]
        assert ring.bytes == sum(cost(e) for e in added if e.revision > ring.oldest)
