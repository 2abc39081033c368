"""A follower of a log on etcd: revisions are others', too, several events share one, and some may be left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from tests import etcds
from tests.conformance.samples import stamp, value
from tests.follow.scene import Scene, fed
from tests.persist.etcd.scene import QUICK, history
from tests.persist.etcd.scene import running as log_running
from tests.tcp_proxy import Proxy
from watchcache.cacher import Hub
from watchcache.follow.messages import pieces
from watchcache.log import Beside, Event, JournalUnavailable
from watchcache.persist.etcd import EtcdLog, Options

pytestmark = etcds.needs_etcd


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process brings about."""
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await trio.sleep(0.01)


@asynccontextmanager
async def running(url: str, options: Options = QUICK) -> AsyncIterator[Scene]:
    """A log on etcd with its feed."""
    async with (
        log_running(url, options=options) as log,
        fed(log, beat=0.05, read_revision=log.newest) as scene,
    ):
        yield scene


async def test_events_of_one_revision_are_delivered_together(etcd: etcds.Etcd):
    """Live, and from history after the stream was broken off between."""
    groups: list[list[Event]] = []
    async with running(etcd.url) as scene:
        log = scene.log
        assert isinstance(log, EtcdLog)
        follower, seen = await scene.follow()
        follower.subscribe(lambda events: groups.append(list(events)))
        beside = [Beside(f"pods/{name}", 0, value(name)) for name in "bcd"]
        made = await log.append_together("pods/a", value("a"), expected=0, beside=beside)
        await scene.settle(follower)
        (group,) = [group for group in groups if group]
        assert [event.key for event in group] == ["pods/a", "pods/b", "pods/c", "pods/d"]
        assert {event.revision for event in group} == {made.revision}
        assert await history(log, made.revision - 1) == seen
        assert await history(follower, made.revision - 1) == seen


def test_a_piece_ends_with_a_revision():
    """However large what shares it."""
    large = b"x" * (700 << 10)
    events = [
        Event(revision, f"k{number}", large, deleted=False, prev=None, prev_revision=0, time=0.0)
        for number, revision in enumerate((5, 6, 6, 6, 7))
    ]
    assert [[event.revision for event in piece] for piece in pieces(events)] == [[5, 6, 6, 6], [7]]


async def test_the_revision_moves_without_events(etcd: etcds.Etcd):
    """What somebody else writes elsewhere: followers get there, read no events and are not told that anything is compacted."""
    elsewhere = Options(prefix="/elsewhere", compaction=0, patience=1.0)
    async with running(etcd.url) as scene, log_running(etcd.url, options=elsewhere) as other:
        before = await scene.log.append("pods/a", value())
        for number in range(3):
            foreign = await other.append("x", value(str(number)))
        early, _ = await scene.follow()
        assert await early.read_revision() >= foreign.revision
        await until(lambda: early.published >= foreign.revision)
        late, _ = await scene.follow()
        assert late.published >= foreign.revision
        for log in (scene.log, early, late):
            assert await history(log, before.revision) == []
        after = await scene.log.append("pods/b", value())
        for log in (early, late):
            await scene.settle(log)
            assert await history(log, before.revision) == [after]


async def test_a_feed_whose_etcd_is_away_says_so(etcd: etcds.Etcd):
    """Consistent reads and old events fail as they do in its own process; the follower goes on, and so do they."""
    proxy = Proxy(etcd.port)
    async with log_running(etcd.url) as other:
        first = await other.append("pods/a", value())
        last = await other.append("pods/a", value("x"))
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as scene:
            follower, _ = await scene.follow()
            await proxy.cut()
            with pytest.raises(JournalUnavailable):
                await follower.read_revision()
            with pytest.raises(JournalUnavailable):
                await history(follower, first.revision)
            proxy.restore()
            await until(lambda: scene.log.problem is None)
            assert await follower.read_revision() == last.revision
            assert [event.revision for event in await history(follower, first.revision)] == [last.revision]
        nursery.cancel_scope.cancel()


async def test_what_was_left_out_is_left_out_of_the_follower_too(etcd: etcds.Etcd):
    """The state is right, nobody resumes across the gap, and watches in the follower's process end."""
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as scene, log_running(etcd.url) as two:
            log = scene.log
            assert isinstance(log, EtcdLog)
            for key in ("changed", "deleted", "remade"):
                last = await two.append(key, value())
            await log.wait_published(last.revision)
            follower, seen = await scene.follow()
            hub = Hub(follower, stamp=stamp)
            await nursery.start(hub.run)
            ended: list[bool] = []
            hub.end_watches = lambda: ended.append(True)  # type: ignore[method-assign]
            await proxy.cut()
            await until(lambda: log.problem is not None)
            await two.append("deleted", None)
            await two.append("remade", None)
            await two.append("remade", value("again"))
            newest = await two.append("changed", value("y"))
            await two.compact(newest.revision)
            proxy.restore()
            await until(lambda: follower.published >= newest.revision)
            assert list(follower.heads("")) == list(two.heads(""))
            assert [(event.key, event.deleted) for event in seen][:2] == [("remade", True), ("remade", False)]
            assert follower.gap == log.gap == newest.revision
            assert ended == [True]
            later, _ = await scene.follow()  # one that starts behind the gap: it is no news
            assert later.gap == newest.revision
        nursery.cancel_scope.cancel()
