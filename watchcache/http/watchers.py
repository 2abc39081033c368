"""`/debug/watchers`: who watches what, since when, and how far behind.

    GET /debug/watchers?top=N&sort=lag|bytes|age

JSON: totals over all watches, and the first N of them (100; 0 for all) in the order asked for. Lag is measured to what the watch
has been handed to its connection: `lagRevisions` from the newest event of its resource, `lagMilliseconds` since the oldest
event that it has not been handed was committed. `queuedBytes` have been handed over and not yet been taken by the client's side.
Where several processes serve, the page is that of all of them (`merged_watchers`), and each watch says which `process` it is on.
Behind `--profiling`, and for authenticated users, as kube-apiserver's `/debug/pprof`.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import trio

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.cacher import Watcher, WatcherStats
from watchcache.http.encoding import JSON_HEADER
from watchcache.http.exchange import Exchange
from watchcache.http.messages import Peer, Reply, Running
from watchcache.http.negotiate import LIST_TYPES, NotAcceptable, negotiate
from watchcache.http.query import Query, first, parse_query

PATH = "/debug/watchers"
TOP = 100
BLOCK = 512  # watches looked at between two checkpoints: half a millisecond


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a watch comes from. One for each of 100,000 watches: what they have in common is shared."""

    user: str
    peer: Peer
    agent: str
    accept: str
    resource: Resource | None
    namespace: str
    name: str
    query: str
    since: float  # unix seconds


class OpenWatch(NamedTuple):
    """A watch that runs, and where it comes from."""

    running: Running
    origin: Origin


@lru_cache(maxsize=1024)
def _shared(text: str) -> str:
    """One string for equal ones. Not `sys.intern`: Python 3.12 never frees what that has seen, and clients choose these."""
    return text


def origin_of(exchange: Exchange, now: float) -> Origin:
    """What is remembered of a watch's request."""
    headers, info, route = exchange.request.headers, exchange.info, exchange.route
    return Origin(
        exchange.user.name,
        exchange.request.peer,
        _shared(headers.get("user-agent", "")),
        _shared(headers.get("accept", "")),
        route.resource if route is not None else None,
        info.namespace,
        info.name,
        exchange.raw_query,
        now,
    )


class _Row(NamedTuple):
    stats: WatcherStats
    origin: Origin
    late: float  # seconds


ORDERS: Mapping[str, Callable[[_Row], Any]] = {
    "lag": lambda row: (row.late, row.stats.lag, row.stats.queued),
    "bytes": lambda row: row.stats.queued,
    "age": lambda row: -row.origin.since,
}


# The same of rows that another process has written.
_MERGED_ORDERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "lag": lambda row: (row["lagMilliseconds"], row["lagRevisions"], row["queuedBytes"]),
    "bytes": lambda row: row["queuedBytes"],
    "age": lambda row: -row["since"],
}


async def watchers_reply(
    watches: list[OpenWatch], revision: int, query: Query, clock: Callable[[], float] = time.time
) -> Reply:
    """The answer. Raises StatusError 400."""
    top, named = _options(query)
    order = ORDERS[named]
    now = clock()
    rows: list[_Row] = []
    for number, (running, origin) in enumerate(watches):
        if number % BLOCK == 0:
            await trio.lowlevel.checkpoint()
        if isinstance(running, Watcher):
            stats = running.stats()
            late = max(0.0, now - stats.owed_since) if stats.owed_since else 0.0
            rows.append(_Row(stats, origin, late))
    chosen = heapq.nlargest(top or len(rows), rows, key=order)
    states = Counter(row.stats.state for row in rows)
    document = {
        "time": now,
        "revision": revision,
        "total": {
            "watchers": len(rows),
            "states": dict(sorted(states.items())),
            "queuedBytes": sum(row.stats.queued for row in rows),
            "lagMilliseconds": round(max((row.late for row in rows), default=0.0) * 1000, 3),
        },
        "watchers": list(_documents(chosen, now)),
    }
    return Reply(200, [JSON_HEADER], msgspec.json.encode(document))


def merged_watchers(pages: Mapping[str, bytes], raw_query: str) -> bytes:
    """One page of those of several processes, by their names; each was made for this query, which is valid."""
    top, named = _options(parse_query(raw_query))
    read = {process: msgspec.json.decode(page) for process, page in pages.items()}
    totals = [page["total"] for page in read.values()]
    states: Counter[str] = Counter()
    for total in totals:
        states.update(total["states"])
    rows = [{"process": process, **row} for process, page in read.items() for row in page["watchers"]]
    document = {
        "time": max((page["time"] for page in read.values()), default=0.0),
        "revision": max((page["revision"] for page in read.values()), default=0),
        "total": {
            "watchers": sum(total["watchers"] for total in totals),
            "states": dict(sorted(states.items())),
            "queuedBytes": sum(total["queuedBytes"] for total in totals),
            "lagMilliseconds": max((total["lagMilliseconds"] for total in totals), default=0.0),
        },
        "watchers": heapq.nlargest(top or len(rows), rows, key=_MERGED_ORDERS[named]),
    }
    return msgspec.json.encode(document)


def check_query(query: Query) -> None:
    """Raises StatusError 400 for what the page does not know."""
    _options(query)


def _options(query: Query) -> tuple[int, str]:
    asked, order = first(query, "top") or str(TOP), first(query, "sort") or "lag"
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise status.bad_request(f"top must be a number, not {asked!r}")
    if order not in ORDERS:
        raise status.bad_request(f"sort must be one of {', '.join(ORDERS)}, not {order!r}")
    return int(asked), order


def _documents(rows: list[_Row], now: float) -> Iterator[dict[str, Any]]:
    for stats, origin, late in rows:
        query = parse_query(origin.query)
        resource = origin.resource
        yield {
            "user": origin.user,
            "address": f"{origin.peer.address}:{origin.peer.port}",
            "userAgent": origin.agent,
            "group": resource.group if resource else "",
            "resource": resource.plural if resource else "",
            "namespace": origin.namespace,
            "name": origin.name,
            "labelSelector": first(query, "labelSelector"),
            "fieldSelector": first(query, "fieldSelector"),
            "representation": _representation(origin.accept),
            "since": origin.since,
            "ageSeconds": round(max(0.0, now - origin.since), 3),
            "state": stats.state,
            "cursor": stats.cursor,
            "lagRevisions": stats.lag,
            "lagMilliseconds": round(late * 1000, 3),
            "queuedBytes": stats.queued,
        }


def _representation(accept: str) -> str:
    try:
        medium = negotiate(accept, LIST_TYPES)
    except NotAcceptable:
        return ""
    return f"{medium.type};as={medium.transform}" if medium.transform else medium.type
