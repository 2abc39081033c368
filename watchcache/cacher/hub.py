"""All cachers of a server, and what they share: the stream of events, the timers, the pump.

`deliver` is the tick. The log's publisher calls it with all events that have just become durable: each goes to its cacher, then each
cacher that was touched sends. It runs inside the publisher and does not await.

Four tasks serve any number of watches, and sleep when there is nothing to do:
- the pump gives the next piece to each watcher that is catching up and whose sink takes more, in turn;
- the fan-out gives large groups what a tick brought them, in slices (`fanout`);
- the wheel runs timers (bookmarks, deadlines);
- a reader of the log's history (`history`) exists for a watcher only while that is further behind than the window.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence

import trio

from watchcache.cacher.ages import Ages
from watchcache.cacher.bookmarks import Action, Spread, Timer, Wheel
from watchcache.cacher.cacher import Cacher
from watchcache.cacher.change import Stamp
from watchcache.cacher.fanout import FanOut, Tick
from watchcache.cacher.frames import Frames
from watchcache.cacher.history import History
from watchcache.cacher.pressure import Pressure
from watchcache.cacher.problems import FutureRevision
from watchcache.cacher.queues import LIMIT, Budget
from watchcache.cacher.stats import CacherStats
from watchcache.cacher.thresholds import Thresholds
from watchcache.cacher.watcher import Watcher
from watchcache.cacher.window import Window
from watchcache.log import Event, ReadableLog

_logger = logging.getLogger(__name__)

# Seconds of work between two checkpoints of the pump. Not a number of pieces: while 1,000 clients connect, a turn of the
# scheduler takes 100 ms, and eight pieces in each left all watches without their initial events until the storm was over.
TURN = 0.004
# The same of the wheel, less because it is in no hurry: 100,000 bookmarks or ends that are due at once are 2.5 s of work, and a write
# takes six passes of the scheduler.
SLICE = 0.001


class Hub:
    """Feeds the cachers of one log. `stamp` puts a revision into a value.

    `read_revision`, when given, is asked by reads that must be consistent for the revision to wait for; an embedded log needs none,
    because what it has acknowledged it has published.
    """

    def __init__(
        self,
        log: ReadableLog,
        *,
        stamp: Stamp,
        read_revision: Callable[[], Awaitable[int]] | None = None,
        clock: Callable[[], float] = time.time,
        queue_limit: int = LIMIT,
        fan_out: FanOut | None = None,
        page_lifetime: float = 0.0,
    ) -> None:
        """Not loaded yet: `run` does that.

        `clock` is the one that the log's commit times are of; `queue_limit` bounds the bytes that wait for all watches together;
        `fan_out` sends to large groups; for `page_lifetime` seconds the pages of a list can be continued, for 0 as long as there is history.
        """
        self.log = log
        self.revision = 0  # the newest published event that the cachers hold
        self.frames = Frames(stamp)
        self.fan_out = fan_out or FanOut()
        self.thresholds = Thresholds()
        self.ages = Ages(page_lifetime)
        self.read_revision = read_revision
        self._gap = 0
        self.pressure = Pressure(self, Budget(queue_limit))
        self._clock = clock
        self._cachers: dict[str, Cacher] = {}
        self._running = False
        self._nursery: trio.Nursery | None = None
        self.history = History(self)
        self.spread = Spread()
        self._wheel = Wheel()
        self._wheel_changed = trio.Event()
        self._work: deque[Watcher] = deque()
        self._work_came = trio.Event()

    # -- life

    def add(self, cacher: Cacher) -> None:
        """Own a resource from now on; it is loaded at once when the hub runs, otherwise when it starts."""
        if cacher.prefix in self._cachers:
            raise ValueError(f"there is a cacher of {cacher.prefix} already")
        self._cachers[cacher.prefix] = cacher
        if self._running:
            self._load(cacher)

    def remove(self, cacher: Cacher) -> None:
        """Give a resource up: its watches end, and it is not ready any more."""
        if self._cachers.pop(cacher.prefix, None) is not None and cacher.ready:
            cacher.unload()

    def __iter__(self) -> Iterator[Cacher]:
        return iter(self._cachers.values())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load all, follow the log, serve watches; ends only when cancelled, and then ends all watches."""
        unsubscribe = self.log.subscribe(self.deliver)
        self.revision = self.log.published
        self._gap = self.log.gap
        self._running = True
        for cacher in self:
            self._load(cacher)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._pump)
                nursery.start_soon(self.fan_out.run)
                nursery.start_soon(self._turn_wheel)
                task_status.started()
        finally:
            unsubscribe()
            self.end_watches()
            self._nursery = None
            self._running = False

    def _load(self, cacher: Cacher) -> None:
        began = time.perf_counter()
        try:
            cacher.load(self, self.log.heads(cacher.root), self.revision)
            cacher.loads.done += 1
            if len(cacher.store):  # else there is nothing to tell, of most of 60 resources
                cacher.loads.seconds.observe(time.perf_counter() - began)
        except Exception:
            cacher.loads.failed += 1
            _logger.exception("%s cannot be served: a stored value could not be taken in", cacher.prefix)

    def end_watches(self) -> None:
        """End every watch cleanly (shutdown, W22)."""
        for cacher in self:
            cacher.end_watches()

    # -- the tick

    def deliver(self, events: Sequence[Event]) -> None:
        """Take published events, in order, and send them to the watchers they concern. Never raises."""
        published = self._clock()
        anew = self.log.gap > self._gap
        if anew:
            self.end_watches()
        touched: dict[
            Cacher, tuple[float, int]
        ] = {}  # when its oldest event was committed, how many it had before
        for event in events:
            cacher = self.route(event.key)
            if cacher is not None and cacher.ready:
                if cacher not in touched:
                    touched[cacher] = event.time, cacher.events
                self._guarded(cacher, cacher.apply, event)
        self.revision = self.log.published
        if anew:
            self._forget_past(self.log.gap)
        with self.fan_out.surrounded():
            for cacher, (committed, before) in touched.items():
                self._flush(cacher, cacher.events - before, committed, published)
        for action in self.thresholds.take_reached(self.revision):
            action()

    def _flush(self, cacher: Cacher, events: int, committed: float, published: float) -> None:
        """Send a cacher's part of the tick; its time is taken when the last of those whom it concerns has been given it."""

        def finish() -> None:
            cacher.latency.tick(events, committed, published, self._clock())

        tick = Tick(finish)
        tick.await_one()
        self._guarded(cacher, cacher.flush, tick)
        tick.given()

    def _forget_past(self, gap: int) -> None:
        """What was just delivered leaves changes out: no watch shows it, and nobody resumes here from before it.

        Watches that were running have ended: their clients resume on a server that has seen everything, or list.
        """
        self._gap = gap
        for cacher in self:
            if cacher.ready:
                cacher.window = Window(gap, cacher.window.bounds)
                cacher.loads.done += 1

    def route(self, key: str) -> Cacher | None:
        """The cacher of a key; storage prefixes have one segment or two."""
        first = key.find("/")
        cacher = self._cachers.get(key[:first])
        return cacher or self._cachers.get(key[: key.find("/", first + 1)])

    def _guarded(self, cacher: Cacher, step: Callable[..., None], *arguments: object) -> None:
        """A value that cannot be taken in costs its resource the watches and the cache, not the server its log."""
        try:
            if cacher.ready:
                step(*arguments)
        except Exception:
            _logger.exception("the cache of %s is given up: an event could not be taken in", cacher.prefix)
            cacher.unload()

    # -- waiting for a revision

    async def wait_revision(self, revision: int, timeout: float = 3.0) -> None:  # noqa: ASYNC109 - the protocol's
        """Wait until the cachers hold a revision. Raises `FutureRevision` after `timeout` seconds (L15)."""
        if revision <= self.revision:
            return
        reached = trio.Event()
        threshold = self.thresholds.add(revision, reached.set)
        try:
            with trio.move_on_after(timeout):
                await reached.wait()
        finally:
            self.thresholds.cancel(threshold)
        if not reached.is_set():
            raise FutureRevision(revision, self.revision)

    async def wait_newest(self) -> None:
        """Wait until the cachers hold all that had been acknowledged when this was called (L1)."""
        if self.read_revision is not None:
            await self.wait_revision(await self.read_revision())

    # -- history

    @property
    def oldest(self) -> int:
        """The log's history goes back to after this revision."""
        return self.log.oldest

    def replay_history(self, cacher: Cacher, watcher: Watcher) -> None:
        """Give a watcher what is older than its cacher's window; it then goes on by itself."""
        assert self._nursery is not None
        self.history.replay(cacher, watcher, self._nursery)

    def given(self, size: int) -> None:
        """Count bytes handed to sinks."""
        self.pressure.given(size, self._nursery)

    # -- the pump

    def schedule(self, watcher: Watcher) -> None:
        """Have a watcher advance soon."""
        if not watcher.queued:
            watcher.queued = True
            self._work.append(watcher)
            self._work_came.set()

    async def _pump(self) -> None:
        while True:
            if not self._work:
                self._work_came = trio.Event()
                await self._work_came.wait()
            turn_ends = time.perf_counter() + TURN
            while self._work and time.perf_counter() < turn_ends:
                self._advance(self._work.popleft())
            await trio.lowlevel.checkpoint()

    def _advance(self, watcher: Watcher) -> None:
        watcher.queued = False
        try:
            if watcher.advance():
                self.schedule(watcher)
        except Exception:
            # As in dispatch: what cannot be written ends its own watch only.
            _logger.exception("ending a watch: an event could not be written")
            watcher.fail()

    # -- timers

    def now(self) -> float:
        """Seconds of the clock that the wheel goes by."""
        return trio.current_time()

    def wheel_add(self, when: float, action: Action) -> Timer:
        """Run an action at a time of `now`'s clock."""
        earliest = self._wheel.next_due()
        timer = self._wheel.add(when, action)
        if self._wheel.next_due() < earliest:
            self._wheel_changed.set()
        return timer

    async def _turn_wheel(self) -> None:
        while True:
            timers = deque(self._wheel.take_due(self.now()))
            while timers:
                with self.fan_out.surrounded():
                    self._run_slice(timers)
                if timers:
                    await trio.lowlevel.checkpoint()
            self._wheel_changed = trio.Event()
            due = self._wheel.next_due()
            with trio.CancelScope(deadline=min(math.inf, due)):
                await self._wheel_changed.wait()

    @staticmethod
    def _run_slice(timers: deque[Timer]) -> None:
        """Run timers for a millisecond, one at least."""
        ends = time.perf_counter() + SLICE
        while timers:
            timers.popleft().action()
            if time.perf_counter() >= ends:
                break

    # -- figures

    def stats(self) -> list[CacherStats]:
        """The figures of every resource."""
        return [cacher.stats() for cacher in self if cacher.ready]
