"""What every journal must do, seen through the log that stands on it."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from watchcache.log import Compacted, Conflict, Event, EventLog, Head
from watchcache.persist import Retention

from .places import PLACES, Place
from .samples import stamp, value


def named(place: type[Place]) -> str:
    """The name of a place in test ids."""
    return place.__name__.lower()


def those(wanted: Callable[[type[Place]], bool]) -> list[Any]:
    """The places, with their marks, that something holds for."""
    return [place for place in PLACES if wanted(place.values[0] if hasattr(place, "values") else place)]


@pytest.fixture(params=PLACES, ids=named)
def place(request, tmp_path):
    """A fresh place of each kind."""
    place = request.param(tmp_path)
    yield place
    place.close()


async def history(log: EventLog, after: int) -> list[Event]:
    """All events after a revision, in one list."""
    return [event async for batch in log.history(after) for event in batch]


async def scribble(log: EventLog, writes: int, keys: int = 7) -> list[Event]:
    """Creates, updates and deletions, one after the other; each key is deleted at every fifth write to it."""
    events = []
    for number in range(writes):
        key = f"pods/default/p{number % keys}"
        gone = number // keys % 5 == 4
        events.append(await log.append(key, None if gone else value(f"{number:0100}")))
    return events


def state_of(events: list[Event]) -> list[tuple[str, Head]]:
    """What events add up to."""
    state = {}
    for event in events:
        if event.deleted:
            del state[event.key]
        else:
            state[event.key] = Head(event.revision, event.value)
    return sorted(state.items())


async def test_events_say_what_changed(place: Place):
    """Create, update and deletion carry value, previous value and revisions as the contract says."""
    async with place.log() as log:
        created = await log.append("k", value("1"), expected=0)
        updated = await log.append("k", value("2"), expected=created.revision)
        deleted = await log.append("k", None, expected=updated.revision)
    one, two, three = created.revision, updated.revision, deleted.revision
    assert 0 < one < two < three
    assert created == Event(one, "k", stamp(value("1"), one), False, None, 0, created.time)
    assert updated == Event(two, "k", stamp(value("2"), two), False, created.value, one, updated.time)
    assert deleted == Event(three, "k", stamp(value("2"), three), True, updated.value, two, deleted.time)


async def test_preconditions_are_checked(place: Place):
    """A key that must not be there, a revision that must be current, and a deletion of nothing."""
    async with place.log() as log:
        event = await log.append("k", value("1"))
        for key, body, expected in [
            ("k", value("2"), 0),
            ("k", value("2"), event.revision + 1),
            ("k", None, event.revision + 1),
            ("l", None, None),
            ("l", value("2"), event.revision),
        ]:
            with pytest.raises(Conflict) as conflict:
                await log.append(key, body, expected=expected)
            assert conflict.value.head == (Head(event.revision, event.value) if key == "k" else None)
        assert log.published == event.revision


async def test_of_writers_with_the_same_expectation_one_wins(place: Place):
    """Twenty writers who all saw the same state: one write, nineteen conflicts."""
    results: list[str] = []
    async with place.log() as log:
        seen = (await log.append("k", value())).revision

        async def write(text):
            try:
                await log.append("k", value(text), expected=seen)
                results.append("written")
            except Conflict:
                results.append("conflict")

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(write, str(number))
    assert sorted(results) == ["conflict"] * 19 + ["written"]


async def test_subscribers_get_every_event_once_in_order(place: Place):
    """Many writers at once: what is delivered is what they were told, sorted by revision."""
    delivered: list[Event] = []
    answered: list[Event] = []
    async with place.log() as log:
        log.subscribe(delivered.extend)

        async def write(name):
            for number in range(10):
                event = await log.append(f"k{name}", value(str(number)))
                answered.append(event)

        async with trio.open_nursery() as nursery:
            for name in range(8):
                nursery.start_soon(write, name)
        assert delivered == sorted(answered, key=lambda event: event.revision)
        assert await history(log, 0) == delivered


async def test_history_is_what_was_delivered_from_any_revision(place: Place):
    """From memory or from the journal: the same events with the same previous values."""
    async with place.log(ring_bytes=3000) as log:
        events = await scribble(log, 90)
        for after in [0, *(event.revision for event in events[::7]), events[-1].revision]:
            assert await history(log, after) == [event for event in events if event.revision > after]


async def test_heads_are_what_the_events_add_up_to(place: Place):
    """The published state, sorted by key, is the replay of the history."""
    async with place.log() as log:
        events = await scribble(log, 60)
        assert list(log.heads("pods/")) == state_of(events)
        assert list(log.heads("nodes/")) == []


async def test_compacted_history_is_refused_and_the_rest_is_kept(place: Place):
    """After a compaction a reader may resume from its revision on, and the state is untouched."""
    async with place.log() as log:
        events = await scribble(log, 60)
        at = events[40].revision
        await log.compact(at)
        assert log.oldest >= at
        assert await history(log, log.oldest) == [event for event in events if event.revision > log.oldest]
        with pytest.raises(Compacted):
            await history(log, at - 1)
        assert list(log.heads("")) == state_of(events)
        await log.compact(1)
        assert log.oldest >= at


@pytest.mark.parametrize("place", those(lambda place: place.retains), ids=named, indirect=True)
async def test_retention_by_revisions_keeps_the_newest(place: Place):
    """With a limit old events go, the asked number stays, and the state is untouched."""
    async with place.log(Retention(revisions=30)) as log:
        events = await scribble(log, 300)
        assert 0 < log.oldest <= events[-31].revision
        assert await history(log, log.oldest) == [event for event in events if event.revision > log.oldest]
        assert list(log.heads("")) == state_of(events)


async def test_large_and_strange_values_come_back(place: Place):
    """Three megabytes, and text beyond ASCII in keys and values."""
    async with place.log(ring_bytes=1000) as log:
        large = await log.append("k", value("x" * (3 << 20)))
        strange = await log.append("käse/😀", value("\u2028 😀 ß"))
        await log.append("k", None)
        assert (await history(log, 0))[:2] == [large, strange]


@pytest.mark.parametrize("place", those(lambda place: place.durable), ids=named, indirect=True)
async def test_a_restart_forgets_nothing(place: Place):
    """State, revisions, the whole retained history and the epoch are there again, and writing goes on after them."""
    events: list[Event] = []
    epochs = set()
    for _ in range(4):
        async with place.log() as log:
            epochs.add(log.epoch)
            assert list(log.heads("")) == state_of(events)
            assert log.revision == log.published == (events[-1].revision if events else place.first)
            if events:
                assert log.oldest <= events[0].revision - 1
                assert await history(log, log.oldest) == events
                middle = events[len(events) // 2].revision
                assert await history(log, middle) == [event for event in events if event.revision > middle]
            events += await scribble(log, 43)
    assert len(epochs) == 1


@pytest.mark.parametrize("place", those(lambda place: not place.durable), ids=named, indirect=True)
async def test_what_does_not_last_starts_anew(place: Place):
    """A journal in memory is empty when it is opened again, and says so by another epoch."""
    async with place.log() as log:
        await scribble(log, 5)
        epoch = log.epoch
    async with place.log() as log:
        assert (log.revision, log.oldest, list(log.heads(""))) == (0, 0, [])
        assert log.epoch != epoch
