"""What the cache keeps of one object: its bytes, and beside them only what selectors look at.

An object is never parsed to be read. When it is written, the resource's `AttributesOf` looks once into its
value and takes out the labels and the kind's selectable fields; after that, selecting, listing and
dispatching work on those alone. Equal label sets and equal field words are kept once (150,000 pods of
5,000 replica sets have 5,000 label sets, not 150,000).
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

AttributesOf = Callable[[str, bytes], tuple[dict[str, str] | None, tuple[str, ...]]]
"""(key, value) -> (labels or None, field values in the order of the resource's field names)."""

# Above this many different label sets the table starts anew: sharing is a saving, not an obligation.
MAX_SHARED_LABELS = 65_536


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One object as the cache keeps it; immutable, shared by store, window, lists and snapshots.

    `key` is the full log key; `value` is stamped with `revision`. `labels` is shared between entries and
    must never be mutated. `fields` follow the field names the cacher was made with.
    """

    key: str
    revision: int
    value: bytes
    labels: dict[str, str] | None = None
    fields: tuple[str, ...] = ()


class EntryMaker:
    """Makes entries of values, sharing equal labels and field words."""

    def __init__(self, attributes: AttributesOf) -> None:
        self._attributes = attributes
        self._labels: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}

    def __call__(self, key: str, revision: int, value: bytes) -> Entry:
        """Make the entry of a value stamped with `revision`."""
        labels, fields = self._attributes(key, value)
        return Entry(key, revision, value, self._shared(labels), tuple(map(sys.intern, fields)))

    def _shared(self, labels: dict[str, str] | None) -> dict[str, str] | None:
        if not labels:
            return None
        if len(self._labels) >= MAX_SHARED_LABELS:
            self._labels.clear()
        return self._labels.setdefault(tuple(labels.items()), labels)
