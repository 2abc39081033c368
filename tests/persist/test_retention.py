"""What is kept and what goes."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio

from tests.alive import Alive
from watchcache.log import Compacted, Event, Log
from watchcache.persist import FileJournal, Retention
from watchcache.persist.file.history import REST, Decoded
from watchcache.persist.retention import Stretch, surplus

from .directories import history, opened, scribble, segments
from .samples import stamp, value

STRETCHES = [Stretch(10, 100.0, 50), Stretch(20, 200.0, 50), Stretch(30, 300.0, 50)]


@pytest.mark.parametrize(
    ("retention", "floor", "gone"),
    [
        (Retention(seconds=None, bytes=None), 0, 0),
        (Retention(seconds=150, bytes=None), 0, 1),
        (Retention(seconds=50, bytes=None), 0, 2),
        (Retention(seconds=None, bytes=120), 0, 1),
        (Retention(seconds=None, bytes=20), 0, 3),
        (Retention(seconds=None, bytes=None, revisions=15), 0, 1),
        (Retention(seconds=None, bytes=None, revisions=5), 0, 2),
        (Retention(seconds=None, bytes=None), 19, 1),
        (Retention(seconds=None, bytes=None), 20, 2),
    ],
)
def test_whatever_exceeds_a_limit_goes_oldest_first(retention, floor, gone):
    """Each limit alone, at revision 30 and time 300."""
    assert surplus(STRETCHES, retention, newest=30, now=300.0, floor=floor) == gone


async def test_old_segments_go_when_a_snapshot_covers_them(tmp_path):
    """By age, counted in the events' own times; what is left can be read and begins where `oldest` says."""
    retention = Retention(seconds=40.0)
    async with opened(tmp_path, retention=retention, snapshot_bytes=3000) as log:
        events = await scribble(log, 300)
        assert 0 < log.oldest < 260
        assert await history(log, log.oldest) == events[log.oldest :]
        with pytest.raises(Compacted):
            await history(log, log.oldest - 1)
        assert min(int(file.stem) for file in segments(tmp_path)) == log.oldest


async def test_nothing_goes_that_the_state_needs(tmp_path):
    """Without a snapshot every segment stays, whatever the retention says."""
    async with opened(tmp_path, retention=Retention(revisions=1, bytes=1, seconds=0.0)) as log:
        events = await scribble(log, 100)
        assert log.oldest == 0
        assert await history(log) == events


async def begun(log: Log) -> tuple[AsyncIterator[list[Event]], int, list[Event]]:
    """A reader from the oldest revision on with its first batch, once retention is not just moving that."""
    while True:
        oldest = log.oldest
        reader = log.history(oldest)
        with suppress(Compacted):
            return reader, oldest, await anext(reader)


async def test_a_reader_that_retention_overtakes_is_told(tmp_path):
    """A slow reader gets no gap but `Compacted`."""
    async with opened(
        tmp_path, retention=Retention(revisions=30), snapshot_bytes=3000, ring_bytes=100
    ) as log:
        await scribble(log, 50)
        reader, oldest, first = await begun(log)
        assert first[0].revision == oldest + 1
        await scribble(log, 300)
        with pytest.raises(Compacted):
            async for _ in reader:
                pass


@pytest.mark.parametrize(
    ("kept", "size"),
    [(None, 32 << 20), (1 << 30, 32 << 20), (64 << 20, 4 << 20), (8 << 20, 1 << 20), (1, 1 << 20)],
)
def test_segments_are_a_small_part_of_the_history(kept, size):
    """They are dropped as a whole; the default history has the largest."""
    assert Retention(bytes=kept).segment_bytes == size


async def test_a_journal_of_little_history_stays_small(tmp_path):
    """Segments and snapshots follow the retention: the files are never much larger than what is to be kept."""
    kept, largest = 4 << 20, 0
    journal = FileJournal(tmp_path, retention=Retention(bytes=kept))
    log = Log(journal, stamp=stamp, clock=lambda: 1.0, ring_bytes=1 << 16)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for number in range(200):
            await log.append(f"pods/default/p{number % 3}", value("x" * 100_000))
            largest = max(largest, journal.stats().bytes)
        assert log.oldest > 50
        assert largest < 3 * kept
        await log.close()


async def test_what_nobody_reads_is_not_kept_decoded(tmp_path, autojump_clock):
    """Readers of one place share a segment; a minute after the last, the next commit lets go of it."""
    async with opened(tmp_path, ring_bytes=100) as log:
        await scribble(log, 100)
        alive = Alive({Decoded})
        await history(log)
        assert alive.new() == {"Decoded": 2}
        await log.append("pods/default/other", value("x"))
        assert alive.new() == {"Decoded": 2}
        await trio.sleep(REST + 1)
        await log.append("pods/default/other", value("y"))
        assert not alive.new()
