"""Clients that write: creations, guarded and unguarded updates, patches, deletions with and without preconditions."""

from __future__ import annotations

from itertools import count
from typing import Any

import trio

from .client import Client
from .exchange import Caller, Lost
from .history import NAMESPACE, UNKNOWN, Write
from .scene import HOT, SHADES, Glimpse, Scene, key_of, path_of

VERBS = (
    "create",
    "create",
    "update",
    "update",
    "update",
    "late",
    "replace",
    "patch",
    "patch",
    "patch",
    "delete",
    "event",
)
MERGE = "application/merge-patch+json"


class Writer(Client):
    """One client, which goes on from any server to any other."""

    pause = 0.08

    def __init__(self, scene: Scene, name: str, server: int | None = None) -> None:
        super().__init__(scene, name)
        self._server = self._random.randrange(len(self._callers)) if server is None else server
        self._numbers = count(1)
        self._own: list[str] = []

    async def step(self) -> None:
        """One write, of a kind and to an object that chance picks."""
        if self._random.random() < 0.1:
            self._server = self._random.randrange(len(self._callers))
        verb = self._random.choice(VERBS)
        token = f"{self.name}-{next(self._numbers)}"
        name = self._pick()
        known = self._scene.glimpses.get(name)
        if verb == "event":
            await self.create_event(token)
        elif verb == "create" or known is None:
            await self.create(token, name if known is None else self._new())
        elif verb == "update":
            await self.update(token, name, known, known.revision)
        elif verb == "late":  # surely refused, also on a machine too busy for two to meet
            await self.update(token, name, known, known.revision - 1)
        elif verb == "replace":
            await self.update(token, name, known, 0)
        elif verb == "patch":
            await self.patch(token, name, known.revision if self._random.random() < 0.2 else 0)
        else:
            await self.delete(token, name, known)

    def _pick(self) -> str:
        if self._own and self._random.random() < 0.4:
            return self._random.choice(self._own)
        return self._random.choice(HOT)

    def _new(self) -> str:
        name = f"{self.name}-o{next(self._numbers)}"
        self._own = [*self._own[-4:], name]
        return name

    def _document(self, name: str, data: dict[str, str], shade: str = "") -> dict[str, Any]:
        labels = {"shade": shade or self._random.choice(SHADES)}
        return {"metadata": {"name": name, "labels": labels}, "data": data}

    # -- the writes

    async def create(self, token: str, name: str, shade: str = "") -> Write:
        """POST."""
        data = {"token": token, "pad": "x" * self._random.choice((0, 50, 500))}
        write = self._begin("create", token, key_of(name), data=data)
        return await self._do(write, "POST", path_of("").rstrip("/"), self._document(name, data, shade))

    async def create_event(self, token: str) -> Write:
        """POST of something that ends by itself."""
        write = self._begin("create", token, key_of(token, "events"))
        document = {
            "metadata": {"name": token},
            "involvedObject": {"kind": "ConfigMap", "namespace": NAMESPACE, "name": token},
            "reason": token,
        }
        return await self._do(write, "POST", path_of("", "events").rstrip("/"), document)

    async def update(self, token: str, name: str, known: Glimpse, expected: int) -> Write:
        """PUT, guarded by the resourceVersion unless that is 0."""
        data = {**known.data, "token": token, self.name: token}
        write = self._begin("update", token, key_of(name), data=data, expected=expected)
        document = self._document(name, data)
        if expected:
            document["metadata"]["resourceVersion"] = str(expected)
        return await self._do(write, "PUT", path_of(name), document)

    async def patch(self, token: str, name: str, expected: int) -> Write:
        """PATCH: what others put in stays."""
        data = {"token": token, self.name: token}
        write = self._begin("patch", token, key_of(name), data=data, expected=expected)
        document: dict[str, Any] = {"data": data}
        if expected:
            document["metadata"] = {"resourceVersion": str(expected)}
        return await self._do(write, "PATCH", path_of(name), document, MERGE)

    async def delete(self, token: str, name: str, known: Glimpse) -> Write:
        """DELETE, under one of the preconditions or none."""
        choice = self._random.randrange(3)
        expected, uid = known.revision if choice == 1 else 0, known.uid if choice == 2 else ""
        write = self._begin("delete", token, key_of(name), expected=expected, uid=uid)
        preconditions = {"resourceVersion": str(expected)} if expected else {"uid": uid} if uid else {}
        return await self._do(
            write, "DELETE", path_of(name), {"preconditions": preconditions} if preconditions else None
        )

    def _begin(self, verb: str, token: str, key: str, **more: Any) -> Write:
        write = Write(
            token=token,
            client=self.name,
            server=self._server,
            verb=verb,
            key=key,
            began=trio.current_time(),
            **more,
        )
        self._scene.history.records.append(write)
        return write

    async def _do(
        self, write: Write, method: str, path: str, document: Any, kind: str = "application/json"
    ) -> Write:
        caller: Caller = self._callers[self._server]
        try:
            status, answer = await caller.call(
                method, path, document, seconds=self._random.uniform(2, 12), kind=kind
            )
        except Lost as lost:
            write.status, write.message = UNKNOWN, str(lost)
            self._server = self._random.randrange(len(self._callers))
        else:
            write.status = status
            self._note(write, answer)
            if status >= 500:
                self._server = self._random.randrange(len(self._callers))
        finally:
            write.ended = trio.current_time()
        return write

    def _note(self, write: Write, answer: Any) -> None:
        name = write.key.rpartition("/")[2]
        glimpses = self._scene.glimpses
        if not write.acknowledged:
            write.message = str(answer.get("message", answer))[:200]
            if write.status == 404:
                glimpses.pop(name, None)
        elif write.verb == "delete":
            write.found = (answer.get("details") or answer.get("metadata") or {}).get("uid", "")
            glimpses.pop(name, None)
        else:
            seen = Glimpse(answer)
            write.revision, write.found = seen.revision, seen.uid
            self._scene.saw(seen.revision)
            known = glimpses.get(name)
            if write.key.startswith("configmaps/") and (known is None or known.revision < seen.revision):
                glimpses[name] = seen
