"""History in files of one's own: across restarts, compactions and backups, and when a file or the disk fails."""

import errno
import json
import shutil
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from tests.conformance.samples import value
from tests.tcp_proxy import Proxy
from watchcache.log import Compacted, Event, JournalUnavailable
from watchcache.persist import FileJournal, Retention
from watchcache.persist.errors import DirectoryUnusable
from watchcache.persist.etcd import Archive, EtcdReplaced, chronicle
from watchcache.persist.faults import FaultyDisk, fail

from .scene import history, running
from .test_faults import until


@pytest.fixture
def kept(tmp_path):
    """The directory of the history."""
    return tmp_path / "history"


@pytest.fixture(autouse=True)
def _small_commits(monkeypatch):
    """What is published is written at once, so that some dozen events are several commits and files."""
    monkeypatch.setattr(chronicle, "LINGER", 0.0)


@asynccontextmanager
async def keeping(etcd, kept, *, retention=Retention(), segment_bytes=2000, **more):  # noqa: B008
    """A log that keeps history in files so small that some dozen events fill several."""
    archive = Archive(kept, retention=retention, segment_bytes=segment_bytes, disk=more.pop("disk", None))
    async with running(etcd.url, archive=archive, **more) as log:
        yield log


async def scribble(log, writes, keys=5, start=0):
    """Creates, updates and deletions; each key is deleted at every fourth write to it."""
    events = []
    for number in range(start, start + writes):
        gone = (number // keys) % 4 == 3
        events.append(await log.append(f"k{number % keys}", None if gone else value(f"{number:060}")))
    return events


async def scribble_apart(log, writes):
    """The same, in so many commits that they fill several files on a slow machine, too."""
    events = []
    for start in range(0, writes, 5):
        events += await scribble(log, 5, start=start)
        newest = events[-1].revision
        await until(lambda: log._chronicle._archive.reached >= newest)  # noqa: B023 - in the same turn
    return events


def bare(events: list[Event]) -> list[tuple]:
    """Events without the time, which is when a server heard of them."""
    return [(e.revision, e.key, e.value, e.deleted, e.prev, e.prev_revision) for e in events]


def segments(kept):
    """The files of events."""
    return sorted(kept.glob("*.events"))


async def compact(etcd, revision):
    """Compact etcd as somebody else does: no server is told."""
    async with running(etcd.url) as other:
        await other.wait_published(revision)
        await other.compact(revision)


async def test_history_outlives_a_restart_and_a_compaction(etcd, kept):
    """All that was seen before can be resumed from, with what was replaced, though etcd has none of it any more."""
    async with keeping(etcd, kept) as log:
        events = await scribble_apart(log, 60)
        first = log.oldest
    assert len(segments(kept)) > 2
    await compact(etcd, events[-1].revision)
    async with keeping(etcd, kept) as log:
        assert log.oldest == first
        more = await scribble(log, 10, start=60)
        for after in (first, events[0].revision, events[30].revision, events[-1].revision):
            wanted = [each for each in events + more if each.revision > after]
            assert bare(await history(log, after)) == bare(wanted)
        with pytest.raises(Compacted):
            await history(log, first - 1)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events + more)


async def test_without_files_a_compaction_takes_the_past_away(etcd, kept):
    """What the test above rests on."""
    async with running(etcd.url) as log:
        events = await scribble(log, 20)
    await compact(etcd, events[-1].revision)
    async with running(etcd.url) as log:
        with pytest.raises(Compacted):
            await history(log, events[0].revision)


async def test_what_was_missed_is_read_from_etcd_and_kept(etcd, kept):
    """Events of another server while this one was down: resumed across, and still there when etcd forgets them later."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 20)
        first = log.oldest
    async with running(etcd.url) as other:
        missed = await scribble(other, 30, start=20)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events + missed)
        await until(lambda: log._chronicle._archive.reached >= missed[-1].revision)
        await compact(etcd, missed[-1].revision)
        assert bare(await history(log, events[3].revision)) == bare(events[4:] + missed)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events + missed)


async def test_a_gap_is_said_and_not_resumed_across(etcd, kept):
    """Compacted while down, beyond what was seen: 410 from before, and from after it all is there, also after the next restart."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 20)
    async with running(etcd.url) as other:
        missed = await scribble(other, 20, start=20)
        await other.compact(missed[10].revision)
    async with keeping(etcd, kept) as log:
        for after in (events[0].revision, events[-1].revision, missed[5].revision):
            with pytest.raises(Compacted):
                await history(log, after)
        assert bare(await history(log, missed[10].revision)) == bare(missed[11:])
        await until(lambda: log._chronicle._archive.reached >= missed[-1].revision)
        later = await scribble(log, 5, start=40)
    await compact(etcd, later[-1].revision)
    async with keeping(etcd, kept) as log:
        assert log.oldest == missed[10].revision
        assert bare(await history(log, log.oldest)) == bare(missed[11:] + later)


async def test_a_compaction_of_what_was_seen_is_no_gap(etcd, kept):
    """Other keys of the etcd move its revision on; an idle server has noted that nothing of its own happened."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 10)
        first = log.oldest
        for _ in range(3):
            await log._client.call(*put_elsewhere())
        newest = await log.newest()
        await log.wait_published(newest)
    await compact(etcd, newest)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events)


def put_elsewhere():
    """A call that writes beside the prefix."""
    from watchcache.persist.etcd import rpc_pb2 as rpc
    from watchcache.persist.etcd.client import TXN

    request = rpc.TxnRequest()
    request.success.add().put.MergeFrom(rpc.PutRequest(key=b"elsewhere", value=b"x"))
    return TXN, request


async def test_a_kill_costs_nothing_that_etcd_still_has(etcd, kept, tmp_path):
    """The directory as it was at any moment, as a kill leaves it, goes on to what etcd has."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 15)
        await until(lambda: log._chronicle._archive.reached >= events[-1].revision)
        events += await scribble(log, 15, start=15)
        shutil.copytree(kept, tmp_path / "killed")
        events += await scribble(log, 15, start=30)
        first = log.oldest
    async with keeping(etcd, tmp_path / "killed") as log:
        assert bare(await history(log, first)) == bare(events)


async def test_a_torn_end_is_cut_and_read_from_etcd_again(etcd, kept, tmp_path, caplog):
    """Cut anywhere, the newest file is believed up to its last whole commit."""
    async with keeping(etcd, kept, segment_bytes=1 << 20) as log:
        events = await scribble(log, 12)
        first = log.oldest
    (file,) = segments(kept)
    whole = file.read_bytes()
    for cut in range(len(whole) - 1, 100, -len(whole) // 6):
        torn = tmp_path / f"torn{cut}"
        shutil.copytree(kept, torn)
        (torn / file.name).write_bytes(whole[:cut])
        async with keeping(etcd, torn, segment_bytes=1 << 20) as log:
            assert bare(await history(log, first)) == bare(events)


@pytest.mark.parametrize("where", ["header", "middle"])
async def test_a_corrupt_newest_file_costs_only_what_etcd_has_not(etcd, kept, where):
    """Damage in the newest segment: what is behind it comes from etcd."""
    async with keeping(etcd, kept) as log:
        events = await scribble_apart(log, 40)
        first = log.oldest
    file = segments(kept)[-1]
    data = bytearray(file.read_bytes())
    at = 25 if where == "header" else len(data) // 2
    data[at] ^= 0xFF
    file.write_bytes(data)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events)


async def test_a_corrupt_older_file_is_set_aside_with_one_line(etcd, kept, caplog):
    """Whoever resumes from there lists anew; what comes after it is there, and the server never stops."""
    async with keeping(etcd, kept) as log:
        events = await scribble_apart(log, 60)
        first = log.oldest
    await compact(etcd, events[-1].revision)
    second = segments(kept)[1]
    data = bytearray(second.read_bytes())
    data[-1] ^= 0xFF
    second.write_bytes(data)
    after = int(segments(kept)[2].stem)
    async with keeping(etcd, kept) as log:
        assert log.oldest == first
        with pytest.raises(Compacted):
            await history(log, first)
        assert log.oldest == after
        assert bare(await history(log, after)) == bare([e for e in events if e.revision > after])
        await log.append("more", value())
    assert second.name + ".damaged" in {each.name for each in kept.iterdir()}
    assert [r.message for r in caplog.records if "cannot be read" in r.message] == [
        f"{second} cannot be read (the checksum is wrong): the history up to revision {after} is given up"
    ]
    async with keeping(etcd, kept) as log:
        assert log.oldest == after


async def test_an_unreadable_description_costs_the_history(etcd, kept):
    """Whose history it is cannot be told any more, so it is nobody's."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 10)
    (kept / "HISTORY").write_text("{")
    async with keeping(etcd, kept) as log:
        with pytest.raises(Compacted):
            await history(log, events[0].revision)
        later = await log.append("more", value())
        assert bare(await history(log, events[-1].revision)) == bare([later])


async def test_a_restored_backup_is_noticed_at_the_start(etcd, kept, tmp_path):
    """Revisions went back: the history is discarded, once; older revisions and those that are not there yet are given up."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 10)
    backup = etcd.back_up(tmp_path / "backup")
    async with keeping(etcd, kept) as log:
        events += await scribble(log, 10, start=10)
    etcd.restore(backup)
    for _ in range(2):  # it is remembered over restarts
        async with keeping(etcd, kept) as log:
            with pytest.raises(Compacted):
                await history(log, events[5].revision)
            assert log.lost >= events[-1].revision
            assert log.oldest >= events[9].revision
    async with keeping(etcd, kept) as log:
        newest = log.published
        later = await scribble(log, 3, start=20)
        assert bare(await history(log, newest)) == bare(later)


async def test_clients_of_servers_that_had_seen_more_of_a_lost_history_are_refused_too(etcd, kept, tmp_path):
    """A server may have lagged when etcd was lost: what it had not seen is as lost as what it had."""
    async with keeping(etcd, kept) as log:
        await scribble(log, 10)
    backup = etcd.back_up(tmp_path / "backup")
    async with keeping(etcd, kept) as log:
        await scribble(log, 3, start=10)
    async with running(etcd.url) as other:
        more = await scribble(other, 20, start=20)
    etcd.restore(backup)
    async with keeping(etcd, kept) as log:
        assert log.published < more[-1].revision <= log.lost


async def test_a_restored_backup_is_noticed_though_revisions_have_passed(etcd, kept, tmp_path):
    """Others wrote to it before this server came back, the same keys, and etcd is further than it was: what is there differs."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 10)
    backup = etcd.back_up(tmp_path / "backup")
    async with keeping(etcd, kept) as log:
        events += await scribble(log, 10, start=10)
    etcd.restore(backup)
    async with running(etcd.url) as other:
        for number in range(30):
            await other.append(f"k{number % 5}", value(f"other{number}"))
    async with keeping(etcd, kept) as log:
        assert log.published > events[-1].revision
        for event in events:
            with pytest.raises(Compacted):
                await history(log, event.revision)


async def test_a_backup_from_after_all_that_was_seen_is_no_other_etcd(etcd, kept, tmp_path):
    """What this server saw is in the backup: its clients resume."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 10)
        first = log.oldest
    backup = etcd.back_up(tmp_path / "backup")
    async with running(etcd.url) as other:
        await scribble(other, 10, start=10)
    etcd.restore(backup)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events)


async def test_an_etcd_that_was_made_anew_is_told_by_its_epoch(etcd, kept):
    """The same addresses, so the same cluster id; another epoch, whatever the revisions."""
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 5)
    etcd.kill()
    shutil.rmtree(etcd.directory / "data")
    etcd.start()
    async with running(etcd.url) as other:
        await scribble(other, 30)
    async with keeping(etcd, kept) as log:
        assert json.loads((kept / "HISTORY").read_text())["source"]["epoch"]
        with pytest.raises(Compacted):
            await history(log, events[0].revision)


async def test_another_prefix_is_another_history(etcd, kept):
    """Started with another --etcd-prefix on the same directory."""
    from watchcache.persist.etcd import Options

    async with keeping(etcd, kept) as log:
        events = await scribble(log, 5)
    beside = Options(prefix="/elsewhere", compaction=0, patience=20)
    async with keeping(etcd, kept, options=beside) as log:
        with pytest.raises(Compacted):
            await history(log, events[0].revision)


async def test_a_running_server_notices_the_backup_and_the_next_start_discards(etcd, kept, tmp_path):
    """Restored and already further: the watch does not go on from the other's revisions; the log fails, and says why."""
    events: list[Event] = []
    backup = None
    proxy = Proxy(etcd.port)
    with pytest.RaisesGroup(
        pytest.RaisesExc(EtcdReplaced, match="restored from a backup"),
        flatten_subgroups=True,
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(proxy.run)
            archive = Archive(kept, segment_bytes=2000)
            async with running(proxy.url, archive=archive) as log:
                await log.append("before", value())
                backup = etcd.back_up(tmp_path / "backup")
                with suppress(JournalUnavailable):
                    await log.append("connects", value())
                await until(lambda: log._feed.connected)
                events += await scribble(log, 10)
                await proxy.cut()
                await until(lambda: log.problem is not None)
                etcd.restore(backup)
                async with running(etcd.url) as other:
                    for number in range(30):
                        await other.append(f"k{number % 5}", value(f"other{number}"))
                proxy.restore()
                await until(lambda: log.failure is not None)
    async with keeping(etcd, kept) as log:
        for event in events:
            with pytest.raises(Compacted):
                await history(log, event.revision)


async def test_a_server_that_saw_no_event_notices_the_backup_too(etcd, tmp_path):
    """It knows the state that it has read."""
    async with running(etcd.url) as other:
        await scribble(other, 5)
    backup = etcd.back_up(tmp_path / "backup")
    async with running(etcd.url) as other:
        await scribble(other, 5, start=5)
    proxy = Proxy(etcd.port)
    with pytest.RaisesGroup(
        pytest.RaisesExc(EtcdReplaced, match="does not have k4 as it was at revision 12"),
        flatten_subgroups=True,
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(proxy.run)
            async with running(proxy.url) as log:
                await until(lambda: log.problem is None)
                await proxy.cut()
                await until(lambda: log.problem is not None)
                etcd.restore(backup)
                async with running(etcd.url) as other:
                    for number in range(20):
                        await other.append(f"k{number % 5}", value(f"other{number}"))
                proxy.restore()
                await until(lambda: log.failure is not None)


async def test_a_full_disk_costs_the_history_and_nothing_else(etcd, kept, caplog, monkeypatch):
    """One line; writes and deliveries go on; when there is room again history begins anew."""
    monkeypatch.setattr(chronicle, "AGAIN", 0.3)
    disk = FaultyDisk()
    delivered: list[Event] = []
    async with keeping(etcd, kept, disk=disk) as log:
        log.subscribe(delivered.extend)
        events = await scribble(log, 10)
        await until(lambda: log._chronicle._archive.reached >= events[-1].revision)
        for point in ("segment.write.middle", "roll.write.before"):
            disk.arm(point, fail(errno.ENOSPC))
        events += await scribble(log, 10, start=10)
        await until(lambda: log._chronicle.dropped > 1)
        assert segments(kept) == []
        events += await scribble(log, 10, start=20)
        assert delivered == events
        assert bare(await history(log, events[0].revision)) == bare(events[1:])  # etcd has it
        assert len([r for r in caplog.records if "is given up" in r.message]) == 1
        disk.disarm()
        await until(lambda: log._chronicle._kept)
        newest = log.published
        later = await scribble(log, 5, start=30)
    await compact(etcd, later[-1].revision)
    async with keeping(etcd, kept) as log:
        assert log.oldest <= newest
        assert bare(await history(log, newest)) == bare(later)


async def test_a_disk_that_cannot_keep_up_costs_the_history(etcd, kept, monkeypatch):
    """What waits is bounded; the log does not wait."""
    monkeypatch.setattr(chronicle, "WAITING", 2000)
    monkeypatch.setattr(chronicle, "LINGER", 60.0)
    async with keeping(etcd, kept) as log:
        events = await scribble(log, 30)
        assert log._chronicle.oldest <= events[0].revision  # etcd's
        assert log._chronicle._queue == []


async def test_what_left_the_memory_before_it_was_written_is_waited_for(etcd, kept):
    """A reader between the files and a small ring."""
    async with keeping(etcd, kept, ring_bytes=2000) as log:
        first = log.published
        events = await scribble(log, 40)
        assert bare(await history(log, first)) == bare(events)


async def test_retention_bounds_the_files(etcd, kept):
    """By revisions, in whole segments: what goes cannot be resumed from, what stays can."""
    async with keeping(etcd, kept, retention=Retention(revisions=20), ring_bytes=2000) as log:
        events = await scribble_apart(log, 100)
        await compact(etcd, events[-1].revision)
        log._past.compacted(events[-1].revision)
        assert events[40].revision < log.oldest <= events[79].revision
        assert bare(await history(log, log.oldest)) == bare([e for e in events if e.revision > log.oldest])
    assert len(segments(kept)) < 10


async def test_a_directory_in_use_or_of_a_journal_is_left_alone(etcd, kept, tmp_path):
    """The second server keeps none, and says so; a journal's files are not touched."""
    async with keeping(etcd, kept) as one:
        archive = Archive(kept)
        async with running(etcd.url, archive=archive) as two:
            event = await two.append("k", value())
            await one.wait_published(event.revision)
    journal = tmp_path / "journal"
    (journal).mkdir()
    (journal / "FORMAT").write_text('{"format":1,"epoch":"x"}')
    (journal / "00000000000000000000.events").write_bytes(b"x")
    async with running(etcd.url, archive=Archive(journal)) as log:
        await log.append("l", value())
    assert (journal / "00000000000000000000.events").read_bytes() == b"x"
    with pytest.raises(DirectoryUnusable, match="history of a server on etcd"):
        await FileJournal(kept).open(lambda value, _revision: value, None)


async def test_events_of_one_revision_are_kept_whole(etcd, kept):
    """Keys of one lease end together; after a restart they are still one batch."""

    def ttl(key):
        return 1.0 if key.startswith("events/") else None

    async with keeping(etcd, kept, ttl=ttl) as log:
        first = log.published
        for name in "abc":
            await log.append(f"events/{name}", value())
        await until(lambda: log.stats().keys == 0)
        events = await history(log, first)
    assert len({event.revision for event in events[-3:]}) == 1
    await compact(etcd, events[-1].revision)
    async with keeping(etcd, kept) as log:
        assert bare(await history(log, first)) == bare(events)
