"""The registry's door object: one method for each verb.

A write goes: identity, structure and defaults (`incoming`) -> admission -> the kind's strategy -> metadata
rules -> `log.append` -> answer. Its answer is given when the event is durable and delivered (rule 3 of the
design); errors that depend on a state that is not durable yet wait for it, too. Reads answer from the cachers;
`get_nowait` never waits.

Methods raise `StatusError`; besides, writes raise what the log raises when its journal has failed or is full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec
import trio

from watchcache.admission import (
    Chain,
    DefaultTolerationSeconds,
    NamespaceLifecycle,
    Plugin,
    PodTopologyLabels,
    Priority,
)
from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.cacher import Bounds, Cacher, Hub, Representation
from watchcache.log import Event, EventLog
from watchcache.registry import (
    bootstrap,
    collection,
    create,
    delete,
    patch,
    reads,
    scale,
    subresources,
    update,
)
from watchcache.registry.addresses import ServiceAllocator
from watchcache.registry.attributes import attributes_of
from watchcache.registry.calls import Call, Document, Listed, Outcome
from watchcache.registry.expiry import Expiry
from watchcache.registry.namespaces import NamespaceController, Namespaces
from watchcache.registry.priorities import StoredPriorityClasses
from watchcache.registry.protection import Protection
from watchcache.registry.reads import Start
from watchcache.registry.reviews import Authenticate, Authorize, Reviewer, everyone, nobody
from watchcache.registry.selection import INDEXES
from watchcache.registry.store import Store

_SERVICES = "services/specs/"


class Settings(msgspec.Struct, frozen=True):
    """What an operator chooses about the registry; names follow kube-apiserver's flags.

    `event_ttl` and `min_request_timeout` are in seconds; `service_cluster_ip_range` is one range or two of different
    families, joined by a comma; `advertise_address` and `secure_port` go into the endpoints of `default/kubernetes`;
    `client_ca` and `proxy_ca` are the CAs (PEM) of clients and of authenticating proxies, published for the cluster's other
    servers.
    """

    event_ttl: float = 3600.0
    min_request_timeout: float = 1800.0
    service_cluster_ip_range: str = "10.0.0.0/24"
    service_node_port_range: str = "30000-32767"
    advertise_address: str = "127.0.0.1"
    secure_port: int = 6443
    client_ca: str = ""
    proxy_ca: str = ""


class Registry:
    """All stored resources of one server, with the rules by which they live and change.

    Making one gives the hub a cacher for each stored resource. Then: open and run the log, run the hub,
    `await prepare()`, and run `run` beside them.
    """

    def __init__(
        self,
        log: EventLog,
        hub: Hub,
        catalog: Catalog,
        settings: Settings | None = None,
        *,
        authorize: Authorize = everyone,
        authenticate: Authenticate = nobody,
        plugins: Sequence[Plugin] = (),
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.catalog = catalog
        self.log = log
        self.hub = hub
        self._bounds = bounds
        self._ranges = tuple(text.strip() for text in self.settings.service_cluster_ip_range.split(","))
        self._random = random or Random()  # noqa: S311 - names and uids are no secrets
        self._namespaces = Namespaces()
        self._priorities = StoredPriorityClasses()
        self._cachers: dict[str, Cacher] = {}
        self._store = Store(
            log=log,
            hub=hub,
            catalog=catalog,
            cachers=self._cachers,
            chain=self._chain(plugins),
            allocator=ServiceAllocator(self._ranges, self.settings.service_node_port_range, self._random),
            clock=clock,
            random=self._random,
        )
        self._reviewer = Reviewer(catalog, clock, authorize, authenticate)
        self._expiry = Expiry(log, self.settings.event_ttl, clock)
        self._protection = Protection(self._store)
        for resource in catalog.stored():
            self.serve(resource)

    def _chain(self, plugins: Sequence[Plugin]) -> Chain:
        """The default plugins in kube-apiserver's order, then those handed in."""
        first = NamespaceLifecycle(self._namespaces.state_of, self.hub.wait_newest)
        topology = PodTopologyLabels(self._node_labels)
        return Chain([first, Priority(self._priorities), DefaultTolerationSeconds(), topology, *plugins])

    def _node_labels(self, name: str) -> Mapping[str, str]:
        return self._store.node_labels(name)

    # -- life

    def serve(self, resource: Resource) -> Cacher:
        """Keep objects of a resource from now on (custom resources come while the server runs)."""
        cacher = Cacher(
            resource.storage_prefix,
            attributes_of(resource),
            field_names=resource.field_labels,
            indexes=INDEXES.get(resource.storage_prefix, ()),
            bounds=self._bounds,
        )
        self._cachers[resource.storage_prefix] = cacher
        self.hub.add(cacher)
        return cacher

    def withdraw(self, resource: Resource) -> None:
        """Keep them no more: watches end, reads answer 404."""
        self.hub.remove(self._cachers.pop(resource.storage_prefix))

    async def prepare(self) -> None:
        """Take in what is stored, then create the standard objects. Once, while log and hub run."""
        self._take_in()
        address = bootstrap.Address(self.settings.advertise_address, self.settings.secure_port, self._ranges)
        await bootstrap.bootstrap(self._store, address)
        if self.settings.client_ca:
            await self.ensure(
                bootstrap.authentication(self.settings.client_ca, self.settings.proxy_ca), refresh=True
            )

    def _take_in(self) -> None:
        """Load and subscribe in one step without await, so that no event is missed or seen twice."""
        for key, head in self.log.heads(self._namespaces.prefix):
            self._namespaces.load(key, head.value)
        for key, head in self.log.heads(self._priorities.prefix):
            self._priorities.load(key, head.value)
        for _, head in self.log.heads(_SERVICES):
            self._store.allocator.replaced(None, head.value)
        self._expiry.load()
        self._protection.load()
        self.log.subscribe(self._seen)

    def _seen(self, events: Sequence[Event]) -> None:
        """What the registry itself follows of the log."""
        for event in events:
            key = event.key
            if key.startswith("events/"):
                self._expiry.seen(event)
            elif key.startswith(_SERVICES):
                self._store.allocator.replaced(event.prev, None if event.deleted else event.value)
            elif key.startswith(self._namespaces.prefix):
                self._namespaces.seen(event)
            elif key.startswith(self._priorities.prefix):
                self._priorities.seen(event)
            else:
                self._protection.seen(event)
            if event.deleted:
                self._namespaces.content_seen(event)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the housekeeping: namespaces, claims and volumes that end, events that expire. Ends only when cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(NamespaceController(self._store, self._namespaces).run)
            if not self.log.expires:
                nursery.start_soon(self._expiry.run)
            nursery.start_soon(self._protection.run)
            task_status.started()

    async def ensure(self, document: Document, *, refresh: bool = False) -> None:
        """Create an object of the server's own unless it is there; with `refresh` replace what is there if it differs."""
        await bootstrap.ensure(self._store, document, refresh=refresh)

    # -- reads

    @property
    def reads_wait(self) -> bool:
        """Whether a consistent read has to ask for the newest revision first: `get` is to be used, not `get_nowait`."""
        return self.hub.read_revision is not None

    def get_nowait(self, call: Call) -> Outcome:
        """Read one object (or its scale, status, ...) at the newest published state. 404 when it is not there."""
        if call.subresource and scale.is_scale(call):
            return scale.get_scale(self._store, call)
        return reads.get_nowait(self._store, call)

    async def get(self, call: Call, resource_version: str) -> Outcome:
        """Read as `get_nowait`, after waiting for `resource_version`, or without one for what is newest (L18).

        500 when malformed, 504 when in the future.
        """
        await reads.wait_for(self._store, resource_version)
        return self.get_nowait(call)

    async def list(self, call: Call, options: ListOptions) -> Listed:
        """List a collection (L1-L21)."""
        return await reads.list_objects(self._store, call, options)

    def stored_bytes(self, resource: Resource) -> int:
        """The bytes of all objects of a resource, 0 when none are kept."""
        cacher = self._cachers.get(resource.storage_prefix)
        return cacher.store.bytes if cacher is not None else 0

    async def watch(self, call: Call, options: ListOptions, representation: Representation) -> Start:
        """Prepare a watch (W1-W19); what is returned starts it on a sink and gives the Watcher."""
        least = self.settings.min_request_timeout
        return await reads.watch(self._store, call, options, representation, least)

    # -- writes

    async def create(self, call: Call, document: Document) -> Outcome:
        """POST: create an object, or act through a subresource (binding, eviction, ...) or a review kind."""
        if subresources.acts(call):
            return await subresources.act(self._store, call, document)
        if self._reviewer.answers(call):
            return self._reviewer.answer(call, document)
        if not call.resource.stored:
            raise status.method_not_allowed()
        return await create.create(self._store, call, document)

    async def update(self, call: Call, document: Document) -> Outcome:
        """PUT: replace an object or a subresource (M4-M7)."""
        if call.subresource and scale.is_scale(call):
            return await scale.update_scale(self._store, call, document)
        return await update.update(self._store, call, document)

    async def patch(self, call: Call, content_type: str, body: bytes, force: bool = False) -> Outcome:
        """PATCH with one of the patch types (M8, M9); `force` is for apply patches."""
        del force  # server-side apply is refused for now: see patch.read_patch
        if call.subresource and scale.is_scale(call):
            return await scale.patch_scale(self._store, call, content_type, body)
        return await patch.patch(self._store, call, content_type, body)

    async def delete(self, call: Call, options: DeleteOptions) -> Outcome:
        """DELETE one object (M12-M15)."""
        if call.subresource:
            raise status.method_not_allowed()
        return await delete.delete(self._store, call, options)

    async def delete_collection(
        self, call: Call, list_options: ListOptions, delete_options: DeleteOptions
    ) -> Listed:
        """DELETE a collection; the list as it was read before (M20)."""
        return await collection.delete_collection(self._store, call, list_options, delete_options)
