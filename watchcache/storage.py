"""Where a server keeps its objects, from its settings; part of the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from watchcache.api.catalog import Catalog
from watchcache.api.codec import stamp
from watchcache.http.exposition import Family
from watchcache.http.health import Check
from watchcache.log import EventLog, Journal, Log, SharedLog
from watchcache.persist import FileJournal, MemoryJournal, Retention
from watchcache.settings import Settings


class Override(msgspec.Struct, frozen=True):
    """A log of its own for some resources, by storage prefix; `read_revision` as of Storage."""

    prefixes: frozenset[str]
    log: EventLog
    read_revision: Callable[[], Awaitable[int]]


class Storage(msgspec.Struct):
    """A log that is not open yet, and what comes with it.

    shared: the log once more when other servers write it, too. kept: where, for the operator. read_revision: asks for the revision that a consistent read waits for; None when what is published is newest.
    overrides: the logs of resources that are not in `log`.
    """

    log: EventLog
    kept: str
    shared: SharedLog | None = None
    read_revision: Callable[[], Awaitable[int]] | None = None
    checks: list[Check] = msgspec.field(default_factory=list)
    metrics: list[Callable[[], Iterable[Family]]] = msgspec.field(default_factory=list)
    overrides: list[Override] = msgspec.field(default_factory=list)

    @property
    def logs(self) -> list[EventLog]:
        """All logs."""
        return [self.log, *(each.log for each in self.overrides)]


def open_storage(settings: Settings, catalog: Catalog) -> Storage:
    """The storage that the settings name. Raises SettingsProblem."""
    if settings.storage_backend == "etcd3":
        # Only here: protobuf takes 8 MB, which no other storage needs.
        from watchcache import etcd_storage  # noqa: PLC0415

        return etcd_storage.open_storage(settings, catalog)
    kept = f"journal in {settings.data_dir}" if settings.storage_backend == "file" else "nothing is kept"
    return Storage(Log(_journal(settings), stamp=stamp, ring_bytes=settings.window_bytes), kept)


def retention_of(settings: Settings) -> Retention:
    """How much history is kept."""
    return Retention(
        seconds=settings.history_time,
        bytes=settings.history_bytes,
        revisions=settings.history_revisions or None,
    )


def _journal(settings: Settings) -> Journal:
    retention = retention_of(settings)
    if settings.storage_backend == "memory":
        return MemoryJournal(retention=retention, revision=settings.first_revision - 1)
    return FileJournal(settings.data_dir, retention=retention)
