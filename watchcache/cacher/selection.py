"""What a list or watch covers, and the question that is asked of every object: whether it belongs.

A `Selection` is what the registry says, relative to a resource. A `Scope` is the same bound to one cacher: full
keys and field positions, ready to be asked. Both are values: equal ones select equally, which is what
lets watchers share a group.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from watchcache.cacher.change import EventType
from watchcache.cacher.entry import Entry


class Predicate(Protocol):
    """A label and field selector. Hashable, and equal to any other that selects the same."""

    def __call__(self, entry: Entry, /) -> bool:
        """Whether the object, in this state, is selected."""

    def __hash__(self) -> int: ...


class Selection(msgspec.Struct, frozen=True):
    """What a request covers, relative to its resource.

    `prefix`: "" for all, "<namespace>/" for one. `name`: the exact relative key of a single object.
    `index`: (index name, value), an index of the cacher that narrows the search; it selects, too.
    `predicate`: everything else; None matches all.
    """

    prefix: str = ""
    name: str = ""
    index: tuple[str, str] | None = None
    predicate: Predicate | None = None

    @property
    def whole(self) -> bool:
        """No selector narrows it: only then a list may tell `remainingItemCount`."""
        return self.predicate is None and self.index is None and not self.name

    def bind(self, root: str, field_names: tuple[str, ...]) -> Scope:
        """Put it in the terms of the cacher whose keys begin with `root` ("pods/")."""
        position = -1 if self.index is None else field_names.index(self.index[0])
        return Scope(
            prefix=root + self.prefix,
            key=root + self.name if self.name else "",
            position=position,
            word="" if self.index is None else self.index[1],
            predicate=self.predicate,
        )


class Scope(msgspec.Struct, frozen=True):
    """A selection bound to a cacher.

    `prefix` and `key` are full keys ("" for no single object); `position` is the indexed field's place in
    `Entry.fields` or -1, `word` the value it must have.
    """

    prefix: str
    key: str
    position: int
    word: str
    predicate: Predicate | None

    def matches(self, entry: Entry) -> bool:
        """Whether the object, in this state, belongs."""
        return self.covers(entry.key) and self.accepts(entry)

    def covers(self, key: str) -> bool:
        """Whether the place of an object belongs, whatever its state."""
        return key.startswith(self.prefix) and (not self.key or key == self.key)

    def accepts(self, entry: Entry) -> bool:
        """Whether an object at a covered place belongs by its state."""
        if self.position >= 0 and entry.fields[self.position] != self.word:
            return False
        return self.predicate is None or self.predicate(entry)

    def crossing(self, before: Entry | None, after: Entry | None) -> EventType | None:
        """What a change from `before` to `after` is to this scope; None: nothing (W15)."""
        # Who resumes asks this of every change since its revision: 5,000 nodes that come back, of some thousand changes of pods each.
        if self.position >= 0:
            at, word = self.position, self.word
            if (before is None or before.fields[at] != word) and (after is None or after.fields[at] != word):
                return None
        was = before is not None and self.matches(before)
        if after is not None and self.matches(after):
            return EventType.MODIFIED if was else EventType.ADDED
        return EventType.DELETED if was else None
