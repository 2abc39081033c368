"""How many requests are worked on at once, and whose: the filter in front of the verbs.

Reads and writes have seats of their own (`--max-requests-inflight`, `--max-mutating-requests-inflight`), shared by all users as `pool` says.
Watches and other long-running requests take none. When there is no seat at once,

- health checks and leases go on without one: a server that is busy must not look dead, nor its nodes and leaders;
- everybody else waits for a short while, and gets 429 with Retry-After when that was in vain.

A seat is given back when the answer is there; a large list keeps its seats until it has been sent (`lists`).
"""

from __future__ import annotations

import trio

from watchcache.http.encoding import TEXT_HEADERS
from watchcache.http.exchange import Exchange, Pending
from watchcache.http.messages import Answer, Reply
from watchcache.http.paths import is_health
from watchcache.http.pool import Pool

TOO_MANY = "Too many requests, please try again later.\n"
# What of leases goes on in any case; listing them is like any other list.
LEASE_VERBS = frozenset({"get", "create", "update", "patch"})


class InFlight:
    """Bounds how many requests are worked on at once; watches do not count."""

    def __init__(self, reading: int, mutating: int) -> None:
        """0 means no bound."""
        self.pools = {False: Pool(reading), True: Pool(mutating)}
        self._reading = self.pools[False]
        self._mutating = self.pools[True]

    @property
    def current(self) -> dict[bool, int]:
        """Seats taken, by whether the request changes something."""
        return {mutating: int(pool.taken) for mutating, pool in self.pools.items()}

    @property
    def rejected(self) -> int:
        """How many requests found no seat."""
        return sum(pool.rejected for pool in self.pools.values())

    def enter(self, exchange: Exchange) -> Pending | None:
        """Take a seat, or wait for one."""
        if exchange.long_running:
            return None
        pool = self._mutating if exchange.mutating else self._reading
        name = exchange.user.name
        held = pool.held.get(name, 0)
        if pool.lines or pool.taken >= pool.limit or held >= pool.most:
            return self._crowded(exchange, pool)
        pool.held[name] = held + 1
        pool.taken += 1
        exchange.seats = 1
        return None

    def leave(self, exchange: Exchange, answer: Answer) -> None:  # noqa: ARG002
        """Give the seat back."""
        if exchange.seats:
            pool = self._mutating if exchange.mutating else self._reading
            pool.give(exchange.user.name, exchange.seats)

    def _crowded(self, exchange: Exchange, pool: Pool) -> Pending | None:
        if is_exempt(exchange):
            return None
        if pool.take_now(exchange.user.name):
            exchange.seats = 1
            return None
        return Pending(lambda: _wait(exchange, pool))


async def _wait(exchange: Exchange, pool: Pool) -> Reply | None:
    began = trio.current_time()
    granted = await pool.take(exchange.user.name)
    exchange.waited = trio.current_time() - began
    if granted:
        exchange.seats = 1
        return None
    return Reply(429, [*TEXT_HEADERS, ("Retry-After", "1")], TOO_MANY.encode())


def is_exempt(exchange: Exchange) -> bool:
    """Whether a request goes on without a seat."""
    info = exchange.info
    if not info.is_resource:
        return is_health(info.path)
    is_lease = info.resource == "leases" and info.group == "coordination.k8s.io"
    return is_lease and exchange.verb in LEASE_VERBS
