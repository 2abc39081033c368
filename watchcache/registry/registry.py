"""The registry's door object: one method for each verb.

A write goes: identity, structure and defaults (`incoming`) -> admission -> the kind's strategy -> metadata
rules -> `log.append` -> answer. Its answer is given when the event is durable and delivered (rule 3 of the
design); errors that depend on a state that is not durable yet wait for it, too. Reads answer from the cachers;
`get_nowait` never waits.

Methods raise `StatusError`; besides, writes raise what the log raises when its journal has failed or is full.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

import msgspec
import trio

from watchcache.admission import (
    Chain,
    DefaultIngressClass,
    DefaultStorageClass,
    DefaultTolerationSeconds,
    LimitRanger,
    NamespaceLifecycle,
    PersistentVolumeClaimResize,
    Plugin,
    PodSecurity,
    PodTopologyLabels,
    Policies,
    Priority,
    ResourceQuota,
    RuntimeClass,
    ServiceAccount,
    Validator,
    Webhooks,
)
from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.meta import generated_name
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.auth import Access, AlwaysAllow
from watchcache.cacher import Bounds, Hub
from watchcache.log import Event, EventLog, Head, JournalUnavailable, SharedLog
from watchcache.registry import (
    apply,
    bootstrap,
    collection,
    create,
    delete,
    guarding,
    patch,
    quotas,
    scale,
    subresources,
    update,
)
from watchcache.registry.addresses import ServiceAllocator
from watchcache.registry.admitting import admitted
from watchcache.registry.calls import Call, Document, Listed, Outcome
from watchcache.registry.claims import SERVICES, Ledger
from watchcache.registry.establishing import DefinitionController
from watchcache.registry.expiry import Expiry
from watchcache.registry.hooks import Hooks
from watchcache.registry.issuer import Issuer
from watchcache.registry.namespaces import NamespaceController, Namespaces
from watchcache.registry.policies import Governing
from watchcache.registry.priorities import StoredPriorityClasses
from watchcache.registry.protection import Protection
from watchcache.registry.resources import Resources
from watchcache.registry.reviews import Authenticate, Reviewer, nobody
from watchcache.registry.store import Elsewhere, Store

_logger = logging.getLogger(__name__)
PATIENCE = 20.0  # seconds that a start tries to write: longer than an election, or than it takes to leave a frozen member


class Settings(msgspec.Struct, frozen=True):
    """What an operator chooses about the registry; names follow kube-apiserver's flags.

    `event_ttl` and `min_request_timeout` are in seconds; `service_cluster_ip_range` is one range or two of different
    families, joined by a comma; `service_node_port_range` is `first-last`; the tolerations are seconds. `advertise_address` and `secure_port` go into the endpoints of `default/kubernetes`;
    `client_ca` and `proxy_ca` are the CAs (PEM) of clients and of authenticating proxies, published for the cluster's other
    servers. `service_account_plugin`: pods get service accounts. `node_restriction`: nodes write only what is their own. `disabled_plugins`: admission plugins, by name, that do without.
    """

    event_ttl: float = 3600.0
    min_request_timeout: float = 1800.0
    service_cluster_ip_range: str = "10.0.0.0/24"
    service_node_port_range: str = "30000-32767"
    not_ready_toleration: int = 300
    unreachable_toleration: int = 300
    advertise_address: str = "127.0.0.1"
    secure_port: int = 6443
    client_ca: str = ""
    proxy_ca: str = ""
    service_account_plugin: bool = False
    node_restriction: bool = False
    disabled_plugins: frozenset[str] = frozenset()


class Registry(Resources):
    """All stored resources of one server, with the rules by which they live and change.

    `shared` is the log once more when other servers write it, too. `elsewhere`: resources that are kept in other logs. Making one
    gives the hubs a cacher for each stored resource. `access`: who may do what; everybody everything, if it is not said. Then: open and run the logs, run the hubs, `await prepare()`, and run `run` beside them.
    """

    def __init__(
        self,
        log: EventLog,
        hub: Hub,
        catalog: Catalog,
        settings: Settings | None = None,
        *,
        shared: SharedLog | None = None,
        access: Access | None = None,
        authenticate: Authenticate = nobody,
        issuer: Issuer | None = None,
        plugins: Sequence[Plugin] = (),
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
        elsewhere: Sequence[Elsewhere] = (),
    ) -> None:
        self.settings = settings or Settings()
        self.log = log
        random = random or Random()  # noqa: S311 - names and uids are no secrets
        least_timeout = self.settings.min_request_timeout
        self._access = access or Access(AlwaysAllow())
        super().__init__(
            hub,
            catalog,
            least_timeout,
            bounds=bounds,
            random=random,
            elsewhere=elsewhere,
            followers=self._access.followers,
            marks_versions=shared is None,
        )
        self._random = random
        self._ranges = tuple(text.strip() for text in self.settings.service_cluster_ip_range.split(","))
        self._namespaces = Namespaces()
        self._priorities = StoredPriorityClasses()
        allocator = ServiceAllocator(self._ranges, self.settings.service_node_port_range, random)
        self._ledger = None if shared is None else Ledger(shared, allocator, clock, random, hub.wait_newest)
        self._store = Store(
            log=log,
            hub=hub,
            catalog=catalog,
            cachers=self._cachers,
            chain=self._chain(plugins),
            allocator=allocator,
            ledger=self._ledger,
            clock=clock,
            access=self._access,
            random=random,
            conversions=self.conversions,
            elsewhere=elsewhere,
            issuer=issuer,
        )
        self._reviewer = Reviewer(catalog, clock, self._access.authorizer, authenticate)
        self._expiry = Expiry(log, self.settings.event_ttl, clock)
        self._protection = Protection(self._store)
        self._establishing = DefinitionController(self._store)
        self._hooks = Hooks(self._store, self.caller)
        self._governing = Governing(self._store, self._hooks)
        self._followers = self._followed()

    def _chain(self, plugins: Sequence[Plugin]) -> Chain:
        """The default plugins in kube-apiserver's order, then those handed in."""
        first = NamespaceLifecycle(self._namespaces.state_of, self._wait_for_namespaces)
        topology = PodTopologyLabels(self._node_labels)
        limits = LimitRanger(self._documents("LimitRange"))
        runtimes = RuntimeClass(partial(self._object, "node.k8s.io", "RuntimeClass", ""))
        storage = DefaultStorageClass(partial(self._documents("StorageClass", "storage.k8s.io"), ""))
        resize = PersistentVolumeClaimResize(partial(self._object, "storage.k8s.io", "StorageClass", ""))
        ingresses = DefaultIngressClass(partial(self._documents("IngressClass", "networking.k8s.io"), ""))
        quota = ResourceQuota(self._documents("ResourceQuota"), self._charge)
        priority = Priority(self._priorities)
        tolerations = DefaultTolerationSeconds(
            self.settings.not_ready_toleration, self.settings.unreachable_toleration
        )
        security = PodSecurity(self._namespaces.secured, self._documents("Pod"))
        accounts = self._accounts()
        chain = Chain(
            [
                first,
                limits,
                *accounts,
                priority,
                tolerations,
                storage,
                runtimes,
                ingresses,
                topology,
                *plugins,
                *guarding.last(self._access),
            ],
            [
                *self._restrictions(),
                limits,
                *accounts,
                security,
                priority,
                resize,
                runtimes,
                *guarding.signers(self._access),
                quota,
            ],
            disabled=self.settings.disabled_plugins,
        )
        if self.settings.node_restriction:
            guarding.restrict_nodes(chain, self._access, self._object)
        return chain

    def _object(self, group: str, kind: str, namespace: str, name: str) -> Document | None:
        return self._store.found(group, kind, namespace, name)

    def _accounts(self) -> Sequence[ServiceAccount]:
        """The plugin that gives pods their accounts, where it is wanted."""
        if not self.settings.service_account_plugin:
            return ()
        random_name = partial(generated_name, random=self._random)
        account = partial(self._object, "", "ServiceAccount")
        return (ServiceAccount(account, self._wait_for_account, random_name),)

    async def _wait_for_account(self, namespace: str, name: str) -> None:
        """A controller makes `default` in each new namespace: it is looked for ten times, as by kube-apiserver, any other once."""
        await self._cachers["serviceaccounts"].hub.wait_newest()
        pause = self._random.uniform(0.1, 0.2)
        for _ in range(9 if name == "default" else 0):
            if self.find("serviceaccounts", f"{namespace}/{name}") is not None:
                return
            await trio.sleep(pause)

    def _restrictions(self) -> Sequence[Validator]:
        """What is asked first of what is valid, unless everybody may do everything."""
        if self._access.open:
            return ()
        from watchcache.admission.parameters import ParameterAccess  # noqa: PLC0415 - most servers have none

        access = ParameterAccess(self._access.authorizer, self._param_resource, self._policy)
        return (access,)

    def _param_resource(self, api_version: str, kind: str) -> Resource | None:
        return self._governing.param_resource(api_version, kind)

    def _policy(self, kind: str, name: str) -> Document | None:
        return self._governing.policy(kind, name)

    def _documents(self, kind: str, group: str = "") -> Callable[[str], Sequence[Document]]:
        """What gives the objects of a kind in a namespace ("": all)."""
        resource = self.catalog.of_kind(group, "v1", kind)
        assert resource is not None, kind
        return lambda namespace: self._store.documents(resource, namespace)

    async def _charge(self, namespace: str, name: str, charged: Callable[[Document], Document]) -> None:
        await quotas.charge(self._store, namespace, name, charged)

    async def _wait_for_namespaces(self) -> None:
        await self._cachers["namespaces"].hub.wait_newest()

    @property
    def chain(self) -> Chain:
        """The plugins that each write passes."""
        return self._store.chain

    @property
    def webhooks(self) -> Webhooks:
        """What else is asked about writes, over the network."""
        return self._hooks.webhooks

    @property
    def policies(self) -> Policies:
        """What else is asked about writes, in CEL."""
        return self._governing.policies

    def _node_labels(self, name: str) -> Mapping[str, str]:
        return self._store.node_labels(name)

    # -- life

    async def prepare(self) -> None:
        """Take in what is stored, then create the standard objects. Once, while log and hub run.

        Raises what the log raises; when the store cannot be reached, after it has been tried for PATIENCE seconds.
        """
        self._take_in()
        await self._prepare_standard()
        self._hooks.configured.load()
        self._governing.configured.load()

    async def _prepare_standard(self) -> None:
        until: float | None = None
        while True:
            try:
                await self._create_standard()
            except JournalUnavailable as problem:
                if until is None:
                    _logger.warning("the standard objects wait: %s", problem)
                    until = trio.current_time() + PATIENCE
                if trio.current_time() >= until:
                    raise
                await trio.sleep(0.5)
            else:
                return

    async def _create_standard(self) -> None:
        if self._ledger is not None:
            await self._ledger.tidy()
        address = bootstrap.Address(self.settings.advertise_address, self.settings.secure_port, self._ranges)
        await bootstrap.bootstrap(self._store, address)
        if self.settings.client_ca:
            await self.ensure(
                bootstrap.authentication(self.settings.client_ca, self.settings.proxy_ca), refresh=True
            )
        if self._access.policy is not None:
            from watchcache.registry.standing import reconcile  # noqa: PLC0415 - most servers have none

            await reconcile(self._store)

    def _take_in(self) -> None:
        """Load and subscribe in one step without await, so that no event is missed or seen twice."""
        for key, head in self._heads(self._namespaces.prefix):
            self._namespaces.load(key, head.value)
        for key, head in self._heads(self._priorities.prefix):
            self._priorities.load(key, head.value)
        for _, head in self._heads(SERVICES):
            self._store.allocator.replaced(None, head.value)
        if self._ledger is not None:
            self._ledger.load()
        self._expiry.load()
        self._protection.load()
        self._establishing.load()
        self.follow_definitions()
        for log in (self.log, *(each.log for each in self._store.elsewhere)):
            log.subscribe(partial(self._seen, log))

    def log_of(self, resource: Resource) -> EventLog:
        """The log that a resource is kept in."""
        return self._store.log_of(f"{resource.storage_prefix}/")

    def _heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        return self._store.log_of(prefix).heads(prefix)

    def _seen(self, log: EventLog, events: Sequence[Event]) -> None:
        """What the registry itself follows of a log."""
        for event in events:
            key = event.key
            if self._store.log_of(key) is not log:
                continue  # left there from before the resource was kept elsewhere
            if self._ledger is not None:
                self._ledger.seen(event)
            self._followers.get(key[: key.find("/")], self._protection.seen)(event)
            if event.deleted:
                self._namespaces.content_seen(event)
                self._establishing.content_seen(event)

    def _followed(self) -> dict[str, Callable[[Event], None]]:
        """Who follows what of the log, by the first segment of its keys."""
        return {
            "events": self._expiry.seen,
            SERVICES.partition("/")[0]: self._service_seen,
            self._namespaces.prefix.rstrip("/"): self._namespaces.seen,
            self._priorities.prefix.rstrip("/"): self._priorities.seen,
            self._establishing.prefix.partition("/")[0]: self._definition_seen,
            **{
                prefix.rstrip("/"): configured.seen
                for configured in (self._hooks.configured, self._governing.configured)
                for prefix in configured.prefixes
            },
        }

    def _service_seen(self, event: Event) -> None:
        if event.key.startswith(SERVICES):
            self._store.allocator.replaced(event.prev, None if event.deleted else event.value)

    def _definition_seen(self, event: Event) -> None:
        if event.key.startswith(self._establishing.prefix):
            self._establishing.seen(event)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the housekeeping: namespaces, claims, volumes and definitions that end, events that expire. Ends only when cancelled."""
        try:
            await self._keep_house(task_status)
        finally:
            with trio.CancelScope(shield=True):
                await self.aclose()

    async def _keep_house(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(NamespaceController(self._store, self._namespaces).run)
            if not self.log.expires:
                nursery.start_soon(self._expiry.run)
            nursery.start_soon(self._protection.run)
            await nursery.start(self.views.run)
            nursery.start_soon(self._establishing.run)
            if self._ledger is not None:
                nursery.start_soon(self._ledger.run)
            task_status.started()

    async def ensure(self, document: Document, *, refresh: bool = False) -> None:
        """Create an object of the server's own unless it is there; with `refresh` replace what is there if it differs."""
        await bootstrap.ensure(self._store, document, refresh=refresh)

    # -- writes

    async def create(self, call: Call, document: Document) -> Outcome:
        """POST: create an object, or act through a subresource (binding, eviction, ...) or a review kind."""
        if subresources.acts(call):
            return await subresources.act(self._store, call, document)
        if self._reviewer.answers(call):
            question = self._reviewer.question(call, document)
            return self._reviewer.answer(call, await admitted(self._store, call, question, None))
        if not call.resource.stored:
            raise status.method_not_allowed()
        return await self._when_served(call, create.create(self._store, call, document))

    def _when_served(self, call: Call, write: Awaitable[Outcome]) -> Awaitable[Outcome]:
        """The outcome of a write; of a definition, when what it defines is served."""
        if call.resource is self._definitions.resource and not (call.dry_run or call.subresource):
            return self._settled(call, write)
        return write

    async def _settled(self, call: Call, write: Awaitable[Outcome]) -> Outcome:
        outcome = await write
        await self._establishing.settle(call.name)
        return outcome

    async def update(self, call: Call, document: Document) -> Outcome:
        """PUT: replace an object or a subresource (M4-M7)."""
        if call.subresource and scale.is_scale(call):
            return await scale.update_scale(self._store, call, document)
        return await self._when_served(call, update.update(self._store, call, document))

    async def patch(self, call: Call, content_type: str, body: bytes, force: bool = False) -> Outcome:
        """PATCH with one of the patch types (M8, M9); `force` is for apply patches."""
        applies = content_type == apply.TYPE
        if call.subresource and scale.is_scale(call):
            if applies:
                return await scale.apply_scale(self._store, call, body, force)
            return await scale.patch_scale(self._store, call, content_type, body)
        if applies:
            return await self._when_served(call, apply.apply(self._store, call, body, force))
        return await self._when_served(call, patch.patch(self._store, call, content_type, body))

    async def delete(self, call: Call, options: DeleteOptions) -> Outcome:
        """DELETE one object (M12-M15)."""
        if call.subresource:
            raise status.method_not_allowed()
        return await delete.delete(self._store, call, options)

    async def connect(self, call: Call, options: Document) -> Outcome:
        """exec, attach, port-forward and the proxies: admission is asked, the rest is the caller's."""
        kind = call.resource.group, call.resource.version, options["kind"]
        return Outcome(200, document=await admitted(self._store, call, options, kind, connects=True))

    async def delete_collection(
        self, call: Call, list_options: ListOptions, delete_options: DeleteOptions
    ) -> Listed:
        """DELETE a collection; the list as it was read before (M20)."""
        read = await self._read(call.resource)
        return await collection.delete_collection(self._store, read, call, list_options, delete_options)
