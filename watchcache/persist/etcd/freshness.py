"""Which revision a consistent read has to wait for, asked once for all that wait; and getting the watch there.

A reader that comes while a question is under way waits for the next one: the answer to the first may be older than its request. So there is one
question on its way to etcd at any time, however many readers there are.

The watch brings events; that nothing of ours happened between the newest event and the revision it says only when asked. It is asked
once while anybody waits, and again when no answer has come for a while.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from watchcache.log import JournalError, Ticket
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, Client
from watchcache.persist.etcd.errors import Problem, journal_error

SECONDS = 3.0  # that a consistent read may wait, L15
GRACE = 0.005  # what is on its way by itself mostly comes within that
AGAIN = 0.1  # kube-apiserver's period of asking for progress


class Freshness:
    """Asks for the newest revision, for many readers at once."""

    def __init__(self, client: Client, key: bytes) -> None:
        self._client = client
        self._request = rpc.RangeRequest(key=key, count_only=True)
        self._revision = 0
        self._waiting: list[Ticket] = []
        self._asking = False

    async def newest(self) -> int:
        """Etcd's revision at some moment after this was called. Raises JournalError."""
        ticket = Ticket()
        self._waiting.append(ticket)
        if not self._asking:
            self._ask()
        await ticket.wait()
        return self._revision

    def _ask(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._asking = True

        def done(response: rpc.RangeResponse | None, problem: Problem | None) -> None:
            self._asking = False
            if response is not None:
                self._revision = max(self._revision, response.header.revision)
            for ticket in waiting:
                ticket.settle(None if problem is None else journal_error(problem))
            if self._waiting:
                self._ask()

        self._client.call_nowait(RANGE, self._request, done, seconds=SECONDS)

    def abandon(self, error: Callable[[], JournalError]) -> None:
        """Nothing will be answered any more."""
        waiting, self._waiting = self._waiting, []
        for ticket in waiting:
            ticket.settle(error())


class Progress:
    """Has the watch catch up with the revision that somebody waits for."""

    def __init__(self, published: Callable[[], int], ask: Callable[[], None]) -> None:
        self._published = published
        self._ask = ask
        self.wanted = 0  # the newest revision that somebody waits for
        self._called = trio.Event()

    def want(self, revision: int) -> None:
        """Somebody waits for a revision."""
        if revision > self.wanted:
            self.wanted = revision
            self._called.set()

    async def run(self) -> None:
        """Ask while something is wanted; ends only when cancelled."""
        while True:
            if self.wanted <= self._published():
                self._called = trio.Event()
                await self._called.wait()
            await trio.sleep(GRACE)
            if self.wanted > self._published():
                self._ask()
                await trio.sleep(AGAIN - GRACE)
