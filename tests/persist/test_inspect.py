"""Looking into a directory: every fault is named, every event is shown, also while a server runs."""

import pytest

from watchcache.log import Compacted, Corrupt
from watchcache.persist import Retention, check_directory, read_events

from .directories import opened, scribble, segments, snapshots, state_of
from .samples import stamp


async def filled(path, writes=100, **options):
    """A directory with some segments, and the events in it."""
    async with opened(path, **options) as log:
        return await scribble(log, writes)


async def test_a_sound_directory_has_no_faults_and_is_described(tmp_path):
    """The report says what is there: files, revisions, keys."""
    events = await filled(tmp_path, snapshot_bytes=4000)
    report = check_directory(tmp_path)
    assert report.faults == []
    assert report.sound
    assert (report.revision, report.oldest, report.keys) == (100, 0, len(state_of(events)))
    assert {file.file for file in report.files} == {*segments(tmp_path), *snapshots(tmp_path)}
    assert sum(file.count for file in report.files if file.file.suffix == ".events") == 100
    first = next(file for file in report.files if file.file == segments(tmp_path)[0])
    assert (first.first, first.last) == (1, first.count)


async def test_a_running_servers_directory_can_be_checked(tmp_path):
    """It takes no lock and changes nothing."""
    async with opened(tmp_path) as log:
        await scribble(log, 30)
        assert check_directory(tmp_path).faults == []
        await scribble(log, 10)


async def test_every_damaged_file_is_named_with_its_offset(tmp_path):
    """The walk goes on behind the first fault."""
    await filled(tmp_path, snapshot_bytes=4000)
    damaged = {}
    for file in [segments(tmp_path)[1], segments(tmp_path)[3], snapshots(tmp_path)[0]]:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        damaged[file] = len(data) // 2
    faults = check_directory(tmp_path).faults
    assert [fault.file for fault in faults] == [
        snapshots(tmp_path)[0],
        segments(tmp_path)[1],
        segments(tmp_path)[3],
    ]
    assert all(fault.offset <= damaged[fault.file] and not fault.harmless for fault in faults)


async def test_a_missing_format_is_the_only_fault(tmp_path):
    """Without it nobody knows which body of data the files belong to; that is no fault of theirs."""
    await filled(tmp_path, snapshot_bytes=4000)
    (tmp_path / "FORMAT").unlink()
    assert [fault.file for fault in check_directory(tmp_path).faults] == [tmp_path / "FORMAT"]


async def test_a_torn_end_and_a_leftover_are_harmless(tmp_path):
    """They are named, but a start repairs them and loses nothing."""
    await filled(tmp_path)
    with segments(tmp_path)[-1].open("ab") as end:
        end.write(b"half")
    (tmp_path / "00000000000000000050.state.tmp").write_bytes(b"")
    report = check_directory(tmp_path)
    assert [fault.harmless for fault in report.faults] == [True, True]
    assert report.sound


async def test_a_missing_segment_is_named(tmp_path):
    """Also where recovery would not look: behind the snapshot."""
    await filled(tmp_path, snapshot_bytes=4000)
    gone = segments(tmp_path)[1]
    gone.unlink()
    faults = check_directory(tmp_path).faults
    assert len(faults) == 1
    assert "the segment before ends at" in faults[0].problem


async def test_a_snapshot_that_contradicts_the_events_is_named(tmp_path):
    """A state that the events do not add up to is a fault, though each file is whole."""
    await filled(tmp_path, snapshot_bytes=4000)
    newest = snapshots(tmp_path)[-1]
    from watchcache.persist.file.disk import Disk
    from watchcache.persist.file.records import SnapshotHeader
    from watchcache.persist.file.snapshot import read_snapshot, write_snapshot

    header, heads = read_snapshot(newest)
    heads.popitem()
    newest.unlink()
    write_snapshot(
        Disk(), newest, SnapshotHeader(header.epoch, header.revision, len(heads)), heads, lambda: None
    )
    assert newest in [fault.file for fault in check_directory(tmp_path).faults]
    assert not check_directory(tmp_path).sound


async def test_events_are_read_in_order_from_any_revision(tmp_path):
    """All that are kept, with previous values, whatever segment they are in."""
    events = await filled(tmp_path)
    assert list(read_events(tmp_path, stamp=stamp)) == list(read_events(tmp_path, 0, stamp=stamp)) == events
    for first in (1, 2, 50, 99, 100, 101):
        assert list(read_events(tmp_path, first, stamp=stamp)) == events[first - 1 :]


async def test_reading_from_what_is_no_longer_there_is_refused(tmp_path):
    """The error says from where on events are kept."""
    await filled(tmp_path, 300, snapshot_bytes=4000, retention=Retention(revisions=20))
    oldest = int(segments(tmp_path)[0].stem)
    assert oldest > 0
    with pytest.raises(Compacted, match=f"those after {oldest}"):
        next(read_events(tmp_path, oldest))
    assert next(read_events(tmp_path, oldest + 1)).revision == oldest + 1
    assert next(read_events(tmp_path)).revision == oldest + 1


async def test_following_sees_what_is_written_meanwhile(tmp_path):
    """Through new segments, without repeating or leaving out any."""
    async with opened(tmp_path) as log:
        events = await scribble(log, 20)
        waits = []
        following = read_events(tmp_path, 11, follow=True, wait=lambda: waits.append(len(waits)), stamp=stamp)
        assert [next(following) for _ in range(10)] == events[10:]
        more = await scribble(log, 40)
        assert [next(following) for _ in range(40)] == more
        following.close()


async def test_following_waits_at_a_half_written_frame(tmp_path):
    """A write that is under way is no damage."""
    events = await filled(tmp_path, 3)
    file = segments(tmp_path)[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    following = read_events(tmp_path, follow=True, wait=lambda: file.write_bytes(whole) and None, stamp=stamp)
    assert [next(following) for _ in range(3)] == events


async def test_reading_stops_at_damage(tmp_path):
    """What is before it is shown; then the file and offset are named."""
    await filled(tmp_path)
    file = segments(tmp_path)[1]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    shown = []
    with pytest.raises(Corrupt) as corrupt:
        shown.extend(event.revision for event in read_events(tmp_path))
    assert corrupt.value.file == file
    assert corrupt.value.offset > 0


async def test_reading_stops_before_a_torn_end(tmp_path):
    """An end that no one was promised is not shown and no error."""
    events = await filled(tmp_path, 3)
    with segments(tmp_path)[-1].open("ab") as end:
        end.write(b"\xffWC\x00 half")
    assert list(read_events(tmp_path, stamp=stamp)) == events
