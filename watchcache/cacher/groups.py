"""Live watchers that are owed the same bytes.

A group is a scope and a representation. Within it, watchers whose transport frames alike form a lane: what a tick brings
is rendered once for the group, framed once for the lane, and handed to each watcher; that last loop is the
hottest of the server (a million turns a second) and does nothing else.

A watcher that has not been sent anything yet, of a representation whose first frame differs, is in a lane of its
own kind until it has.

A group of few is flushed within the tick. One of many is sent to in a round: rendered at once, handed over in steps
between which others run (`fanout`). What ticks bring it meanwhile is `pending`, for the next round. So until a group
rests, a member may be *owed* what was published; `given` says how far a member is, and whoever leaves early goes on from there.
A member that joins during a round has had all that was published, and is taken in when the round ends.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple, Protocol

from watchcache.cacher.change import Change, EventType
from watchcache.cacher.frames import Frames
from watchcache.cacher.request import Framing, Representation
from watchcache.cacher.selection import Scope

_by_connection = attrgetter("connection")

ROUND = 64  # events of one round: what it hands to each member stays below what a sink takes (256 KiB) for objects of usual size


class Member(Protocol):
    """What a group knows of a watcher."""

    send: Callable[[bytes], bool]
    framing: Framing
    connection: int  # its sink's
    first: bool  # nothing sent yet, and the first frame differs

    def park(self) -> None:
        """The sink is full: leave the group, and catch up when it has drained."""

    def fail(self) -> None:
        """Something owed could not be written: end the watch."""


class Lane:
    """Watchers of one group with one framing. Membership may change while `send` runs."""

    __slots__ = ("_order", "members")

    def __init__(self) -> None:
        self.members: dict[Member, None] = {}
        self._order: list[Member] | None = None

    @property
    def order(self) -> list[Member]:
        """The members, those of one connection together; not to be changed."""
        if self._order is None:
            self._order = sorted(self.members, key=_by_connection)
        return self._order

    def add(self, member: Member) -> None:
        """Take a watcher in."""
        self.members[member] = None
        self._order = None

    def discard(self, member: Member) -> None:
        """Let a watcher go."""
        self.members.pop(member, None)
        self._order = None

    def send(self, payload: bytes) -> int:
        """Hand the payload to all, park those that are full; returns how many it was given to."""
        order = self.order
        full = [member for member in order if not member.send(payload)]
        for member in full:
            member.park()
        return len(order)


class Part(NamedTuple):
    """What remains of a round for members of one lane who have had equally much: everything up to `base`."""

    owed: dict[Member, None]
    base: int
    payload: bytes
    events: int
    first: bool


class Group:
    """All live watchers of one scope and representation."""

    __slots__ = ("_joining", "_lanes", "_round", "busy", "pending", "representation", "scope")

    def __init__(self, scope: Scope, representation: Representation) -> None:
        self.scope = scope
        self.representation = representation
        # what the running tick, or ticks during a round, brought
        self.pending: list[tuple[EventType, Change]] = []
        self.busy = False  # a round has begun and `next_round` has not said that it was the last
        self._round: list[Part] = []
        # who came during a round; how much of `pending` they have had already
        self._joining: dict[Member, int] = {}
        self._lanes: dict[tuple[Framing, bool], Lane] = {}

    def __len__(self) -> int:
        return sum(len(lane.members) for lane in self._lanes.values()) + len(self._joining)

    @property
    def empty(self) -> bool:
        """Whether it has no watchers."""
        return not self._lanes and not self._joining

    def add(self, member: Member) -> None:
        """Take a watcher in that has been sent all that was published."""
        if self.busy:
            self._joining[member] = len(self.pending)
        else:
            self._place(member)

    def _place(self, member: Member) -> None:
        self._lanes.setdefault((member.framing, member.first), Lane()).add(member)

    def discard(self, member: Member) -> None:
        """Let a watcher go; what it is owed is its own business (`given`)."""
        self._joining.pop(member, None)
        for part in self._round:
            part.owed.pop(member, None)
        key = (member.framing, member.first)
        lane = self._lanes.get(key)
        if lane is not None:
            lane.discard(member)
            if not lane.members:
                del self._lanes[key]

    def members(self) -> list[Member]:
        """All watchers of it."""
        return [*(member for lane in self._lanes.values() for member in lane.members), *self._joining]

    def given(self, member: Member) -> int | None:
        """The revision up to which a member has been given all that it wants; None: everything that was published."""
        for part in self._round:
            if member in part.owed:
                return part.base
        had = self._joining.get(member, 0)
        return self.pending[had][1].revision - 1 if had < len(self.pending) else None

    # -- all at once

    def flush(self, frames: Frames) -> tuple[int, int]:
        """Send what is pending to all members; returns the number of events and of bytes handed over."""
        pending, self.pending = self.pending, []
        handed = size = 0
        for (framing, first), lane in tuple(self._lanes.items()):
            payload = b"".join(map(framing, self._render(frames, pending, first=first)))
            members = lane.send(payload)
            handed += members
            size += members * len(payload)
            if first:
                for member in tuple(lane.members):
                    self._settle(member)
        return handed * len(pending), size

    def _render(self, frames: Frames, pending: list[tuple[EventType, Change]], *, first: bool) -> list[bytes]:
        rendered = []
        for type, change in pending:
            rendered.append(frames.event(change, type, self.representation, first=first))
            first = False
        return rendered

    def _settle(self, member: Member) -> None:
        """A member of a lane of first frames has had its."""
        self.discard(member)
        member.first = False
        self._place(member)

    # -- in rounds

    def next_round(self, frames: Frames) -> bool:
        """Take in who joined, and begin a round with what is pending; False: there is nothing, the group rests."""
        assert not self._round, "a round must end before the next"
        end = min(ROUND, len(self.pending))
        while (
            0 < end < len(self.pending) and self.pending[end][1].revision == self.pending[end - 1][1].revision
        ):
            end += 1  # a member's position cannot stand between changes of one revision
        pending, self.pending = self.pending[:end], self.pending[end:]
        joining, self._joining = self._joining, {}
        self.busy = bool(pending)
        owing: dict[tuple[int, Framing, bool], dict[Member, None]] = {}
        for (framing, first), lane in self._lanes.items() if pending else ():
            owing[0, framing, first] = dict.fromkeys(reversed(lane.order))  # taken from the end
        for member, had in joining.items():
            if had > len(pending):
                self._joining[member] = had - len(pending)
                continue
            self._place(member)
            if had < len(pending):
                owing.setdefault((had, member.framing, member.first), {})[member] = None
        self._round = [self._part(frames, pending[key[0] :], *key[1:], owed) for key, owed in owing.items()]
        return self.busy

    def _part(
        self,
        frames: Frames,
        pending: list[tuple[EventType, Change]],
        framing: Framing,
        first: bool,
        owed: dict[Member, None],
    ) -> Part:
        payload = b"".join(map(framing, self._render(frames, pending, first=first)))
        return Part(owed, pending[0][1].revision - 1, payload, len(pending), first)

    def advance(self, most: int) -> tuple[int, int]:
        """Send the round to so many more members; returns the number of events and of bytes handed over."""
        events = size = 0
        while self._round and most > 0:
            part = self._round[-1]
            reached = self._send_part(part, most) if part.owed else 0
            most -= reached
            events += reached * part.events
            size += reached * len(part.payload)
            if not part.owed and self._round and self._round[-1] is part:
                self._round.pop()
        return events, size

    def _send_part(self, part: Part, most: int) -> int:
        owed, payload, first = part.owed, part.payload, part.first
        reached = 0
        take = owed.popitem
        while owed and reached < most:
            member, _ = take()
            reached += 1
            room = member.send(payload)
            if first:
                self._settle(member)
            if not room:
                member.park()
        return reached

    @property
    def sending(self) -> bool:
        """Whether the round has not reached everyone."""
        return bool(self._round)

    def drop(self) -> None:
        """Forget the round and what is pending: the members are being ended."""
        self._round, self.pending, self.busy = [], [], False
