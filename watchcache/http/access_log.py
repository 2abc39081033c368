"""A line for each request in the log, from `-v=3` on, with kube-apiserver's names.

    HTTP verb="LIST" URI="/api/v1/pods?limit=500" latency="1.234ms" userAgent="kubectl" audit-ID="..." srcIP="127.0.0.1:40000" resp=200

A watch is logged when it ends. Headers and bodies are not logged: they hold secrets.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

from watchcache.http.exchange import Exchange
from watchcache.http.messages import Answer, Running, WatchReply
from watchcache.http.watching import WatchedSink, watched

logger = logging.getLogger("watchcache.access")


class AccessLog:
    """The filter that logs what leaves."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """Log the answer; a watch at its end."""
        agent = exchange.request.headers.get("user-agent", "")
        if isinstance(answer, WatchReply):
            # a watch does not keep its headers until its end, so the agent is kept here
            code = answer.status
            answer.start = watched(answer, _AtEnd(lambda: self._log(exchange, code, agent))).start
        else:
            self._log(exchange, answer.status, agent)

    def _log(self, exchange: Exchange, code: int, agent: str) -> None:
        logger.info("%s", self._line(exchange, code, agent))

    def _line(self, exchange: Exchange, code: int, agent: str) -> str:
        request = exchange.request
        fields = {
            "verb": (exchange.verb or request.method).upper(),
            "URI": request.target,
            "latency": f"{(self._clock() - exchange.received) * 1000:.3f}ms",
            "userAgent": agent,
            "audit-ID": exchange.audit_id,
            "srcIP": f"{request.peer.address}:{request.peer.port}",
        }
        # JSON's quoting keeps control characters of a client out of the log.
        return " ".join(
            ["HTTP", *(f"{name}={json.dumps(text)}" for name, text in fields.items()), f"resp={code}"]
        )


class _AtEnd:
    """Does something when a watch has ended."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action

    def opened(self, sink: WatchedSink, running: Running) -> None:
        """Nothing: only the end is logged."""

    def closed(self, sink: WatchedSink) -> None:
        """Do it."""
        del sink
        self._action()


def access_log() -> tuple[AccessLog, ...]:
    """The filter, if anybody listens: none costs nothing."""
    return (AccessLog(),) if logger.isEnabledFor(logging.INFO) else ()
