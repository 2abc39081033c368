"""Where the cache stands: what metrics, health checks and operators are told of one resource and of one watch."""

from __future__ import annotations

import msgspec

from watchcache.cacher.figures import Loads, Reads


class CacherStats(msgspec.Struct, frozen=True):
    """Counts since the start, and sizes now; bytes are of values."""

    prefix: str
    revision: int
    objects: int
    bytes: int
    events: int
    dispatched: int
    dispatched_bytes: int
    initial_events: int
    watchers: int
    live: int
    groups: int
    window_changes: int
    window_bytes: int
    window_capacity: int
    window_floor: int
    terminated: int  # watches ended because their clients did not keep up
    reads: Reads
    loads: Loads


class WatcherStats(msgspec.Struct, frozen=True):
    """Where a watch stands.

    `state` is its phase in an operator's words: `live`, `catching up`, `parked` (its sink is full, or it is held), `ahead`, `ended`.
    `lag`: how far the newest event of the resource is ahead of what was given to the sink, in revisions. `owed_since`: when the oldest
    event that it has not been given was committed, in unix seconds; 0 when there is none. `queued`: bytes that its sink
    has accepted and not passed on.
    """

    phase: str
    state: str
    cursor: int
    lag: int
    owed_since: float
    queued: int
