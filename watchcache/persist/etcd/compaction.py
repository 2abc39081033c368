"""Compaction, by one server at a time among all that share the etcd, kube-apiservers included.

They agree through the key `compact_rev_key`, whose version is the logical time: each remembers the version it has seen and, an interval
later, writes the key under the guard that it is still that. Who succeeds compacts to the revision that it noted an interval ago; the
others learn the new version and wait again. So history is kept for one to two intervals, also when a compactor dies.
Source: kubernetes/apiserver pkg/storage/etcd3/compact.go.
"""

from __future__ import annotations

import logging

import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import COMPACT, TXN, Client
from watchcache.persist.etcd.errors import Problem
from watchcache.persist.etcd.past import Past

_logger = logging.getLogger(__name__)
KEY = b"compact_rev_key"


class Compactor:
    """Compacts every `interval` seconds unless another does."""

    def __init__(self, client: Client, past: Past, interval: float) -> None:
        self._client = client
        self._past = past
        self._interval = interval
        self._version = 0
        self._revision = 0

    async def run(self) -> None:
        """Ends only when cancelled."""
        while True:
            await trio.sleep(self._interval)
            try:
                await self.turn()
            except Problem as problem:
                _logger.warning("etcd was not compacted: %s", problem)

    async def turn(self) -> int:
        """Try to be the one of this interval; the revision that is compacted, 0 for none. Raises Problem."""
        request = rpc.TxnRequest()
        request.compare.add(target=rpc.Compare.VERSION, key=KEY, version=self._version)
        request.success.add().put.MergeFrom(rpc.PutRequest(key=KEY, value=str(self._revision).encode()))
        request.failure.add().range.key = KEY
        response: rpc.TxnResponse = await self._client.call(TXN, request)
        noted, self._revision = self._revision, response.header.revision
        if not response.succeeded:
            pairs = response.responses[0].range.kvs
            self._version = pairs[0].version if pairs else 0
            compacted = int(pairs[0].value) if pairs and pairs[0].value.isdigit() else 0
            self._past.compacted(compacted)
            return 0
        self._version += 1
        if noted:
            await compact(self._client, noted)
            self._past.compacted(noted)
        return noted


async def compact(client: Client, revision: int) -> None:
    """Give up the history up to a revision; nothing changes when that has been done. Raises Problem."""
    try:
        await client.call(COMPACT, rpc.CompactionRequest(revision=revision))
    except Problem as problem:
        if not problem.compacted:
            raise
