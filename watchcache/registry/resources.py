"""The stored resources of a server as requests see them: reads from the cachers, and writes that somebody carries out.

`Registry` carries them out itself, by the rules; a process that follows another's log passes them on to it
(`watchcache.workers`). The HTTP layer knows this class only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.meta import new_uid
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError
from watchcache.auth import Follower
from watchcache.cacher import Bounds, Cacher, Hub, Representation
from watchcache.log import ReadableLog
from watchcache.registry import reads, scale
from watchcache.registry.attributes import attributes_of
from watchcache.registry.calls import Call, Document, Listed, Outcome
from watchcache.registry.conversions import Conversions
from watchcache.registry.definitions import Definitions
from watchcache.registry.following import follow
from watchcache.registry.reads import Start
from watchcache.registry.selection import INDEXES
from watchcache.registry.store import Apart, NotConverted, Stored
from watchcache.registry.views import Views

if TYPE_CHECKING:
    from watchcache.webhooks import Caller


class Resources(ABC):
    """Making one gives the hub a cacher for each stored resource. `least_timeout` is that of a watch, in seconds (W14)."""

    def __init__(
        self,
        hub: Hub,
        catalog: Catalog,
        least_timeout: float,
        *,
        bounds: Bounds | None = None,
        random: Random,
        elsewhere: Sequence[Apart] = (),
        followers: Sequence[Follower] = (),
        marks_versions: bool = False,
    ) -> None:
        """`followers` are told of the objects that they go by.

        `marks_versions`: stored values of custom resources may say their version, which those on etcd say elsewhere.
        """
        self.hub = hub
        self.catalog = catalog
        self._least_timeout = least_timeout
        self._bounds = bounds
        self._cachers: dict[str, Cacher] = {}
        self.marks_versions = marks_versions
        self._stored = Stored(hub, catalog, self._cachers, random, elsewhere)
        for resource in catalog.stored():
            self.serve(resource)
        self._caller: Caller | None = None
        self.conversions = Conversions(self.caller, lambda: new_uid(random))
        self.views = Views(catalog, self.conversions, self._stored.hub_of, bounds)
        """To be run in a task; what a webhook converts is served then."""
        self._definitions = Definitions(self)
        self._told = tuple(followers)

    def serve(self, resource: Resource, fields: tuple[str, ...] | None = None) -> Cacher:
        """Keep objects of a resource from now on (custom resources come while the server runs).

        `fields`: what can be selected by in all versions together, if that is more than in this one.
        """
        fields = resource.field_labels if fields is None else fields
        cacher = Cacher(
            resource.storage_prefix,
            attributes_of(resource, fields),
            field_names=fields,
            indexes=INDEXES.get(resource.storage_prefix, ()),
            bounds=self._bounds,
        )
        self._cachers[resource.storage_prefix] = cacher
        self._stored.hub_of(resource).add(cacher)
        return cacher

    def follow_definitions(self) -> None:
        """Serve what is defined from now on, and tell the followers, without await: when the logs are open and the hubs run."""
        definitions = self._definitions
        log = self._stored.hub_of(definitions.resource).log
        definitions.load(log.heads(definitions.prefix))
        log.subscribe(definitions.seen)
        if self._told:
            follow(self._log_of_prefix, self._told)

    def _log_of_prefix(self, prefix: str) -> ReadableLog:
        for each in self._stored.elsewhere:
            if prefix.rstrip("/") in each.prefixes:
                return each.hub.log
        return self.hub.log

    def withdraw(self, resource: Resource) -> None:
        """Keep them no more: watches end, reads answer 404."""
        self._stored.hub_of(resource).remove(self._cachers.pop(resource.storage_prefix))

    def caller(self) -> Caller:
        """What calls webhooks."""
        if self._caller is None:
            from watchcache.webhooks import Caller  # noqa: PLC0415 - with the first webhook

            self._caller = Caller(self._stored.address_of)
        return self._caller

    async def aclose(self) -> None:
        """Close the connections to webhooks."""
        if self._caller is not None:
            await self._caller.aclose()

    def hub_of(self, resource: Resource) -> Hub:
        """The hub that feeds the cache of a resource."""
        return self._stored.hub_of(resource)

    def find(self, prefix: str, key: str) -> bytes | None:
        """The value of an object as last published, by its storage prefix and the key below that; None when it is not there."""
        cacher = self._cachers.get(prefix)
        entry = cacher.get(f"{prefix}/{key}") if cacher is not None and cacher.ready else None
        return None if entry is None else entry.value

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """The hub of most resources, then those of the others."""
        return (self.hub, *(each.hub for each in self._stored.elsewhere))

    # -- reads

    @property
    def reads_wait(self) -> bool:
        """Whether a consistent read has to ask for the newest revision first: `get` is to be used, not `get_nowait`."""
        return self.hub.read_revision is not None

    def get_nowait(self, call: Call) -> Outcome:
        """Read one object (or its scale, status, ...) at the newest published state. 404 when it is not there. Raises NotConverted."""
        if call.subresource and scale.is_scale(call):
            return scale.get_scale(self._stored, call)
        return reads.get_nowait(self._stored, call)

    @staticmethod
    def _get(store: Stored, call: Call) -> Outcome:
        if call.subresource and scale.is_scale(call):
            return scale.get_scale(store, call)
        return reads.get_nowait(store, call)

    async def _read(self, resource: Resource) -> Stored:
        """What reads of a resource work with. Raises StatusError when a webhook does not make it."""
        return await self.views.stored(resource) if resource.converted else self._stored

    async def get(self, call: Call, resource_version: str) -> Outcome:
        """Read as `get_nowait`, after waiting for `resource_version`, or for the newest without one (L18). 500 when malformed, 504 when in the future."""
        try:
            store = await self._read(call.resource)
            await reads.wait_for(store, call.resource, resource_version)
        except StatusError:
            if not call.resource.converted or resource_version:
                raise
            return await self._alone(call)
        return self._get(store, call)

    async def _alone(self, call: Call) -> Outcome:
        """Read one object of a version that a webhook makes when it cannot make all of them: their faults are not this one's."""
        resource = call.resource
        await self._stored.hub_of(resource).wait_newest()
        entry = self._cachers[resource.storage_prefix].get(call.key)
        if entry is None:
            raise status.not_found(resource.group_resource, call.name)
        value = await self.conversions.value(resource, entry.value)
        if call.subresource and scale.is_scale(call):
            return Outcome(200, document=scale.scale_of(self._stored.document(resource, value), resource))
        return Outcome(200, value)

    async def list(self, call: Call, options: ListOptions) -> Listed:
        """List a collection (L1-L21)."""
        return await reads.list_objects(await self._read(call.resource), call, options)

    def stored_bytes(self, resource: Resource) -> int:
        """The bytes of all objects of a resource, 0 when none are kept."""
        cacher = self._cachers.get(resource.storage_prefix)
        return cacher.store.bytes if cacher is not None else 0

    async def watch(self, call: Call, options: ListOptions, representation: Representation) -> Start:
        """Prepare a watch (W1-W19); what is returned starts it on a sink and gives the Watcher."""
        store = await self._read(call.resource)
        return await reads.watch(store, call, options, representation, self._least_timeout)

    def watch_nowait(self, call: Call, options: ListOptions, representation: Representation) -> Start | None:
        """Prepare a watch that has nothing to wait for, as most that resume; None: it has, use `watch`."""
        try:
            return reads.watch_nowait(self._stored, call, options, representation, self._least_timeout)
        except NotConverted:
            return None

    # -- writes: errors are StatusError, besides what the log raises when its journal has failed or is full

    @abstractmethod
    async def create(self, call: Call, document: Document) -> Outcome:
        """POST: create an object, or act through a subresource (binding, eviction, ...) or a review kind."""

    @abstractmethod
    async def update(self, call: Call, document: Document) -> Outcome:
        """PUT: replace an object or a subresource (M4-M7)."""

    @abstractmethod
    async def patch(self, call: Call, content_type: str, body: bytes, force: bool = False) -> Outcome:
        """PATCH with one of the patch types (M8, M9); `force` is for apply patches."""

    @abstractmethod
    async def delete(self, call: Call, options: DeleteOptions) -> Outcome:
        """DELETE one object (M12-M15)."""

    @abstractmethod
    async def connect(self, call: Call, options: Document) -> Outcome:
        """Ask whether a connection may be made; `options` are complete. The outcome says nothing more."""

    @abstractmethod
    async def delete_collection(
        self, call: Call, list_options: ListOptions, delete_options: DeleteOptions
    ) -> Listed:
        """DELETE a collection; the list as it was read before (M20)."""
