"""Both ends of a write that a worker passes on.

The worker has authenticated the caller and read the body; the registry of the process that writes does everything else,
in one place. The answer comes with the newest revision at that time, and the worker gives it when its own caches hold that:
a client reads its own writes from the worker that took them.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Sequence
from random import Random
from typing import Any

from watchcache.api import status
from watchcache.api.catalog import Catalog
from watchcache.api.codec import decode_json
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError
from watchcache.auth import Follower
from watchcache.cacher import Bounds, Hub
from watchcache.log import JournalError
from watchcache.registry import Apart, Call, Document, Listed, Outcome, Registry, Resources
from watchcache.settings import Settings
from watchcache.workers import calls
from watchcache.workers.deep_json import encode_any
from watchcache.workers.peer import Peer, PeerGone


class PassingResources(Resources):
    """The resources in a worker."""

    def __init__(
        self,
        hub: Hub,
        catalog: Catalog,
        settings: Settings,
        writer: Peer,
        apart: Sequence[Apart] = (),
        followers: Sequence[Follower] = (),
    ) -> None:
        bounds = Bounds(settings.window_bytes)
        random = Random()  # noqa: S311 - spreads load, hides nothing
        super().__init__(
            hub,
            catalog,
            settings.min_request_timeout,
            bounds=bounds,
            random=random,
            elsewhere=apart,
            followers=followers,
            marks_versions=settings.storage_backend != "etcd3",
        )
        self._writer = writer

    async def create(self, call: Call, document: Document) -> Outcome:
        """POST."""
        return calls.outcome_of(await self._pass("create", call, body=encode_any(document)))

    async def update(self, call: Call, document: Document) -> Outcome:
        """PUT."""
        return calls.outcome_of(await self._pass("update", call, body=encode_any(document)))

    async def patch(self, call: Call, content_type: str, body: bytes, force: bool = False) -> Outcome:
        """PATCH."""
        said = await self._pass("patch", call, body=body, content_type=content_type, force=force)
        return calls.outcome_of(said)

    async def delete(self, call: Call, options: DeleteOptions) -> Outcome:
        """DELETE of one object."""
        return calls.outcome_of(await self._pass("delete", call, delete_options=options))

    async def connect(self, call: Call, options: Document) -> Outcome:
        """Exec and its like."""
        return calls.outcome_of(await self._pass("connect", call, body=encode_any(options)))

    async def delete_collection(
        self, call: Call, list_options: ListOptions, delete_options: DeleteOptions
    ) -> Listed:
        """DELETE of a collection."""
        said = await self._pass(
            "deletecollection", call, list_options=list_options, delete_options=delete_options
        )
        return calls.listed_of(said, call.resource)

    async def _pass(self, verb: str, call: Call, **more: Any) -> calls.Answered:
        try:
            payload = await self._writer.call(verb, calls.passed(call, **more))
        except PeerGone:
            raise status.service_unavailable("the server is shutting down", 1) from None
        said = calls.read_answer(payload)
        # Errors, too: what they are about is then here to be read.
        await self.hub_of(call.resource).wait_revision(said.revision, math.inf)
        call.name = said.name
        call.warnings.extend(said.warnings)
        calls.raise_refusal(said)
        return said


class Desk:
    """Where the process that writes takes the calls of its workers."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def answer(self, verb: str, payload: bytes) -> bytes:
        """Carry out a call that was passed on."""
        message = calls.read_passed(payload)
        try:
            call = calls.call_of(message, self._registry.catalog)
        except LookupError:  # of a definition that has just gone: the worker has not heard yet
            return calls.answer(None, self._registry.log.published, status.unknown_resource())
        came: Outcome | Listed | StatusError | JournalError
        try:
            came = await self._carry_out(verb, call, message)
        except (StatusError, JournalError) as problem:
            came = problem
        return calls.answer(call, self._registry.log_of(call.resource).published, came)

    def _carry_out(self, verb: str, call: Call, message: calls.Passed) -> Awaitable[Outcome | Listed]:
        registry = self._registry
        if verb == "create":
            return registry.create(call, decode_json(message.body))
        if verb == "update":
            return registry.update(call, decode_json(message.body))
        if verb == "patch":
            return registry.patch(call, message.content_type, message.body, message.force)
        if verb == "connect":
            return registry.connect(call, decode_json(message.body))
        if verb == "delete":
            return registry.delete(call, message.delete_options)
        if verb == "deletecollection":
            return registry.delete_collection(call, message.list_options, message.delete_options)
        raise LookupError(f"no such verb: {verb}")
