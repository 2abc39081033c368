"""The start: is this an etcd that will do, and what is in it."""

from __future__ import annotations

import re

import msgspec
import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import STATUS, Client
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.errors import EtcdUnusable, Problem, journal_error
from watchcache.persist.etcd.figures import EtcdStats
from watchcache.persist.etcd.lineage import Epoch, read_epoch
from watchcache.persist.etcd.patience import PAUSE, Patience, waiting_helps
from watchcache.persist.etcd.ranges import read_all
from watchcache.persist.etcd.remains import Source
from watchcache.persist.etcd.state import State, Stored

# From these on a progress notification is never ahead of the events it follows (etcd issue 15220), on which consistent reads stand.
OLDEST = ((3, 4, 25), (3, 5, 8))


class Opened(msgspec.Struct, frozen=True):
    """What a start finds."""

    cluster: int
    revision: int
    pairs: dict[str, Stored]
    stats: EtcdStats
    notes: tuple[str, ...]


async def open_cluster(client: Client, state: State, prefix: bytes, patience: Patience) -> Opened:
    """Wait for etcd to answer; check and read it. Nothing is written. Raises JournalError."""
    stats = await _reach(client, patience)
    if too_old(stats.version):
        raise EtcdUnusable(
            f"etcd {stats.version} at {client.member.url} is too old: 3.4.25, 3.5.8 or anything newer is needed"
        )
    try:
        pairs, header = await read_all(client, state, prefix, patience)
    except Problem as problem:
        raise journal_error(problem) from problem
    if state.unreadable:
        key, why = next(iter(state.unreadable.items()))
        more = f" (and {len(state.unreadable) - 1} other keys)" if len(state.unreadable) > 1 else ""
        raise EtcdUnusable(
            f"{prefix.decode()}{key}{more} cannot be read: {why}; have its kube-apiserver rewrite it "
            "with --storage-media-type=application/json and without encryption, or choose another --etcd-prefix"
        )
    return Opened(header.cluster_id, header.revision, pairs, stats, ())


async def read_source(client: Client, cluster: int, prefix: bytes) -> tuple[Source, int]:
    """Name the body of data that history is of, and the revision that it had where it was copied from.

    Without the right or the room to write the epoch, that is left out. Raises Problem.
    """
    try:
        epoch = await read_epoch(client)
    except Problem as problem:
        if problem.code not in {Code.PERMISSION_DENIED, Code.RESOURCE_EXHAUSTED}:
            raise
        epoch = Epoch("")
    return Source(f"{cluster:x}", epoch.name, prefix.decode()), epoch.lost


async def _reach(client: Client, patience: Patience) -> EtcdStats:
    last = Problem(Code.DEADLINE_EXCEEDED, "no answer in time", client.member.url)
    with trio.move_on_after(patience.seconds):
        while True:
            try:
                await client.log_in()
                return await read_stats(client, max(1.0, patience.seconds / 4))
            except Problem as problem:
                last = problem
                if not waiting_helps(problem):
                    break
            patience.tell(last)
            await trio.sleep(PAUSE)
    found = client.problem or last
    raise journal_error(found)


async def read_stats(client: Client, seconds: float) -> EtcdStats:
    """Ask a member for its version and the size of its database. Raises Problem."""
    response: rpc.StatusResponse = await client.call(STATUS, rpc.StatusRequest(), seconds=seconds)
    return EtcdStats(
        f"{response.header.cluster_id:x}", response.version, response.db_size, response.db_size_in_use
    )


def too_old(version: str) -> bool:
    """Whether a version is known to report progress wrongly."""
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    if len(numbers) < 3:
        return False
    return any(numbers[:2] == least[:2] and numbers < least for least in OLDEST) or numbers < OLDEST[0]
