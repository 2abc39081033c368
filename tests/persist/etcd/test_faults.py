"""What goes wrong with an etcd, and what the log makes of it."""

import json
import shutil
import urllib.request

import pytest
import trio

from tests import etcds
from tests.cacher import scene as cached
from tests.conformance.samples import PREFIX, stamp, value
from tests.tcp_proxy import Proxy
from watchcache import pki
from watchcache.cacher.window import Window
from watchcache.log import Beside, Conflict, JournalError, JournalFull, JournalUnavailable, ValueTooLarge
from watchcache.persist.etcd import EtcdReplaced, EtcdUnusable, Options

from .scene import history, log_on, running


class Frames(cached.Lines, frozen=True):
    """What a watch of values in this suite's form sends: type and revision."""

    def event(self, type, value, first):  # noqa: ARG002 - the protocol's
        """One line."""
        revision = int(json.loads(value)["metadata"]["resourceVersion"])
        return b"%s %d\n" % (type, revision)


async def until(condition, seconds=20):
    """Wait for something that the log notices by itself."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await trio.sleep(0.02)


def gateway(etcd, path, token="", **body):
    """Call etcd through its JSON gateway, as somebody else."""
    headers = {"Authorization": token} if token else {}
    request = urllib.request.Request(
        f"{etcd.url}/v3/{path}", json.dumps(body).encode(), headers, method="POST"
    )
    return json.load(urllib.request.urlopen(request, timeout=5))


async def test_an_etcd_that_is_not_there_at_the_start_is_named(tmp_path):
    """One line with the address, after the patience that was asked for."""
    with pytest.raises(JournalUnavailable, match=r"etcd does not answer \(http://127.0.0.1:1: .*refused"):
        await log_on("http://127.0.0.1:1").open()


@pytest.mark.parametrize("urls", [[], ["unix:///x"], ["http://a/b"], ["http://:1"], ["http://a:port"]])
async def test_endpoints_that_are_none_are_refused(urls):
    """Before anything is tried."""
    with pytest.raises(EtcdUnusable, match="--etcd-servers"):
        log_on(*urls)


async def test_an_etcd_that_comes_late_is_waited_for(tmp_path):
    """A start just before etcd's is no failure."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    member = etcds.Etcd(tmp_path)
    log = log_on(member.url, options=Options(patience=15, compaction=0))
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.open)
            await trio.sleep(0.3)
            member.start(wait=False)
    finally:
        member.stop()
    assert log.epoch.endswith("/registry/")


async def test_the_endpoint_that_answers_is_used(etcd):
    """The first of two is dead: reads, writes and the watch go to the second."""
    async with running("http://127.0.0.1:1", etcd.url) as log:
        event = await log.append("k", value())
        assert await log.newest() >= event.revision


async def test_a_restart_of_etcd_is_lived_through(etcd):
    """Writes and consistent reads fail meanwhile and say so; then all goes on, without a gap or a repeat."""
    delivered: list = []
    async with running(etcd.url) as log:
        log.subscribe(delivered.extend)
        first = await log.append("k", value("1"))
        etcd.kill()
        await until(lambda: log.problem is not None)
        with pytest.raises(JournalUnavailable):
            await log.append("k", value("2"), expected=first.revision)
        with pytest.raises(JournalUnavailable):
            await log.newest()
        assert log.head("k").revision == first.revision
        etcd.start()
        await until(lambda: log.problem is None)
        second = await log.append("k", value("3"), expected=first.revision)
        assert delivered == [first, second]
        assert log.failure is None


async def test_an_interrupted_watch_is_resumed_where_it_was(etcd):
    """What another server wrote meanwhile comes, each event once, in order."""
    delivered: list = []
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as one, running(etcd.url) as two:
            one.subscribe(delivered.extend)
            events = [await two.append("k", value("0"))]
            for _ in range(3):
                await until(lambda: len(delivered) == len(events))  # noqa: B023 - awaited in the same turn
                await proxy.cut()
                await until(lambda: one.problem is not None)
                events += [await two.append(f"k{number}", value()) for number in range(10)]
                proxy.restore()
            await until(lambda: len(delivered) >= len(events))
            assert [(e.revision, e.key) for e in delivered] == [(e.revision, e.key) for e in events]
            assert one.figures.rereads == 0
        nursery.cancel_scope.cancel()


async def test_no_watch_shows_what_leaves_changes_out(etcd):
    """Where everything was read anew, running watches end, cleanly: another server may have every change, and its watchers see them."""
    proxy = Proxy(etcd.port)
    pod = PREFIX + b'"},"labels":{},"node":"","phase":"","rv":0}'
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as one, running(etcd.url) as two:
            first = await two.append("pods/n/a", pod)
            await one.wait_published(first.revision)
            async with cached.running(one) as scene:
                pipe = cached.Pipe()
                scene.watch(cached.After(first.revision), pipe, representation=Frames())
                await proxy.cut()
                await until(lambda: one.problem is not None)
                for _ in range(2):
                    newest = await two.append("pods/n/a", pod)
                await two.compact(newest.revision)
                proxy.restore()
                await one.wait_published(newest.revision)
                assert (pipe.sent, pipe.finished) == (b"", True)
                assert scene.pods.get("pods/n/a").revision == newest.revision
                later = cached.Pipe()
                scene.watch(cached.After(newest.revision), later, representation=Frames())
                last = await two.append("pods/n/a", pod)
                await one.wait_published(last.revision)
                assert later.sent == b"MODIFIED %d\n" % last.revision
        nursery.cancel_scope.cancel()


async def test_history_that_cannot_be_read_at_the_moment_ends_the_watch_that_needs_it(etcd, caplog):
    """Cleanly and with one line: while the windows are refilled after a start, and later; when etcd answers again history is there."""
    proxy = Proxy(etcd.port)
    pod = PREFIX + b'"},"labels":{},"node":"","phase":"","rv":0}'
    async with running(etcd.url) as other:
        first = await other.append("pods/n/a", pod)
        last = await other.append("pods/n/a", pod)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as log, cached.running(log) as scene:
            await proxy.cut()
            for _ in range(2):
                pipe = cached.Pipe()
                scene.watch(cached.After(first.revision), pipe, representation=Frames())
                await until(lambda pipe=pipe: pipe.finished)
                assert pipe.sent == b""
            proxy.restore()
            await until(lambda: log.problem is None)
            pipe = cached.Pipe()
            scene.watch(cached.After(first.revision), pipe, representation=Frames())
            await until(lambda: pipe.sent)
            assert pipe.sent == b"MODIFIED %d\n" % last.revision
            # The windows are full now; what came after them is not: the store is asked for each watcher.
            await proxy.cut()
            again = cached.Pipe()
            scene.pods.window = Window(last.revision, scene.pods.window.bounds)
            scene.watch(cached.After(first.revision), again, representation=Frames())
            await until(lambda: again.finished)
        nursery.cancel_scope.cancel()
    said = [record for record in caplog.records if record.name == "watchcache.cacher.history"]
    assert len(said) == 3
    assert all(record.exc_info is None and "etcd does not answer" in record.getMessage() for record in said)


async def test_a_compaction_while_away_becomes_the_right_events(etcd):
    """Everything is read anew; the events lead to the state that is, and nobody resumes across the gap."""
    delivered: list = []
    proxy = Proxy(etcd.port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        async with running(proxy.url) as one, running(etcd.url) as two:
            for key in ("changed", "deleted", "remade", "same"):
                last = await two.append(key, value())
            await one.wait_published(last.revision)
            one.subscribe(delivered.extend)
            await proxy.cut()
            await until(lambda: one.problem is not None)
            await two.append("deleted", None)
            await two.append("remade", None)
            await two.append("remade", value("again"))
            await two.append("changed", value("x"))
            await two.append("passing", value())
            await two.append("passing", None)
            newest = await two.append("changed", value("y"))
            await two.compact(newest.revision)
            proxy.restore()
            await one.wait_published(newest.revision)
            assert one.figures.rereads == 1
            found = [(e.key, e.deleted) for e in delivered]
            assert found[:2] == [("remade", True), ("remade", False)]
            assert sorted(found[2:]) == [("changed", False), ("deleted", True)]  # of one revision
            assert [e.revision for e in delivered] == sorted(e.revision for e in delivered)
            assert list(one.heads("")) == list(two.heads(""))
            assert one.oldest == one.gap == newest.revision
            later = await one.append("k", value())
            assert await history(one, newest.revision) == [later]
        nursery.cancel_scope.cancel()


async def test_another_etcd_in_its_place_is_not_taken_for_it(etcd):
    """A data directory that was thrown away, or restored from before: the log fails, and says why."""
    with pytest.RaisesGroup(pytest.RaisesExc(EtcdReplaced, match="etcd"), flatten_subgroups=True):
        async with running(etcd.url) as log:
            for number in range(5):
                await log.append(f"k{number}", value())
            etcd.kill()
            shutil.rmtree(etcd.directory / "data")
            etcd.start()
            await until(lambda: log.failure is not None)
            with pytest.raises(JournalError):
                await log.append("k", value())


async def test_a_value_that_etcd_does_not_take_is_refused_alone(etcd):
    """1.6 and 3 megabytes: nothing written, and the log goes on."""
    async with running(etcd.url) as log:
        for size in (1_600_000, 3_000_000):
            with pytest.raises(ValueTooLarge, match="max-request-bytes"):
                await log.append("k", value("x" * size))
        assert (await log.append("k", value("small"), expected=0)).prev is None


async def test_a_full_etcd_refuses_writes_and_goes_on_reading(tmp_path):
    """The NOSPACE alarm: JournalFull says what to do; deletions, reads and the watch work."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    member = etcds.Etcd(tmp_path, f"--quota-backend-bytes={2 << 20}").start()
    try:
        async with running(member.url) as log:
            with pytest.raises(JournalFull, match="no space left"):
                for number in range(400):
                    event = await log.append(f"k{number}", value("x" * 500_000))
            assert await log.newest() >= event.revision
            assert log.failure is None
            # Mostly etcd refuses before it writes. Where it sees only afterwards that the room is used up, the write is there.
            assert len(list(log.heads(""))) in {number, number + 1}
            # What the message says to do: then writes succeed again by themselves.
            for key, _ in list(log.heads("")):
                await log.append(key, None)
            # `physical`: when this is answered the room is free, and not some time later, when nobody defragments any more.
            gateway(member, "kv/compaction", revision=str(log.published), physical=True)
            gateway(member, "maintenance/defragment")
            for alarm in gateway(member, "maintenance/alarm", action="GET")["alarms"]:
                gateway(member, "maintenance/alarm", **{**alarm, "action": "DEACTIVATE"})
            await log.append("k", value())
            assert log.problem is None
    finally:
        member.stop()


async def test_a_login_is_used_and_a_wrong_one_named(etcd, tmp_path):
    """An etcd with users: without, with a wrong and with the right password."""
    gateway(etcd, "auth/user/add", name="root", password="secret")
    gateway(etcd, "auth/role/add", name="root")
    gateway(etcd, "auth/user/grant", user="root", role="root")
    gateway(etcd, "auth/enable")
    with pytest.raises(EtcdUnusable, match="credentials-file"):
        await log_on(etcd.url).open()
    (tmp_path / "login").write_text("root:wrong\n")
    login = {"credentials": str(tmp_path / "login")}
    with pytest.raises(EtcdUnusable, match="credentials-file"):
        await log_on(etcd.url, cluster=login).open()
    (tmp_path / "login").write_text("root:secret\n")
    async with running(etcd.url, cluster=login) as log:
        event = await log.append("k", value())
        etcd.kill()  # simple tokens are forgotten by a restart: the next call logs in anew
        await until(lambda: log.problem is not None)
        etcd.start()
        await until(lambda: log.problem is None)
        assert (await log.append("k", value(), expected=event.revision)).prev == event.value


async def test_tls_with_client_certificates(tmp_path):
    """The right files work; no certificate, another CA and missing files are one line each."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    authority, stranger = pki.Authority(tmp_path / "pki"), pki.Authority(tmp_path / "other")
    server = authority.ensure("etcd", "etcd", names=["127.0.0.1", "localhost"])
    user = authority.ensure("user", "user", organizations=["o"])
    ca = str(authority.files.certificate)
    member = etcds.secured(
        tmp_path / "etcd", server.certificate, server.key, authority.files.certificate
    ).start()
    files = {"ca": ca, "certificate": str(user.certificate), "key": str(user.key)}
    try:
        async with running(member.url, cluster=files) as log:
            await log.append("k", value())
        with pytest.raises(EtcdUnusable, match=r"TLS with etcd failed.*--etcd-cafile"):
            await log_on(member.url, cluster={**files, "ca": str(stranger.files.certificate)}).open()
        with pytest.raises(JournalError, match=r"https://127.0.0.1"):
            await log_on(member.url, cluster={"ca": ca}).open()
        with pytest.raises(EtcdUnusable, match="--etcd-cafile: cannot read"):
            log_on(member.url, cluster={**files, "ca": str(tmp_path / "none")})
        with pytest.raises(EtcdUnusable, match="go together"):
            log_on(member.url, cluster={"ca": ca, "certificate": files["certificate"]})
    finally:
        member.stop()


async def test_a_revision_in_fragments_is_delivered_whole(tmp_path):
    """Five megabytes in one transaction come in pieces; nobody sees a part of them, also when the watch catches up."""
    if etcds.binary() is None:
        pytest.skip("no etcd")
    member = etcds.Etcd(tmp_path, f"--max-request-bytes={16 << 20}").start()
    groups: list = []
    try:
        async with running(member.url) as one, running(member.url) as two:
            two.subscribe(lambda events: groups.append([event.key for event in events]))
            big = value("x" * 700_000)
            beside = [Beside(f"k{number}", 0, big) for number in range(1, 8)]
            event = await one.append_together("k0", big, expected=0, beside=beside)
            await two.wait_published(event.revision)
            assert [group for group in groups if group] == [[f"k{number}" for number in range(8)]]
            assert [e.key for e in await history(two, event.revision - 1)] == groups[0]
            async with running(member.url) as late:
                assert len(await history(late, event.revision - 1)) == 8
    finally:
        member.stop()


async def test_what_is_written_together_is_written_or_not(etcd):
    """All or nothing, in one revision; the conflict names the key that was not as expected."""
    async with running(etcd.url) as one, running(etcd.url) as two:
        first = await one.append("a", value("1"))
        beside = [Beside("b", 0, value("2")), Beside("a", first.revision, None)]
        event = await two.append_together("c", value("3"), expected=0, beside=beside)
        assert {key: head.revision for key, head in two.heads("")} == {
            "b": event.revision,
            "c": event.revision,
        }
        with pytest.raises(Conflict) as refused:
            await one.append_together("d", value(), expected=0, beside=[Beside("b", 0, value())])
        assert (refused.value.key, refused.value.head.revision) == ("b", event.revision)
        with pytest.raises(Conflict) as refused:
            await one.append_together("c", None, expected=1, beside=[Beside("b", event.revision, None)])
        assert refused.value.key == "c"
        await one.wait_published(event.revision)
        gone = await one.append_together(
            "c", None, expected=event.revision, beside=[Beside("b", event.revision, None)]
        )
        assert (gone.deleted, gone.prev_revision) == (True, event.revision)
        assert list(one.heads("")) == []


async def test_one_of_several_servers_compacts(etcd):
    """Each interval one of them does, to where it was an interval ago; the others see that it is done."""
    quick = Options(compaction=0.3, patience=5)
    async with running(etcd.url, options=quick) as one, running(etcd.url, options=quick) as two:
        early = await one.append("k", value("early"))
        await until(lambda: one._past.oldest >= early.revision or two._past.oldest >= early.revision)
        key = gateway(etcd, "kv/range", key="Y29tcGFjdF9yZXZfa2V5")["kvs"][0]
        assert int(key["version"]) >= 2
        late = await two.append("k", value("late"), expected=early.revision)
        assert late.prev == early.value


async def test_a_cancelled_append_happens_all_the_same(etcd):
    """Nobody waits for it, but its event comes."""
    async with running(etcd.url) as log:
        with trio.CancelScope() as scope:
            scope.cancel()
            await log.append("k", value("1"))
        await until(lambda: log.head("k") is not None)
        assert log.head("k").value == stamp(value("1"), log.head("k").revision)
        with pytest.raises(Conflict):
            await log.append("k", value("2"), expected=0)


async def test_a_frozen_etcd_is_noticed(etcd):
    """A call ends at its deadline, and the log says that etcd does not answer; thawed, it goes on."""
    async with running(etcd.url) as log:
        event = await log.append("k", value("1"))
        etcd.freeze()
        try:
            with pytest.raises(JournalUnavailable):
                await log.newest()
            assert log.problem is not None
        finally:
            etcd.thaw()
        await until(lambda: log.problem is None)
        assert (await log.append("k", value("2"), expected=event.revision)).prev == event.value
