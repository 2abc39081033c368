"""The budget of all watches together: when it is measured, who is held, who goes on; and that nobody loses an event by it."""

from __future__ import annotations

import trio

from watchcache.cacher import After
from watchcache.cacher.queues import EVERY, Budget

from .scene import Pipe, Scene, running


class Line:
    """A watcher as the budget sees it."""

    def __init__(self, waiting: int, *, held: bool = False) -> None:
        self.waiting = waiting
        self.held = held


def measured(queued: int, limit: int = 800) -> Budget:
    """A budget that has found so many bytes waiting."""
    budget = Budget(limit)
    budget.begin()
    budget.settle(queued)
    return budget


def test_it_is_measured_when_the_limit_may_have_been_reached():
    """What was found and what was given since are the most that can wait; then it begins anew."""
    budget = Budget(800)
    assert [budget.give(400) for _ in range(2)] == [False, True]
    budget.begin()
    assert not budget.give(100)
    budget.settle(600)
    assert budget.give(100)


def test_near_the_limit_it_is_measured_when_an_eighth_has_been_given():
    """Not with every event while the sum stays high."""
    budget = measured(790)
    assert [budget.give(40) for _ in range(3)] == [False, False, True]


def test_within_the_limit_nobody_is_held():
    """A long queue alone is no reason."""
    assert list(measured(800).excess([Line(700), Line(100)])) == []


def test_the_longest_queues_are_held_first():
    """Until the others have less than half the limit between them."""
    lines = [Line(100), Line(500), Line(200), Line(150), Line(0)]
    assert [line.waiting for line in measured(950).excess(lines)] == [500, 200]


def test_who_has_read_everything_goes_on():
    """While others still stall, a held watcher that has caught up with its queue is not punished for them."""
    stalled, reading = Line(500, held=True), Line(0, held=True)
    assert measured(700).relieved([stalled, reading]) == [reading]
    assert measured(400).relieved([stalled, reading]) == [stalled, reading]


async def test_a_stalled_reader_is_held_and_loses_nothing(autojump_clock: trio.testing.MockClock):
    """Over the limit the reader that does not read stops growing; when it reads again, it gets all that it is owed, once."""
    async with running(queue_limit=4000) as scene:
        slow, fast = Pipe(), Pipe()
        watcher = scene.watch(After(scene.log.published), slow, timeout=1e6)
        scene.watch(After(scene.log.published), fast, timeout=1e6)
        await scene.settle()
        revisions = [await write(scene, fast, number) for number in range(40)]
        assert watcher.held
        assert watcher.stats().state == "parked"
        assert slow.queued < 6000
        assert [revision for _, revision in fast.events] == revisions
        for _ in range(4):  # it is given no more than the limit at once
            slow.drain()
            await trio.sleep(2 * EVERY)
        assert not watcher.held
        assert [revision for _, revision in slow.events] == revisions
        assert watcher.stats().state == "live"


async def write(scene: Scene, reader: Pipe, number: int) -> int:
    """One event of 200 bytes; the reader takes it."""
    revision = await scene.put(f"ns/{number}", data="x" * 200)
    await trio.lowlevel.checkpoint()
    reader.drain()
    return revision


async def test_a_held_watch_can_end(autojump_clock: trio.testing.MockClock):
    """A client that leaves while it is held is forgotten."""
    async with running(queue_limit=1000) as scene:
        slow = Pipe()
        watcher = scene.watch(After(scene.log.published), slow, timeout=1e6)
        await scene.settle()
        for number in range(20):
            await scene.put(f"ns/{number}", data="x" * 200)
            await trio.lowlevel.checkpoint()
        assert scene.hub.pressure.held == 1
        watcher.stop()
        await trio.sleep(2 * EVERY)
        assert scene.hub.pressure.held == 0
