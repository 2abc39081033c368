"""What one resource counts of its reads and of its beginnings, for metrics.

Nothing here is on the way of an event: a read counts when it has its state, a load when it is done, a watcher when it ends.
Buckets are those of kube-apiserver's metrics of the same meaning.
"""

from __future__ import annotations

import msgspec

from watchcache.distribution import Distribution

# Seconds: `apiserver_watch_cache_read_wait_seconds`, as a kube-apiserver 1.36.3 shows it.
WAIT_BOUNDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
# Seconds: `apiserver_watch_cache_initialization_duration_seconds`, which 1.37 has.
LOAD_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)


class ListCounts(msgspec.Struct):
    """Lists, the objects that were looked at for them, and those that were returned."""

    lists: int = 0
    fetched: int = 0
    returned: int = 0


class Reads:
    """Reads that ask for a state which may not be there yet.

    consistent: lists that asked for the newest state, and had it; failed: that asked in vain. waits: what these, and reads that
    name a revision, waited for the cache; most do not wait, and count with no time.
    """

    __slots__ = ("consistent", "failed", "lists", "waits")

    def __init__(self) -> None:
        self.consistent = self.failed = 0
        self.waits = Distribution(WAIT_BOUNDS)
        self.lists: dict[str, ListCounts] = {}  # by the field of the index that served them, "" for none

    def listed(self, index: str, fetched: int, returned: int) -> None:
        """Count a list."""
        counts = self.lists.setdefault(index, ListCounts())
        counts.lists += 1
        counts.fetched += fetched
        counts.returned += returned


class Loads:
    """How often the state and the window began anew (`done`), or could not (`failed`), and what loading took."""

    __slots__ = ("done", "failed", "seconds")

    def __init__(self) -> None:
        self.done = self.failed = 0
        self.seconds = Distribution(LOAD_BOUNDS)
