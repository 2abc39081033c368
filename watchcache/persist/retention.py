"""How much history is kept, and which of it has to go."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

HOUR = 3600.0

SEGMENT_BYTES = 32 << 20  # read as one by history: some 50 ms
LEAST_SEGMENT_BYTES = 1 << 20  # a segment repeats what its first events replaced: small ones take room
SEGMENTS = 16  # of a full history at the least, as far as the bound above allows


class Retention(msgspec.Struct, frozen=True):
    """The limits of the history; None is no limit. What exceeds any of them goes.

    seconds: age of an event when another is written; no clock is read, and nothing expires while nothing happens. bytes: of all history together. revisions: distance from the newest.
    A journal in segments drops whole segments, so up to one segment more is kept than `seconds` and `revisions` ask for.
    """

    seconds: float | None = HOUR
    bytes: int | None = 1 << 30
    revisions: int | None = None

    @property
    def segment_bytes(self) -> int:
        """How large a segment may become: a small part of the history, because it is dropped, and decoded for readers, as a whole."""
        if self.bytes is None:
            return SEGMENT_BYTES
        return min(SEGMENT_BYTES, max(LEAST_SEGMENT_BYTES, self.bytes // SEGMENTS))


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
