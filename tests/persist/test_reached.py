"""A lost end is told from a torn one: what was acknowledged is never cut off as if nobody had been told."""

import errno
import shutil
from pathlib import Path

import pytest

from watchcache.log import Corrupt, Log
from watchcache.persist import FileJournal, check_directory
from watchcache.persist.faults import FaultyDisk, fail

from .directories import history, opened, scribble, segments, snapshots, state_of
from .samples import stamp


async def filled(path, writes=60, **options):
    """A directory with some segments, and the events in it."""
    async with opened(path, **options) as log:
        return await scribble(log, writes)


def shortened(path: Path) -> None:
    """The last segment in the middle of its last frame."""
    file = segments(path)[-1]
    file.write_bytes(file.read_bytes()[:-9])


def changed(path: Path) -> None:
    """One bit of the last frame."""
    file = segments(path)[-1]
    data = file.read_bytes()
    file.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])


def zeroed(path: Path) -> None:
    """The last frame without its end, in a file of the right length."""
    file = segments(path)[-1]
    file.write_bytes(file.read_bytes()[:-9] + bytes(9))


def emptied(path: Path) -> None:
    """A last segment of which nothing is left."""
    segments(path)[-1].write_bytes(b"")


def removed(path: Path) -> None:
    """The last segment."""
    segments(path)[-1].unlink()


def all_removed(path: Path) -> None:
    """All segments, of a directory without a snapshot."""
    for file in segments(path):
        file.unlink()


@pytest.mark.parametrize("damage", [shortened, changed, zeroed, emptied, removed, all_removed])
async def test_a_lost_end_refuses_to_start_and_nothing_is_touched(tmp_path, damage):
    """The line names file, offset and what to do, and `check` names the same."""
    await filled(tmp_path)
    damage(tmp_path)
    left = {file: file.read_bytes() for file in segments(tmp_path)}
    with pytest.raises(Corrupt, match=r"the events end at revision \d+, but up to 60") as corrupt:
        async with opened(tmp_path):
            pass
    assert "remove REACHED to go on" in str(corrupt.value)
    assert "\n" not in str(corrupt.value)
    assert {file: file.read_bytes() for file in segments(tmp_path)} == left
    report = check_directory(tmp_path)
    assert not report.sound
    assert (corrupt.value.file, corrupt.value.offset) in [
        (fault.file, fault.offset) for fault in report.faults
    ]


async def test_a_lost_end_behind_a_snapshot_refuses_to_start(tmp_path):
    """A snapshot alone is no longer all that was acknowledged."""
    await filled(tmp_path, 70, snapshot_bytes=4000)
    snapshot = snapshots(tmp_path)[-1]
    assert int(snapshot.stem) < 70
    all_removed(tmp_path)
    with pytest.raises(Corrupt, match="but up to 70") as corrupt:
        async with opened(tmp_path):
            pass
    assert (corrupt.value.file, corrupt.value.offset) == (snapshot, snapshot.stat().st_size)
    assert (corrupt.value.file, corrupt.value.offset) in [
        (fault.file, fault.offset) for fault in check_directory(tmp_path).faults
    ]


async def test_an_operator_may_go_on_without_what_is_lost(tmp_path):
    """With the file removed, as the line says, the directory starts at what is left."""
    events = await filled(tmp_path)
    shortened(tmp_path)
    (tmp_path / "REACHED").unlink()
    assert check_directory(tmp_path).sound
    async with opened(tmp_path) as log:
        assert dict(log.heads("")) == state_of(events[:-1])
        await scribble(log, 3)
    shortened(tmp_path)
    assert not check_directory(tmp_path).sound, "from then on an end is missed again"


async def test_a_copy_is_not_held_to_how_far_the_original_had_come(tmp_path):
    """`cp` may take the events before a write and REACHED after it: that is sound, and works on."""
    await filled(tmp_path / "data", 5, segment_bytes=1 << 20)
    early = segments(tmp_path / "data")[0].read_bytes()
    await filled(tmp_path / "data", 5, segment_bytes=1 << 20)
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    segments(tmp_path / "copy")[0].write_bytes(early)
    assert check_directory(tmp_path / "copy").sound
    async with opened(tmp_path / "copy") as log:
        assert log.revision == 5


async def test_who_knows_what_a_copy_has_not_yet_is_told_to_list_anew(tmp_path):
    """The original may have gone on; that its directory was put in place of it, the start says, once."""
    await filled(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    log = Log(FileJournal(tmp_path / "copy"), stamp=stamp)
    recovered = await log.open()
    await log.close()
    assert [note for note in recovered.notes if "is a copy of another directory" in note]
    assert log.lost > 60
    for path in (tmp_path / "data", tmp_path / "copy"):
        async with opened(path) as again:
            assert again.lost == 0


async def test_a_directory_that_moves_is_still_held_to_it(tmp_path):
    """Its files are the same under another name."""
    await filled(tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / "moved")
    removed(tmp_path / "moved")
    with pytest.raises(Corrupt, match="but up to 60"):
        async with opened(tmp_path / "moved"):
            pass


async def test_a_line_that_cannot_be_read_says_nothing(tmp_path):
    """A loss of power may leave anything in a file that is not synced."""
    events = await filled(tmp_path)
    whole = (tmp_path / "REACHED").read_bytes()
    for line in (b"", bytes(len(whole)), whole[:40], whole.replace(b"60 ", b"61 ")):
        (tmp_path / "REACHED").write_bytes(line)
        assert check_directory(tmp_path).faults == []
        async with opened(tmp_path) as log:
            assert await history(log) == events


async def test_a_new_body_of_data_is_not_held_to_the_old_one(tmp_path):
    """Whoever removes the data to begin anew may leave the small files behind."""
    await filled(tmp_path)
    all_removed(tmp_path)
    (tmp_path / "FORMAT").unlink()
    async with opened(tmp_path) as log:
        assert log.revision == 0


async def test_a_commit_does_not_depend_on_the_line(tmp_path):
    """It is on the disk already: that nothing could be noted is counted."""
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk) as log:
        disk.arm("reached.overwrite.before", fail(errno.ENOSPC), times=2)
        events = await scribble(log, 5)
        stats = log.stats().journal
        assert (stats.failures, log.failure) == (2, None)
        assert "how far the events have come: " in stats.last_failure
    async with opened(tmp_path) as log:
        assert await history(log) == events


async def test_a_start_without_room_for_the_line_goes_on(tmp_path):
    """Reads are worth more than the check of the next start."""
    events = await filled(tmp_path)
    disk = FaultyDisk()
    disk.arm("reached.overwrite.before", fail(errno.ENOSPC), times=1)
    async with opened(tmp_path, disk=disk) as log:
        assert await history(log) == events
