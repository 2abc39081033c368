"""What the cache keeps of one object: its bytes, and beside them only what selectors look at.

An object is never parsed to be read. When it is written, the resource's `AttributesOf` looks once into its
value and takes out the labels and the kind's selectable fields; after that, selecting, listing and
dispatching work on those alone. The function gives equal label sets and frequent field words as one object each (150,000
pods of 5,000 replica sets have 5,000 label sets, not 150,000).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

AttributesOf = Callable[[str, bytes], tuple[dict[str, str] | None, tuple[str, ...]]]
"""(key, value) -> (labels or None, field values in the order of the resource's field names); equal labels are shared."""


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
