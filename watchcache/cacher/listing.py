"""Taking a page out of a state: which entries, whether more follow, and how many.

Pure: works on entries that the store gave and on what undoing the window says must replace them. A page reads a slice of
the store that is certain to hold enough: at most as many of its entries as there are undone keys can vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import msgspec

from watchcache.cacher import continuation
from watchcache.cacher.entry import Entry
from watchcache.cacher.plan import Plan
from watchcache.cacher.selection import Scope
from watchcache.cacher.store import LAST, Store
from watchcache.cacher.window import Undone

_key = attrgetter("key")


class Listing(msgspec.Struct, frozen=True):
    """The answer to a list: `entries` in key order, as they were at `revision`.

    `next_start` is the relative key where the next page begins, None when this was the last; `remaining`
    counts what follows and is None when there is no next page or a selector makes it unknowable (docs/semantics.md, Pages).
    `gathered` are the entries' values where they are at hand.
    """

    revision: int
    entries: Sequence[Entry]
    next_start: str | None = None
    remaining: int | None = None
    gathered: Sequence[bytes] | None = None

    @property
    def values(self) -> Sequence[bytes]:
        """The objects' bytes, as the entries have them."""
        return [entry.value for entry in self.entries] if self.gathered is None else self.gathered

    @property
    def continue_token(self) -> str:
        """The token of the next page; "" when there is none."""
        if self.next_start is None:
            return ""
        return continuation.encode(continuation.Continuation(self.revision, self.next_start))


def candidates(
    store: Store, scope: Scope, start: str, undone: Undone, most: int | None = None
) -> Sequence[Entry]:
    """The entries at covered places with relative key >= start, in key order, after undoing.

    With `most`, it may stop early, but not before that many. State is not asked yet, only place (and, where an
    index answers, the indexed field).
    """
    low, high = scope.prefix + start, scope.prefix + LAST
    found: Sequence[Entry]
    if scope.key:
        found = [entry] if (entry := store.get(scope.key)) and low <= scope.key < high else []
    elif (indexed := store.indexed(scope.position, scope.word)) is not None:
        found = indexed.entries
        if not (found and low <= found[0].key and found[-1].key < high):  # in key order: the ends tell of all
            found = [entry for entry in found if low <= entry.key < high]
    elif most is None:
        found = store.range(low, high)
    else:
        wanted = most + len(undone)
        found = store.range(low, high, wanted)
        if len(found) == wanted and found:
            high = found[-1].key + "\0"
    return _replace(found, undone, lambda key: low <= key < high and scope.covers(key))


def _replace(found: Sequence[Entry], undone: Undone, covered: Callable[[str], bool]) -> Sequence[Entry]:
    """The found entries with the undone keys as they were."""
    if not undone:
        return found
    kept = [entry for entry in found if entry.key not in undone]
    kept += [entry for entry in undone.values() if entry is not None and covered(entry.key)]
    kept.sort(key=_key)  # nearly sorted: cheap
    return kept


def at_hand(store: Store, plan: Plan, revision: int, scope: Scope) -> Listing | None:
    """The listing of the newest state where an index answers all of it, as it is for who polls the pods of a node; else None."""
    if scope.position < 0 or scope.key or scope.predicate is not None or plan.start or plan.limit:
        return None
    answer = store.indexed(scope.position, scope.word)
    if answer is None:
        return None
    entries = answer.entries
    if entries and not (entries[0].key.startswith(scope.prefix) and entries[-1].key.startswith(scope.prefix)):
        return None
    return Listing(revision, entries, gathered=answer.values)


def accepted(entries: Iterable[Entry], scope: Scope) -> list[Entry]:
    """Those whose state belongs."""
    if scope.predicate is None:
        at, word = scope.position, scope.word
        return [entry for entry in entries if entry.fields[at] == word] if at >= 0 else list(entries)
    accepts = scope.accepts
    return [entry for entry in entries if accepts(entry)]


def count(store: Store, scope: Scope, start: str, undone: Undone) -> int:
    """How many objects a scope without selectors covers from `start` on, after undoing. O(log n + undone)."""
    low, high = scope.prefix + start, scope.prefix + LAST
    total = store.count(low, high)
    for key, entry in undone.items():
        if low <= key < high:
            total += (entry is not None) - (store.get(key) is not None)
    return total


def page(
    plan: Plan,
    revision: int,
    scope: Scope,
    matched: Sequence[Entry],
    found: Sequence[Entry],
    total: int | None,
) -> Listing:
    """The listing of what matched among what was found.

    A full page is followed by another when anything was found behind it, whether or not that matches: nobody looks further
    than the limit. `total`: how many there are from the start on, None when a selector hides it.
    """
    if not plan.limit or len(matched) < plan.limit:
        return Listing(revision, matched)
    given = matched[: plan.limit]
    if given[-1].key == found[-1].key:
        return Listing(revision, given)
    next_start = given[-1].key[len(scope.prefix) :] + "\0"
    return Listing(revision, given, next_start, None if total is None else total - plan.limit)
