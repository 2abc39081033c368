"""The past of one server on etcd: what it has kept in files (`Archive`), and what etcd still has (`Past`).

    archive.oldest ... archive.reached ... joined ... published
    |--- in files ---||-- etcd's alone --||-- waits to be written --|

* Nothing waits for the files. What is published is queued and written a little later, in a thread; what the process takes with it when it
  is killed is read from etcd at the next start.
* A start that may go on from what is kept reads what it has missed from etcd, beside serving. Until that is done, readers are led
  from the files to etcd and on to the ring.
* History that cannot be written, or that has a gap, goes as a whole, with one line; it is begun anew some time later. Serving goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

import trio

from watchcache.log import Compacted, Event, JournalError, Stamp, cost
from watchcache.persist.etcd.archive import Archive
from watchcache.persist.etcd.client import Client
from watchcache.persist.etcd.lineage import judge
from watchcache.persist.etcd.opening import Opened
from watchcache.persist.etcd.past import Past
from watchcache.persist.etcd.patience import Patience
from watchcache.persist.etcd.remains import Remains, Source
from watchcache.persist.etcd.state import State

_logger = logging.getLogger(__name__)
LINGER = (
    0.1  # seconds: what comes meanwhile is written together, and a thread is woken ten times a second at most
)
# Revisions by which clients of other servers may know more of an etcd that is gone than this one has kept: it may have lagged for as long as it
# takes to notice that a member is frozen, 10 s, on a busy cluster. Until etcd has come so far, who comes with a revision that is still to come lists anew.
BEHIND = 10_000
MARKS = 30.0  # seconds between marks while nothing of ours happens
WAITING = 64 << 20  # bytes that may wait for a slow disk
PIECE = 8 << 20  # bytes that are written as one
AGAIN = 30.0  # seconds before history that could not be kept is begun anew
LEAVING = 5.0  # seconds that an end may take to write the rest


class Chronicle:
    """Reads and keeps history. Without an archive it only reads etcd's."""

    def __init__(self, archive: Archive | None, past: Past, stamp: Stamp, clock: Callable[[], float]) -> None:
        self.lost = 0  # revisions up to here were given out by an etcd that is gone; those not published yet are not ours
        self.dropped = 0  # times that history could not be kept
        self._archive = archive
        self._past = past
        self._stamp = stamp
        self._clock = clock
        self._source = Source("", "", "")
        self._floor = 0  # before it was another etcd
        self._kept = False  # what the archive has leads up to the queue
        self._begin_at: int | None = None  # a revision to begin anew after
        self._joined = 0
        self._through = 0
        self._queue: list[Event] = []
        self._bytes = 0
        self._problem: str | None = None
        self._told = False
        self._came = trio.Event()  # an event
        self._moved = trio.Event()  # an event, or only the revision
        self._written = trio.Event()

    # -- life

    async def open(
        self, client: Client, state: State, source: Source, opened: Opened, patience: Patience
    ) -> list[str]:
        """Take up what is kept, as far as it goes on to the state that was read; notes for the operator. Raises Problem."""
        self._source = source
        self._joined = self._through = opened.revision
        if self._archive is None:
            return []
        try:
            found = await self._archive.open(self._stamp)
        except JournalError as problem:
            self._archive = None
            return [f"no history is kept: {problem}"]
        try:
            notes = await self._take_up(client, state, found, opened, patience)
        except BaseException:
            self._archive.close()
            raise
        self._past.compacted(self._floor)
        return notes

    async def _take_up(
        self, client: Client, state: State, found: Remains | None, opened: Opened, patience: Patience
    ) -> list[str]:
        self._begin_at = opened.revision
        if found is None:
            return []
        if not found.file.id:
            self._floor = opened.revision  # what it was is not known
            return found.notes
        self._floor = found.file.floor
        self.lost = found.file.lost if found.file.lost > opened.revision else 0
        if not found.segments and found.file.source == self._source and not found.file.replaced:
            return found.notes
        judging = partial(judge, client, state, found, self._source, opened.pairs, opened.revision)
        verdict = await patience.during(judging)
        if not verdict.why:
            self._begin_at = None
            self._kept = True
            return found.notes
        if verdict.other:
            self._floor = opened.revision
            newest = max(found.reached + BEHIND, found.file.lost)
            self.lost = newest if newest > opened.revision else 0
        assert self._archive is not None
        return [
            *found.notes,
            f"the history in {self._archive.path}, up to revision {found.reached}, does not lead to what etcd has ({verdict.why}): it is discarded",
        ]

    async def reach_back(self) -> None:
        """Find out how far etcd goes back, unless more is kept; history that begins anew begins with that. Raises JournalError."""
        if self._kept and self._archive is not None:
            self._past.compacted(self._archive.reached)
            return
        await self._past.find_oldest(self._joined)
        if self._begin_at is not None:
            self._begin_at = self._past.oldest

    async def run(self) -> None:
        """Write what is published; ends only when cancelled."""
        if self._archive is None:
            return
        while True:
            try:
                await self._keep(self._archive)
            except (OSError, JournalError, Compacted) as problem:
                await self._give_up(self._archive, str(problem))

    async def close(self) -> None:
        """Write what waits, and let go of the directory."""
        archive, self._archive = self._archive, None
        if archive is None:
            return
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LEAVING):
            if self._kept and self._begin_at is None and archive.reached >= self._joined:
                try:
                    while self._waits(archive):
                        await self._write(archive)
                except (OSError, JournalError) as problem:
                    _logger.warning("the end of the history in %s was not written: %s", archive.path, problem)
        archive.close()

    async def condemn(self) -> None:
        """Note that another etcd has taken the place of ours, for the next start."""
        if self._archive is not None:
            with trio.CancelScope(shield=True):
                await self._archive.condemn()

    # -- what happens

    def note(self, events: Sequence[Event], revision: int) -> None:
        """Keep events, of whole revisions; everything up to `revision` has been noted."""
        self._through = revision
        if self._archive is None or not (self._kept or self._begin_at is not None):
            return
        self._moved.set()
        if events:
            self._queue.extend(events)
            self._bytes += sum(map(cost, events))
            if self._bytes > WAITING:
                self._stop("the disk does not keep up")
            self._came.set()

    def restart(self, revision: int) -> None:
        """What is noted next follows a revision that what was noted before does not lead to."""
        self._joined = self._through = revision
        if self._archive is not None and (self._kept or self._begin_at is not None):
            self._forget_queue()
            self._kept = False
            self._begin_at = revision
            self._came.set()
            self._moved.set()

    def compacted(self, revision: int) -> None:
        """Nobody shall read what is not after a revision."""
        self._past.compacted(revision)
        self._floor = max(self._floor, revision)
        if self._archive is not None:
            self._archive.compact(revision)

    def _stop(self, problem: str) -> None:
        self._problem = problem
        self._kept = False
        self._begin_at = None
        self._forget_queue()

    def _forget_queue(self) -> None:
        self._queue = []  # a new one: the writer may hold the old one
        self._bytes = 0

    # -- the writer

    async def _keep(self, archive: Archive) -> None:
        while True:
            if self._problem is not None:
                raise JournalError(self._problem)
            if archive.broken:
                raise JournalError("what was written cannot be read back")
            self._tell_failures(archive)
            if self._begin_at is not None:
                await self._begin(archive, self._begin_at)
            elif archive.reached < self._joined:
                await self._catch_up(archive)
            elif self._queue:
                await trio.sleep(LINGER)
                await self._write(archive)
            else:
                await self._wait(archive)

    async def _begin(self, archive: Archive, revision: int) -> None:
        await archive.begin(self._source, revision, floor=self._floor, lost=self.lost)
        if self._begin_at == revision:
            self._begin_at = None
            self._kept = True

    async def _catch_up(self, archive: Archive) -> None:
        """Take one stretch of what was missed from etcd."""
        try:
            events = await self._past.read(archive.reached, self._joined)
        except Compacted:
            _logger.warning(
                "etcd was compacted before the events after revision %d were read: the history up to %d is given up",
                archive.reached,
                self._joined,
            )
            self._kept, self._begin_at = False, self._joined
            return
        except JournalError:  # the feed tells what is wrong with etcd
            await trio.sleep(1.0)
            return
        through = events[-1].revision if events else self._joined
        with trio.CancelScope(shield=True):
            await archive.append(events, through, self._clock())

    async def _write(self, archive: Archive) -> None:
        queue = self._queue
        count, size = _piece(queue)
        through = self._through if count == len(queue) else queue[count - 1].revision
        with trio.CancelScope(shield=True):  # what is taken is written, or nothing after it
            await archive.append(queue[:count], through, self._clock())
        if self._queue is queue:
            del queue[:count]
            self._bytes -= size
        self._told = False
        self._written.set()
        self._written = trio.Event()

    def _waits(self, archive: Archive) -> bool:
        return bool(self._queue) or self._through > archive.reached

    async def _wait(self, archive: Archive) -> None:
        """Until there are events, or a mark is due."""
        self._came, self._moved = trio.Event(), trio.Event()
        if not self._waits(archive):
            await self._moved.wait()
        with trio.move_on_after(MARKS):
            await self._came.wait()
        if not self._came.is_set():
            await self._write(archive)

    async def _give_up(self, archive: Archive, why: str) -> None:
        """Drop everything, and begin anew after a while."""
        self._stop(why)
        self._written.set()
        self._written = trio.Event()
        if not self._told:
            self._told = True
            _logger.warning(
                "the history in %s is given up (%s): clients that resume across the next restart have to list anew where etcd is compacted",
                archive.path,
                why,
            )
        self.dropped += 1
        try:
            await archive.drop()
        except OSError as problem:
            _logger.debug("%s", problem)
        await trio.sleep(AGAIN)
        self._problem = None
        self._joined = self._begin_at = self._through

    def _tell_failures(self, archive: Archive) -> None:
        for failure in archive.failures:
            _logger.warning("%s", failure)
        archive.failures.clear()

    # -- reading

    @property
    def bytes(self) -> int:
        """What the files take."""
        return 0 if self._archive is None else self._archive.bytes

    @property
    def segments(self) -> int:
        """How many files there are."""
        return 0 if self._archive is None else self._archive.segments

    @property
    def oldest(self) -> int:
        """Everything after this revision can be read, up to what is published."""
        oldest = self._archive.oldest if self._archive is not None and self._kept else None
        return max(self._floor, self._past.oldest if oldest is None else min(oldest, self._past.oldest))

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """The events with after < revision <= through, or the first of them; none when nothing of ours happened. Raises Compacted, JournalError."""
        if after < self._floor:
            raise Compacted(after, self.oldest)
        while after < through:
            events, read_to = await self._read(after, through)
            if events:
                return events
            after = read_to
        return ()

    async def _read(self, after: int, through: int) -> tuple[Sequence[Event], int]:
        archive = self._archive
        if archive is None or not self._kept or archive.oldest is None or after < archive.oldest:
            return await self._past.read(after, through), through
        if after < archive.reached:
            end = min(through, archive.reached)
            try:
                return await archive.read(after, end), end
            except Compacted:
                self._tell_failures(archive)
                return await self._past.read(after, through), through
        if after < self._joined:
            end = min(through, self._joined)
            return await self._past.read(after, end), end
        await self._written.wait()  # it has left the ring and is not written yet
        return (), after


def _piece(queue: Sequence[Event]) -> tuple[int, int]:
    """How many events are written as one, of whole revisions, and what they are charged with."""
    count = size = 0
    while count < len(queue) and (size < PIECE or queue[count].revision == queue[count - 1].revision):
        size += cost(queue[count])
        count += 1
    return count, size
