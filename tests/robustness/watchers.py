"""Clients that watch, and resume on another server where they stopped, as informers do."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from .exchange import Connection, Lost
from .history import Scope, Seen, Watch, object_of
from .scene import Scene

START = -1  # with the state
LAST_QUIET = 1.0  # seconds without a frame when the load is over: then what is written last may have been seen before anybody was told that it is the last
ANEW = 0.15  # how often a client that could resume begins with the state, as one that was restarted


class Watcher:
    """One client: a chain of watches, each from where the one before stopped."""

    def __init__(self, scene: Scene, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        self._scene = scene
        self._random = scene.random(name)
        self._callers = [scene.caller(number) for number in range(len(scene.servers))]
        self._at = START  # where to resume

    async def run(self) -> None:
        """Watch until the load is over and the last write was seen."""
        while not self.done:
            server = self._random.randrange(len(self._callers))
            if self._random.random() < ANEW:
                self._at = START
            watch = Watch(
                client=self.name, server=server, scope=self.scope, after=self._at, began=trio.current_time()
            )
            try:
                await self._stretch(watch)
            except Lost as lost:
                watch.end = f"lost: {lost}"
            watch.ended = trio.current_time()
            if watch.frames or not watch.end.startswith("lost"):
                self._scene.history.records.append(watch)
            if not watch.frames:
                await trio.sleep(0.2)

    @property
    def done(self) -> bool:
        """Whether everything there will be has been seen."""
        last = self._scene.last.get(self.scope.resource)
        return last is not None and last <= self._at

    async def _stretch(self, watch: Watch) -> None:
        seconds = self._random.choice((3, 5, 10, 30))
        target = (
            f"{self.scope.path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}{self.scope.query}"
        )
        if self._at == START:
            target += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        else:
            target += f"&resourceVersion={self._at}"
        status, connection = await self._callers[watch.server].stream(target, 5.0)
        try:
            if status != 200:
                watch.end = f"status {status}"
                return
            await self._read(watch, connection, trio.current_time() + self._random.uniform(1, 1.5 * seconds))
        finally:
            connection.close()

    async def _read(self, watch: Watch, connection: Connection, until: float) -> None:
        quiet = self._random.uniform(3, 10)  # a client does not wait for ever for a server that is frozen
        while not self.done and trio.current_time() < until:
            if self._scene.over.is_set():
                quiet = LAST_QUIET
            line = None
            with trio.move_on_at(min(trio.current_time() + quiet, until)) as waiting:
                line = await connection.line()
            if waiting.cancelled_caught:
                watch.end = "left"
                return
            if line is None:
                watch.end = "ended"
                return
            if not self._take(watch, msgspec.json.decode(line)):
                return
        watch.end = "left"

    def _take(self, watch: Watch, frame: dict[str, Any]) -> bool:
        """Note a frame; whether more may come."""
        kind, document = frame["type"], frame["object"]
        if kind == "ERROR":
            watch.end = f"error {document.get('code')}: {document.get('message')}"
            if document.get("code") == 410:
                self._at = START
            return False
        metadata = document["metadata"]
        revision = int(metadata["resourceVersion"])
        now = trio.current_time()
        if kind == "BOOKMARK":
            initial = "k8s.io/initial-events-end" in (metadata.get("annotations") or {})
            watch.frames.append(Seen("INITIAL" if initial else kind, "", revision, "", now))
        else:
            found = object_of(self.scope.resource, document)
            watch.frames.append(Seen(kind, found.key, found.revision, found.digest, now))
        if self._at != START or kind == "BOOKMARK":  # initial events come in the order of keys
            self._at = revision
        return True
