"""Starts while etcd does not answer: they wait, as long as they were told to, and then say why in one line."""

import pytest
import trio

from tests import etcds
from tests.conformance.samples import Verbatim, stamp, value
from tests.tcp_proxy import Proxy
from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp as stamp_value
from watchcache.api.stored import StoredForm
from watchcache.cacher import Hub
from watchcache.log import JournalUnavailable
from watchcache.persist.etcd import Archive, Cluster, EtcdLog, Options
from watchcache.persist.etcd.ranges import PAGE
from watchcache.registry import Registry, Settings

from .members import leader_of, start_cluster
from .scene import PATIENT, log_on, running
from .test_faults import until

pytestmark = etcds.needs_etcd


class Watched(Verbatim):
    """Has something done when the first key is read."""

    def __init__(self, act):
        self.act = act
        self.read = 0

    def decode(self, key, stored, revision):
        """The value, stamped."""
        self.read += 1
        if self.read == 1:
            self.act()
        return super().decode(key, stored, revision)


class OpenedThenCut(Archive):
    """Etcd is lost just after the kept history was read."""

    proxy: Proxy

    async def open(self, stamp):
        """What is kept."""
        found = await super().open(stamp)
        await self.proxy.cut()
        return found


async def restore_when_waiting(proxy, caplog):
    """Let connections through again when the start has said that it waits."""
    await until(lambda: "waiting for etcd" in caplog.text)
    proxy.restore()


@pytest.mark.parametrize("keys", [1, PAGE + 5])
async def test_a_start_that_loses_etcd_while_it_reads_goes_on_where_it_was(etcd, caplog, keys):
    """In the middle of the first reading, or just behind it: what was read is not read again."""
    async with running(etcd.url) as other:
        for ticket in [other.append_nowait(f"k{number}", value()) for number in range(keys)]:
            await ticket.wait()
        revision = other.published
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        form = Watched(lambda: nursery.start_soon(proxy.cut))
        log = EtcdLog(Cluster((proxy.url,)), form=form, stamp=stamp, options=PATIENT)
        nursery.start_soon(restore_when_waiting, proxy, caplog)
        recovered = await log.open()
        await log.close()
        assert form.read == len(recovered.heads) == keys
        assert recovered.revision >= revision
        nursery.cancel_scope.cancel()
    assert caplog.text.count("waiting for etcd") == 1


async def test_kept_history_is_judged_when_etcd_answers_again(etcd, caplog, tmp_path):
    """It is not discarded because etcd was away for a moment."""
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url, archive=Archive(tmp_path / "history")) as log:
            first = await log.append("k", value("1"))
            last = await log.append("k", value("2"), expected=first.revision)
            await until(lambda: log.history_bytes and log._chronicle._archive.reached >= last.revision)
        archive = OpenedThenCut(tmp_path / "history")
        archive.proxy = proxy
        nursery.start_soon(restore_when_waiting, proxy, caplog)
        again = log_on(proxy.url, options=PATIENT, archive=archive)
        recovered = await again.open()
        assert recovered.notes == ()
        assert again.oldest <= first.revision
        await again.close()
        nursery.cancel_scope.cancel()


async def test_a_start_without_etcd_half_way_is_given_up_in_one_line(etcd):
    """After the patience that was asked for: the address, and why."""
    async with running(etcd.url) as other:
        await other.append("k", value())
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        form = Watched(lambda: nursery.start_soon(proxy.cut))
        log = EtcdLog(
            Cluster((proxy.url,)), form=form, stamp=stamp, options=Options(compaction=0, patience=1)
        )
        with pytest.raises(JournalUnavailable, match=rf"^etcd does not answer \({proxy.url}: [^\n]+\)$"):
            await log.open()
        nursery.cancel_scope.cancel()


async def test_a_start_during_an_election_waits_for_its_end(tmp_path, caplog):
    """The leader and another of three have just been killed: the third answers, and cannot read; when they are back the start succeeds."""
    members = start_cluster(tmp_path)
    try:
        leader = leader_of(members)
        left, other = (each for each in members if each is not leader)
        async with running(left.url) as log:
            event = await log.append("k", value())
        leader.kill()
        other.kill()
        async with trio.open_nursery() as nursery:

            async def elect():
                await until(lambda: "waiting for etcd" in caplog.text)
                leader.start(wait=False)
                other.start(wait=False)

            nursery.start_soon(elect)
            late = log_on(left.url, options=Options(compaction=0, patience=60))
            recovered = await late.open()
            await late.close()
        assert recovered.heads["k"].revision == event.revision
    finally:
        for member in members:
            member.stop()


async def test_the_standard_objects_are_made_when_etcd_is_back(etcd, caplog):
    """A registry that prepares itself while etcd is away tries again, instead of ending the server."""
    catalog = load_catalog()
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        log = EtcdLog(Cluster((proxy.url,)), form=StoredForm(catalog), stamp=stamp_value, options=PATIENT)
        await log.open()
        await nursery.start(log.run)
        hub = Hub(log, stamp=stamp_value, read_revision=log.newest)
        await nursery.start(hub.run)
        await proxy.cut()

        async def restore():
            await until(lambda: "the standard objects wait" in caplog.text)
            proxy.restore()

        nursery.start_soon(restore)
        await Registry(log, hub, catalog, Settings(), shared=log).prepare()
        assert log.head("namespaces/kube-system") is not None
        assert log.head("services/specs/default/kubernetes") is not None
        await log.close()
        nursery.cancel_scope.cancel()
