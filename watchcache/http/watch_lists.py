"""`apiserver_watch_list_duration_seconds`: how long clients wait for the state that their watch begins with.

From the arrival of the request to the moment when the bookmark that ends the initial events has been handed to the connection. A
watch without that bookmark does not count, as in kube-apiserver. Counted once for each watch, when it has been told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from watchcache.api.options import ListOptions
from watchcache.cacher import Sink, Watcher
from watchcache.distribution import Distribution
from watchcache.http.exchange import Exchange
from watchcache.http.exposition import Family
from watchcache.http.metrics import scope_of

# Seconds, as a kube-apiserver 1.36.3 shows them.
BOUNDS = (
    0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
)  # fmt: skip
LABELS = ("group", "version", "resource", "scope")

Start = Callable[[Sink], Watcher]


class WatchLists:
    """The distributions, by group, version, resource and scope. `clock` is the one that `Exchange.received` is of."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._durations: dict[tuple[str, ...], Distribution] = {}

    def timed(self, exchange: Exchange, options: ListOptions, start: Start) -> Start:
        """The same watch, whose initial events, if it asks for some, are counted when they end.

        A field selector for one name makes the scope that of one object, in all namespaces, too (asked of a 1.36.3).
        """
        if not options.send_initial_events:
            return start
        info = exchange.info
        name = info.name or options.field_selector.requires("metadata.name") or ""
        key = (info.group, info.version, info.resource, scope_of(info.namespace, name, exchange.verb))
        ended = partial(self._ended, key, exchange.received)

        def begin(sink: Sink) -> Watcher:
            watcher = start(sink)
            watcher.when_initial_sent(ended)
            return watcher

        return begin

    def family(self) -> Family:
        """The metric."""
        name, text = "apiserver_watch_list_duration_seconds", "Response latency of watch lists in seconds."
        return Family("histogram", name, text, LABELS, list(self._durations.items()))

    def _ended(self, key: tuple[str, ...], received: float) -> None:
        duration = self._durations.get(key)
        if duration is None:
            duration = self._durations[key] = Distribution(BOUNDS)
        duration.observe(self._clock() - received)
