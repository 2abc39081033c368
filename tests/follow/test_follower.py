"""What a follower's readers get of a log, whatever the stream does."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.follow.scene import running, value
from watchcache.follow import FeedLost, FollowerLog, Link, frame
from watchcache.follow.messages import Events, Newest, decode_downward
from watchcache.log import Compacted, Event, Log

KEYS = ("a/1", "a/2", "b/1")


def state(log: Log | FollowerLog) -> list[tuple[str, int, bytes]]:
    """What a log holds."""
    return [(key, head.revision, head.value) for key, head in log.heads("")]


async def test_a_follower_has_the_state_and_then_every_event():
    """It loads what was there, and delivers what comes with the same revisions and predecessors."""
    async with running() as scene:
        await scene.write("a/1", "a/2", "b/1", "-a/2")
        follower, seen = await scene.follow()
        assert state(follower) == state(scene.log)
        assert (follower.epoch, follower.published) == (scene.log.epoch, 4)
        await scene.write("a/1", "a/3", "-b/1", text="new")
        await scene.settle(follower)
        assert seen == scene.published[4:]
        assert state(follower) == state(scene.log)
        assert [key for key, _ in follower.heads("a/")] == ["a/1", "a/3"]


async def test_all_followers_see_the_same():
    """Two followers deliver the same events in the same order, one of them begun later."""
    async with running() as scene:
        first, seen_first = await scene.follow()
        await scene.write("a/1")
        second, seen_second = await scene.follow()
        await scene.write("a/2", "-a/1", "a/1")
        await scene.settle(first)
        await scene.settle(second)
        assert seen_first[1:] == seen_second == scene.published[1:]


class Lossy:
    """Passes a feed's frames on, and leaves out or repeats those with events as it is told."""

    def __init__(self, fates: list[int]) -> None:
        self.fates = fates
        self.lost = 0

    async def run(self, feed: trio.abc.Stream, follower: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._up, follower, feed)
            link = Link(feed)
            while (payload := await link.receive()) is not None:
                copies = 1
                if isinstance(decode_downward(payload), Events) and self.fates:
                    copies = self.fates.pop()
                    self.lost += not copies
                for _ in range(copies):
                    await follower.send_all(frame(payload))

    async def _up(self, source: trio.abc.Stream, target: trio.abc.Stream) -> None:
        async for data in source:
            await target.send_all(data)


writes = st.lists(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(groups=writes, fates=st.lists(st.integers(0, 2), max_size=12), limit=st.sampled_from([300, 1 << 20]))
def test_lost_and_repeated_frames_do_not_show(groups: list[list[str]], fates: list[int], limit: int):
    """Readers see each event once, in order: a gap is noticed and filled, a repetition passed over."""

    async def check() -> None:
        async with running(limit=limit, beat=0.005) as scene:
            ours, theirs = scene.pair()
            outer, inner = scene.pair()
            lossy = Lossy(list(fates))
            scene.nursery.start_soon(scene.feed.serve, ours)
            scene.nursery.start_soon(lossy.run, theirs, outer)
            follower, seen = await scene.follow(inner)
            for keys in groups:
                for key in keys:
                    gone = scene.log.head(key) is not None and len(key + keys[0]) % 2
                    scene.log.append_nowait(key, None if gone else value(key))
                await scene.log.wait_published(scene.log.revision)
            await scene.settle(follower)
            assert seen == scene.published
            assert state(follower) == state(scene.log)
            assert bool(follower.gaps) == bool(lossy.lost)

    trio.run(check)


async def test_a_follower_that_does_not_read_costs_its_bound_and_no_more():
    """What is queued for it never passes the limit; when it reads again, it has missed nothing."""
    async with running(limit=20_000) as scene:
        ours, theirs = scene.pair()
        scene.nursery.start_soon(scene.feed.serve, ours)
        stalled = FollowerLog(theirs)
        await stalled.open()
        healthy, seen = await scene.follow()
        most = 0
        for number in range(300):
            await scene.write(f"a/{number % 7}", text="x" * 4000)
            most = max(most, scene.feed.stats().queued)
        await scene.settle(healthy)
        assert most <= 2 * 20_000
        assert scene.feed.stats().parked
        late: list[Event] = []
        stalled.subscribe(late.extend)
        await scene.nursery.start(stalled.run)
        await scene.settle(stalled)
        assert late == seen == scene.published


async def test_a_read_revision_is_never_older_than_what_was_acknowledged():
    """Who asks while a question is under way gets the answer of the next."""
    async with running() as scene:
        ours, theirs = trio.testing.memory_stream_pair()
        asked: list[bytes] = []
        answered = trio.Event()
        outer, inner = trio.testing.memory_stream_pair()

        async def up() -> None:
            async for data in outer:
                asked.append(data)
                await theirs.send_all(data)

        async def down() -> None:
            link = Link(theirs)
            while (payload := await link.receive()) is not None:
                if isinstance(decode_downward(payload), Newest):
                    await answered.wait()
                await outer.send_all(frame(payload))

        scene.nursery.start_soon(scene.feed.serve, ours)
        scene.nursery.start_soon(up)
        scene.nursery.start_soon(down)
        follower, _ = await scene.follow(inner)
        got: dict[str, int] = {}

        async def read(name: str) -> None:
            got[name] = await follower.read_revision()

        async with trio.open_nursery() as readers:
            readers.start_soon(read, "early")
            await trio.testing.wait_all_tasks_blocked()
            assert len(asked) == 2  # the subscription, and the first question
            await scene.write("a/1")
            readers.start_soon(read, "late")
            readers.start_soon(read, "later")
            await trio.testing.wait_all_tasks_blocked()
            answered.set()
        assert got["late"] == got["later"] == 1
        assert len(asked) == 3


async def test_old_events_come_from_the_feed():
    """A follower whose own memory begins late reads what was before from the log's history."""
    async with running() as scene:
        await scene.write(*(f"a/{number % 5}" for number in range(1500)))
        follower, _ = await scene.follow(ring_bytes=2000)
        await scene.write("a/1", "-a/2", "a/2")
        await scene.settle(follower)
        read = [event async for batch in follower.history(3) for event in batch]
        assert read == scene.published[3:]


async def test_compacted_events_are_said_to_be():
    """As a log of one's own raises it."""
    async with running(beat=0.005) as scene:
        await scene.write("a/1", "a/2", "a/3")
        follower, _ = await scene.follow()
        await scene.log.compact(2)
        with pytest.raises(Compacted):
            await anext(follower.history(1))
        assert [event.revision for event in await anext(follower.history(2))] == [3]


async def test_a_follower_that_cannot_be_brought_up_ends():
    """When the history no longer reaches back to where it stands, it says so instead of showing a gap."""
    async with running(limit=10_000, ring_bytes=1000) as scene:
        ours, theirs = scene.pair()
        scene.nursery.start_soon(scene.feed.serve, ours)
        stalled = FollowerLog(theirs)
        await stalled.open()
        for number in range(300):
            await scene.write(f"a/{number % 7}", text="x" * 4000)
        await scene.log.compact(scene.log.published)
        with pytest.raises(FeedLost, match="compacted"), trio.fail_after(10):
            await stalled.run()
        with pytest.raises(FeedLost):
            await stalled.read_revision()


async def test_the_end_of_the_feed_ends_the_follower():
    """Whoever waits for an answer is told, too."""
    async with running() as scene:
        ours, theirs = scene.pair()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(scene.feed.serve, ours)
                follower = FollowerLog(theirs)
                await follower.open()
                scope.cancel()
        with pytest.raises(FeedLost, match="ended"):
            await follower.run()


async def test_a_failed_journal_is_known_to_followers():
    """So that the processes that answer say so in their health checks."""
    async with running(beat=0.005) as scene:
        follower, _ = await scene.follow()
        assert follower.failure is None
        scene.log.failure = OSError("the disk is gone")
        with trio.fail_after(10):
            while follower.failure is None:  # noqa: ASYNC110 - a beat wakes nobody
                await trio.sleep(0.001)
        assert str(follower.failure) == "the disk is gone"
