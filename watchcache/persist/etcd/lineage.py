"""Whether the history that was kept is that of the etcd which answers now.

A cluster's id says less than it seems to: an etcd that is restored from a snapshot, or made anew, at the same addresses has the same id again. Therefore
an epoch, a random text, is kept in etcd beside it, under a key outside every prefix, as `compact_rev_key` is; it tells an etcd that
was made anew. A restored one has the epoch, too. It is told by its contents: history goes on only if etcd, at the revision that history has come to,
has the keys as history left them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from heapq import nlargest

import msgspec

from watchcache.log import Event, Head
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, TXN, Client
from watchcache.persist.etcd.errors import Problem
from watchcache.persist.etcd.remains import Remains, Source
from watchcache.persist.etcd.state import State, Stored

EPOCH = b"watchcache/epoch"
SAMPLES = 8  # keys that are compared at the newest revision of history
LONGEST = 100_000  # revisions that are read from etcd to go on: some 30 s in the background


class Verdict(msgspec.Struct, frozen=True):
    """Whether history can go on. why: a reason against it, for the operator. other: it is another etcd's."""

    why: str = ""
    other: bool = False


class Epoch(msgspec.Struct, frozen=True):
    """What is kept under EPOCH: a random text, and, when the contents were copied from elsewhere, the revision that they had there."""

    name: str
    lost: int = 0


async def read_epoch(client: Client) -> Epoch:
    """The epoch of an etcd; one that has none gets one. Raises Problem."""
    while True:
        epoch, at = await _epoch(client)
        if epoch is not None:
            return epoch
        await _set_epoch(client, Epoch(uuid.uuid4().hex), at)  # unless another server is faster


async def note_lost(client: Client, revision: int) -> None:
    """Note that clients may come who know a revision that another store has given out. Raises Problem."""
    await read_epoch(client)
    while True:
        epoch, at = await _epoch(client)
        if epoch is None or epoch.lost >= revision:
            return
        if await _set_epoch(client, Epoch(epoch.name, revision), at):
            return


async def _epoch(client: Client) -> tuple[Epoch | None, int]:
    found: rpc.RangeResponse = await client.call(RANGE, rpc.RangeRequest(key=EPOCH))
    if not found.kvs:
        return None, 0
    try:
        return msgspec.json.decode(found.kvs[0].value, type=Epoch), found.kvs[0].mod_revision
    except msgspec.MsgspecError:
        return None, found.kvs[0].mod_revision


async def _set_epoch(client: Client, epoch: Epoch, at: int) -> bool:
    """Write it, if it is still what it was at a revision (0: not there)."""
    request = rpc.TxnRequest()
    request.compare.add(target=rpc.Compare.MOD, key=EPOCH, mod_revision=at)
    request.success.add().put.MergeFrom(rpc.PutRequest(key=EPOCH, value=msgspec.json.encode(epoch)))
    request.failure.add().range.key = EPOCH
    response: rpc.TxnResponse = await client.call(TXN, request)
    return response.succeeded


async def judge(
    client: Client, state: State, found: Remains, now: Source, pairs: Mapping[str, Stored], revision: int
) -> Verdict:
    """Compare what was kept with an etcd that has `pairs` at `revision`. Raises Problem."""
    other = _other(found, now, revision)
    if not other and (key := contradiction(found, pairs)):
        other = f"etcd's {key} is not the one that was seen here"
    if other:
        return Verdict(other, other=True)
    if revision - found.reached > LONGEST:
        return Verdict(f"{revision - found.reached} revisions happened since")
    try:
        key = await _differing(client, state, found)
    except Problem as problem:
        if not problem.compacted:
            raise
        return Verdict("etcd was compacted since")
    if key:
        return Verdict(f"{key} was another one in etcd at revision {found.reached}", other=True)
    return Verdict()


def _other(found: Remains, now: Source, revision: int) -> str:
    was = found.file.source
    if was.prefix != now.prefix:
        return f"it is of the prefix {was.prefix}"
    if was.cluster != now.cluster:
        return f"it is of cluster {was.cluster}, etcd is {now.cluster}"
    if was.epoch and now.epoch and was.epoch != now.epoch:
        return "etcd was set up anew"
    if found.file.replaced:
        return "etcd was replaced while this server ran"
    if found.reached > revision:
        return f"etcd is at revision {revision}, it was at {found.reached}: it was restored from a backup"
    return ""


def contradiction(found: Remains, pairs: Mapping[str, Stored]) -> str:
    """A key whose state in etcd cannot follow from what was kept; "" when there is none."""
    for key, stored in pairs.items():
        known = found.latest.get(key)
        at = stored.head.revision
        if at > found.reached:
            if known is not None and known[1] is None and stored.created <= found.reached:
                return key  # it was deleted, and not made again by then
        elif known is None:
            if at > found.base:
                return key
        elif known[1] != stored.head:
            return key
    return ""


async def _differing(client: Client, state: State, found: Remains) -> str:
    """A key of the newest that was not, at the revision that history has come to, as history has it; "" for none."""
    newest = nlargest(SAMPLES, found.latest, key=lambda key: found.latest[key][0])
    if not newest:
        # Only to see that what follows is there.
        await client.call(RANGE, rpc.RangeRequest(key=EPOCH, revision=found.reached))
    for key in newest:
        if await head_at(client, state, key, found.reached) != found.latest[key][1]:
            return key
    return ""


async def head_at(client: Client, state: State, key: str, revision: int) -> Head | None:
    """A key's state at a revision. Raises Problem, also when that is compacted."""
    request = rpc.RangeRequest(key=state.raw(key), revision=revision)
    response: rpc.RangeResponse = await client.call(RANGE, request)
    stored = state.read(response.kvs[0]) if response.kvs else None
    return None if stored is None else stored[1].head


class Witness(msgspec.Struct, frozen=True):
    """What a key was made at a revision; head None: it was deleted, and before at `prev_revision` (0: not known)."""

    key: str
    revision: int
    head: Head | None
    prev_revision: int = 0

    @classmethod
    def of_event(cls, event: Event) -> Witness:
        """What an event has made."""
        head = None if event.deleted else Head(event.revision, event.value)
        return cls(event.key, event.revision, head, event.prev_revision)


class Witnesses:
    """The newest event that is known, and the newest that wrote something: that a key is not there says less."""

    def __init__(self) -> None:
        self._newest: Witness | None = None
        self._written: Witness | None = None

    def saw(self, events: Sequence[Event]) -> None:
        """Take events in, in order; at least one."""
        self._newest = Witness.of_event(events[-1])
        written = next((event for event in reversed(events) if not event.deleted), None)
        if written is not None:
            self._written = Witness.of_event(written)

    def begin(self, pairs: Mapping[str, Stored]) -> None:
        """Begin with a state."""
        self._newest = self._written = None
        if pairs:
            key = max(pairs, key=lambda each: pairs[each].head.revision)
            self._written = Witness(key, pairs[key].head.revision, pairs[key].head)

    async def contradicted(self, client: Client, state: State) -> Witness | None:
        """One that the etcd which answers does not have so; None, too, when that cannot be told any more. Raises Problem."""
        for witness in (self._newest, self._written):
            if witness is not None and not await _still_there(client, state, witness):
                return witness
        return None


async def _still_there(client: Client, state: State, witness: Witness) -> bool:
    key, revision = witness.key, witness.revision
    try:
        if await head_at(client, state, key, revision) != witness.head:
            return False
        if witness.head is None and witness.prev_revision:
            # In another history it may not be there because it never was.
            before = await head_at(client, state, key, revision - 1)
            return before is not None and before.revision == witness.prev_revision
    except Problem as problem:
        if not problem.compacted:
            raise
    return True


async def other_epoch(client: Client, known: str) -> bool:
    """Whether etcd was set up anew and taken over by another server since its epoch was `known` ("": not known). Raises Problem."""
    if not known:
        return False
    epoch, _ = await _epoch(client)
    return epoch is not None and epoch.name != known
