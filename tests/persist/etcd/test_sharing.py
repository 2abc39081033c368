"""Several logs on one etcd: one order, one state."""

import pytest
import trio

from tests.conformance.samples import stamp, value
from watchcache.log import Conflict, Head

from .scene import answered, history, running


async def test_all_servers_deliver_the_same_events_in_the_same_order(etcd):
    """Three logs, writers on each, some of the same keys: equal streams, equal states, equal revisions."""
    streams: list[list] = [[], [], []]
    async with running(etcd.url) as one, running(etcd.url) as two, running(etcd.url) as three:
        logs = one, two, three
        for log, stream in zip(logs, streams, strict=True):
            log.subscribe(stream.extend)

        async def write(log, name):
            for number in range(12):
                key = f"k{(name + number) % 5}"
                while True:
                    head = log.head(key)
                    try:
                        await log.append(
                            key, value(f"{name}.{number}"), expected=head.revision if head else 0
                        )
                        break
                    except Conflict:
                        continue

        async with trio.open_nursery() as nursery:
            for name in range(6):
                nursery.start_soon(write, logs[name % 3], name)
        newest = await one.newest()
        for log in logs:
            await log.wait_published(newest)
        bare = [[(e.revision, e.key, e.value, e.prev, e.deleted) for e in stream] for stream in streams]
        assert bare[0] == bare[1] == bare[2]
        assert len(bare[0]) == 72
        assert list(one.heads("")) == list(two.heads("")) == list(three.heads(""))


async def test_a_conflict_carries_what_another_server_wrote(etcd):
    """The writer can go on from it at once, whether or not its watch has brought it."""
    async with running(etcd.url) as one, running(etcd.url) as two:
        first = await one.append("k", value("1"), expected=0)
        second = await one.append("k", value("2"), expected=first.revision)
        with pytest.raises(Conflict) as conflict:
            await two.append("k", value("x"), expected=first.revision)
        assert conflict.value.head == Head(second.revision, second.value)
        head = two.head("k")
        assert head == conflict.value.head
        third = await two.append("k", value("3"), expected=head.revision)
        assert (third.prev, third.prev_revision) == (second.value, second.revision)


async def test_confirm_says_whether_the_known_state_is_the_real_one(etcd):
    """Absent, present and outdated, each against the store and not against the cache."""
    async with running(etcd.url) as one, running(etcd.url) as two:
        assert await two.confirm("k", 0)
        event = await one.append("k", value("1"))
        await two.wait_published(event.revision)
        assert await two.confirm("k", event.revision)
        assert not await two.confirm("k", 0)
        newer = await one.append("k", value("2"))
        if (known := two.head("k")) is not None and known.revision == event.revision:
            assert not await two.confirm("k", event.revision)
        assert await two.confirm("k", newer.revision)
        assert two.head("k") == Head(newer.revision, stamp(value("2"), newer.revision))


async def test_many_readers_ask_etcd_a_few_times(etcd):
    """Two hundred consistent reads at once are some questions, and each gets a revision that includes what was acknowledged."""
    async with running(etcd.url) as one, running(etcd.url) as two:
        event = await one.append("k", value())
        before = answered(two, "/etcdserverpb.KV/Range")

        async def read():
            revision = await two.newest()
            assert revision >= event.revision
            await two.wait_published(revision)
            assert two.head("k") is not None

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(read)
        assert answered(two, "/etcdserverpb.KV/Range") - before <= 4


async def test_revisions_beside_the_prefix_are_waited_for_by_progress(etcd):
    """Another prefix is written: a consistent read here still comes to an end, in far less than its three seconds."""
    from watchcache.persist.etcd import Options

    beside = Options(prefix="/elsewhere", compaction=0)
    async with running(etcd.url) as one, running(etcd.url, options=beside) as other:
        event = await other.append("k", value())
        with trio.fail_after(2):
            revision = await one.newest()
            assert revision >= event.revision
            await one.wait_published(revision)
        assert list(one.heads("")) == []


async def test_a_write_that_builds_on_another_is_one_step_for_this_server(etcd):
    """Mark and remove, queued together: nobody comes between, and one wait is enough."""
    async with running(etcd.url) as log:
        made = await log.append("k", value("1"))
        marked = log.append_nowait("k", value("marked"), expected=made.revision)
        removed = await log.append_nowait("k", None, expected=marked).wait()
        assert removed.deleted
        assert removed.prev == marked.event.value
        outdated = log.append_nowait("k", value("x"), expected=made.revision)
        with pytest.raises(Conflict):
            await log.append_nowait("k", None, expected=outdated).wait()


async def test_keys_that_live_for_a_time_share_a_lease_and_end_together(etcd):
    """Three events, one lease; their deletions have one revision, come in one group, and are whole in history."""
    groups: list[list] = []

    def ttl(key):
        return 1.0 if key.startswith("events/") else None

    async with running(etcd.url, ttl=ttl) as log:
        stays = await log.append("pods/a", value())
        for name in "abc":
            await log.append(f"events/{name}", value())
        assert answered(log, "/etcdserverpb.Lease/LeaseGrant") == 1
        log.subscribe(lambda events: groups.append(list(events)))
        with trio.fail_after(20):
            while not any(groups):  # noqa: ASYNC110 - the lease's time passes in etcd
                await trio.sleep(0.05)
        ended = [event for group in groups for event in group]
        assert [(e.key, e.deleted) for e in ended] == [(f"events/{name}", True) for name in "abc"]
        assert len({event.revision for event in ended}) == 1
        assert (await history(log, stays.revision))[-3:] == ended
        assert [key for key, _ in log.heads("")] == ["pods/a"]


async def test_history_before_the_start_is_read_from_etcd(etcd):
    """A log that starts later gives the same history, with what was replaced."""
    async with running(etcd.url) as one:
        events = [await one.append(f"k{number % 3}", value(str(number))) for number in range(20)]
        events.append(await one.append("k1", None))
        async with running(etcd.url) as two:
            assert two.oldest < events[0].revision
            for after in (events[0].revision - 1, events[7].revision, events[-1].revision):
                found = [
                    (e.revision, e.key, e.value, e.prev, e.prev_revision) for e in await history(two, after)
                ]
                wanted = [
                    (e.revision, e.key, e.value, e.prev, e.prev_revision)
                    for e in events
                    if e.revision > after
                ]
                assert found == wanted
