"""An etcd that is replaced or restored from a backup under a running server: nothing of the other one is passed on, and the log ends."""

import shutil
from contextlib import asynccontextmanager

import pytest
import trio

from tests import etcds
from tests.conformance.samples import value
from tests.tcp_proxy import Proxy
from watchcache.log import JournalError
from watchcache.persist.etcd import EtcdReplaced
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.identity import Identity

from .scene import log_on, running
from .test_faults import until

pytestmark = etcds.needs_etcd


@asynccontextmanager
async def failing(etcd, match):
    """A log behind a proxy, and the proxy; the log must fail with a line like this."""
    proxy = Proxy(etcd.port)
    with pytest.RaisesGroup(pytest.RaisesExc(EtcdReplaced, match=match), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(proxy.run)
            async with running(proxy.url) as log:
                yield log, proxy
                await until(lambda: log.failure is not None)


async def lose(log, proxy):
    """Cut the log off, until its watch takes its time before it tries again."""
    await proxy.cut()
    await until(lambda: log.figures.reconnects >= 5)


@pytest.mark.parametrize("what", ["write", "read"])
async def test_the_first_answer_of_a_restored_etcd_is_not_passed_on(etcd, tmp_path, what):
    """Before any watch: a write that it would take in the past is not acknowledged, a read is not answered."""
    async with running(etcd.url) as other:
        first = await other.append("k", value("1"))
    backup = etcd.back_up(tmp_path / "backup")
    async with failing(etcd, r"etcd is at revision \d+, but was at \d+: it was restored") as (log, proxy):
        assert log.head("k").revision == first.revision
        for number in range(20):
            await log.append(f"k{number}", value())
        await lose(log, proxy)
        etcd.restore(backup)
        proxy.restore()
        with pytest.raises(JournalError):
            if what == "write":
                await log.append("k", value("2"), expected=first.revision)
            else:
                await log.newest()


async def test_a_restored_etcd_that_is_further_is_told_by_what_was_deleted(etcd, tmp_path):
    """The newest that we saw is a deletion of what is not in the backup: that it is not there now proves nothing."""
    async with running(etcd.url) as other:
        await other.append("before", value())
    backup = etcd.back_up(tmp_path / "backup")
    async with failing(etcd, "does not have k as it was at revision") as (log, proxy):
        await log.append("k", value())
        await log.append("k", None)
        await lose(log, proxy)
        etcd.restore(backup)
        async with running(etcd.url) as other:
            for number in range(10):
                await other.append(f"other{number}", value())
        proxy.restore()


async def test_an_etcd_that_was_set_up_anew_is_told_by_its_epoch(etcd):
    """The id is the same, its revisions are higher, and ours are compacted: only the epoch says that it is another."""
    async with failing(etcd, "etcd was set up anew") as (log, proxy):
        await log.append("k", value())
        await lose(log, proxy)
        etcd.kill()
        shutil.rmtree(etcd.directory / "data")
        etcd.start()
        async with running(etcd.url) as other:
            for _ in range(10):
                newest = await other.append("k", value())
            await other.compact(newest.revision)
        proxy.restore()


async def test_a_restarted_etcd_is_the_same(etcd):
    """Nothing is noticed where nothing is: also the newest being a deletion, and compacted."""
    async with running(etcd.url) as log:
        event = await log.append("k", value())
        gone = await log.append("k", None, expected=event.revision)
        for compaction in (event.revision, gone.revision):
            await log.compact(compaction)
            etcd.kill()
            await until(lambda: log.problem is not None)
            etcd.start()
            await until(lambda: log.problem is None)
        assert (await log.append("k", value(), expected=0)).revision > gone.revision
        assert log.failure is None


async def test_a_start_takes_over_what_a_running_server_would_not(etcd, tmp_path):
    """As a server does by itself (`process`)."""
    backup = etcd.back_up(tmp_path / "backup")
    async with failing(etcd, "restored") as (log, proxy):
        for number in range(5):
            await log.append(f"k{number}", value())
        await lose(log, proxy)
        etcd.restore(backup)
        proxy.restore()
    again = log_on(etcd.url)
    assert (await again.open()).heads == {}
    await again.close()


def header(cluster, revision):
    """Of an answer."""
    return rpc.Header(cluster_id=cluster, revision=revision)


def test_answers_are_judged_by_id_and_revision():
    """A read may be as new as what was seen, a write is newer; nothing is said of who has no id, or before ours is known."""
    unknown = Identity()
    assert unknown.check(header(2, 1), 5, wrote=True) == ""
    known = Identity()
    known.cluster = 1
    assert known.check(header(0, 1), 5, wrote=True) == ""
    assert known.check(header(1, 5), 5, wrote=False) == ""
    assert known.check(header(1, 6), 5, wrote=True) == ""
    assert not known.noticed.is_set()
    assert "was at 5" in known.check(header(1, 4), 5, wrote=False)
    assert known.noticed.is_set()
    assert "was at 5" in known.check(header(1, 5), 5, wrote=True)
    assert "cluster id is 2" in known.check(header(2, 9), 5, wrote=False)
    assert known.stranger == "etcd is at revision 4, but was at 5: it was restored from a backup"
