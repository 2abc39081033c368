"""What a start makes of what is in the directory."""

import io
import shutil

import pytest

from watchcache.log import Compacted, Corrupt, JournalError
from watchcache.persist import check_directory
from watchcache.persist.faults import FaultyDisk
from watchcache.persist.file.frames import frame
from watchcache.persist.file.segment import read_frames

from .directories import history, opened, scribble, segments, snapshots, state_of


async def filled(path, writes=60, **options):
    """A directory with some segments, and the events in it."""
    async with opened(path, **options) as log:
        return await scribble(log, writes)


async def test_a_torn_end_of_any_length_is_cut_and_said(tmp_path):
    """Whatever part of the last commit a crash left, all before it is there and the directory works on."""
    events = await filled(tmp_path, 8, segment_bytes=1 << 20)
    file = segments(tmp_path)[0]
    whole, reached = file.read_bytes(), (tmp_path / "REACHED").read_bytes()
    async with opened(tmp_path, segment_bytes=1 << 20) as log:
        await log.append("k", events[0].value)
    longer = file.read_bytes()
    (tmp_path / "REACHED").write_bytes(reached)  # the crash was before the commit's end
    for cut in range(len(whole) + 1, len(longer), 7):
        file.write_bytes(longer[:cut])
        assert check_directory(tmp_path).sound
        async with opened(tmp_path, segment_bytes=1 << 20) as log:
            assert await history(log) == events
        assert file.read_bytes() == whole


async def test_the_repair_is_noted(tmp_path):
    """The operator is told which file was cut, where, and that nothing promised is lost."""
    from watchcache.log import Log
    from watchcache.persist import FileJournal

    from .samples import stamp

    await filled(tmp_path, 3)
    file = segments(tmp_path)[-1]
    length = file.stat().st_size
    with file.open("ab") as end:
        end.write(b"\xffWC\x00 half a frame")
    log = Log(FileJournal(tmp_path), stamp=stamp)
    recovered = await log.open()
    await log.close()
    assert len(recovered.notes) == 1
    assert f"{file} had a torn end of 17 bytes at offset {length}" in recovered.notes[0]
    assert "no one was told had succeeded" in recovered.notes[0]


async def test_damage_in_the_middle_refuses_to_start(tmp_path):
    """A changed byte anywhere before the last commit is named with file and offset, and nothing is touched."""
    await filled(tmp_path)
    files = segments(tmp_path)
    assert len(files) > 3
    for file in (files[0], files[2], files[-1]):
        whole = file.read_bytes()
        at = len(whole) // 3 if file != files[-1] else 30
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Corrupt) as corrupt:
            async with opened(tmp_path):
                pass
        assert corrupt.value.file == file
        assert corrupt.value.offset <= at
        assert "watchcache check" in str(corrupt.value)
        faults = check_directory(tmp_path).faults
        assert (file, corrupt.value.offset) in [(fault.file, fault.offset) for fault in faults]
        assert not check_directory(tmp_path).sound
        file.write_bytes(whole)


async def test_a_missing_segment_refuses_to_start(tmp_path):
    """Events that are needed for the state and are not there are named."""
    await filled(tmp_path)
    segments(tmp_path)[2].unlink()
    with pytest.raises(Corrupt, match=r"were there once|are missing"):
        async with opened(tmp_path):
            pass
    assert not check_directory(tmp_path).sound


async def test_a_segment_that_was_just_begun_is_removed(tmp_path):
    """Without a header it held nothing; what is before it is complete."""
    events = await filled(tmp_path)
    begun = tmp_path / f"{len(events):020}.events"
    begun.write_bytes(b"\xffWC")
    assert check_directory(tmp_path).sound
    async with opened(tmp_path) as log:
        assert await history(log) == events
    assert not begun.exists()


async def test_a_segment_that_was_begun_after_lost_events_refuses_to_start(tmp_path):
    """Its name says up to where the events went once."""
    await filled(tmp_path)
    (tmp_path / f"{90:020}.events").write_bytes(b"")
    with pytest.raises(Corrupt, match="the events end at 60"):
        async with opened(tmp_path):
            pass
    assert not check_directory(tmp_path).sound


async def test_a_start_reads_the_snapshot_and_the_events_after_it(tmp_path):
    """State, revision and the whole history are as before."""
    events = await filled(tmp_path, 200, snapshot_bytes=4000)
    assert snapshots(tmp_path)
    async with opened(tmp_path) as log:
        assert dict(log.heads("")) == state_of(events)
        assert log.oldest == 0
        assert await history(log) == events
        assert log.stats().journal.snapshot_revision > 0


async def test_a_damaged_snapshot_is_passed_over_when_the_events_are_there(tmp_path):
    """The segments since the start, or an older snapshot, make up for it; `check` names the fault."""
    events = await filled(tmp_path, 200, snapshot_bytes=4000)
    file = snapshots(tmp_path)[-1]
    data = file.read_bytes()
    file.write_bytes(data[:-5] + b"?????")
    async with opened(tmp_path) as log:
        assert dict(log.heads("")) == state_of(events)
    assert [fault.file for fault in check_directory(tmp_path).faults] == [file]


async def test_a_damaged_snapshot_that_is_needed_refuses_to_start(tmp_path):
    """When the events before it are gone, the state cannot be known."""
    from watchcache.persist import Retention

    await filled(tmp_path, 200, snapshot_bytes=4000, retention=Retention(revisions=20))
    assert int(segments(tmp_path)[0].stem) > 0
    for file in snapshots(tmp_path):  # the one before the last may not have been removed yet
        data = file.read_bytes()
        file.write_bytes(data[:100] + b"?" + data[101:])
    with pytest.raises(Corrupt, match="the snapshot is not whole") as corrupt:
        async with opened(tmp_path):
            pass
    assert corrupt.value.file == file
    faults = check_directory(tmp_path).faults
    assert (file, corrupt.value.offset) in [(fault.file, fault.offset) for fault in faults]


async def test_a_snapshot_alone_is_a_state_without_history(tmp_path):
    """A copied snapshot is a backup: the state is there, and resuming from before it is refused."""
    events = await filled(tmp_path, 100, snapshot_bytes=4000)
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in (tmp_path / "FORMAT", snapshots(tmp_path)[-1]):
        shutil.copy(file, copied)
    revision = int(snapshots(copied)[0].stem)
    async with opened(copied) as log:
        assert dict(log.heads("")) == state_of([event for event in events if event.revision <= revision])
        assert log.oldest == log.revision == revision
        with pytest.raises(Compacted):
            await history(log, 0)
        assert [event.revision for event in await scribble(log, 2)] == [revision + 1, revision + 2]


async def test_events_that_end_before_the_snapshot_refuse_to_start(tmp_path):
    """A segment that lost its end after a snapshot saw it was not torn by a crash: nothing is cut, and `check` says the same."""
    await filled(tmp_path, 100, snapshot_bytes=4000, segment_bytes=1 << 20)
    (tmp_path / "REACHED").unlink()
    file = segments(tmp_path)[0]
    short = file.read_bytes()[:1000]
    file.write_bytes(short)
    with pytest.raises(Corrupt, match="were there once") as corrupt:
        async with opened(tmp_path):
            pass
    assert file.read_bytes() == short
    assert not check_directory(tmp_path).sound
    faults = check_directory(tmp_path).faults
    assert (file, corrupt.value.offset, corrupt.value.problem) in [
        (fault.file, fault.offset, fault.problem) for fault in faults
    ]


async def test_a_last_segment_that_is_empty_though_a_snapshot_saw_its_events_is_named(tmp_path):
    """It was not just begun: the start names it, not the whole one before it."""
    await filled(tmp_path, 100, snapshot_bytes=4000)
    (tmp_path / "REACHED").unlink()
    snapshot = int(snapshots(tmp_path)[-1].stem)
    last = [file for file in segments(tmp_path) if int(file.stem) < snapshot][-1]
    for file in segments(tmp_path):
        if file > last:
            file.unlink()
    last.write_bytes(b"")
    with pytest.raises(Corrupt) as corrupt:
        async with opened(tmp_path):
            pass
    assert (corrupt.value.file, corrupt.value.offset) == (last, 0)
    assert (last, 0) in [(fault.file, fault.offset) for fault in check_directory(tmp_path).faults]
    assert not check_directory(tmp_path).sound


async def test_damaged_history_does_not_stop_a_start_and_is_given_up_when_met(tmp_path):
    """Behind a snapshot only resuming depends on it: that is refused as compacted, and counted."""
    events = await filled(tmp_path, 200, snapshot_bytes=4000)
    file = segments(tmp_path)[0]
    data = file.read_bytes()
    file.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
    assert not check_directory(tmp_path).sound
    async with opened(tmp_path, ring_bytes=1000) as log:
        assert dict(log.heads("")) == state_of(events)
        with pytest.raises(Compacted):
            await history(log)
        assert log.oldest == int(segments(tmp_path)[1].stem)
        assert await history(log, log.oldest) == events[log.oldest :]
        assert log.stats().journal.failures == 1


async def test_history_that_lost_its_end_is_given_up_when_met(tmp_path):
    """A segment cut between two frames has no wrong checksum, but its successor says how far it went."""
    await filled(tmp_path, 200, snapshot_bytes=4000)
    file = segments(tmp_path)[0]
    data = file.read_bytes()
    *_, (offset, _) = read_frames(io.BytesIO(data))
    file.write_bytes(data[:offset])
    assert not check_directory(tmp_path).sound
    async with opened(tmp_path, ring_bytes=1000) as log:
        with pytest.raises(Compacted):
            await history(log)
        assert log.oldest == int(segments(tmp_path)[1].stem)


async def test_history_behind_a_gap_is_not_offered(tmp_path):
    """With an old segment missing, one may resume only from after it."""
    events = await filled(tmp_path, 200, snapshot_bytes=4000)
    files = segments(tmp_path)
    files[1].unlink()
    async with opened(tmp_path) as log:
        assert log.oldest == int(files[2].stem)
        assert await history(log, log.oldest) == events[log.oldest :]


async def test_a_file_of_another_directory_is_refused(tmp_path):
    """Epochs tell two bodies of data apart, whose revisions mean different things."""
    await filled(tmp_path / "one")
    await filled(tmp_path / "two")
    (tmp_path / "one" / segments(tmp_path / "two")[-1].name).write_bytes(
        segments(tmp_path / "two")[-1].read_bytes()
    )
    with pytest.raises(Corrupt, match="belongs to another data directory"):
        async with opened(tmp_path / "one"):
            pass


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "it is missing"),
        (b"?", "does not say the data's format"),
        (b'{"format":2,"epoch":"x"}', "newer version"),
    ],
)
async def test_the_format_is_checked(tmp_path, text, problem):
    """Data without a format, with a strange one or of a newer version is not touched."""
    await filled(tmp_path)
    (tmp_path / "FORMAT").unlink()
    if text is not None:
        (tmp_path / "FORMAT").write_bytes(text)
    with pytest.raises(JournalError, match=problem):
        async with opened(tmp_path):
            pass


@pytest.mark.parametrize("name", [f"{1:020}.events", f"{99:020}.state"])
async def test_a_file_under_another_name_is_refused(tmp_path, name):
    """What is in it is at other revisions than its name says."""
    await filled(tmp_path, 100, snapshot_bytes=4000)
    file = (segments if name.endswith("events") else snapshots)(tmp_path)[0]
    shutil.copy(file, tmp_path / name)
    with pytest.raises(Corrupt, match="its header is of another file") as corrupt:
        async with opened(tmp_path):
            pass
    assert corrupt.value.file == tmp_path / name
    assert tmp_path / name in [fault.file for fault in check_directory(tmp_path).faults]


async def test_a_last_frame_that_is_whole_and_not_understood_is_not_cut_off(tmp_path):
    """Its checksum is right, so no crash left it: perhaps a newer version wrote it, and acknowledged what is in it."""
    await filled(tmp_path, 3)
    file = segments(tmp_path)[-1]
    length = file.stat().st_size
    strange = file.read_bytes() + frame(b"\xc0", length)
    file.write_bytes(strange)
    with pytest.raises(Corrupt, match="its records cannot be read") as corrupt:
        async with opened(tmp_path):
            pass
    assert (corrupt.value.file, corrupt.value.offset) == (file, length)
    assert file.read_bytes() == strange
    assert not check_directory(tmp_path).sound


async def test_what_a_start_found_is_synced_before_it_is_shown(tmp_path):
    """A killed process may have written an event without syncing it: clients must not see what a loss of power takes back."""
    await filled(tmp_path, 3)
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk):
        assert disk.visits["recovery.sync.after"] == 1
        assert disk.visits["recovery.sync_directory.after"] == 1


async def test_the_ring_is_filled_by_a_start(tmp_path):
    """The newest events, which resuming clients ask for first, need no second reading."""
    events = await filled(tmp_path, 50)
    async with opened(tmp_path, ring_bytes=8000) as log:
        held = log.stats().ring_events
        assert 5 < held < 50
        assert log._ring.after(log._ring.oldest, 100) == events[-held:]
