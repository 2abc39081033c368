"""Counts answers: the filter behind the request metrics, and the keeper of open watches."""

from __future__ import annotations

import time
from collections.abc import Callable

from watchcache.http.exchange import Exchange
from watchcache.http.lifecycle import Lifecycle
from watchcache.http.messages import Answer, Reply, Running, WatchReply
from watchcache.http.metrics import Metrics, RequestKey, RequestRecord, scope_of
from watchcache.http.query import first
from watchcache.http.watchers import Origin, origin_of
from watchcache.http.watching import WatchedSink, watched

_VERB_LABELS = {
    "get": "GET",
    "list": "LIST",
    "watch": "WATCH",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
}


class Accounting:
    """Counts what leaves. A watch is counted when its headers go out, and as long-running until it ends."""

    def __init__(
        self,
        metrics: Metrics,
        lifecycle: Lifecycle,
        *,
        clock: Callable[[], float] = time.perf_counter,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._wall_clock = wall_clock
        self._metrics = metrics
        self._lifecycle = lifecycle
        self._clock = clock

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """Count the answer."""
        record = self._metrics.record(request_key(exchange))
        code = answer.status
        record.codes[code] = record.codes.get(code, 0) + 1
        if isinstance(answer, WatchReply):
            origin = origin_of(exchange, self._wall_clock())
            answer.start = watched(answer, _Kept(record, self._lifecycle, origin)).start
            return
        seconds = self._clock() - exchange.received
        record.duration.observe(seconds)
        if exchange.waited:
            record.correct(seconds, exchange.waited)
        if isinstance(answer, Reply) and exchange.info.is_resource:
            body = answer.body
            record.size.observe(len(body) if isinstance(body, bytes) else sum(map(len, body)))


class _Kept:
    """One watch in the figures, and among those to end at a shutdown."""

    __slots__ = ("_lifecycle", "_origin", "_record")

    def __init__(self, record: RequestRecord, lifecycle: Lifecycle, origin: Origin) -> None:
        self._record = record
        self._lifecycle = lifecycle
        self._origin = origin

    def opened(self, sink: WatchedSink, running: Running) -> None:
        """It counts as long-running."""
        self._record.running += 1
        self._lifecycle.opened(sink, running, self._origin)

    def closed(self, sink: WatchedSink) -> None:
        """It counts no more, if it ever did."""
        if self._lifecycle.closed(sink):
            self._record.running -= 1


def request_key(exchange: Exchange) -> RequestKey:
    """The labels of a request. What is no served resource counts by its method alone, so that nobody can fill the memory with names."""
    info = exchange.info
    if exchange.route is None:
        return RequestKey(
            exchange.request.method if exchange.request.method in _METHODS else "other",
            "",
            "",
            "",
            "",
            "",
            "",
        )
    verb = exchange.verb
    dry_run = first(exchange.query, "dryRun") if exchange.query else ""
    return RequestKey(
        _VERB_LABELS.get(verb, "other"),
        "All" if dry_run else "",
        info.group,
        info.version,
        info.resource,
        info.subresource,
        scope_of(info.namespace, info.name, verb),
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
