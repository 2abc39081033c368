"""What was asked of etcd: counts, failures and durations of calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import msgspec

from watchcache.distribution import Distribution

# The buckets of kube-apiserver's etcd_request_duration_seconds.
BOUNDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)  # fmt: skip

LEASE_BOUNDS = (10, 50, 100, 500, 1000, 2500, 5000)  # of etcd_lease_object_counts


class Figures:
    """Counters since the start. Operations are named as kube-apiserver names them; `place` is the storage prefix of a key."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}  # by gRPC method
        self.seconds: dict[str, Distribution] = {}  # by gRPC method
        self.operations: dict[tuple[str, str], Distribution] = {}  # by (operation, place)
        self.errors: dict[tuple[str, str], int] = {}
        self.progress = 0  # progress notifications
        self.lease_keys = Distribution(LEASE_BOUNDS)  # of leases that are full or over
        self.waits = Distribution(BOUNDS)  # of consistent reads for the cache
        self.reconnects = 0
        self.rereads = 0
        self.readings = 0  # times that everything was read, each of them a list of each resource
        self.fetched: dict[str, int] = {}  # by place, in those: keys
        self.returned: dict[str, int] = {}  # of them those that could be read
        self.unreadable = 0

    def took(self, path: str, seconds: float) -> None:
        """A call was answered."""
        distribution = self.seconds.get(path)
        if distribution is None:
            distribution = self.seconds[path] = Distribution(BOUNDS)
        distribution.observe(seconds)

    def failed(self, path: str) -> None:
        """A call failed for good."""
        self.failures[path] = self.failures.get(path, 0) + 1

    @contextmanager
    def timed(self, operation: str, place: str) -> Iterator[None]:
        """An operation on one resource; an exception within is its failure."""
        began = perf_counter()
        try:
            yield
        except Exception:
            self.operated(operation, place, perf_counter() - began, well=False)
            raise
        self.operated(operation, place, perf_counter() - began, well=True)

    def operated(self, operation: str, place: str, seconds: float, *, well: bool) -> None:
        """An operation on one resource ended."""
        key = (operation, place)
        distribution = self.operations.get(key)
        if distribution is None:
            distribution = self.operations[key] = Distribution(BOUNDS)
        distribution.observe(seconds)
        if not well:
            self.errors[key] = self.errors.get(key, 0) + 1


class EtcdStats(msgspec.Struct, frozen=True):
    """What is known of the cluster: its id, version, and the size of the database in bytes (0: not asked yet)."""

    cluster: str = ""
    version: str = ""
    size: int = 0
    size_in_use: int = 0
