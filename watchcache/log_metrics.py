"""The figures of the log and its journal for `/metrics`, read at the scrape.

kube-apiserver's name where it has the same figure; the others are ours. The HTTP layer does not know the log, so its server
hands this in as a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from watchcache.http.exposition import Family
from watchcache.log import EventLog, LogStats

Value = Callable[[LogStats], float]

# type, name, help, value
FAMILIES: tuple[tuple[str, str, str, Value], ...] = (
    ("gauge", "watchcache_log_revision", "Newest revision that clients can see.", lambda log: log.published),
    ("gauge", "watchcache_log_oldest_revision", "A watch can resume after any revision from this one on.", lambda log: log.oldest),
    ("gauge", "watchcache_log_queued_writes", "Writes that are not durable yet.", lambda log: log.queued),
    ("counter", "watchcache_log_refused_writes_total", "Writes taken back because the journal had no room.", lambda log: log.refused),
    ("gauge", "watchcache_log_failed", "1 when the journal has failed and no write is acknowledged any more.", lambda log: log.failed),
    ("gauge", "watchcache_journal_segments", "Files of events.", lambda log: log.journal.segments),
    ("counter", "watchcache_journal_commits_total", "Groups of writes made durable.", lambda log: log.journal.commits),
    ("counter", "watchcache_journal_events_total", "Writes made durable.", lambda log: log.journal.events),
    ("counter", "watchcache_journal_commit_seconds_total", "Time spent making writes durable.", lambda log: log.journal.commit_seconds),
    ("counter", "watchcache_journal_snapshots_total", "Snapshots written.", lambda log: log.journal.snapshots),
    ("gauge", "watchcache_journal_snapshot_revision", "Revision of the newest snapshot.", lambda log: log.journal.snapshot_revision),
    ("counter", "watchcache_journal_failures_total", "Snapshots, deletions and readings of old events that failed.", lambda log: log.journal.failures),
)  # fmt: skip


def log_families(log: EventLog, *others: EventLog) -> Iterator[Family]:
    """The families of a server's log; of others, in which it keeps some resources, the sizes."""
    stats = log.stats()
    for kind, name, text, value in FAMILIES:
        yield Family(kind, name, text, samples=[((), value(stats))])
    size = "apiserver_storage_size_bytes"
    labels = ("storage_cluster_id",)
    sizes = {each.epoch: each.stats().journal.bytes for each in others} | {log.epoch: stats.journal.bytes}
    family = Family("gauge", size, "Bytes that the journal takes.", labels)
    family.samples.extend(((epoch,), taken) for epoch, taken in sizes.items())
    yield family
