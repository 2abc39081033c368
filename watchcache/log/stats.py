"""The figures of a log and of its journal, for metrics and health."""

from __future__ import annotations

import msgspec


class JournalStats(msgspec.Struct, frozen=True):
    """Counters since the journal was opened, and what it holds now."""

    bytes: int = 0
    segments: int = 0
    commits: int = 0
    events: int = 0
    commit_seconds: float = 0.0
    snapshots: int = 0
    snapshot_revision: int = 0
    failures: int = 0  # of snapshots and deletions; each was or will be tried again
    last_failure: str = ""


class LogStats(msgspec.Struct, frozen=True):
    """Where a log stands."""

    revision: int
    published: int
    oldest: int
    keys: int
    queued: int
    ring_events: int
    ring_bytes: int
    refused: int
    failed: bool
    journal: JournalStats
