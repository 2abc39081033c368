"""Whether etcd is well, asked as kube-apiserver asks: a linearizable read, which needs a leader, a majority and the user's permission.

Asked every PERIOD, at once when anything fails, and every AGAIN until it succeeds. How long an answer may take is judged by who looks: a
question that is not answered yet counts against etcd when it is older than the looker's limit.
"""

from __future__ import annotations

from contextlib import suppress

import trio

from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, Client
from watchcache.persist.etcd.errors import Problem

PERIOD = 5.0
AGAIN = 0.5


class Health:
    """What is known of etcd's health. `seconds` is the longest limit that anybody has."""

    def __init__(self, client: Client, key: bytes, seconds: float) -> None:
        self._client = client
        self._request = rpc.RangeRequest(key=key, count_only=True)
        self._seconds = seconds
        self._asked: float | None = None

    def problem(self, limit: float) -> str | None:
        """Why etcd is not well, for one who would wait `limit` seconds for an answer; None when it is."""
        if self._client.problem is not None:
            return str(self._client.problem)
        if self._asked is not None and trio.current_time() - self._asked > limit:
            return f"{self._client.member.url}: no answer within {limit:g} s"
        return None

    async def run(self) -> None:
        """Ask; ends only when cancelled."""
        client = self._client
        while True:
            self._asked = trio.current_time()
            with suppress(Problem):  # the client remembers it
                await client.call(RANGE, self._request, seconds=self._seconds)
            self._asked = None
            if client.problem is not None:
                await trio.sleep(AGAIN)
                continue
            client.troubled = trio.Event()
            with trio.move_on_after(PERIOD):
                await client.troubled.wait()
