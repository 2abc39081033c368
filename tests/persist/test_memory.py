"""What only the journal in memory does."""

from watchcache.log import Log
from watchcache.persist import MemoryJournal, Retention

from .directories import history
from .samples import stamp, value


async def test_it_may_begin_after_any_revision(nursery):
    """A server that must look as if it had been running for long starts with a high revision."""
    log = Log(MemoryJournal(revision=1000), stamp=stamp)
    await log.open()
    await nursery.start(log.run)
    assert (log.revision, log.published, log.oldest) == (1000, 1000, 1000)
    event = await log.append("k", value(), expected=0)
    assert event.revision == 1001
    assert await history(log, 1000) == [event]


async def test_events_expire_by_age_and_by_bytes(nursery):
    """History in memory is bounded both ways; the state is not touched."""
    times = iter(range(1000))
    journal = MemoryJournal(retention=Retention(seconds=50.0, bytes=1 << 20))
    log = Log(journal, stamp=stamp, clock=lambda: float(next(times)))
    await log.open()
    await nursery.start(log.run)
    for number in range(200):
        await log.append(f"k{number % 150}", value(str(number)))
    assert 140 <= log.oldest <= 150
    assert len(list(log.heads(""))) == 150
    for number in range(20):
        await log.append("large", value("x" * 100_000 + str(number)))
    assert log.stats().journal.bytes <= 1 << 20
    assert [event.revision for event in await history(log, log.oldest)] == list(range(log.oldest + 1, 221))
