"""How much history is kept, and which of it has to go."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

HOUR = 3600.0


class Retention(msgspec.Struct, frozen=True):
    """The limits of the history; None is no limit. What exceeds any of them goes.

    seconds: age of an event when another is written; no clock is read, and nothing expires while nothing happens. bytes: of all history together. revisions: distance from the newest.
    A journal in segments drops whole segments, so up to one segment more is kept than `seconds` and `revisions` ask for.
    """

    seconds: float | None = HOUR
    bytes: int | None = 1 << 30
    revisions: int | None = None


class Stretch(msgspec.Struct, frozen=True):
    """A piece of history that is dropped as one: its newest revision and event time, and its size in bytes."""

    last: int
    time: float
    bytes: int


def surplus(
    stretches: Sequence[Stretch], retention: Retention, *, newest: int, now: float, floor: int = 0
) -> int:
    """Return how many stretches, from the oldest on, are to go.

    newest: the newest revision of all; now: its time. floor: everything up to this revision was given up by a compaction.
    """
    kept = sum(stretch.bytes for stretch in stretches)
    for count, stretch in enumerate(stretches):
        if not (
            stretch.last <= floor
            or (retention.seconds is not None and stretch.time < now - retention.seconds)
            or (retention.bytes is not None and kept > retention.bytes)
            or (retention.revisions is not None and stretch.last <= newest - retention.revisions)
        ):
            return count
        kept -= stretch.bytes
    return len(stretches)
