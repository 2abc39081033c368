"""Those who go by stored objects are told of them: what is there first, then every event, in the process that they are in.

What they know so follows the log, whoever wrote to it: this server's clients, a worker's, or another server on the same etcd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from watchcache.auth import Follower
from watchcache.log import Event, ReadableLog

_Seen = dict[str, list[Callable[[str, bytes | None], None]]]


def follow(log_of: Callable[[str], ReadableLog], followers: Iterable[Follower]) -> None:
    """Tell each of the heads and of the events of its prefixes; `log_of` gives a prefix's log. Without await, so that nothing is missed."""
    by_log: dict[int, tuple[ReadableLog, _Seen]] = {}
    for follower in followers:
        for prefix in follower.prefixes:
            log = log_of(prefix)
            _, seen = by_log.setdefault(id(log), (log, {}))
            seen.setdefault(prefix, []).append(follower.seen)
            for key, head in log.heads(prefix):
                follower.seen(key, head.value)
    for log, seen in by_log.values():
        log.subscribe(partial(_deliver, seen))


def _deliver(seen: _Seen, events: Sequence[Event]) -> None:
    for event in events:
        tell = seen.get(event.key[: event.key.find("/") + 1])
        if tell is not None:
            value = None if event.deleted else event.value
            for each in tell:
                each(event.key, value)
