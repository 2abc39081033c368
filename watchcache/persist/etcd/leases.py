"""Leases for what lives for a time only, shared: a lease of its own for each event would be half of all writes.

A lease is granted for a little longer than asked, and serves all keys of that time that are written while enough of it is left; so a key
lives between the time asked and that much more, as with kube-apiserver.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import GRANT, Client
from watchcache.persist.etcd.errors import Problem

SHARE = 0.05  # of the time asked: the most by which a key may outlive it
KEYS = 1000  # of one lease: etcd deletes them in one transaction

Granted = Callable[[int, Problem | None], None]


class _Lease(msgspec.Struct):
    id: int = 0
    expires: float = 0.0
    keys: int = 0
    waiting: list[Granted] = msgspec.field(default_factory=list)
    asked: bool = False


class Leases:
    """The current lease for each time to live. `reuse` (seconds) bounds how much longer than asked a lease is."""

    def __init__(self, client: Client, reuse: float) -> None:
        self._client = client
        self._reuse = reuse
        self._leases: dict[float, _Lease] = {}

    def take(self, ttl: float, granted: Granted) -> None:
        """Give a lease for one key that is to live `ttl` seconds: at once, or when etcd has granted one."""
        lease = self._leases.setdefault(ttl, _Lease())
        if not lease.asked and trio.current_time() + ttl <= lease.expires and lease.keys < KEYS:
            lease.keys += 1
            granted(lease.id, None)
            return
        lease.waiting.append(granted)
        if not lease.asked:
            lease.asked = True
            self._ask(lease, ttl)

    def _ask(self, lease: _Lease, ttl: float) -> None:
        seconds = ttl + min(SHARE * ttl, self._reuse)
        began = trio.current_time()

        def done(response: rpc.LeaseGrantResponse | None, problem: Problem | None) -> None:
            lease.asked = False
            waiting, lease.waiting = lease.waiting, []
            if response is not None:
                if lease.keys:
                    self._client.figures.lease_keys.observe(lease.keys)
                lease.id, lease.expires, lease.keys = response.ID, began + response.TTL, len(waiting)
            for granted in waiting:
                granted(lease.id, problem)

        self._client.call_nowait(GRANT, rpc.LeaseGrantRequest(TTL=max(1, round(seconds))), done)
