"""The following side: a log of another process, with the reading half of `Log`.

`open` loads the state, `run` applies what comes. Frames name the revision they follow. One that follows a newer
revision than was applied shows a gap: it is left out, and the feed is asked to send again from here; events
that were applied already are passed over. So readers see each event once, in order, whatever the stream lost or said twice.

What a follower cannot repair ends it with `FeedLost`: the stream's end, or a history that no longer reaches back to here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import msgspec
import trio

from watchcache.follow.link import Link
from watchcache.follow.messages import (
    Ask,
    Beat,
    Change,
    Downward,
    Events,
    Gone,
    Heads,
    Loaded,
    Newest,
    Past,
    Recall,
    Resumed,
    Subscribe,
    Upward,
    decode_downward,
    event_of,
    framed,
)
from watchcache.follow.outbox import Outbox
from watchcache.follow.reply import FeedLost, Reply
from watchcache.log import (
    Compacted,
    Deliver,
    Event,
    Head,
    HistoryReader,
    JournalFailed,
    JournalUnavailable,
    Ring,
    Subscribers,
)

RING_BYTES = 64 << 20


class FollowerLog:
    """A `ReadableLog` that is fed through a stream; `open`, then `run` it in a task."""

    def __init__(self, stream: trio.abc.Stream, *, ring_bytes: int = RING_BYTES) -> None:
        self.epoch = ""
        self.published = 0
        self.oldest = 0
        self.newest = 0  # what the feed's own log has published, as far as it has said
        self.gaps = 0
        self.heard = 0.0  # when the feed last said anything, by trio's clock
        self.gap = 0
        self.lost = 0
        self._problems: dict[str, str] = {}
        self.failure: BaseException | None = None
        self._stream = stream
        self._link = Link(stream)
        self._ring = Ring(ring_bytes)
        self._heads: dict[str, Head] = {}
        self._sorted: list[str] | None = None
        self._subscribers = Subscribers()
        self._repairing = False
        self._outbox = Outbox(self._link)
        self._number = 0
        self._recalls: dict[int, Reply[Past]] = {}
        self._asked: tuple[int, Reply[Newest]] | None = None
        self._gathering: Reply[Newest] | None = None
        self._lost = False

    # -- life

    async def open(self) -> None:
        """Load the state. Raises FeedLost."""
        try:
            await self._link.send(framed(Subscribe("", 0)))
        except trio.BrokenResourceError:
            raise FeedLost("the feed ended") from None
        loaded = None
        while loaded is None:
            message = await self._receive()
            if isinstance(message, Heads):
                for key, revision, value in message.heads:
                    self._heads[key] = Head(revision, value)
            elif isinstance(message, Loaded):
                loaded = message
        self._sorted = list(self._heads)  # they come in order
        self.epoch, self.published, self.oldest = loaded.epoch, loaded.revision, loaded.oldest
        self.newest, self.gap, self.lost = loaded.revision, loaded.gap, loaded.lost
        self._ring.restart(loaded.revision)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Apply what comes; ends only when cancelled. Raises FeedLost."""
        lost = FeedLost("the feed ended")
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._outbox.run)
                task_status.started()
                try:
                    while True:
                        self._take(await self._receive())
                except FeedLost as problem:
                    lost = problem
                    nursery.cancel_scope.cancel()
        finally:
            self._lose()
            await self.aclose()
        raise lost

    async def aclose(self) -> None:
        """Leave the feed."""
        await trio.aclose_forcefully(self._stream)

    async def _receive(self) -> Downward:
        payload = await self._link.receive()
        if payload is None:
            raise FeedLost("the feed ended")
        self.heard = trio.current_time()
        try:
            message = decode_downward(payload)
        except msgspec.MsgspecError as problem:
            raise FeedLost(f"the feed is not understood: {problem}") from None
        if isinstance(message, Gone):
            raise FeedLost(f"the events after revision {message.after} are compacted")
        return message

    def _lose(self) -> None:
        self._lost = True
        waiting: list[Reply[Newest] | None] = [self._asked[1] if self._asked else None, self._gathering]
        self._asked = self._gathering = None
        for asked in waiting:
            if asked is not None:
                asked.settle(None)
        for recall in self._recalls.values():
            recall.settle(None)
        self._recalls.clear()

    # -- applying

    def _take(self, message: Downward) -> None:
        if isinstance(message, Events):
            self._apply(message)
        elif isinstance(message, Newest):
            self._answered(message)
        elif isinstance(message, Past):
            self._recalls.pop(message.number, Reply()).settle(message)
        elif isinstance(message, Beat):
            self._hear(message)
        elif isinstance(message, Resumed):
            self._repairing = False  # a gap from here on is a new one

    def _apply(self, message: Events) -> None:
        if message.after > self.published:
            self._repair()
            return
        self.oldest = message.oldest
        if message.through <= self.published:
            return
        changes = message.changes
        if message.after < self.published:  # a part of it has been applied
            changes = [change for change in changes if change.revision > self.published]
        events = [self._event(change) for change in changes]
        self.published = message.through
        self.newest = max(self.newest, self.published)
        if message.gap > self.gap:
            self.gap = message.gap
            self._ring.restart(self.published)
        else:
            self._ring.extend(events)
        self._subscribers.deliver(events)

    def _event(self, change: Change) -> Event:
        """The event of a change, with what it replaces, which is the head here; the head is then what it brings."""
        key = change.key
        head = self._heads.get(key) if change.prev_revision else None
        event = event_of(change, None if head is None else head.value)
        if change.deleted:
            del self._heads[key]
            self._sorted = None
        else:
            self._heads[key] = Head(change.revision, change.value)
            if head is None:
                self._sorted = None
        return event

    def _repair(self) -> None:
        if not self._repairing:
            self._repairing = True
            self.gaps += 1
            self._say(Subscribe(self.epoch, self.published))

    def _hear(self, beat: Beat) -> None:
        self.oldest = beat.oldest
        self.newest = max(self.newest, beat.published)
        self.failure = JournalFailed(beat.failure) if beat.failure else None
        self.lost, self._problems = beat.lost, beat.problems
        if beat.sent > self.published:
            self._repair()

    # -- saying

    def _say(self, message: Upward) -> None:
        self._outbox.put(framed(message))

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def problem(self, name: str) -> str | None:
        """What the feed last said that is wrong with something of its own; None when all is well."""
        return self._problems.get(name)

    # -- reading

    def __len__(self) -> int:
        """How many keys exist."""
        return len(self._heads)

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, sorted, with their heads; to be used up without an await."""
        if self._sorted is None:
            self._sorted = sorted(self._heads)
        start = bisect_left(self._sorted, prefix)
        for key in self._sorted[start : bisect_left(self._sorted, prefix + "\U0010ffff", start)]:
            yield key, self._heads[key]

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called with each group of events, in order; returns the way out. It must not raise."""
        return self._subscribers.add(deliver)

    def history(self, after: int) -> HistoryReader:
        """Return an iterator over the events after a revision: from here as far as they are held, from the feed before that."""
        return HistoryReader(self, self._ring, self, after)

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Old events, from the feed: those that follow `after`, or the first of them, none after `through`.

        Raises Compacted, JournalUnavailable, FeedLost.
        """
        self._check()
        number = self._next_number()
        reply = self._recalls[number] = Reply[Past]()
        self._say(Recall(number, after))
        past = await reply.wait()  # who leaves here leaves the reply to be settled and forgotten
        if past.compacted:
            raise Compacted(after, past.oldest)
        if past.failure:
            raise JournalUnavailable(past.failure)
        return [event_of(change, change.prev) for change in past.changes if change.revision <= through]

    async def read_revision(self) -> int:
        """The feed's newest revision, not older than any write that was acknowledged when this was called. Raises FeedLost, JournalUnavailable.

        One question at a time: who comes while it is under way shares the next, because its answer may have been read
        before they came.
        """
        self._check()
        reply = self._gathering
        if reply is None:
            reply = self._gathering = Reply()
            if self._asked is None:
                self._ask()
        newest = await reply.wait()
        if newest.failure:
            raise JournalUnavailable(newest.failure)
        return newest.revision

    def _ask(self) -> None:
        if self._gathering is not None:
            self._asked, self._gathering = (self._next_number(), self._gathering), None
            self._say(Ask(self._asked[0]))

    def _answered(self, message: Newest) -> None:
        if self._asked is not None and self._asked[0] == message.number:
            self._asked[1].settle(message)
            self._asked = None
            self._ask()

    def _check(self) -> None:
        if self._lost:
            raise FeedLost("the feed ended")
