"""Events end by themselves: `--event-ttl` after they were last written.

One heap holds when each event's last write is old enough. An entry is checked when it comes up: a later
write has a newer revision, and an entry of its own. The removal is an ordinary deletion, seen by watches.

After a restart the log does not know when a key was written, so the object's creation counts, or its
`lastTimestamp` if that is later; an event can only leave earlier by this, never later.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush

import msgspec
import trio

from watchcache.log import Conflict, Event, EventLog, JournalError
from watchcache.registry.deletion import parse_timestamp

BATCH = 256
"""Deletions queued before the oldest of them is waited for."""
RETRY = 5.0
"""Seconds until a full disk is asked again."""


class _Metadata(msgspec.Struct):
    created: str = msgspec.field(default="", name="creationTimestamp")


class _Event(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    last: str | None = msgspec.field(default=None, name="lastTimestamp")


_decode = msgspec.json.Decoder(_Event).decode


def written_about(value: bytes) -> float:
    """When an event was written, as far as it says itself: unix seconds, 0 if it does not say."""
    event = _decode(value)
    return max(
        parse_timestamp(text).timestamp() if text else 0.0 for text in (event.metadata.created, event.last)
    )


class Expiry:
    """Deletes events when their time is over. `ttl` is in seconds, `clock` gives unix seconds."""

    def __init__(
        self, log: EventLog, ttl: float, clock: Callable[[], float], prefix: str = "events/"
    ) -> None:
        self.prefix = prefix
        self._log = log
        self._ttl = ttl
        self._clock = clock
        self._due: list[tuple[float, str, int]] = []
        self._sooner = trio.Event()

    def load(self) -> None:
        """Take in the events that are stored."""
        for key, head in self._log.heads(self.prefix):
            self._add(written_about(head.value) + self._ttl, key, head.revision)

    def seen(self, event: Event) -> None:
        """Take in the log's event about an event."""
        if not event.deleted:
            self._add(event.time + self._ttl, event.key, event.revision)

    def _add(self, when: float, key: str, revision: int) -> None:
        if not self._due or when < self._due[0][0]:
            self._sooner.set()
        heappush(self._due, (when, key, revision))

    def take_due(self, now: float) -> list[tuple[str, int]]:
        """What is over by now and has not been written since: keys and revisions."""
        due = []
        while self._due and self._due[0][0] <= now:
            _, key, revision = heappop(self._due)
            head = self._log.head(key)
            if head is not None and head.revision == revision:
                due.append((key, revision))
        return due

    async def run(self) -> None:
        """Delete what is due, sleep until something else is; ends only when cancelled."""
        while True:
            self._sooner = trio.Event()
            due = self.take_due(self._clock())
            try:
                await self._delete(due)
            except JournalError:
                for key, revision in due:
                    self._add(self._clock() + RETRY, key, revision)
            await self._wait()

    async def _delete(self, due: list[tuple[str, int]]) -> None:
        for start in range(0, len(due), BATCH):
            tickets = []
            for key, revision in due[start : start + BATCH]:
                try:
                    tickets.append(self._log.append_nowait(key, None, expected=revision))
                except Conflict:
                    continue
            for ticket in tickets:
                with suppress(Conflict):
                    await ticket.wait()

    async def _wait(self) -> None:
        """Until the next one is due, or one has come that is due sooner."""
        left = self._due[0][0] - self._clock() if self._due else None
        with trio.move_on_after(float("inf") if left is None else max(left, 0.0)):
            await self._sooner.wait()
