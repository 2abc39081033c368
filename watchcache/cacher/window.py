"""The recent changes of one resource, in memory.

Rules:
- The window holds every change of its resource with revision > `floor`, none else, in rising order (some may share a
  revision: keys of one lease in etcd expire together, and only together are they given to anyone); therefore a
  watch can be replayed from any revision >= `floor`, and the state at any such revision be had by undoing.
- It is bounded in bytes and in number; what falls out at the old end raises `floor`. Nothing is lost by
  that: older history is read from the log. A revision falls out whole, and the newest never does: what is read from the log
  up to `floor` and what is here must neither overlap nor leave a gap, whatever shares a revision.
- Bytes are counted as what the window alone keeps alive (the replaced states), not what the store holds anyway.

Undoing: a change carries the entry it replaced. The state of a key at revision N is what the *first* change of that
key after N replaced; keys without a change after N are as they are now. No copy of the store is ever made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

import msgspec

from watchcache.cacher.change import Change, divides
from watchcache.cacher.entry import Entry
from watchcache.cacher.places import Place, Places

_revision = attrgetter("revision")

CUT = 1024  # moving a list of 100,000 pointers takes some 20 us; once in so many falls it is nothing

_FALLEN = Change(0, "", None, None)  # in the place of a change that fell out, so that its bytes are free

Undone = dict[str, Entry | None]
"""Key -> its entry at an older revision; None: it was not there."""


class Bounds(msgspec.Struct, frozen=True):
    """How much one resource's window may hold.

    64 MiB is some 20,000 updates of pods of 2.6 KB, half a minute of a 5,000-node cluster's churn; who is
    further behind reads the log.
    """

    bytes: int = 64 * 1024 * 1024
    changes: int = 100_000


class Following(NamedTuple):
    """Changes that follow a revision, oldest first, and the revision up to which these are all; `looked_up`: by their places."""

    changes: list[Change]
    reached: int
    looked_up: bool


class Window:
    """Changes after `floor`, newest last."""

    def __init__(self, floor: int, bounds: Bounds | None = None, places: Places | None = None) -> None:
        self.floor = floor
        self.places = places or Places()
        self.bounds = bounds or Bounds()
        self.bytes = 0
        self._changes: list[Change] = []
        self._first = 0  # places before it have fallen out; they are cut off CUT at a time
        self._base = 0  # how many have been cut off: the number of the change that is first in the list

    def __len__(self) -> int:
        return len(self._changes) - self._first

    @property
    def newest(self) -> int:
        """The newest change's revision, or the floor when there is none."""
        return self._changes[-1].revision if len(self) else self.floor

    def append(self, change: Change) -> None:
        """Take the newest change; the oldest may fall out."""
        assert change.revision >= self.newest, (change.revision, self.newest)
        self._changes.append(change)
        self.bytes += change.weight
        self._shrink()

    def after(self, revision: int, most: int | None = None) -> list[Change]:
        """The changes with a larger revision, oldest first, some `most`; those of one revision together. `revision` >= floor."""
        return self._from(self._index_after(revision), most)

    def concerning(self, place: Place | None, revision: int, most: int, few: int) -> Following:
        """Of the changes with a larger revision, at least those that can concern a place; None wants all.

        Some `most` are given at a time, and not many more are looked at for the first time. When there are no more than `few`, they
        are given as they are. Those of one revision are given together. `revision` >= floor.
        """
        changes, first = self._changes, self._index_after(revision)
        if place is None or len(changes) - first <= few:
            found = self._from(first, most)
            return Following(found, found[-1].revision if found else revision, looked_up=False)
        base, numbers = self._base, list[int]()
        number, entered = base + first, 0
        while number < base + len(changes):
            more = self.places.find(place, changes, base, base + self._first, number)
            numbers += more.numbers
            number, entered = more.end, entered + more.entered
            if (len(numbers) >= most or entered >= most) and not divides(changes, number - base):
                break
        found = [changes[number - base] for number in numbers]
        return Following(found, changes[number - base - 1].revision, looked_up=True)

    def _index_after(self, revision: int) -> int:
        assert revision >= self.floor, (revision, self.floor)
        return bisect_right(self._changes, revision, lo=self._first, key=_revision)

    def _from(self, first: int, most: int | None) -> list[Change]:
        changes = self._changes
        if most is None or first + most >= len(changes):
            return changes[first:]
        last = first + most
        while divides(changes, last):
            last += 1
        return changes[first:last]

    def time_after(self, revision: int) -> float:
        """When the first change with a larger revision was committed, as far as the window knows; 0 when there is none."""
        found = self.after(max(revision, self.floor), 1)
        return found[0].time if found else 0.0

    def undone(self, revision: int) -> Undone:
        """What to put in place of the current entries to have the state at `revision` (>= floor)."""
        return undo(self.after(revision))

    def prepend(self, changes: list[Change], floor: int) -> None:
        """Take older changes read from the log: those with floor < revision <= the present floor."""
        assert floor <= self.floor
        assert not changes or floor < changes[0].revision
        assert not changes or changes[-1].revision <= self.floor
        self.places.clear()  # the numbers are others now
        self._changes[: self._first] = changes
        self._first = 0
        self.bytes += sum(change.weight for change in changes)
        self.floor = floor
        self._shrink()

    def _shrink(self) -> None:
        changes = self._changes
        while (self.bytes > self.bounds.bytes or len(self) > self.bounds.changes) and (
            revision := changes[self._first].revision
        ) < changes[-1].revision:
            self.floor = revision
            while changes[self._first].revision == revision:
                self.bytes -= changes[self._first].weight
                changes[self._first] = _FALLEN
                self._first += 1
        if self._first >= CUT:
            del changes[: self._first]
            self._base += self._first
            self._first = 0
            self.places.forget_before(self._base)

    def check(self) -> None:
        """Assert the rules at the top of this file."""
        held = self._changes[self._first :]
        revisions = [change.revision for change in held]
        assert revisions == sorted(revisions)
        assert not revisions or self.floor < revisions[0]
        assert self.bytes == sum(change.weight for change in held)
        if len(set(revisions)) > 1:
            assert len(held) <= self.bounds.changes
            assert self.bytes <= self.bounds.bytes
        latest: dict[str, Entry | None] = {}
        for change in held:
            if change.key in latest:
                assert change.before == latest[change.key], change.key
            latest[change.key] = change.after


def undo(changes: Iterable[Change]) -> Undone:
    """What these changes, oldest first, replaced: the state before the first of them."""
    undone: Undone = {}
    for change in changes:
        undone.setdefault(change.key, change.before)
    return undone
