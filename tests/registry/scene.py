"""A client of a registry, as the HTTP layer is one, and the objects the tests write."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import pytest
import trio

from watchcache.api.catalog import Catalog
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.log import Event, Log
from watchcache.registry import Call, Listed, Outcome, Registry

ADMIN = UserInfo("admin", "admin", ("system:masters", "system:authenticated"))
Document = dict[str, Any]


class Clock:
    """Unix seconds that begin at `START` and go with trio's clock."""

    START = 1_800_000_000.0

    def __init__(self) -> None:
        self._began = trio.current_time()

    def __call__(self) -> float:
        return self.START + trio.current_time() - self._began


class Client:
    """Speaks to a registry as the HTTP layer does; `path` is `[group/]version/plural`."""

    def __init__(self, registry: Registry, catalog: Catalog, log: Log, clock: Clock) -> None:
        self.registry = registry
        self.catalog = catalog
        self.log = log
        self.clock = clock
        self.events: list[Event] = []
        log.subscribe(self.events.extend)

    def call(
        self, path: str, namespace: str = "", name: str = "", subresource: str = "", **more: Any
    ) -> Call:
        group, version, plural = ("", *path.split("/")) if path.count("/") == 1 else path.split("/")
        resource = self.catalog.find(group, version, plural)
        assert resource is not None, path
        return Call(resource, ADMIN, "", namespace, name, subresource, **more)

    def document(self, call: Call, outcome: Outcome | bytes) -> Document:
        if isinstance(outcome, Outcome):
            if outcome.document is not None:
                return outcome.document
            outcome = outcome.value or b""
        return json.loads(call.resource.head + outcome[1:])

    async def create(
        self, path: str, document: Document, namespace: str = "default", **more: Any
    ) -> Document:
        call = self.call(path, namespace, **more)
        outcome = await self.registry.create(call, document)
        assert outcome.status == 201
        return self.document(call, outcome)

    def get(self, path: str, name: str, namespace: str = "default", subresource: str = "") -> Document:
        call = self.call(path, namespace, name, subresource)
        return self.document(call, self.registry.get_nowait(call))

    async def put(
        self, path: str, document: Document, name: str = "", namespace: str = "default", **more: Any
    ) -> Document:
        call = self.call(path, namespace, name or document["metadata"]["name"], **more)
        return self.document(call, await self.registry.update(call, document))

    async def patch(
        self, path: str, name: str, patch: Any, kind: str = "merge", namespace: str = "default", **more: Any
    ) -> Document:
        call = self.call(path, namespace, name, **more)
        body = patch if isinstance(patch, bytes) else json.dumps(patch).encode()
        return self.document(call, await self.registry.patch(call, f"application/{kind}-patch+json", body))

    async def delete(
        self, path: str, name: str, namespace: str = "default", dry_run: bool = False, **options: Any
    ) -> Document:
        call = self.call(path, namespace, name, dry_run=dry_run)
        return self.document(call, await self.registry.delete(call, DeleteOptions(**options)))

    async def delete_all(
        self, path: str, namespace: str = "default", limit: int = 0, **options: Any
    ) -> Listed:
        call = self.call(path, namespace)
        return await self.registry.delete_collection(call, ListOptions(limit=limit), DeleteOptions(**options))

    async def list(self, path: str, namespace: str = "default", **options: Any) -> list[Document]:
        call = self.call(path, namespace)
        listed = await self.registry.list(call, ListOptions(**options))
        return [self.document(call, value) for value in listed.values]

    async def names(self, path: str, namespace: str = "default", **options: Any) -> list[str]:
        return [each["metadata"]["name"] for each in await self.list(path, namespace, **options)]

    def exists(self, path: str, name: str, namespace: str = "default") -> bool:
        try:
            self.get(path, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return False
        return True


def pod(name: str, **spec: Any) -> Document:
    """A pod with one container."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec}}


def deployment(name: str) -> Document:
    """A deployment of the pods with the label a=b."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }


def config_map(name: str, **metadata: Any) -> Document:
    """A config map with one entry."""
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}


async def refused(attempt: Awaitable[Any], code: int) -> StatusError:
    """Expects a Status of that code and gives it."""
    with pytest.raises(StatusError) as caught:
        await attempt
    assert caught.value.code == code, caught.value.message
    return caught.value
