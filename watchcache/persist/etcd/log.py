"""The log that stands on etcd: the order is the cluster's, and several servers share it.

`watchcache.log.Log` orders writes itself; here etcd does. What the two promise is the same, and one suite tests both: nothing is visible before
it is durable, subscribers get every event once and in order, a writer is answered when they have. How the parts work together:

    append -> Writes -> one guarded transaction -> etcd -> Feed (one watch) -> State -> here: publish -> subscribers, writers, waiters

History is the ring, and before it what is kept in files of our own and what etcd has not compacted (`Chronicle`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import trio

from watchcache.log import (
    Beside,
    Deliver,
    Event,
    Head,
    HistoryReader,
    JournalFailed,
    JournalStats,
    LogStats,
    Recovered,
    Ring,
    Stamp,
    Subscribers,
    Ticket,
    Waiters,
    unavailable,
)
from watchcache.persist.etcd import opening
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.archive import Archive
from watchcache.persist.etcd.chronicle import Chronicle
from watchcache.persist.etcd.client import RANGE, Client
from watchcache.persist.etcd.compaction import Compactor, compact
from watchcache.persist.etcd.endpoints import Cluster
from watchcache.persist.etcd.errors import EtcdReplaced, Problem, journal_error
from watchcache.persist.etcd.feed import Feed
from watchcache.persist.etcd.figures import EtcdStats, Figures
from watchcache.persist.etcd.freshness import Freshness, Progress
from watchcache.persist.etcd.health import Health
from watchcache.persist.etcd.leases import Leases
from watchcache.persist.etcd.past import Past
from watchcache.persist.etcd.patience import Patience
from watchcache.persist.etcd.state import Form, State
from watchcache.persist.etcd.writes import TimeToLive, Writes

RING_BYTES = 64 << 20


class Options(msgspec.Struct, frozen=True):
    """Times are seconds.

    prefix: before every key. reuse: how much longer than asked a lease may be, so that it can be shared. compaction: between compactions, 0 for
    none. patience: how long a start waits for an etcd that does not answer yet. health: the deadline of the calls that ask whether
    etcd is well; ready: the same for who asks whether it is ready. sizes: between questions for the size of the database.
    """

    prefix: str = "/registry"
    reuse: float = 60.0
    compaction: float = 300.0
    patience: float = 10.0
    health: float = 2.0
    ready: float = 2.0
    sizes: float = 30.0


class EtcdLog:
    """An `EventLog` on an etcd cluster. Make it inside trio; then open it, run it in a task, append, subscribe, read history.

    form: how values are laid out in etcd. ttl: how many seconds a key is to live, None for ever. archive: where history is kept, None for nowhere.
    figures: counters to share with another log.
    """

    expires = True

    def __init__(
        self,
        cluster: Cluster,
        *,
        form: Form,
        stamp: Stamp,
        ttl: TimeToLive = lambda _key: None,
        options: Options = Options(),  # noqa: B008 -- frozen
        archive: Archive | None = None,
        clock: Callable[[], float] = time.time,
        ring_bytes: int = RING_BYTES,
        figures: Figures | None = None,
    ) -> None:
        self.failure: BaseException | None = None
        self.gap = 0
        self.known = EtcdStats()
        self._copied = 0  # the revision that the contents had where they were copied from
        self._prefix = options.prefix.rstrip("/").encode() + b"/"
        self._options = options
        self._form = form
        self._client = client = Client(cluster, figures)
        self._state = state = State(form, stamp, self._prefix, clock)
        self._ring = Ring(ring_bytes)
        self._past = Past(client, state, form, stamp, prefix=self._prefix, clock=clock)
        self._chronicle = Chronicle(archive, self._past, stamp, clock)
        leases = Leases(client, options.reuse)
        self._writes = Writes(client, state, form, stamp, leases=leases, ttl=ttl)
        self._feed = Feed(client, state, self._prefix, self._publish)
        self._health = Health(client, self._prefix + b"health", max(options.health, options.ready))
        self._freshness = Freshness(client, self._prefix)
        self._progress = Progress(lambda: state.revision, self._feed.ask_progress)
        self._compactor = Compactor(client, self._past, options.compaction)
        self._subscribers = Subscribers()
        self._waiters = Waiters()
        self._events = 0
        self._scope: trio.CancelScope | None = None
        self._stopped: trio.Event | None = None
        self._closing = False

    # -- life

    async def open(self) -> Recovered:
        """Log in, check that this etcd will do, and read everything. Raises JournalError, with one line for the operator."""
        patience = Patience(self._options.patience)
        try:
            opened = await opening.open_cluster(self._client, self._state, self._prefix, patience)
            self.known = opened.stats
            self._feed.witnesses.begin(opened.pairs)
            self._state.load(opened.pairs, opened.revision)
            self._ring.restart(opened.revision)
            self._client.identity.cluster = opened.cluster
            self._client.identity.floor = lambda: self._state.revision
            try:
                naming = partial(opening.read_source, self._client, opened.cluster, self._prefix)
                source, self._copied = await patience.during(naming)
                self._feed.epoch = source.epoch
                notes = await self._chronicle.open(self._client, self._state, source, opened, patience)
            except Problem as problem:
                raise journal_error(problem) from problem
            await patience.during(self._chronicle.reach_back)
        except BaseException:
            self._client.close()
            await self._chronicle.close()
            raise
        return Recovered(opened.revision, self._state.copy(), (*opened.notes, *notes))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow etcd until closed."""
        self._stopped = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._heed, self._feed.run)
                nursery.start_soon(self._heed, self._beware)
                nursery.start_soon(self._feed.watch_over, self._known)
                nursery.start_soon(self._progress.run)
                nursery.start_soon(self._health.run)
                nursery.start_soon(self._measure)
                nursery.start_soon(self._chronicle.run)
                if self._options.compaction > 0:
                    nursery.start_soon(self._compactor.run)
                task_status.started()
        finally:
            self._closing = True
            self._abandon()
            self._client.close()
            await self._chronicle.close()
            self._stopped.set()

    async def close(self) -> None:
        """End `run`. Writes that are not answered yet may have happened."""
        self._closing = True
        if self._scope is not None and self._stopped is not None:
            self._scope.cancel()
            await self._stopped.wait()
        self._client.close()
        await self._chronicle.close()

    async def _beware(self) -> None:
        """End when an answer is another etcd's."""
        identity = self._client.identity
        await identity.noticed.wait()
        raise EtcdReplaced(identity.stranger)

    async def _heed(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run a task; what it finds wrong with etcd for good is the end of the log."""
        try:
            await task()
        except JournalFailed as failed:
            self.failure = failed
            self._abandon()
            if isinstance(failed, EtcdReplaced):
                await self._chronicle.condemn()
            raise

    def _abandon(self) -> None:
        self._writes.abandon(self._unavailable)
        self._freshness.abandon(self._unavailable)
        for ticket in self._waiters.take_all():
            ticket.settle(self._unavailable())

    def _unavailable(self) -> JournalFailed:
        return unavailable(self.failure)

    async def _measure(self) -> None:
        """Ask etcd for its size now and then."""
        while True:
            with suppress(Problem):  # the health checks find it, too
                self.known = await opening.read_stats(self._client, self._options.health)
            await trio.sleep(self._options.sizes)

    # -- where it stands

    @property
    def epoch(self) -> str:
        """The cluster and the prefix."""
        return f"{self._feed.cluster:x}{self._prefix.decode()}"

    @property
    def revision(self) -> int:
        """The newest revision that any answer of etcd has shown."""
        return max(self._state.revision, self._writes.newest)

    def _known(self) -> int:
        """What somebody waits for, or may."""
        return max(self.revision, self._progress.wanted)

    @property
    def published(self) -> int:
        """The newest revision up to which everything is delivered."""
        return self._state.revision

    @property
    def oldest(self) -> int:
        """A reader may resume after any revision from this one on."""
        return max(self.gap, min(self._ring.oldest, self._chronicle.oldest))

    @property
    def lost(self) -> int:
        """Revisions up to here that are not published yet were given out by an etcd that is gone."""
        return max(self._copied, self._chronicle.lost)

    @property
    def problem(self) -> str | None:
        """Why etcd cannot be used at the moment; None when it can."""
        return self._problem(self._options.health)

    @property
    def unready(self) -> str | None:
        """The same, for who asks whether the server is ready."""
        return self._problem(self._options.ready)

    def _problem(self, limit: float) -> str | None:
        found = self._health.problem(limit) if self.failure is None else str(self.failure)
        if found is not None:
            return found
        return None if self._feed.connected else self._feed.problem or "the watch is not established"

    @property
    def history_bytes(self) -> int:
        """The length of all files of history."""
        return self._chronicle.bytes

    @property
    def figures(self) -> Figures:
        """Counters of what was asked of etcd."""
        return self._client.figures

    def head(self, key: str) -> Head | None:
        """Return the newest state of a key that is known, perhaps from a reply that the watch has not reached."""
        return self._state.head(key)

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, sorted, with their heads; to be used up without an await."""
        return self._state.heads(prefix)

    def stats(self) -> LogStats:
        """Return where the log stands."""
        return LogStats(
            revision=self.revision,
            published=self.published,
            oldest=self.oldest,
            keys=len(self._state),
            queued=len(self._writes),
            ring_events=len(self._ring),
            ring_bytes=self._ring.bytes,
            refused=self._writes.refused,
            failed=self.failure is not None,
            journal=JournalStats(
                bytes=self.known.size,
                events=self._events,
                segments=self._chronicle.segments,
                failures=self._chronicle.dropped,
            ),
        )

    # -- writing

    async def append(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Event:
        """Write a key, or delete it (None), and return the event when etcd has kept it and it is delivered.

        expected: as of `Log.append`. A cancelled append is not undone.
        Raises Conflict, JournalFull, ValueTooLarge (nothing written), JournalUnavailable (perhaps written), JournalFailed.
        """
        return await self.append_nowait(key, value, expected=expected).wait()

    def append_nowait(self, key: str, value: bytes | None, *, expected: int | Ticket | None = None) -> Ticket:
        """Begin `append`, and return the ticket to wait on; Conflict, too, comes from there.

        `expected` may be the ticket of the write to the same key that was begun last: nobody of this server comes between.
        """
        if self._closing or self.failure is not None:
            raise self._unavailable()
        return self._writes.put(key, value, expected)

    async def append_together(
        self, key: str, value: bytes | None, *, expected: int, beside: Sequence[Beside]
    ) -> Event:
        """`append`, and what changes beside the key, in one transaction and one revision: all or nothing.

        Raises what `append` raises; a Conflict names the first key that is not as expected.
        """
        if self._closing or self.failure is not None:
            raise self._unavailable()
        return await self._writes.put(key, value, expected, beside).wait()

    async def confirm(self, key: str, revision: int) -> bool:
        """Whether a key is at a revision (0: not there) now. When it is not, `head` gives what is there. Raises JournalError."""
        request = rpc.RangeRequest(key=self._state.raw(key))
        place = self._form.place(key)
        try:
            with self.figures.timed("get", place):
                response: rpc.RangeResponse = await self._client.call(RANGE, request)
        except Problem as problem:
            raise journal_error(problem) from problem
        found = self._state.read(response.kvs[0]) if response.kvs else None
        head = None if found is None else found[1].head
        at = 0 if head is None else head.revision
        if at != revision:
            self._state.tell(key, at or response.header.revision, head)
            known = self._state.head(key)  # the watch may have been faster
            return (0 if known is None else known.revision) == revision
        return True

    # -- reading

    async def newest(self) -> int:
        """The revision that a consistent read has to wait for. Raises JournalUnavailable when etcd does not say."""
        began = trio.current_time()
        revision = await self._freshness.newest()
        if revision > self.published:
            self._progress.want(revision)
        self.figures.waits.observe(trio.current_time() - began)
        return revision

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called with each group of events, in order; with none when only `published` moved. Returns the way out."""
        return self._subscribers.add(deliver)

    def history(self, after: int) -> HistoryReader:
        """Return an iterator over the published events after a revision; see `Log.history`."""
        return HistoryReader(self, self._ring, self._chronicle, after)

    async def wait_published(self, revision: int) -> None:
        """Wait until a revision is published; returns at once when it is. Raises JournalFailed when the log has failed or closed."""
        if revision <= self.published:
            return
        if self.failure is not None or self._closing:
            raise self._unavailable()
        ticket = self._waiters.add(revision)
        self._progress.want(revision)
        await ticket.wait()

    async def compact(self, revision: int) -> None:
        """Give up the history up to and including a published revision, for all servers. Raises JournalError."""
        if revision > self.published:
            raise ValueError(f"revision {revision} is not published yet: the newest is {self.published}")
        if revision <= self.oldest:
            return
        try:
            await compact(self._client, revision)
        except Problem as problem:
            raise journal_error(problem) from problem
        self._chronicle.compacted(revision)
        self._ring.drop(revision)

    # -- the publisher

    def _publish(self, events: Sequence[Event], anew: bool) -> None:
        """Deliver what the feed has brought; `anew`: changes in between are left out."""
        if anew:
            self.gap = self._state.revision
            self._ring.restart(self._state.revision)
            self._chronicle.restart(self._state.revision)
        else:
            self._ring.extend(events)
            self._chronicle.note(events, self._state.revision)
        self._events += len(events)
        self._writes.seen(events)
        try:
            self._subscribers.deliver(events)
        finally:  # whatever a subscriber did, these are written
            self._writes.delivered()
            for ticket in self._waiters.take_reached(self.published):
                ticket.settle()
