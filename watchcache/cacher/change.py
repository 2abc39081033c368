"""One change of one object as watchers see it, and what it is to a given selection.

The rule of selector crossing (W15, W16): a watcher sees a change through its selection, before and after.

    before   after    event
    -        match    ADDED      the new state
    match    match    MODIFIED   the new state
    match    -        DELETED    the previous state, with the revision of the change
    -        -        nothing

A deletion is a change whose after is missing; its event carries the last state with the deletion's revision, so
that revisions in a stream always rise and any of them can be resumed from.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import msgspec

from watchcache.cacher.entry import Entry

Stamp = Callable[[bytes, int], bytes]
"""Puts a revision into a value, replacing the one that is there."""


class EventType(bytes, enum.Enum):
    """The types of watch events that carry an object; the members are the bytes of the wire."""

    ADDED = b"ADDED"
    MODIFIED = b"MODIFIED"
    DELETED = b"DELETED"


class Change(msgspec.Struct, frozen=True, gc=False):
    """An event of the log in the cache's terms: the entries that it replaced and made.

    `final` is the last state stamped with the deletion's revision; None unless the object was deleted. `time` is when it was
    committed, in unix seconds.
    """

    revision: int
    key: str
    before: Entry | None
    after: Entry | None
    final: bytes | None = None
    time: float = 0.0

    def body(self, type: EventType, stamp: Stamp) -> bytes:
        """The object's value that an event of this type carries."""
        if type is not EventType.DELETED:
            assert self.after is not None
            return self.after.value
        if self.final is not None:
            return self.final
        assert self.before is not None
        return stamp(self.before.value, self.revision)

    @property
    def weight(self) -> int:
        """Bytes that keeping this change holds in memory beyond what the store holds anyway."""
        replaced = len(self.before.value) if self.before is not None else 0
        return CHANGE_OVERHEAD + replaced + (len(self.final) if self.final is not None else 0)


def divides(changes: Sequence[Change], index: int) -> bool:
    """Whether changes of one revision lie on both sides of an index: no cursor can stand there."""
    return index < len(changes) and changes[index].revision == changes[index - 1].revision


# The struct, its place in the window, and the replaced entry's struct and fields.
CHANGE_OVERHEAD = 256
