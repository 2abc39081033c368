"""A cluster of three members, of which one fails: nothing acknowledged is lost, and no event is missed or repeated."""

from contextlib import suppress

import pytest
import trio

from tests import etcds
from tests.conformance.samples import stamp, value
from tests.tcp_proxy import Proxy
from watchcache.cacher import FutureRevision, Hub
from watchcache.log import JournalUnavailable
from watchcache.persist.etcd import vigil

from .members import leader_of, start_cluster
from .scene import running
from .test_faults import until

pytestmark = etcds.needs_etcd


@pytest.fixture
def members(tmp_path):
    """Three that run."""
    started = start_cluster(tmp_path)
    yield started
    for member in started:
        member.stop()


class Writer:
    """Writes one key after the other; what was acknowledged, and what nobody knows of."""

    def __init__(self, log):
        self.log = log
        self.acknowledged = {}
        self.unknown = set()
        self.number = 0

    async def run(self, count):
        """So many acknowledged writes."""
        while len(self.acknowledged) < count:
            key = f"k{self.number}"
            self.number += 1
            try:
                self.acknowledged[key] = (await self.log.append(key, value(), expected=0)).revision
            except JournalUnavailable:
                self.unknown.add(key)
                await trio.sleep(0.05)


def urls(members, first):
    """The endpoints, a certain one first."""
    return [each.url for each in sorted(members, key=lambda each: each is not first)]


def check_events(delivered, writer):
    """Each write that was acknowledged is there once, in order; others only if nobody knew of them."""
    assert [event.revision for event in delivered] == sorted({event.revision for event in delivered})
    found = {event.key: event.revision for event in delivered}
    assert {key: found[key] for key in writer.acknowledged} == writer.acknowledged
    assert found.keys() - writer.acknowledged.keys() <= writer.unknown


@pytest.mark.parametrize("leads", [True, False])
async def test_a_member_that_is_killed_is_left_for_another(members, leads):
    """The member in use dies, leader or not, while writes go on, twice."""
    leader = leader_of(members)
    used = leader if leads else next(each for each in members if each is not leader)
    delivered: list = []
    async with running(*urls(members, used)) as log, running(members[1].url, members[0].url) as other:
        other.subscribe(delivered.extend)
        writer = Writer(log)
        for count in (50, 100):
            await writer.run(count)
            used = next(each for each in members if each.url == log._client.member.url)
            used.kill()
            await writer.run(count + 25)
            assert await log.newest() >= max(writer.acknowledged.values())
            used.start()
        await other.wait_published(max(writer.acknowledged.values()))
        check_events(delivered, writer)
        assert log.figures.rereads == other.figures.rereads == 0


async def test_a_frozen_member_is_left_within_the_time_of_the_keep_alive(members):
    """Its connections stay open. Reads move on at once, the watch and the writes within 10.5 s: nothing is lost."""
    used = next(each for each in members if each is not leader_of(members))
    delivered: list = []
    async with running(*urls(members, used)) as log:
        log.subscribe(delivered.extend)
        writer = Writer(log)
        await writer.run(20)
        used.freeze()
        try:
            assert await log.newest() >= max(writer.acknowledged.values())  # half of its 3 s, then elsewhere
            with trio.fail_after(20):
                await writer.run(40)
            check_events(delivered, writer)
        finally:
            used.thaw()
        await until(lambda: log.problem is None)
        await writer.run(60)
        check_events(delivered, writer)


async def test_without_a_majority_nothing_is_acknowledged_and_the_checks_fail(members):
    """Two of three are away: the third has no leader and says so; then all goes on."""
    async with running(*urls(members, members[0])) as log:
        first = await log.append("k", value())
        for member in members[1:]:
            member.kill()
        with pytest.raises(JournalUnavailable):
            await log.newest()
        with pytest.raises(JournalUnavailable):
            await log.append("k", value("lost?"), expected=first.revision)
        assert log.problem is not None
        assert log.unready is not None
        assert log.head("k").revision == first.revision
        for member in members[1:]:
            member.start(wait=False)
        await until(lambda: log.problem is None)
        with suppress(JournalUnavailable):
            await log.append("other", value())
        assert await log.newest() >= first.revision


async def test_a_write_is_answered_when_the_watch_has_brought_it(etcd):
    """Etcd has kept it, the watch is held up: the writer waits; what it reads next contains what it wrote."""
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as log, running(etcd.url) as other:
            await log.append("a", value())
            answered = trio.Event()

            async def write():
                event = await log.append("k", value())
                assert log.published >= event.revision
                assert dict(log.heads(""))["k"].revision == event.revision
                answered.set()

            connection = log._feed._stream._connection
            log._client.member._connection = None  # the next call gets a connection of its own
            proxy.hold(0)
            nursery.start_soon(write)
            await until(lambda: other.head("k") is not None)
            await trio.sleep(0.2)
            assert not answered.is_set()
            assert not connection._scope.cancel_called
            proxy.release()
            with trio.fail_after(10):
                await answered.wait()
        nursery.cancel_scope.cancel()


async def test_a_consistent_read_that_the_watch_does_not_reach_is_given_up(etcd, monkeypatch):
    """Etcd says its revision, and the events do not come: after 3 s the read is told of both revisions (504), and later ones succeed."""
    monkeypatch.setattr(vigil, "LATE", 1_000)  # or the watch would be made anew meanwhile
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as log, running(etcd.url) as other:
            hub = Hub(log, stamp=stamp, read_revision=log.newest)
            await nursery.start(hub.run)
            before = log.published
            proxy.hold(0)
            log._client.member._connection = None  # the next call gets a connection of its own
            event = await other.append("k", value())
            began = trio.current_time()
            with pytest.raises(FutureRevision) as refused:
                await hub.wait_newest()
            assert trio.current_time() - began >= 3
            assert (refused.value.requested, refused.value.current) == (event.revision, before)
            proxy.release()
            with trio.fail_after(10):
                await hub.wait_newest()
            assert hub.revision >= event.revision
        nursery.cancel_scope.cancel()
