"""A disk that fails and a server that lives on: what is refused, what ends, what is tried again."""

import errno

import pytest
import trio

from watchcache.log import JournalFailed, JournalFull
from watchcache.persist import DirectoryUnusable, Retention, check_directory
from watchcache.persist.faults import POINTS, FaultyDisk, fail

from .directories import history, opened, scribble, segments, snapshots, state_of
from .samples import value


@pytest.mark.parametrize("point", ["segment.write.before", "segment.write.middle", "segment.write.after"])
async def test_a_full_disk_refuses_and_recovers(tmp_path, point):
    """Nothing of a refused write is kept; when there is room again writing goes on, and a restart agrees."""
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk) as log:
        events = await scribble(log, 10)
        disk.arm(point, fail(errno.ENOSPC))
        tickets = [log.append_nowait("k", value(str(number))) for number in range(3)]
        for ticket in tickets:
            with pytest.raises(JournalFull, match="No space left on device"):
                await ticket.wait()
        assert (log.failure, log.head("k"), log.revision) == (None, None, 10)
        disk.disarm()
        events.append(await log.append("k", value("later"), expected=0))
        assert await history(log) == events
    assert check_directory(tmp_path).faults == []
    async with opened(tmp_path) as log:
        assert await history(log) == events


@pytest.mark.parametrize("point", ["roll.create.before", "roll.write.middle", "roll.sync.before"])
async def test_no_room_for_a_new_segment_refuses_and_recovers(tmp_path, point):
    """What was begun is removed, so that the next try can begin it again."""
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk) as log:
        events = await scribble(log, 5)
        disk.arm(point, fail(errno.ENOSPC), times=1)
        refused = 0
        for number in range(40):
            try:
                events.append(await log.append("k", value(f"{number:0100}")))
            except JournalFull:
                refused += 1
        assert refused == 1
        assert await history(log) == events
    assert len(segments(tmp_path)) > 1
    assert check_directory(tmp_path).faults == []


@pytest.mark.parametrize("point", ["segment.sync.before", "segment.sync.after", "segment.write.middle"])
async def test_a_failing_disk_ends_writing_for_ever(tmp_path, point):
    """After a failed sync nobody knows what is on the disk: no write is acknowledged, reads go on."""
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk) as log:
        events = await scribble(log, 10)
        disk.arm(point, fail(errno.EIO), times=1)
        with pytest.raises(JournalFailed, match="Input/output error"):
            await log.append("k", value())
        for _ in range(2):
            with pytest.raises(JournalFailed):
                await log.append("k", value())
        assert isinstance(log.failure, OSError)
        assert dict(log.heads("")) == state_of(events)
        assert await history(log) == events
    async with opened(tmp_path) as log:
        assert (await history(log))[:10] == events


async def test_no_room_and_no_way_back_ends_writing_for_ever(tmp_path):
    """When what was half written cannot be cut off, later writes could follow garbage."""
    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk) as log:
        await scribble(log, 3)
        disk.arm("segment.write.middle", fail(errno.ENOSPC))
        disk.arm("segment.truncate.before", fail(errno.EIO))
        with pytest.raises(JournalFailed, match="cannot be taken back"):
            await log.append("k", value())
        assert log.failure is not None


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("snapshot.")])
async def test_a_failing_snapshot_harms_nothing_and_is_tried_again(tmp_path, point):
    """It is counted, writing goes on, and after another segment's worth the next one succeeds."""
    disk = FaultyDisk()
    disk.arm(point, fail(errno.EIO), times=1)
    async with opened(tmp_path, disk=disk, snapshot_bytes=3000) as log:
        events = await scribble(log, 40)
        while not log.stats().journal.snapshots:
            events += await scribble(log, 5)
        stats = log.stats().journal
        assert (stats.failures, log.failure) == (1, None)
        assert "snapshot: Input/output error" in stats.last_failure or "Errno 5" in stats.last_failure
    assert check_directory(tmp_path).sound
    async with opened(tmp_path) as log:
        assert dict(log.heads("")) == state_of(events)


async def test_a_failing_deletion_is_tried_again(tmp_path):
    """Old segments stay a while longer, history with them, and go later."""
    disk = FaultyDisk()
    disk.arm("retention.unlink.before", fail(errno.EIO), times=2)
    retention = Retention(revisions=10)
    async with opened(tmp_path, disk=disk, snapshot_bytes=3000, retention=retention) as log:
        events = []
        while log.stats().journal.failures < 2 or not log.oldest:
            events += await scribble(log, 5)
        assert log.failure is None
        assert await history(log, log.oldest) == events[log.oldest :]
    assert check_directory(tmp_path).sound


async def test_a_snapshot_ends_early_when_the_log_is_closed(tmp_path):
    """A shutdown does not wait for it, and leaves nothing half written."""
    reached, go_on = trio.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hold() -> None:
        token.run_sync_soon(reached.set)
        trio.from_thread.run(go_on.wait)

    disk = FaultyDisk()
    async with opened(tmp_path, disk=disk, snapshot_bytes=3000) as log:
        disk.arm("snapshot.write.before", hold)
        await scribble(log, 60)
        await reached.wait()
    assert snapshots(tmp_path) == []
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith(("format.", "roll."))])
async def test_a_new_directory_that_cannot_be_written_is_one_clear_line(tmp_path, point):
    """The operator sees which path and why; the next try, with a sound disk, succeeds."""
    disk = FaultyDisk()
    disk.arm(point, fail(errno.EIO))
    with pytest.raises(DirectoryUnusable, match="cannot be used: Input/output error"):
        async with opened(tmp_path / "data", disk=disk):
            pass
    async with opened(tmp_path / "data") as log:
        await scribble(log, 3)
