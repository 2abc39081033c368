"""Bookmarks of very many watches: spread over time, and sent without holding up anything else."""

from __future__ import annotations

import math
from itertools import pairwise

import trio
from hypothesis import given
from hypothesis import strategies as st

from watchcache.cacher import Now, Selection
from watchcache.cacher.bookmarks import EVERY, SLOT, Spread, Timer, Wheel

from .scene import Pipe, Scene

WATCHES = 50


def test_first_bookmarks_are_spread_over_half_a_minute() -> None:
    """Of a thousand watches that begin together, no second of the half minute before the minute gets much more than its share."""
    spread = Spread()
    times = [spread.next() for _ in range(1000)]
    assert times[0] == EVERY
    counts = [sum(second <= time < second + 1 for time in times) for second in range(30, 60)]
    assert sum(counts) == 999
    assert max(counts) <= 36


def test_watches_of_one_connection_have_their_bookmarks_together() -> None:
    """And those of different ones are spread as watches are."""
    spread = Spread()
    times = [spread.next(connection) for connection in range(1, 1001)]
    assert times == [spread.next(connection) for connection in range(1, 1001)]
    counts = [sum(second <= time < second + 1 for time in times) for second in range(30, 60)]
    assert sum(counts) == 1000
    assert max(counts) <= 36


async def test_what_is_due_together_is_gathered(monkeypatch, autojump_clock, scene: Scene) -> None:
    """The bookmarks of a connection's watches are sent between one `before` and one `after`."""
    monkeypatch.setattr("watchcache.cacher.hub.SLICE", 60.0)  # however slow the machine
    pipes = [Pipe() for _ in range(20)]
    for pipe in pipes:
        pipe.connection = 7
        scene.watch(Now(), pipe, Selection("elsewhere/"), bookmarks=True)
    await scene.put("a/1")
    await scene.settle()
    told: list[int] = []

    def note() -> None:
        told.append(sum(pipe.sends for pipe in pipes))

    scene.hub.fan_out.surround(note, note)
    await trio.sleep(61)
    sent = [after - before for before, after in zip(told[::2], told[1::2], strict=True)]
    assert [count for count in sent if count] == [20]


def test_a_timer_cancelled_after_it_was_taken_does_nothing() -> None:
    """Between taking what is due and running it others have their turn, and a watch may end in it."""
    done: list[int] = []
    wheel = Wheel()
    first = wheel.add(1.0, lambda: done.append(1))
    wheel.add(1.0, lambda: done.append(2))
    due = wheel.take_due(2.0)
    first.cancel()
    for timer in due:
        timer.action()
    assert done == [2]


def test_cancelled_timers_leave_nothing_behind() -> None:
    """Watches come and go, their deadlines an hour away and in all the slots until then."""
    wheel = Wheel()
    stays = wheel.add(5000.0, lambda: None)
    for number in range(10_000):
        wheel.add(float(number % 3600), lambda: None).cancel()
        assert len(wheel) + len(wheel._slots) + len(wheel._order) < 100
    assert wheel.take_due(6000.0) == [stays]
    assert not wheel._slots
    assert not wheel._order


@given(st.lists(st.tuples(st.sampled_from(["add", "cancel", "take"]), st.integers(0, 40))))
def test_timers_run_once_in_order_and_never_early(steps: list[tuple[str, int]]) -> None:
    """Whatever is set and cancelled between."""
    wheel, now, waiting = Wheel(), 0.0, dict[Timer, float]()
    for what, number in steps:
        if what == "add":
            waiting[wheel.add(now + number / 4, lambda: None)] = now + number / 4
        elif what == "cancel" and waiting:
            timer = list(waiting)[number % len(waiting)]
            timer.cancel()
            del waiting[timer]
        elif what == "take":
            now += number / 8
            times = [waiting.pop(timer) for timer in wheel.take_due(now)]
            assert all(time <= now for time in times)
            assert all(later > earlier - SLOT for earlier, later in pairwise(times))
            assert all(time > now - SLOT for time in waiting.values())
        assert wheel.next_due() <= min(waiting.values(), default=math.inf) + SLOT
        assert len(wheel) == len(waiting)


class Telling(Pipe):
    """A sink that says when it is first sent to."""

    def __init__(self, sent: trio.Event, order: list[str]) -> None:
        super().__init__()
        self._sent, self._order = sent, order

    def send(self, framed: bytes) -> bool:
        self._order.append("bookmark")
        self._sent.set()
        return super().send(framed)


async def test_others_have_their_turn_between_the_bookmarks_of_many_watches(
    monkeypatch, autojump_clock, scene: Scene, nursery: trio.Nursery
) -> None:
    """Bookmarks that are due at once are sent in slices: who waits for the first runs before the last."""
    monkeypatch.setattr("watchcache.cacher.hub.SLICE", 0.0)  # each bookmark is a slice
    begun, order = trio.Event(), list[str]()

    async def other() -> None:
        await begun.wait()
        order.append("other")

    nursery.start_soon(other)
    for _ in range(WATCHES):
        scene.watch(Now(), Telling(begun, order), Selection("elsewhere/"), timeout=10, bookmarks=True)
    await scene.put("a/1")
    await trio.sleep(9)
    assert order.count("bookmark") == WATCHES
    assert order.index("other") <= 2


async def test_a_watch_that_ends_between_two_slices_is_left_alone(
    monkeypatch, autojump_clock, scene: Scene, nursery: trio.Nursery
) -> None:
    """Its bookmark was due, but it is neither sent nor set again."""
    monkeypatch.setattr("watchcache.cacher.hub.SLICE", 0.0)
    begun = trio.Event()
    pipes = [Telling(begun, []) for _ in range(WATCHES)]
    watchers = [
        scene.watch(Now(), pipe, Selection("elsewhere/"), timeout=10, bookmarks=True) for pipe in pipes
    ]

    async def leave() -> None:
        await begun.wait()
        for watcher in watchers:
            watcher.stop()

    nursery.start_soon(leave)
    await scene.put("a/1")
    await trio.sleep(20)
    assert 1 <= sum(pipe.sends for pipe in pipes) <= 2
    assert len(scene.hub._wheel) == 0
