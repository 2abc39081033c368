"""One watch: what it is owed, what it has been sent, and how the two meet.

The property everything here serves: **what a sink was given is always a prefix of what its watch is owed** - in revision
order, without a gap, nothing twice.

A watcher is in one of these phases:

    INITIAL    sending the objects of a snapshot (sendInitialEvents), position by position
    REPLAYING  sending changes after `cursor` from the window; from the log when the window no longer goes back there
    AHEAD      asked for a revision that has not happened yet; silent until it has (W9)
    LIVE       a member of its group; the dispatcher sends to it
    ENDED      nothing is sent any more

Before it is live, `cursor` is the revision up to which everything owed has been given to the sink. Catching up goes in pieces
bounded in bytes, each a step of the hub's pump, so that no watcher holds up the others. When a step finds nothing left, the
watcher joins its group in that same step: there is no await in it, so no event can fall between.

When the sink is full a live watcher parks: it leaves its group with its cursor at what the running tick brought (the sink
accepts always, so that was given), and goes on REPLAYING when the sink has drained. A slow client is never dropped; only when
no history holds its cursor does its stream end, without an ERROR (W11). At the start of a watch that is the in-stream 410 of W8.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from watchcache.cacher.bookmarks import AFTER_INITIAL, AFTER_ROUND, EVERY, Timer, next_bookmark
from watchcache.cacher.change import Change, EventType, divides
from watchcache.cacher.entry import Entry
from watchcache.cacher.problems import FutureRevision, TooOld, WatchProblem
from watchcache.cacher.request import After, Framing, Initial, Sink, WatchRequest
from watchcache.cacher.selection import Scope
from watchcache.cacher.stats import WatcherStats

if TYPE_CHECKING:
    from watchcache.cacher.cacher import Cacher
    from watchcache.cacher.groups import Group
    from watchcache.cacher.thresholds import Threshold


class Piece(msgspec.Struct, frozen=True):
    """How much a watcher that is catching up is given at a time; a piece ends at whichever comes first.

    64 KiB is what a socket buffer takes at once; the counts of objects or changes looked at bound the time that a
    selector matching nothing may take (about a millisecond). No more than `few` changes are asked one by one instead of being looked
    up: entering them under their places costs as much as two or three watches asking.
    """

    bytes: int = 64 * 1024
    entries: int = 1024
    changes: int = 512
    few: int = 64


class Phase(enum.Enum):
    """Where a watcher stands; see the top of this file."""

    INITIAL = "initial"
    REPLAYING = "replaying"
    AHEAD = "ahead"
    LIVE = "live"
    ENDED = "ended"


_RESTING = frozenset({Phase.LIVE, Phase.ENDED, Phase.AHEAD})


class Watcher:
    """A watch that has been started; made by `Cacher.watch`. It is a `groups.Member`."""

    __slots__ = (
        "_blocked", "_bookmark", "_cacher", "_deadline", "_ends_at", "_entries", "_group", "_owes_end", "_position",
        "_problem", "_since", "_tell_sent", "_threshold", "connection", "cursor", "first", "framing", "held", "phase", "queued", "reading", "request", "scope", "send",
        "sink",
    )  # fmt: skip

    def __init__(self, cacher: Cacher, request: WatchRequest, scope: Scope, sink: Sink) -> None:
        self.request = request
        self.scope = scope
        self.sink = sink
        self.send: Callable[[bytes], bool] = sink.send
        self.framing: Framing = sink.framing
        self.connection = sink.connection
        self.first = request.representation.first_differs
        self.phase = Phase.REPLAYING
        self.cursor = 0
        self.queued = False  # with the pump
        self.reading = False  # a task is giving it the log's history
        self.held = False  # too much waits in all sinks together: see `queues`
        self._cacher = cacher
        self._blocked = False  # the sink is full
        self._group: Group | None = None
        self._problem: WatchProblem | None = None
        self._entries: Sequence[Entry] = ()
        self._position = 0
        self._owes_end = False
        self._tell_sent: Callable[[], None] | None = None
        self._since = 0  # bookmarks tell of what is newer than all that is replayed at the start (W12)
        self._threshold: Threshold | None = None
        self._bookmark: Timer | None = None
        self._deadline: Timer | None = None
        self._ends_at = math.inf
        self._begin()

    # -- starting

    def _begin(self) -> None:
        hub, start = self._cacher.hub, self.request.start
        if isinstance(start, Initial):
            self._begin_initial(start)
        else:
            self._begin_after(start.revision if isinstance(start, After) else hub.revision)
        self._since = max(self.cursor, self._cacher.revision)
        self.sink.on_drain(self._drained)
        if math.isfinite(self.request.timeout):
            self._ends_at = hub.now() + max(self.request.timeout, 0.0)
            self._deadline = hub.wheel_add(self._ends_at, self.finish)
        self._set_bookmark(hub.spread.next(self.connection))
        hub.schedule(self)

    def _begin_initial(self, start: Initial) -> None:
        hub = self._cacher.hub
        if start.not_older_than > hub.revision:
            self._problem = FutureRevision(start.not_older_than, hub.revision)
            return
        self.phase = Phase.INITIAL
        self.cursor = hub.revision
        self._entries = self._cacher.snapshot(self.scope)
        self._owes_end = start.bookmark_end

    def _begin_after(self, revision: int) -> None:
        oldest, hub = self._cacher.oldest, self._cacher.hub
        if revision < oldest or hub.revision < revision <= hub.log.lost:
            self._problem = TooOld(revision, oldest)
        self.cursor = revision

    def when_initial_sent(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once, when the bookmark that ends the initial events has been given to the sink; never, if there is none."""
        if self._owes_end:
            self._tell_sent = tell

    # -- catching up

    def advance(self) -> bool:
        """Send the next piece; True: there is more to do at once. Called by the hub's pump only."""
        if self._blocked or self.held or self.reading or self.phase in _RESTING:
            return False
        if self.request.timeout <= 0:
            self.finish()
        elif self._problem is not None:
            self.send(self.framing(self.request.representation.error(self._problem)))
            self.finish()
        elif self.phase is Phase.INITIAL:
            return self._send_initial()
        else:
            return self._replay()
        return False

    def _send_initial(self) -> bool:
        """A piece of the snapshot; after its last entry comes the end bookmark, when asked for (W3)."""
        frames: list[bytes] = []
        piece = self._cacher.piece
        size, last = 0, min(self._position + piece.entries, len(self._entries))
        while self._position < last and size < piece.bytes:
            entry = self._entries[self._position]
            self._position += 1
            if self.scope.accepts(entry):
                frame = self.request.representation.event(EventType.ADDED, entry.value, self._take_first())
                frames.append(frame)
                size += len(frame)
        self._cacher.initial_events += len(frames)
        if self._position < len(self._entries):
            return self._write(frames)
        self._end_initial(frames)
        more = self._write(frames)
        tell, self._tell_sent = self._tell_sent, None
        if tell is not None:
            tell()
        return more

    def _end_initial(self, frames: list[bytes]) -> None:
        self._entries = ()
        self.phase = Phase.REPLAYING
        if self._owes_end:
            frames.append(self.request.representation.bookmark(self.cursor, True, self._take_first()))
            self._set_timer(self._cacher.hub.now() + AFTER_INITIAL, self._initial_bookmark_due)

    def _replay(self) -> bool:
        """A piece of the window; joins the live ones when there is nothing left."""
        window = self._cacher.window
        if self.cursor < window.floor:
            self._cacher.hub.replay_history(self._cacher, self)
            return False
        changes, reached, _ = self._cacher.changes_after(self.cursor, self.scope)
        if changes:
            more, looked = self.give(changes)
            if looked < len(changes):
                return more
        if self.phase is Phase.REPLAYING:
            self.cursor = max(self.cursor, reached)
            if self.cursor < window.newest:
                return self.takes
            if self.takes:
                self._go_live()
        return False

    def give(self, changes: Sequence[Change]) -> tuple[bool, int]:
        """Send changes that follow the cursor, up to the bytes of a piece, and move the cursor past what was looked at.

        Returns whether the sink takes more, and how many changes were looked at.
        """
        frames: list[bytes] = []
        size = looked = 0
        for change in changes:
            type = self.scope.crossing(change.before, change.after)
            if type is not None:
                first = self._take_first()
                frame = self._cacher.frames.event(change, type, self.request.representation, first=first)
                frames.append(frame)
                size += len(frame)
            self.cursor = change.revision
            looked += 1
            if size >= self._cacher.piece.bytes and not divides(changes, looked):
                break
        self._cacher.dispatched += len(frames)
        return self._write(frames), looked

    def _go_live(self) -> None:
        hub = self._cacher.hub
        if self.cursor > hub.revision:
            self.phase = Phase.AHEAD
            self._threshold = hub.thresholds.add(self.cursor, self._caught_by_time)
            return
        self.phase = Phase.LIVE
        self._group = self._cacher.dispatcher.join(self, self.scope, self.request.representation)

    def _caught_by_time(self) -> None:
        """The revision that the client had asked to be after has been published."""
        self._threshold = None
        self.phase = Phase.REPLAYING
        self._cacher.hub.schedule(self)

    def _write(self, frames: list[bytes]) -> bool:
        if frames:
            payload = b"".join(map(self.framing, frames))
            if not self.send(payload):
                self._blocked = True
            self._cacher.given(len(payload))
        return not self._blocked

    def _take_first(self) -> bool:
        first, self.first = self.first, False
        return first

    # -- the sink fills and drains

    def park(self) -> None:
        """The sink is full after what it was just given: leave the group and wait for it to drain."""
        if self.phase is Phase.LIVE:
            self._fall_behind()
            self._blocked = True

    def _fall_behind(self) -> None:
        """Live no more: remember how far it was given."""
        self.cursor = self._given()
        self._leave_group()
        self.phase = Phase.REPLAYING

    def _given(self) -> int:
        """The revision up to which a live watcher has been given everything."""
        given = self._group.given(self) if self._group is not None else None
        return self._cacher.revision if given is None else given

    def hold(self) -> bool:
        """Give it nothing until `release`, between two ticks; False when it would get nothing anyway."""
        if self.phase is Phase.LIVE:
            self._fall_behind()
        elif self.phase in _RESTING:
            return False
        self.held = True
        return True

    def release(self) -> None:
        """Go on after `hold`."""
        self.held = False
        self._cacher.hub.schedule(self)

    @property
    def waiting(self) -> int:
        """Bytes that its sink has accepted and not passed on."""
        return self.sink.queued

    def _drained(self) -> None:
        if self._blocked:
            self._blocked = False
            self._cacher.hub.schedule(self)

    def _leave_group(self) -> None:
        if self._group is not None:
            self._cacher.dispatcher.leave(self, self._group)
            self._group = None

    # -- bookmarks

    def _set_bookmark(self, every: float) -> None:
        now = self._cacher.hub.now()
        self._set_timer(next_bookmark(now, self._ends_at, every), self._bookmark_due)

    def _set_timer(self, when: float, action: Callable[[], None]) -> None:
        if not self.request.bookmarks:
            return
        if self._bookmark is not None:
            self._bookmark.cancel()
        self._bookmark = self._cacher.hub.wheel_add(when, action)

    def _bookmark_due(self) -> None:
        self._set_bookmark(EVERY)
        self._tell_revision()

    def _initial_bookmark_due(self) -> None:
        self._set_bookmark(self._cacher.hub.spread.next(self.connection))
        self._tell_revision()

    def _tell_revision(self) -> None:
        """Tell a live watcher how far its resource has come, when that is further than where it began (W12)."""
        if self.phase is not Phase.LIVE or self._cacher.revision <= self._since:
            return
        if self._given() < self._cacher.revision:  # its group's round has not come to it
            self._set_timer(self._cacher.hub.now() + AFTER_ROUND, self._bookmark_due)
            return
        representation = self.request.representation
        moves = self.first  # a first frame moves it to another lane
        if moves:
            self._leave_group()
        frame = self._cacher.frames.bookmark(self._cacher.revision, representation, first=self._take_first())
        taken = self.send(self.framing(frame))
        if self.phase is not Phase.LIVE:
            return
        if moves:
            self._group = self._cacher.dispatcher.join(self, self.scope, representation)
        if not taken:
            self.park()

    # -- ending

    def finish(self) -> None:
        """End the stream from this side, cleanly, after what is queued."""
        if self.phase is not Phase.ENDED:
            self.stop()
            self.sink.finish()

    fail = finish

    def fall_out(self) -> None:
        """History no longer holds what it is owed: end as `finish` does, and count as one that did not keep up."""
        if self.phase is not Phase.ENDED:
            self._cacher.terminated += 1
            self.finish()

    def stop(self) -> None:
        """The client left: forget it. May be called at any time, also while it is being sent to, and twice."""
        if self.phase is Phase.ENDED:
            return
        self._leave_group()
        self.phase = Phase.ENDED
        self.held = False
        self.send = _take_and_ignore
        self._entries = ()
        self._tell_sent = None
        if self.sink.stalled:
            self._cacher.terminated += 1
        for timer in (self._bookmark, self._deadline):
            if timer is not None:
                timer.cancel()
        if self._threshold is not None:
            self._cacher.hub.thresholds.cancel(self._threshold)
        self._cacher.forget(self)

    @property
    def takes(self) -> bool:
        """Whether it can be given changes now: neither ended nor full."""
        return not (self._blocked or self.held) and self.phase is Phase.REPLAYING

    def stats(self) -> WatcherStats:
        """Where the watch stands now."""
        newest = self._cacher.revision
        cursor = max(self.cursor, self._given()) if self.phase is Phase.LIVE else self.cursor
        lag = max(0, newest - cursor)
        since = self._cacher.window.time_after(cursor) if lag else 0.0
        return WatcherStats(self.phase.value, self._state(), cursor, lag, since, self.sink.queued)

    def _state(self) -> str:
        if self.phase in _RESTING:
            return self.phase.value
        return "parked" if self._blocked or self.held else "catching up"


def _take_and_ignore(_payload: bytes) -> bool:
    """In the place of an ended watcher's sink, for a loop that is just running over its group."""
    return True
