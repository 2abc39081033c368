"""The trio shell: groups, waiting, cancellation, failure, closing."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from watchcache.log import (
    Compacted,
    Conflict,
    Event,
    JournalFailed,
    JournalFull,
    Log,
    LogClosed,
)
from watchcache.persist import MemoryJournal

from .samples import stamp, value


class GatedJournal(MemoryJournal):
    """A journal whose commits wait for a permit, or end with an error."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[list[int]] = []
        self.permits, self._permits = trio.open_memory_channel[Exception | None](100)

    async def commit(self, events: Sequence[Event]) -> None:
        self.groups.append([event.revision for event in events])
        error = await self._permits.receive()
        if error is not None:
            raise error
        await super().commit(events)

    def permit(self, error: Exception | None = None) -> None:
        self.permits.send_nowait(error)


@pytest.fixture
def journal():
    """A journal that commits when it is told to."""
    return GatedJournal()


@pytest.fixture
async def log(journal, nursery):
    """A running log over it."""
    log = Log(journal, stamp=stamp, clock=lambda: 100.0)
    await log.open()
    await nursery.start(log.run)
    return log


async def written(journal: GatedJournal, log: Log, key: str, text: str = "") -> Event:
    """The event of a write that is permitted at once."""
    ticket = log.append_nowait(key, value(text))
    journal.permit()
    return await ticket.wait()


async def test_nothing_is_visible_before_it_is_durable(log, journal, nursery):
    """While the journal syncs, neither state, history, subscribers nor the writer know of the write."""
    delivered: list[Event] = []
    log.subscribe(delivered.extend)
    ticket = log.append_nowait("k", value())
    await wait_all_tasks_blocked()
    assert (log.published, list(log.heads("")), delivered) == (0, [], [])
    assert log.revision == 1
    journal.permit()
    event = await ticket.wait()
    assert delivered == [event]
    assert [key for key, _ in log.heads("")] == ["k"]
    assert event.time == 100.0


async def test_what_queues_while_a_group_syncs_is_the_next_group(log, journal):
    """Group commit: many writers share one sync."""
    tickets = [log.append_nowait("a", value())]
    await wait_all_tasks_blocked()
    tickets += [log.append_nowait(key, value()) for key in "bcd"]
    journal.permit()
    journal.permit()
    for ticket in tickets:
        await ticket.wait()
    assert journal.groups == [[1], [2, 3, 4]]


async def test_an_event_is_delivered_before_its_writer_continues(log, journal):
    """When `append` returns, every subscriber has the event."""
    seen: list[int] = []
    log.subscribe(lambda events: seen.extend(event.revision for event in events))
    event = await written(journal, log, "k")
    assert seen == [event.revision]


async def test_an_unsubscribed_one_is_not_called_again(log, journal):
    """The way out that `subscribe` returns ends the calls."""
    seen: list[Event] = []
    leave = log.subscribe(seen.extend)
    await written(journal, log, "a")
    leave()
    await written(journal, log, "b")
    assert len(seen) == 1


async def test_a_cancelled_append_is_written_all_the_same(log, journal):
    """Its revision is taken and others may build on it, so a client that left changes nothing."""
    with trio.move_on_after(0) as scope:
        await log.append("k", value())
    assert scope.cancelled_caught
    journal.permit()
    await log.wait_published(1)
    assert [key for key, _ in log.heads("")] == ["k"]


async def test_waiting_for_a_revision_ends_when_it_is_published(log, journal, nursery):
    """Each waiter is woken with its revision, whatever order they came in."""
    woken: list[int] = []

    async def wait(revision):
        await log.wait_published(revision)
        woken.append(revision)

    for revision in (2, 1, 3):
        nursery.start_soon(wait, revision)
    for key, expected in (("a", [1]), ("b", [1, 2])):
        await written(journal, log, key)
        await wait_all_tasks_blocked()
        assert woken == expected
    await written(journal, log, "c")


async def test_a_full_journal_refuses_the_group_and_all_that_was_built_on_it(log, journal):
    """Each of those writers is told that nothing was written; afterwards the log goes on from the published state."""
    await written(journal, log, "k", "1")
    first = log.append_nowait("k", value("2"))
    await wait_all_tasks_blocked()
    second = log.append_nowait("k", value("3"), expected=2)
    journal.permit(JournalFull("no room"))
    for ticket in (first, second):
        with pytest.raises(JournalFull, match="no room"):
            await ticket.wait()
    assert (log.revision, log.failure) == (1, None)
    assert log.stats().refused == 2
    event = await written(journal, log, "k", "4")
    assert (event.revision, event.prev_revision) == (2, 1)


async def test_waiting_for_a_refused_revision_ends_with_the_refusal(log, journal, nursery):
    """Who waits for a revision that was taken back is told so; who waits for a later one goes on waiting."""
    refused: list[int] = []
    arrived: list[int] = []

    async def wait(revision):
        try:
            await log.wait_published(revision)
        except JournalFull:
            refused.append(revision)
        else:
            arrived.append(revision)

    log.append_nowait("a", value())
    nursery.start_soon(wait, 1)
    nursery.start_soon(wait, 2)
    await wait_all_tasks_blocked()
    journal.permit(JournalFull("no room"))
    await wait_all_tasks_blocked()
    assert refused == [1]
    await written(journal, log, "b")
    await written(journal, log, "c")
    await wait_all_tasks_blocked()
    assert arrived == [2]


async def test_a_failed_journal_ends_writing_but_not_reading(log, journal):
    """After an error nobody is acknowledged any more, and what was published stays readable."""
    await written(journal, log, "k")
    broken = OSError(5, "Input/output error")
    queued = log.append_nowait("l", value())
    await wait_all_tasks_blocked()
    behind = log.append_nowait("m", value())
    journal.permit(broken)
    for ticket in (queued, behind):
        with pytest.raises(JournalFailed, match="Input/output error"):
            await ticket.wait()
    assert log.failure is broken
    with pytest.raises(JournalFailed):
        await log.append("n", value())
    with pytest.raises(JournalFailed):
        await log.wait_published(2)
    assert [event.key async for batch in log.history(0) for event in batch] == ["k"]
    assert [key for key, _ in log.heads("")] == ["k"]
    assert log.stats().failed


async def test_a_ticket_raises_an_error_of_its_own(log, journal):
    """Two tickets never share an exception, whose traceback would grow with each."""
    tickets = [log.append_nowait(key, value()) for key in "ab"]
    journal.permit(OSError(5, "broken"))
    errors = []
    for ticket in tickets:
        with pytest.raises(JournalFailed) as caught:
            await ticket.wait()
        errors.append(caught.value)
    assert errors[0] is not errors[1]


async def test_closing_sees_queued_writes_through(log, journal, nursery):
    """A clean end loses nothing that was queued, and refuses what comes later."""
    ticket = log.append_nowait("k", value())
    journal.permit()
    await log.close()
    assert (await ticket.wait()).revision == 1
    with pytest.raises(LogClosed):
        await log.append("l", value())
    with pytest.raises(LogClosed):
        await log.wait_published(2)


async def test_cancelling_the_publisher_sees_queued_writes_through():
    """Their order is taken and their writers may be elsewhere; only then does it end."""
    log = Log(MemoryJournal(), stamp=stamp)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        ticket = log.append_nowait("k", value())
        nursery.cancel_scope.cancel()
    assert (await ticket.wait()).revision == 1
    assert log.published == 1


async def test_a_group_is_bounded_and_the_rest_follows(nursery):
    """Ten thousand writes at once are several groups, in order."""
    journal = MemoryJournal()
    log = Log(journal, stamp=stamp)
    await log.open()
    await nursery.start(log.run)
    tickets = [log.append_nowait(f"k{n}", value()) for n in range(5000)]
    await tickets[-1].wait()
    assert log.published == 5000
    assert log.stats().journal.commits > 1


async def test_history_joins_the_ring_and_the_journal():
    """What the ring has dropped comes from the journal, without a gap or a repetition."""
    log = Log(MemoryJournal(), stamp=stamp, ring_bytes=4000)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for number in range(100):
            await log.append("k", value(str(number)))
        assert 0 < log.stats().ring_events < 20
        for after in (0, 1, 50, 95, 99, 100):
            revisions = [event.revision async for batch in log.history(after) for event in batch]
            assert revisions == list(range(after + 1, 101))
        await log.close()


async def test_history_ends_only_when_everything_published_was_read(log, journal):
    """Events that are published while a reader is busy with a batch are still part of its history."""
    await written(journal, log, "a")
    keys = []
    async for batch in log.history(0):
        keys += [event.key for event in batch]
        if len(keys) < 3:
            await written(journal, log, "bc"[len(keys) - 1])
    assert keys == ["a", "b", "c"]


async def test_a_reader_may_be_dropped_half_way(log, journal):
    """A client that leaves in the middle of its history leaves nothing to finish; `aclose` ends it at once."""
    for key in "abc":
        await written(journal, log, key)
    reader = log.history(0)
    assert [event.key for event in await anext(reader)] == ["a", "b", "c"]
    del reader
    reader = log.history(0)
    await reader.aclose()
    assert [batch async for batch in reader] == []


async def test_compacted_history_is_refused(log, journal):
    """Resuming at the compacted revision works; before it does not, though the ring may hold the events."""
    for key in "abc":
        await written(journal, log, key)
    await log.compact(2)
    assert log.oldest == 2
    assert [event.key async for batch in log.history(2) for event in batch] == ["c"]
    with pytest.raises(Compacted) as compacted:
        [batch async for batch in log.history(1)]
    assert (compacted.value.after, compacted.value.oldest) == (1, 2)
    with pytest.raises(ValueError, match="not published"):
        await log.compact(4)


async def test_a_subscriber_that_raises_ends_the_publisher_and_strands_no_writer():
    """It is a mistake of ours and must be seen, but what is durable is answered as such."""
    log = Log(MemoryJournal(), stamp=stamp)
    await log.open()

    def broken(events):
        raise RuntimeError("a bug")

    log.subscribe(broken)
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="a bug"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(log.run)
            ticket = log.append_nowait("k", value())
    assert (await ticket.wait()).revision == 1
    with pytest.raises(LogClosed):
        await log.append("l", value())


async def test_a_conflict_needs_no_journal(log, journal):
    """The writer's turn decides at once."""
    await written(journal, log, "k")
    with pytest.raises(Conflict):
        await log.append("k", value(), expected=0)
    assert log.revision == 1
