"""The server's end as requests see it: who still runs, who is turned away, and how watches end (W22).

    serving      everything is answered
    draining     `begin_shutdown`: /readyz fails, all else is answered (`--shutdown-delay-duration`)
    refusing     `refuse`: new requests get 429 with `Connection: close` (`--shutdown-send-retry-after`); running ones finish
    ended        `end_watches`: every open watch has ended cleanly

A server calls them in this order, waits with `wait_idle` for what still runs, and then closes its port.
"""

from __future__ import annotations

import enum

import trio

from watchcache.http.encoding import TEXT_HEADERS
from watchcache.http.messages import Reply, Running
from watchcache.http.watchers import OpenWatch, Origin
from watchcache.http.watching import WatchedSink

REFUSAL = "The apiserver is shutting down, please try again later.\n"


class Phase(enum.Enum):
    """Where a server stands."""

    SERVING = "serving"
    DRAINING = "draining"
    REFUSING = "refusing"


class Lifecycle:
    """Counts running requests and keeps the open watches."""

    def __init__(self) -> None:
        self.phase = Phase.SERVING
        self.running = 0
        self._idle = trio.Event()
        self._watches: dict[WatchedSink, OpenWatch] = {}

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def begin_shutdown(self) -> None:
        """Fail /readyz from now on."""
        if self.phase is Phase.SERVING:
            self.phase = Phase.DRAINING

    def refuse(self) -> None:
        """Turn new requests away from now on."""
        self.phase = Phase.REFUSING

    def refusal(self) -> Reply:
        """The answer to a request that comes too late."""
        headers = [*TEXT_HEADERS, ("Retry-After", "5")]
        return Reply(429, headers, REFUSAL.encode(), close=True)

    def probe(self) -> str | None:
        """The health check `shutdown`."""
        return None if self.phase is Phase.SERVING else "process is shutting down"

    def enter(self) -> None:
        """A request that is not a watch begins."""
        self.running += 1

    def leave(self) -> None:
        """It has been answered."""
        self.running -= 1
        if not self.running:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Return when no request runs; watches do not count."""
        while self.running:
            self._idle = trio.Event()
            await self._idle.wait()

    def open_watches(self) -> list[OpenWatch]:
        """The watches that are open."""
        return list(self._watches.values())

    def opened(self, sink: WatchedSink, running: Running, origin: Origin) -> None:
        """A watch runs."""
        self._watches[sink] = OpenWatch(running, origin)

    def closed(self, sink: WatchedSink) -> bool:
        """It has ended, by whichever side; False when it never was open."""
        return self._watches.pop(sink, None) is not None

    def end_watches(self) -> int:
        """End every open watch cleanly, after what is queued for it; returns how many there were."""
        watches = list(self._watches.items())
        for sink, watch in watches:
            watch.running.stop()
            sink.finish()
        return len(watches)
