"""A log in memory with a hub on it, and the two things that the cache is handed: a representation and a sink.

Values are JSON objects `{"rv": revision, "labels": {...}, "node": "...", "data": ...}`.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from watchcache.cacher import (
    After,
    Bounds,
    Cacher,
    Entry,
    EventType,
    FanOut,
    FutureRevision,
    Hub,
    Initial,
    Now,
    Piece,
    Selection,
    TooOld,
    Watcher,
    WatchProblem,
    WatchRequest,
)
from watchcache.log import Event, Log
from watchcache.persist import MemoryJournal

FIELDS = ("node", "phase")


def stamp(value: bytes, revision: int) -> bytes:
    """Put a revision into a value."""
    return json.dumps(json.loads(value) | {"rv": revision}).encode()


def value(labels: dict[str, str] | None = None, node: str = "", phase: str = "", data: Any = None) -> bytes:
    """Make a value without a revision."""
    return json.dumps({"rv": 0, "labels": labels or {}, "node": node, "phase": phase, "data": data}).encode()


def attributes(_key: str, raw: bytes) -> tuple[dict[str, str] | None, tuple[str, ...]]:
    """Take labels and fields out of a value."""
    document = json.loads(raw)
    return document["labels"], (document["node"], document["phase"])


class HasLabel(msgspec.Struct, frozen=True):
    """A label selector `name=word`."""

    name: str
    word: str

    def __call__(self, entry: Entry) -> bool:
        return (entry.labels or {}).get(self.name) == self.word


class Lines(msgspec.Struct, frozen=True):
    """Events as lines of JSON; `first_differs` marks the first frame, as a Table's columns do."""

    first_differs: bool = False

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:
        return self._line(type=type.decode(), object=json.loads(value), first=first)

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:
        return self._line(type="BOOKMARK", rv=revision, end=initial_events_end, first=first)

    def error(self, problem: WatchProblem) -> bytes:
        assert isinstance(problem, TooOld | FutureRevision)
        return self._line(type="ERROR", text=str(problem), first=False)

    def _line(self, *, first: bool, **fields: Any) -> bytes:
        return json.dumps(fields | ({"first": True} if first else {})).encode() + b"\n"


def plain(frame: bytes) -> bytes:
    """Frame as HTTP/2 does: not at all."""
    return frame


class Pipe:
    """A sink: bytes wait in it until `drain`; full above `mark`. What was ever sent is in `lines`."""

    def __init__(self, mark: int = 1 << 30, framing: Callable[[bytes], bytes] = plain) -> None:
        self.framing = framing
        self.connection = 0
        self.mark = mark
        self.queued = 0
        self.stalled = False
        self.finished = False
        self.sent = b""
        self.sends = 0
        self._callback: Callable[[], None] | None = None
        self._owes_callback = False

    def send(self, framed: bytes) -> bool:
        assert not self.finished, "sent after the end"
        assert not self._owes_callback, "sent while full"
        self.sent += framed
        self.sends += 1
        self.queued += len(framed)
        if self.queued > self.mark:
            self._owes_callback = True
            return False
        return True

    def on_drain(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def finish(self) -> None:
        self.finished = True

    def drain(self) -> None:
        self.queued = 0
        if self._owes_callback:
            self._owes_callback = False
            assert self._callback is not None
            self._callback()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.sent.splitlines()]

    @property
    def events(self) -> list[tuple[str, int]]:
        """(type, revision) of everything sent."""
        return [(line["type"], line.get("object", line).get("rv", 0)) for line in self.lines]


class Scene:
    """A running log and hub with one resource, `pods`, indexed by node."""

    def __init__(self, log: Log, hub: Hub, pods: Cacher) -> None:
        self.log, self.hub, self.pods = log, hub, pods

    async def put(self, name: str, **fields: Any) -> int:
        """Write a pod (`name` as "ns/name"); returns the revision."""
        return (await self.log.append(f"pods/{name}", value(**fields))).revision

    async def delete(self, name: str) -> int:
        return (await self.log.append(f"pods/{name}", None)).revision

    async def other(self) -> int:
        """Write something of another resource."""
        return (await self.log.append("nodes/n", value())).revision

    def watch(
        self, start: After | Initial | Now, pipe: Pipe, selection: Selection | None = None, **options: Any
    ) -> Watcher:
        representation = options.pop("representation", Lines())
        request = WatchRequest(selection or Selection(), representation, start, **options)
        return self.pods.watch(request, pipe)

    async def settle(self) -> None:
        await wait_all_tasks_blocked()

    async def history(self, after: int = 0) -> list[Event]:
        return [event async for batch in self.log.history(after) for event in batch]


def in_single_steps(wide: int) -> FanOut:
    """Send to groups of more than `wide` watchers one by one, with a turn of the scheduler between."""
    return FanOut(wide, shortest=0.0, step=1, share=math.inf, rest=(0.0, 0.0))


def make_pods(bounds: Bounds | None = None, piece: Piece | None = None) -> Cacher:
    """Make the cacher of pods."""
    return Cacher("pods", attributes, field_names=FIELDS, indexes=("node",), bounds=bounds, piece=piece)


@asynccontextmanager
async def running(
    log: Log | None = None,
    bounds: Bounds | None = None,
    piece: Piece | None = None,
    **options: Any,
) -> AsyncIterator[Scene]:
    """A scene on a new log, or on one that runs already; `options` are the hub's."""
    async with trio.open_nursery() as nursery:
        if log is None:
            log = Log(MemoryJournal(), stamp=stamp)
            await log.open()
            await nursery.start(log.run)
        hub, pods = Hub(log, stamp=stamp, **options), make_pods(bounds, piece)
        hub.add(pods)
        await nursery.start(hub.run)
        yield Scene(log, hub, pods)
        nursery.cancel_scope.cancel()
