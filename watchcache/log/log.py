"""The log as the server uses it: the trio shell around `Sequence`.

How a write passes through, and why so:

* `append` runs the writer's turn in `Sequence.put` (no await), leaves a `Ticket`, wakes the publisher, and parks its task.
* One task, `run`, publishes. It takes all that is queued as one group, has the journal make it durable, and only
  then makes it visible: to the state, the ring, the subscribers, the writers, in that order. Groups grow by
  themselves: what arrives while the journal syncs is the next group.
* A ticket whose writer was cancelled is published like any other; only nobody is woken. Once a revision is
  taken, others may build on it.
* A full journal takes back everything not yet published. A failed one ends writing for ever: after a failed fsync nobody
  knows what is on the disk, and an acknowledgement would be a guess. Reads go on from what was published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import trio

from watchcache.log.errors import JournalFull, unavailable
from watchcache.log.events import Event, Head, Stamp
from watchcache.log.history import HistoryReader
from watchcache.log.journal import Journal, Recovered
from watchcache.log.ring import Ring
from watchcache.log.sequence import Sequence
from watchcache.log.stats import LogStats
from watchcache.log.subscribers import Deliver, Subscribers
from watchcache.log.ticket import Ticket
from watchcache.log.waiters import Waiters

RING_BYTES = 64 << 20


class Log:
    """The one order of all changes. Open it, run it in a task, append, subscribe, read history."""

    def __init__(
        self,
        journal: Journal,
        *,
        stamp: Stamp,
        clock: Callable[[], float] = time.time,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        self.failure: BaseException | None = None
        self._journal = journal
        self._stamp = stamp
        self._clock = clock
        self._sequence = Sequence(stamp)
        self._ring = Ring(ring_bytes)
        self._tickets: list[Ticket] = []
        self._publisher: trio.lowlevel.Task | None = None
        self._chores: trio.Nursery | None = None
        self._snapshotting = False
        self._closing = False
        self._stopped: trio.Event | None = None  # there from the start of `run`, set at its end
        self._subscribers = Subscribers()
        self._waiters = Waiters()
        self._refused = 0
        self._lost = 0

    # -- life

    async def open(self) -> Recovered:
        """Recover what the journal holds. Raises JournalError when it cannot be used."""
        recovered = await self._journal.open(self._stamp, self._ring)
        self._sequence = Sequence(self._stamp, recovered.revision, recovered.heads)
        self._lost = recovered.lost
        return recovered

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish until closed. A cancellation first sees the queued writes through: their order is taken."""
        self._stopped = trio.Event()
        try:
            async with trio.open_nursery() as self._chores:
                task_status.started()
                try:
                    await self._publish_until_closed()
                finally:
                    self._closing = True
                    with trio.CancelScope(shield=True):
                        await self._drain()
                self._chores.cancel_scope.cancel()
        finally:
            self._abandon_all()
            self._stopped.set()

    async def close(self) -> None:
        """See the queued writes through, end `run`, close the journal."""
        self._closing = True
        self._wake_publisher()
        if self._stopped is not None:
            await self._stopped.wait()
        await self._journal.close()

    # -- where it stands

    @property
    def epoch(self) -> str:
        """The journal's name for this body of data."""
        return self._journal.epoch

    @property
    def revision(self) -> int:
        """The newest revision assigned."""
        return self._sequence.revision

    @property
    def published(self) -> int:
        """The newest revision that is durable and delivered."""
        return self._sequence.published

    @property
    def gap(self) -> int:
        """Nothing is ever missing from what was delivered."""
        return 0

    @property
    def lost(self) -> int:
        """As of `ReadableLog`: above 0 when the journal is a copy, whose original may have gone on."""
        return self._lost

    @property
    def expires(self) -> bool:
        """Nothing is deleted unless somebody deletes it."""
        return False

    @property
    def oldest(self) -> int:
        """A reader may resume after any revision from this one on."""
        return self._journal.oldest

    def head(self, key: str) -> Head | None:
        """Return the newest queued state of a key: what the next writer builds on, perhaps not yet durable."""
        return self._sequence.head(key)

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, sorted, with their heads; to be used up without an await.

        The prefix is taken literally: end it with a slash to mean one resource or namespace.
        """
        return self._sequence.heads(prefix)

    def stats(self) -> LogStats:
        """Return where the log stands."""
        return LogStats(
            revision=self.revision,
            published=self.published,
            oldest=self.oldest,
            keys=len(self._sequence),
            queued=self._sequence.unpublished,
            ring_events=len(self._ring),
            ring_bytes=self._ring.bytes,
            refused=self._refused,
            failed=self.failure is not None,
            journal=self._journal.stats(),
        )

    # -- writing

    async def append(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Event:
        """Write a key, or delete it (None), and return the event when it is durable and delivered.

        expected: None for any state, 0 for a key that must not be there, else the revision it must be at.
        A cancelled append is not undone: its write happens.
        Raises Conflict, JournalFull (nothing written; may succeed later), JournalFailed (unknown whether written).
        """
        return await self.append_nowait(key, value, expected=expected).wait()

    def append_nowait(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Ticket:
        """Do the writer's turn of `append` and return the ticket to wait on, if at all: for loading much at once.

        `expected` may be the ticket of the write that this one builds on.
        The queue is not bounded: whoever uses this waits for a ticket now and then.
        """
        if self._closing or self.failure is not None:
            raise unavailable(self.failure)
        if isinstance(expected, Ticket):
            expected = expected.event.revision
        ticket = Ticket(self._sequence.put(key, value, expected, self._clock()))
        self._tickets.append(ticket)
        if self._publisher is not None:
            self._wake_publisher()
        return ticket

    async def confirm(self, key: str, revision: int) -> bool:
        """Wait until what `head` said of a key is durable (0: that it is not there), and return True: nobody else writes here.

        Raises JournalFull when it was taken back, JournalFailed.
        """
        del key
        await self.wait_published(revision or self.revision)
        return True

    # -- reading

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called with each group of published events, in the publisher, in order; returns the way out.

        The caller sees every event after `published` as it is now. `deliver` must not raise.
        """
        return self._subscribers.add(deliver)

    def history(self, after: int) -> HistoryReader:
        """Return an iterator over the published events after a revision, in order, in batches of up to some hundred.

        It ends when the last batch reached `published`; there is no await between that and the end, so a reader may
        subscribe then and misses nothing. Raises Compacted, also in the middle if retention overtakes a slow reader.
        """
        return HistoryReader(self, self._ring, self._journal, after)

    async def wait_published(self, revision: int) -> None:
        """Wait until a revision is published; returns at once, without a checkpoint, when it is.

        Raises JournalFull when that revision was taken back, JournalFailed when the log has failed or closed.
        """
        if revision <= self.published:
            return
        if self.failure is not None or (self._stopped is not None and self._stopped.is_set()):
            raise unavailable(self.failure)
        await self._waiters.add(revision).wait()

    async def compact(self, revision: int) -> None:
        """Give up the history up to and including a published revision. One already given up changes nothing."""
        if revision > self.published:
            raise ValueError(f"revision {revision} is not published yet: the newest is {self.published}")
        if revision > self.oldest:
            await self._journal.compact(revision)

    # -- the publisher

    async def _publish_until_closed(self) -> None:
        while not self._closing:
            if self._tickets:
                await self._publish_group()
            else:
                self._publisher = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._leave)

    def _leave(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._publisher = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake_publisher(self) -> None:
        if self._publisher is not None:
            trio.lowlevel.reschedule(self._publisher)
            self._publisher = None

    async def _drain(self) -> None:
        while self._tickets:
            await self._publish_group()

    async def _publish_group(self) -> None:
        events = self._sequence.take()
        tickets = self._tickets[: len(events)]
        del self._tickets[: len(events)]
        try:
            with trio.CancelScope(shield=True):
                await self._journal.commit(events)
        except JournalFull as full:
            self._refuse(tickets, full)
        except Exception as error:  # whatever it is, what is durable is not known any more
            self._fail(tickets, error)
        else:
            self._publish(events, tickets)
        if self._tickets:
            await trio.lowlevel.cancel_shielded_checkpoint()  # a journal in memory does not let others run

    def _publish(self, events: list[Event], tickets: list[Ticket]) -> None:
        self._sequence.publish()
        self._ring.extend(events)
        try:
            self._subscribers.deliver(events)
        finally:  # whatever a subscriber did, these are written
            for ticket in tickets:
                ticket.settle()
        for ticket in self._waiters.take_reached(self.published):
            ticket.settle()
        if (
            self._journal.snapshot_due
            and not (self._snapshotting or self._closing)
            and self._chores is not None
        ):
            self._snapshotting = True
            self._chores.start_soon(self._snapshot, self.published, self._sequence.copy())

    async def _snapshot(self, revision: int, heads: dict[str, Head]) -> None:
        try:
            await self._journal.snapshot(revision, heads)
        finally:
            self._snapshotting = False

    def _refuse(self, tickets: list[Ticket], full: JournalFull) -> None:
        taken_back = self.revision
        refused = [*tickets, *self._tickets]
        self._tickets = []
        self._sequence.refuse()
        self._refused += len(refused)
        for ticket in (*refused, *self._waiters.take_reached(taken_back)):
            ticket.settle(JournalFull(*full.args))

    def _fail(self, tickets: list[Ticket], error: Exception) -> None:
        self.failure = error
        self._tickets = [*tickets, *self._tickets]
        self._abandon_all()

    def _abandon_all(self) -> None:
        abandoned = [*self._tickets, *self._waiters.take_all()]
        self._tickets = []
        self._sequence.refuse()
        for ticket in abandoned:
            ticket.settle(unavailable(self.failure))
