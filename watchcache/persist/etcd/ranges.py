"""Reading everything under the prefix, in pages that are all of one revision."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, Client
from watchcache.persist.etcd.errors import Problem
from watchcache.persist.etcd.patience import Patience
from watchcache.persist.etcd.state import State, Stored

PAGE = 2_000  # keys: some 6 MB of pods, half a second of an etcd that does other things, too
SECONDS = 60.0  # for a page


def end_of(prefix: bytes) -> bytes:
    """The first key behind all those that start with a prefix (which ends with a byte below 255)."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


async def read_all(
    client: Client, state: State, prefix: bytes, patience: Patience | None = None
) -> tuple[dict[str, Stored], rpc.Header]:
    """Every key of ours, and the header with the revision that they were read at.

    patience: with a page that fails; without it the first failure is the last. Raises Problem; a compaction in between begins anew.
    """
    while True:
        try:
            return await _read_pages(client, state, prefix, patience or Patience(0))
        except Problem as problem:
            if not problem.compacted:
                raise


async def _read_pages(
    client: Client, state: State, prefix: bytes, patience: Patience
) -> tuple[dict[str, Stored], rpc.Header]:
    pairs: dict[str, Stored] = {}
    request = rpc.RangeRequest(key=prefix, range_end=end_of(prefix), limit=PAGE)
    header: rpc.Header | None = None
    state.unreadable.clear()
    state.foreign.clear()
    while True:
        with client.figures.timed("list", ""):
            page = partial(client.call, RANGE, request, seconds=SECONDS)
            response: rpc.RangeResponse = await patience.during(page)
        if header is None:
            header = response.header
            request.revision = header.revision
        for number, pair in enumerate(response.kvs):
            found = state.read(pair)
            if found is not None:
                pairs[found[0]] = found[1]
            if number % 256 == 0:
                await trio.lowlevel.checkpoint()
        _count(client, state, response.kvs, pairs)
        if not response.more:
            client.figures.readings += 1
            return pairs, header
        request.key = response.kvs[-1].key + b"\0"


def _count(client: Client, state: State, page: Sequence[rpc.KeyValue], pairs: dict[str, Stored]) -> None:
    """Note what a page held of each resource; keys of one resource stand together."""
    place, root = "", ""
    fetched, returned = client.figures.fetched, client.figures.returned
    for pair in page:
        key = state.key_of(pair.key)
        if key is None:
            continue
        if not root or not key.startswith(root):
            place = state.place(key)
            root = f"{place}/" if place else ""
        if place:
            fetched[place] = fetched.get(place, 0) + 1
            if key in pairs:
                returned[place] = returned.get(place, 0) + 1
