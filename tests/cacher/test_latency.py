"""Time from commit to delivery by stage, and how late a watcher is."""

from __future__ import annotations

from watchcache.cacher import After
from watchcache.cacher.latency import BOUNDS, Latency

from .scene import Pipe, running


def counted(latency: Latency, stage: str) -> dict[float, int]:
    """The buckets that hold something."""
    counts = latency.stages[stage].counts
    return {bound: count for bound, count in zip((*BOUNDS, float("inf")), counts, strict=True) if count}


def test_a_tick_counts_all_its_events_with_the_oldest():
    """Three events committed up to 20 ms ago, published 15 ms after, written 5 ms later."""
    latency = Latency()
    latency.tick(3, committed=10.0, published=10.015, delivered=10.02)
    assert counted(latency, "journal") == {0.025: 3}
    assert counted(latency, "deliver") == {0.005: 3} or counted(latency, "deliver") == {0.01: 3}
    assert counted(latency, "total") == {0.025: 3}


def test_a_clock_set_back_counts_as_no_time():
    """A wall clock may jump; a histogram's sum must not fall."""
    latency = Latency()
    latency.tick(1, committed=10.0, published=4.0, delivered=5.0)
    assert latency.stages["total"].sum == 0.0


async def test_every_event_of_the_log_is_counted_once_a_stage():
    """Also without a watcher."""
    async with running() as scene:
        for number in range(5):
            await scene.put(f"ns/{number}")
        assert {stage: sum(d.counts) for stage, d in scene.pods.latency.stages.items()} == {
            "journal": 5,
            "deliver": 5,
            "total": 5,
        }


async def test_a_parked_watcher_says_since_when_it_is_owed_an_event():
    """The commit time of the first event that it has not been given; none once it has them all."""
    async with running() as scene:
        pipe = Pipe(mark=10)
        watcher = scene.watch(After(scene.log.published), pipe, timeout=1e6)
        await scene.settle()
        await scene.put("ns/a")
        missed = await scene.put("ns/b")
        await scene.put("ns/c")
        stats = watcher.stats()
        times = {event.revision: event.time for event in await scene.history()}
        assert (stats.state, stats.lag, stats.owed_since) == ("parked", 2, times[missed])
        for _ in range(3):
            pipe.drain()
            await scene.settle()
        assert (watcher.stats().state, watcher.stats().owed_since) == ("live", 0.0)
