"""The reference: every change in etcd's own order, by a watch over all of its keys through its JSON gateway, past our client and the proxies.

It follows while the run goes on, because etcd is compacted meanwhile. That nothing is missing is seen from the revisions: every one but
the first makes at least one change of some key.
"""

from __future__ import annotations

import base64
from itertools import cycle
from typing import Any

import msgspec
import trio

from .exchange import Caller, Lost
from .history import NAMESPACE, Change, digest_of
from .members import Member

QUIET = 2.0  # seconds without a word, after which another member is asked
PREFIX = b"/registry/"
EVERYTHING = base64.b64encode(b"\0").decode()


class Incomplete(Exception):
    """The reference is not whole, so nothing can be checked."""


class Reference:
    """Follows etcd. `changes`: those of our objects; `revision`: how far it has come."""

    def __init__(self, members: list[Member]) -> None:
        self.revision = 0
        self.changes: list[Change] = []
        self._history = 0  # how often it began another one
        self._members = cycle(members)

    async def run(self) -> None:
        """Follow until cancelled. Raises Incomplete."""
        while True:
            member = next(self._members)
            try:
                await self._follow(member)
            except Lost:
                await trio.sleep(0.05)

    async def _follow(self, member: Member) -> None:
        create = {
            "key": EVERYTHING,
            "range_end": EVERYTHING,
            "start_revision": self.revision + 1,
            "prev_kv": True,
        }
        history = self._history
        caller = Caller(member.url, {})
        connection = await caller.post_stream("/v3/watch", {"create_request": create}, QUIET)
        try:
            while True:
                with trio.move_on_after(QUIET):
                    line = await connection.line()
                    if line is None or history != self._history:
                        return
                    self._take(msgspec.json.decode(line))
                    continue
                return
        finally:
            connection.close()

    def _take(self, message: dict[str, Any]) -> None:
        result = message.get("result")
        if result is None:
            raise Lost(str(message))
        if int(result.get("compact_revision", 0)):
            raise Incomplete(
                f"etcd was compacted to {result['compact_revision']}, the reference is at {self.revision}"
            )
        if result.get("canceled"):
            raise Lost("the watch was cancelled")
        for event in result.get("events", ()):
            self._take_event(event)

    def _take_event(self, event: dict[str, Any]) -> None:
        revision = int(event["kv"]["mod_revision"])
        # etcd begins with revision 1, which changes nothing.
        if revision not in {self.revision, self.revision + 1} and not (self.revision == 0 and revision == 2):
            raise Incomplete(f"etcd's watch went from revision {self.revision} to {revision}")
        self.revision = revision
        change = change_of(event)
        if change is not None:
            self.changes.append(change)

    def go_back(self, revision: int) -> list[Change]:
        """Follow another history from here on, which is the same up to a revision; what comes after it in this one."""
        lost = [each for each in self.changes if each.revision > revision]
        self.changes = [each for each in self.changes if each.revision <= revision]
        self.revision = revision
        self._history += 1
        return lost

    async def wait(self, revision: int, seconds: float) -> None:
        """Wait until it has come to a revision. Raises TooSlowError."""
        with trio.fail_after(seconds):
            while self.revision < revision:  # noqa: ASYNC110 - a harness may poll
                await trio.sleep(0.05)


def change_of(event: dict[str, Any]) -> Change | None:
    """The change that an event of etcd is; None when it is not about our objects."""
    raw = base64.b64decode(event["kv"]["key"])
    if not raw.startswith(PREFIX):
        return None
    key = raw[len(PREFIX) :].decode()
    parts = key.split("/")
    if len(parts) != 3 or parts[0] not in {"configmaps", "events"} or parts[1] != NAMESPACE:
        return None
    deleted = event.get("type") == "DELETE"
    document = msgspec.json.decode(base64.b64decode((event["prev_kv"] if deleted else event["kv"])["value"]))
    metadata = document["metadata"]
    return Change(
        int(event["kv"]["mod_revision"]),
        key,
        deleted,
        metadata.get("uid", ""),
        document.get("data") or {},
        (metadata.get("labels") or {}).get("shade", ""),
        digest_of(document),
    )
