"""Connections to a server of one process or of several, where each goes to another process than the one before.

The kernel deals connections out as it likes. A client whose requests take turns between processes asks one for what another has
just acknowledged: that is what the rows promise, and what one connection alone would not show.
"""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

TRIES = 200  # the kernel goes by ports: so many connections in a row never come to one process only
CONSISTENT = "/api/v1/namespaces?limit=1"
KEPT = 30.0
"""Seconds without a request for which connections are used again; the server ends them after 90."""

C = TypeVar("C", bound=http.client.HTTPSConnection)


class Place(Protocol):
    """Where a server is."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def ca_file(self) -> Path:
        """The CA to verify it with."""
        ...

    @property
    def token(self) -> str:
        """An administrator's."""
        ...


class Dealer(Generic[C]):
    """Opens connections with `connect`; `processes` answer at the address."""

    def __init__(self, connect: Callable[[], C], token: str, processes: int) -> None:
        self.processes = processes
        self._connect = connect
        self._fields = {"Authorization": f"Bearer {token}"}
        self._last = ""

    def open(self) -> C:
        """A connection to another process than the last one."""
        if self.processes == 1:
            return self._connect()
        for _ in range(TRIES):
            connection = self._connect()
            process = self._ask(connection, "/version")
            if process != self._last:
                self._last = process
                return connection
            connection.close()
        raise AssertionError("all connections come to one process")

    def catch_up(self, connection: C, path: str) -> None:
        """Before a request to which any state is good enough: have its process show what others acknowledged, as a single one does."""
        if self.processes > 1 and "resourceVersion=0" in path:
            self._ask(connection, CONSISTENT)

    def _ask(self, connection: C, path: str) -> str:
        """A GET; who answered: the part of audit ids that a process' share."""
        connection.request("GET", path, headers=self._fields)
        response = connection.getresponse()
        response.read()
        return str(response.headers["Audit-Id"])[:-12]


class Turns(Generic[C]):
    """Connections of one user's, one to each process, for requests in turn. Those of an old hand are dealt anew when one has ended."""

    def __init__(self, dealer: Dealer[C]) -> None:
        self._dealer = dealer
        self._hand: list[C] = []
        self._order: Iterator[C] = iter(())
        self._used = 0.0

    def next(self) -> C:
        """The connection whose turn it is."""
        now = time.monotonic()
        if now - self._used > KEPT or any(connection.sock is None for connection in self._hand):
            self.close()
            self._hand = [self._dealer.open() for _ in range(self._dealer.processes)]
            self._order = itertools.cycle(self._hand)
        self._used = now
        return next(self._order)

    def close(self) -> None:
        """Leave."""
        for connection in self._hand:
            connection.close()
