"""Clients that read: GETs and lists at every kind of resourceVersion, whole and in pages."""

from __future__ import annotations

from typing import Any

import trio

from .client import Client
from .exchange import Lost
from .history import Get, List, Object, Refusal, Scope, object_of
from .scene import HOT, SCOPES, Glimpse, key_of, path_of

PAST = 300  # revisions, by which an exact list goes back at most


class Reader(Client):
    """One client."""

    pause = 0.15

    async def step(self) -> None:
        """One read, of a kind that chance picks."""
        server = self._random.randrange(len(self._callers))
        try:
            if self._random.random() < 0.6:
                await self.get(server)
            else:
                await self.list(server)
        except Lost:
            pass

    async def _call(self, server: int, target: str) -> tuple[int, Any]:
        began = trio.current_time()
        status, answer = await self._callers[server].call("GET", target, seconds=self._random.uniform(1, 6))
        if status not in {200, 404}:
            self._scene.history.records.append(
                Refusal(
                    client=self.name,
                    server=server,
                    target=target,
                    began=began,
                    ended=trio.current_time(),
                    status=status,
                    message=str(answer.get("message", answer))[:200],
                )
            )
        return status, answer

    async def get(self, server: int) -> None:
        """One object. Raises Lost."""
        name = self._random.choice(HOT)
        at = self._random.choice(
            ("", "", "", "0", str(max(1, self._scene.newest - self._random.randrange(20))))
        )
        began = trio.current_time()
        status, answer = await self._call(server, path_of(name) + (f"?resourceVersion={at}" if at else ""))
        if status not in {200, 404}:
            return
        found = object_of("configmaps", answer) if status == 200 else None
        self._scene.history.records.append(
            Get(
                client=self.name,
                server=server,
                key=key_of(name),
                at=at,
                began=began,
                ended=trio.current_time(),
                object=found,
            )
        )
        if found is not None and not at:
            self._scene.saw(found.revision)
            known = self._scene.glimpses.get(name)
            if known is None or known.revision < found.revision:
                self._scene.glimpses[name] = Glimpse(answer)

    async def list(self, server: int) -> None:
        """One collection; pages are taken from any server. Raises Lost."""
        scope = self._random.choice(SCOPES)
        at, match = self._place()
        limit = self._random.choice((0, 0, 3, 10))
        if at and not match and at != "0" and limit:
            match = "Exact"  # what a limit makes of it
        query = (
            f"?resourceVersion={at}&resourceVersionMatch={match}"
            if match
            else f"?resourceVersion={at}"
            if at
            else "?"
        )
        record = List(
            client=self.name,
            server=server,
            scope=scope,
            at=at,
            match=match,
            began=trio.current_time(),
            ended=0.0,
            revisions=[],
            objects=[],
        )
        token = ""
        while True:
            more = f"&limit={limit}" if limit else ""
            target = f"{query}{more}" if not token else f"?{more}&continue={token}"
            status, answer = await self._call(server, f"{scope.path}{target}{scope.query}")
            if status != 200:
                return
            self._take(record, scope, answer)
            token = answer["metadata"].get("continue", "")
            if not token:
                break
            server = self._random.randrange(len(self._callers))
        record.ended = trio.current_time()
        self._scene.history.records.append(record)
        if not at:
            self._scene.saw(record.revisions[0])

    def _place(self) -> tuple[str, str]:
        newest = self._scene.newest
        return self._random.choice(
            (
                ("", ""),
                ("", ""),
                ("0", ""),
                (str(max(1, newest - 5)), ""),
                (str(max(1, newest - 1)), "NotOlderThan"),
                (str(max(1, newest - self._random.randrange(PAST))), "Exact"),
            )
        )

    def _take(self, record: List, scope: Scope, answer: Any) -> None:
        record.revisions.append(int(answer["metadata"]["resourceVersion"]))
        found: list[Object] = [object_of(scope.resource, each) for each in answer["items"]]
        record.objects.extend(found)
