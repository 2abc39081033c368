"""A whole state read from an etcd, or written to one; see `watchcache.persist.moving`.

etcd gives revisions out itself, so objects that are written to it get new ones. Nobody may resume there from a revision of the source: the target's
history is compacted when all is written, and the source's revision is left beside the epoch (`lineage`), by which servers
refuse those that are still to come.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
import trio

from watchcache.log import JournalError, Stamp
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, TXN, Client
from watchcache.persist.etcd.compaction import compact
from watchcache.persist.etcd.endpoints import Cluster
from watchcache.persist.etcd.errors import EtcdUnusable, Problem, journal_error
from watchcache.persist.etcd.leases import Leases
from watchcache.persist.etcd.lineage import note_lost
from watchcache.persist.etcd.opening import Opened, open_cluster
from watchcache.persist.etcd.patience import Patience
from watchcache.persist.etcd.ranges import PAGE, end_of
from watchcache.persist.etcd.state import Form, State
from watchcache.persist.etcd.writes import IN_FLIGHT, TimeToLive
from watchcache.persist.moving import Contents

PATIENCE = 3.0  # seconds that an etcd is waited for
REUSE = 60.0


class Place(msgspec.Struct, frozen=True):
    """Where in an etcd, and how values look there."""

    cluster: Cluster
    prefix: str
    form: Form

    @property
    def raw_prefix(self) -> bytes:
        """What every key begins with."""
        return self.prefix.rstrip("/").encode() + b"/"


async def read_etcd(place: Place, stamp: Stamp) -> Contents:
    """Read everything below the prefix, at one revision; others may write meanwhile. Raises JournalError."""
    async with _client(place) as client:
        state, opened = await _read(client, place, stamp)
        heads = {key: stored.head for key, stored in opened.pairs.items()}
        return Contents(opened.revision, heads, dict(state.foreign))


async def write_etcd(
    place: Place, contents: Contents, stamp: Stamp, *, ttl: TimeToLive, replace: bool
) -> Contents:
    """Write everything below the prefix, where nothing is; what is read back. replace: what is there is deleted before.

    Raises JournalError; nothing has been written when the target is not empty and may not be replaced.
    """
    async with _client(place) as client:
        await _read_nothing(client, place, stamp)
        await _make_room(client, place, replace=replace)
        writing = _Writing(client, place, ttl)
        await writing.run(sorted(contents.heads, key=lambda key: contents.heads[key].revision), contents)
        await note_lost(client, contents.revision)
        _, opened = await _read(client, place, stamp)
        await compact(client, opened.revision)
        return Contents(opened.revision, {key: stored.head for key, stored in opened.pairs.items()})


@asynccontextmanager
async def _client(place: Place) -> AsyncIterator[Client]:
    client = Client(place.cluster)
    try:
        yield client
    except Problem as problem:
        raise journal_error(problem) from problem
    finally:
        client.close()


async def _read(client: Client, place: Place, stamp: Stamp) -> tuple[State, Opened]:
    state = State(place.form, stamp, place.raw_prefix, time.time)
    return state, await open_cluster(client, state, place.raw_prefix, Patience(PATIENCE))


async def _read_nothing(client: Client, place: Place, stamp: Stamp) -> None:
    """Check the target as a start does, without looking at what is there."""
    nowhere = place.raw_prefix + b"\0"
    await open_cluster(client, State(place.form, stamp, nowhere, time.time), nowhere, Patience(PATIENCE))


async def _make_room(client: Client, place: Place, *, replace: bool) -> None:
    prefix = place.raw_prefix
    request = rpc.RangeRequest(key=prefix, range_end=end_of(prefix), limit=PAGE, keys_only=True)
    while True:
        found: rpc.RangeResponse = await client.call(RANGE, request)
        # What lies directly below the prefix belongs to the store: kine's `health`.
        keys = [pair.key for pair in found.kvs if b"/" in pair.key[len(prefix) :]]
        if not keys:
            return
        if not replace:
            raise EtcdUnusable(
                f"{place.prefix} in etcd at {client.urls} is not empty ({max(found.count, len(keys))} keys); choose another prefix, or give --replace to have them deleted"
            )
        async with trio.open_nursery() as nursery:
            limit = trio.CapacityLimiter(IN_FLIGHT)
            for key in keys:
                await limit.acquire_on_behalf_of(key)
                nursery.start_soon(_delete, client, key, limit)


async def _delete(client: Client, key: bytes, limit: trio.CapacityLimiter) -> None:
    try:
        request = rpc.TxnRequest()
        request.success.add().delete_range.key = key
        await client.call(TXN, request)
    finally:
        limit.release_on_behalf_of(key)


class _Writing:
    """Writes under way: some at a time, each guarded by the key not being there."""

    def __init__(self, client: Client, place: Place, ttl: TimeToLive) -> None:
        self._client = client
        self._place = place
        self._ttl = ttl
        self._leases = Leases(client, REUSE)
        self._limit = trio.CapacityLimiter(IN_FLIGHT)

    async def run(self, keys: Iterable[str], contents: Contents) -> None:
        """Write them all. Raises Problem, EtcdUnusable."""
        problem: BaseException | None = None
        try:
            async with trio.open_nursery() as nursery:
                for key in keys:
                    await self._limit.acquire_on_behalf_of(key)
                    nursery.start_soon(self._write, key, contents.heads[key].value)
        except* (Problem, JournalError) as group:
            problem = _first(group)
        if problem is not None:
            raise problem from None

    async def _write(self, key: str, value: bytes) -> None:
        try:
            ttl = self._ttl(key)
            lease = 0 if ttl is None else await self._lease(ttl)
            raw = self._place.raw_prefix + key.encode()
            request = rpc.TxnRequest()
            request.compare.add(target=rpc.Compare.MOD, key=raw, mod_revision=0)
            put = rpc.PutRequest(key=raw, value=self._place.form.encode(key, value), lease=lease)
            request.success.add().put.MergeFrom(put)
            request.failure.add().range.key = raw
            response: rpc.TxnResponse = await self._client.call(TXN, request)
            if not response.succeeded:
                raise EtcdUnusable(
                    f"{key} was written by somebody else while the copy ran; stop the servers on the target, and copy again with --replace"
                )
        finally:
            self._limit.release_on_behalf_of(key)

    async def _lease(self, ttl: float) -> int:
        came = trio.Event()
        answer: list[tuple[int, Problem | None]] = []

        def granted(lease: int, problem: Problem | None) -> None:
            answer.append((lease, problem))
            came.set()

        self._leases.take(ttl, granted)
        await came.wait()
        lease, problem = answer[0]
        if problem is not None:
            raise problem
        return lease


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
