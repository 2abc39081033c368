"""Live watchers that are owed the same bytes.

A group is a scope and a representation. Within it, watchers whose transport frames alike form a lane: what a tick brings
is rendered once for the group, framed once for the lane, and handed to each watcher; that last loop is the
hottest of the server (a million turns a second) and does nothing else.

A watcher that has not been sent anything yet, of a representation whose first frame differs, is in a lane of its
own kind until it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from watchcache.cacher.change import Change, EventType
from watchcache.cacher.frames import Frames
from watchcache.cacher.request import Framing, Representation
from watchcache.cacher.selection import Scope


class Member(Protocol):
    """What a group knows of a watcher."""

    send: Callable[[bytes], bool]
    framing: Framing
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
        order = self._order
        if order is None:
            order = self._order = list(self.members)
        full = [member for member in order if not member.send(payload)]
        for member in full:
            member.park()
        return len(order)


class Group:
    """All live watchers of one scope and representation."""

    __slots__ = ("_lanes", "pending", "representation", "scope")

    def __init__(self, scope: Scope, representation: Representation) -> None:
        self.scope = scope
        self.representation = representation
        self.pending: list[tuple[EventType, Change]] = []  # what the running tick brings
        self._lanes: dict[tuple[Framing, bool], Lane] = {}

    def __len__(self) -> int:
        return sum(len(lane.members) for lane in self._lanes.values())

    @property
    def empty(self) -> bool:
        """Whether it has no watchers."""
        return not self._lanes

    def add(self, member: Member) -> None:
        """Take a watcher in, to the lane of its framing."""
        lane = self._lanes.setdefault((member.framing, member.first), Lane())
        lane.add(member)

    def discard(self, member: Member) -> None:
        """Let a watcher go."""
        key = (member.framing, member.first)
        lane = self._lanes.get(key)
        if lane is not None:
            lane.discard(member)
            if not lane.members:
                del self._lanes[key]

    def members(self) -> list[Member]:
        """All watchers of it."""
        return [member for lane in self._lanes.values() for member in lane.members]

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
                self._settle(lane)
        return handed * len(pending), size

    def _render(self, frames: Frames, pending: list[tuple[EventType, Change]], *, first: bool) -> list[bytes]:
        rendered = []
        for type, change in pending:
            rendered.append(frames.event(change, type, self.representation, first=first))
            first = False
        return rendered

    def _settle(self, lane: Lane) -> None:
        """The members of a lane of first frames have had theirs."""
        for member in tuple(lane.members):
            self.discard(member)
            member.first = False
            self.add(member)
