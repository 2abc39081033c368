"""The feeding side: a log sent to the processes that follow it.

Each follower has an `Outlet`. It is live, and then a tick's events are one frame, made once and queued for all who are
live; or it catches up from its cursor by reading the log's history, and becomes live when it has met the head, in one
step without an await. An outlet whose queue would pass its bound is taken off the live ones at its cursor: a follower
that does not read costs `limit` bytes and delays nobody. Only when history no longer reaches back to the cursor
is a follower told that it has to begin anew (`Gone`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import cast

import msgspec
import trio

from watchcache.follow.link import Link
from watchcache.follow.messages import (
    Ask,
    Beat,
    Gone,
    Loaded,
    Newest,
    Past,
    Recall,
    Resumed,
    Subscribe,
    change_of,
    decode_upward,
    events_frame,
    framed,
    head_frames,
    pieces,
)
from watchcache.log import Compacted, Event, HistoryReader, JournalError, ReadableLog

logger = logging.getLogger(__name__)

LIMIT = 8 << 20
BEAT = 1.0
# Bytes that are handed to the socket in one go.
_SEND = 256 << 10
# Passes over old events that one follower may have open: a pass goes on where the last piece of it ended.
_PASSES = 8


class FeedStats(msgspec.Struct, frozen=True):
    """The followers now, the bytes queued for them, and how often one was taken off the live ones."""

    followers: int
    queued: int
    parked: int


class Feed:
    """Sends one log to any number of followers. `limit` bounds the bytes queued for each; `beat` is in seconds.

    read_revision: asks for the log's newest revision, when what it has published is not that. problems: what is not well, by name, which followers
    are to know.
    """

    def __init__(
        self,
        log: ReadableLog,
        *,
        limit: int = LIMIT,
        beat: float = BEAT,
        read_revision: Callable[[], Awaitable[int]] | None = None,
        problems: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.log = log
        self.limit = limit
        self.read_revision = read_revision
        self.parked = 0
        self.beat_seconds = beat
        self._problems = problems
        self._outlets: list[Outlet] = []
        self._delivered = 0

    def stats(self) -> FeedStats:
        """The figures."""
        queued = sum(outlet.queued for outlet in self._outlets)
        return FeedStats(len(self._outlets), queued, self.parked)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the log; ends only when cancelled. Runs before the first `serve`."""
        self._delivered = self.log.published
        unsubscribe = self.log.subscribe(self._deliver)
        try:
            task_status.started()
            while True:
                await trio.sleep(self.beat_seconds)
                failure = self.log.failure
                text, problems = (
                    "" if failure is None else str(failure) or repr(failure),
                    dict(self._problems()),
                )
                for outlet in self._outlets:
                    outlet.beat(text, problems)
        finally:
            unsubscribe()

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Feed one follower until it leaves; closes the stream."""
        outlet = Outlet(self, Link(stream))
        self._outlets.append(outlet)
        try:
            await outlet.run()
        except* trio.BrokenResourceError:
            pass  # it has left
        finally:
            self._outlets.remove(outlet)
            await trio.aclose_forcefully(stream)

    def _deliver(self, events: Sequence[Event]) -> None:
        """In the publisher: never waits, never raises."""
        after, self._delivered = self._delivered, self.log.published
        live = [outlet for outlet in self._outlets if outlet.live]
        if live:
            frame = events_frame(after, self._delivered, self.log, events)
            for outlet in live:
                outlet.offer(frame, self._delivered)


class Outlet:
    """One follower: what is queued for it, and where it stands."""

    def __init__(self, feed: Feed, link: Link) -> None:
        self.live = False
        self.cursor = 0  # it has been sent everything up to here
        self.queued = 0
        self._feed = feed
        self._log = feed.log
        self._link = link
        self._frames: deque[bytes] = deque()
        self._wanted: Subscribe | None = None  # a beginning that has not been made
        self._subscribed = False
        self._changed = trio.Event()
        self._drained = trio.Event()
        self._passes: dict[int, HistoryReader] = {}  # by the revision that the next piece follows

    # -- what others put in

    def offer(self, frame: bytes, last: int) -> None:
        """Queue a tick's events, or leave the live ones."""
        if self.queued + len(frame) > self._feed.limit:
            self.live = False
            self._feed.parked += 1
        else:
            self.cursor = last
            self._put(frame)
        self._changed.set()

    def beat(self, failure: str, problems: dict[str, str]) -> None:
        """Queue a sign of life for a follower that has been given the state."""
        log = self._log
        if self._subscribed and self.queued < self._feed.limit:
            self._put(framed(Beat(self.cursor, log.published, log.oldest, failure, log.lost, problems)))

    def _put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self.queued += len(frame)
        self._changed.set()

    # -- sending

    async def run(self) -> None:
        """Send and listen until the follower leaves. Raises trio.BrokenResourceError when it has."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, nursery)
            while True:
                if self._wanted is not None:
                    await self._begin()
                elif self._frames:
                    await self._flush()
                elif self._subscribed and not self.live:
                    await self._catch_up()
                else:
                    self._changed = trio.Event()
                    await self._changed.wait()

    async def _flush(self) -> None:
        while self._frames:
            taken = [self._frames.popleft()]
            size = len(taken[0])
            while self._frames and size + len(self._frames[0]) <= _SEND:
                taken.append(self._frames.popleft())
                size += len(taken[-1])
            await self._link.send(b"".join(taken) if len(taken) > 1 else taken[0])
            self.queued -= size
            self._drained.set()

    async def _begin(self) -> None:
        wanted, self._wanted = self._wanted, None
        assert wanted is not None
        log = self._log
        if not wanted.epoch:
            heads, loaded = (
                list(log.heads("")),
                Loaded(log.epoch, log.published, log.oldest, log.gap, log.lost),
            )
            for frame in head_frames(heads):
                await self._link.send(frame)
            await self._link.send(framed(loaded))
            self.cursor, self._subscribed = loaded.revision, True
        elif wanted.epoch != log.epoch or not log.oldest <= wanted.after <= log.published:
            await self._refuse(wanted.after)
        else:
            self.cursor, self._subscribed = wanted.after, True
            await self._link.send(framed(Resumed(wanted.after)))

    async def _catch_up(self) -> None:
        try:
            async with aclosing(self._log.history(self.cursor)) as batches:
                async for batch in batches:
                    for piece in pieces(batch):
                        await self._link.send(events_frame(self.cursor, piece[-1].revision, self._log, piece))
                        self.cursor = piece[-1].revision
                        if self._wanted is not None:
                            return
                    await self._flush()
                # Nothing was awaited since the head was reached: the next tick follows what was sent.
                if self._wanted is None:
                    self._go_live()
        except Compacted:
            await self._refuse(self.cursor)
        except JournalError as problem:
            logger.warning("a follower waits for history: %s", problem)
            await trio.sleep(self._feed.beat_seconds)

    def _go_live(self) -> None:
        published = self._log.published
        if published > self.cursor:  # with nothing of ours
            self._put(events_frame(self.cursor, published, self._log, ()))
            self.cursor = published
        self.live = True

    async def _refuse(self, after: int) -> None:
        self._subscribed = False
        await self._link.send(framed(Gone(after, self._log.oldest)))

    # -- listening

    async def _listen(self, nursery: trio.Nursery) -> None:
        while (payload := await self._link.receive()) is not None:
            message = decode_upward(payload)
            if isinstance(message, Subscribe):
                self._begin_anew(message)
            elif isinstance(message, Ask):
                if self._feed.read_revision is None:
                    self._put(framed(Newest(message.number, self._log.published)))
                else:
                    nursery.start_soon(self._answer, message.number, self._feed.read_revision)
            else:
                nursery.start_soon(self._recall, cast("Recall", message))
        raise trio.BrokenResourceError

    def _begin_anew(self, wanted: Subscribe) -> None:
        self.queued -= sum(map(len, self._frames))
        self._frames.clear()
        self._wanted, self.live, self._subscribed = wanted, False, False
        self._changed.set()

    async def _answer(self, number: int, read_revision: Callable[[], Awaitable[int]]) -> None:
        try:
            newest = Newest(number, await read_revision())
        except JournalError as problem:
            newest = Newest(number, 0, str(problem))
        self._put(framed(newest))

    async def _recall(self, asked: Recall) -> None:
        reader = self._passes.pop(asked.after, None) or self._log.history(asked.after)
        events: Sequence[Event] = ()
        compacted, failure = False, ""
        try:
            events = await anext(reader)
        except Compacted:
            compacted = True
        except StopAsyncIteration:
            pass
        except JournalError as problem:
            failure = str(problem)
        else:
            self._keep(events[-1].revision, reader)
        while self.queued > self._feed.limit:
            self._drained = trio.Event()
            await self._drained.wait()
        changes = [change_of(event, whole=True) for event in events]
        self._put(framed(Past(asked.number, self._log.oldest, changes, compacted, failure)))

    def _keep(self, after: int, reader: HistoryReader) -> None:
        """A pass that nobody goes on with makes room for the next: it only holds what it has read ahead."""
        if len(self._passes) >= _PASSES:
            del self._passes[next(iter(self._passes))]
        self._passes[after] = reader
