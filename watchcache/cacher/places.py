"""Where the changes of a window lie: for the thousands that resume at once, each from its own revision.

Who resumes is owed what happened since its revision, and most want next to nothing of it: 5,000 kubelets come back
after a restart, each for the pods of its own node, out of ten thousand changes. Asking each change about each watch
is fifty million questions; here a change is entered once under its places, and a watch reads its own place.

Rules:
- **Nothing happens at an append.** Entries are made when a watch looks, from where it looks to the newest change, and the others that
  come within the same minute find them. Nobody resumes: there is no index.
- A *place* is the narrowest that a scope allows, as in `dispatch`: an object's key, a field's value, or a namespace. A change is entered
  under its value before *and* after it, so that what leaves a node is found there. A place holds every change that can concern a scope
  there, and maybe others (of another namespace, or that a predicate refuses): the scope is still asked.
- Changes are numbered by the window, and entries are numbers: an entry keeps no change alive.
- Entries lie in stretches of `STRETCH` numbers, each filled up to some number. What fell out of the window is forgotten a stretch at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from watchcache.cacher.change import Change
from watchcache.cacher.selection import Scope

STRETCH = 1024  # entering so many takes half a millisecond, as long as a step of the hub's pump may take

KEY, NAMESPACE = -1, -2


class Place(NamedTuple):
    """`kind`: a field's position, `KEY` or `NAMESPACE`; `word`: the value, the key, or the namespace's prefix."""

    kind: int
    word: str


def place_of(scope: Scope, root: str) -> Place | None:
    """The place of a scope in the resource whose keys begin with `root`; None: it may want everything."""
    if scope.key:
        return Place(KEY, scope.key)
    if scope.position >= 0:
        return Place(scope.position, scope.word)
    return Place(NAMESPACE, scope.prefix) if scope.prefix != root else None


class Found(NamedTuple):
    """Numbers of changes that may concern a place, where looking ended, and how many changes had to be entered for it."""

    numbers: list[int]
    end: int
    entered: int


class _Shelf:
    """The places of one kind in one stretch: word -> how far from the stretch's beginning, rising."""

    __slots__ = ("end", "offsets")

    def __init__(self, end: int) -> None:
        self.end = end  # changes with smaller numbers have been entered
        self.offsets: dict[str, array[int]] = {}


class Places:
    """The entries of one window. `stretch`: how many changes lie together, at most 65,536."""

    def __init__(self, stretch: int = STRETCH) -> None:
        self._stretch = stretch
        self._shelves: dict[tuple[int, int], _Shelf] = {}  # by (stretch, kind)

    def __len__(self) -> int:
        return len(self._shelves)

    def find(self, place: Place, changes: Sequence[Change], base: int, oldest: int, first: int) -> Found:
        """What may concern a place, from number `first` to the end of its stretch or of the window.

        `changes` are those of the window, the first of them with the number `base`; those before the number `oldest` have fallen out.
        """
        stretch = first // self._stretch
        begin = stretch * self._stretch
        end = min(begin + self._stretch, base + len(changes))
        shelf = self._shelves.get((stretch, place.kind))
        if shelf is None:
            shelf = self._shelves[stretch, place.kind] = _Shelf(begin)
        known = max(shelf.end, oldest)  # what fell out before it was entered is gone
        if known < end:
            _enter(shelf.offsets, place.kind, changes[known - base : end - base], known - begin)
            shelf.end = end
        offsets = shelf.offsets.get(place.word, ())
        return Found(
            [begin + offset for offset in offsets if begin + offset >= first], end, max(0, end - known)
        )

    def forget_before(self, number: int) -> None:
        """Changes with smaller numbers have fallen out of the window."""
        gone = [at for at in self._shelves if (at[0] + 1) * self._stretch <= number]
        for at in gone:
            del self._shelves[at]

    def clear(self) -> None:
        """Forget all entries."""
        self._shelves.clear()


def _enter(shelf: dict[str, array[int]], kind: int, changes: Sequence[Change], offset: int) -> None:
    """Enter changes under their places of a kind; the first lies `offset` behind the stretch's beginning."""
    for at, change in enumerate(changes, offset):
        for word in _words(change, kind):
            known = shelf.get(word)
            if known is None:
                shelf[word] = array("H", (at,))
            else:
                known.append(at)


def _words(change: Change, kind: int) -> tuple[str, ...]:
    key, before, after = change.key, change.before, change.after
    if kind == KEY:
        return (key,)
    if kind == NAMESPACE:
        return (key[: key.rindex("/") + 1],)
    if before is None or after is None:
        one = after or before
        return () if one is None else (one.fields[kind],)
    was, now = before.fields[kind], after.fields[kind]
    return (now,) if was == now else (was, now)
