"""Read, modify, write on the log's newest state: the loop under every change of a stored object.

The rules, and why:

- A writer builds on `log.head`, the newest *queued* state, so that writers of one key line up in the
  log's queue instead of failing one another. Only what a client asked for by resourceVersion or uid fails.
- An append names the revision it was built on. When another writer was faster (it can be only while
  `modify` waits, as admission may), everything is done again on the newer state: the client never sees it.
- What is answered must be durable (rule 3 of the architecture). Refusals and "nothing to do" are about a state
  that may still be queued, or be outdated where several servers share an etcd: `confirm` waits, or says that it is.
- An unchanged document is not written: same revision, no event (M10). Documents are compared, not
  bytes, because the order of a client's keys means nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from random import Random

import msgspec

from watchcache.admission import Chain
from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import document_of, stamp, value_of
from watchcache.auth import Access
from watchcache.cacher import LAST, Cacher, Entry, Hub
from watchcache.log import Conflict, Event, EventLog, Head
from watchcache.registry.addresses import ServiceAllocator
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.claims import SERVICES, Ledger
from watchcache.registry.conversions import Conversions
from watchcache.registry.deletion import is_finished
from watchcache.registry.issuer import Issuer
from watchcache.registry.kinds import strategy_of
from watchcache.registry.versions import outgoing


class NotConverted(Exception):
    """A version that a webhook makes cannot be read at once: it has to be asked for (`Resources.get`)."""


class Apart(msgspec.Struct, frozen=True):
    """Resources that are kept in a log of their own, by storage prefix, and the hub that follows it."""

    prefixes: frozenset[str]
    hub: Hub


class Elsewhere(Apart, frozen=True):
    """The same, and the log to write to."""

    log: EventLog


class Stored(msgspec.Struct):
    """What the reading verbs work with: the cachers and the catalog. `hub` feeds the cachers of all that is not `elsewhere`."""

    hub: Hub
    catalog: Catalog
    cachers: Mapping[str, Cacher]
    random: Random
    elsewhere: Sequence[Apart] = ()

    def hub_of(self, resource: Resource) -> Hub:
        """The hub that feeds the cache of a resource."""
        for each in self.elsewhere:
            if resource.storage_prefix in each.prefixes:
                return each.hub
        return self.hub

    def storage(self, resource: Resource) -> Resource:
        """The resource in whose version the objects of this one are kept."""
        return resource if resource.is_storage_version else self.catalog.storage_of(resource)

    def cacher(self, resource: Resource) -> Cacher:
        """The cache of a stored resource; 404 for kinds that are not stored. Raises NotConverted."""
        cacher = self.cachers.get(resource.cached_as)
        if cacher is None:
            raise NotConverted if resource.converted else status.unknown_resource()
        return cacher

    def names(self, resource: Resource, namespace: str) -> list[str]:
        """Names of the objects of a kind in a namespace, as of the newest published event; [] when its cache is not ready."""
        cacher = self.cachers.get(resource.storage_prefix)
        if cacher is None or not cacher.ready:
            return []
        skip = len(resource.storage_prefix) + len(namespace) + 2
        return [entry.key[skip:] for entry in in_namespace(cacher, namespace)]

    def documents(self, resource: Resource, namespace: str) -> list[Document]:
        """Fresh documents of the objects of a kind in a namespace ("": of all), as of the newest published event."""
        cacher = self.cachers[resource.storage_prefix]
        if not cacher.store:  # so it is with limit ranges and quotas, for which each new pod asks
            return []
        return [self.document(resource, entry.value) for entry in in_namespace(cacher, namespace)]

    def found(self, group: str, kind: str, namespace: str, name: str) -> Document | None:
        """A fresh document of an object of a built-in kind, as of the newest published event; None when it is not there."""
        resource = self.catalog.of_kind(group, "v1", kind)
        assert resource is not None, f"the catalog has {kind}"
        place = f"{namespace}/{name}" if namespace else name
        entry = self.cachers[resource.storage_prefix].get(f"{resource.storage_prefix}/{place}")
        return None if entry is None else self.document(resource, entry.value)

    async def namespace(self, name: str) -> Entry | None:
        """A namespace; it is waited for what was acknowledged before it is said not to be there."""
        resource = self.catalog.of_kind("", "v1", "Namespace")
        assert resource is not None, "the catalog has namespaces"
        cacher = self.cacher(resource)
        key = f"{resource.storage_prefix}/{name}"
        entry = cacher.get(key)
        if entry is None:
            await cacher.hub.wait_newest()
            entry = cacher.get(key)
        return entry

    def node_labels(self, name: str) -> Mapping[str, str]:
        """The labels of a node as of the newest published event; none when it is not there."""
        entry = self.cachers["minions"].get(f"minions/{name}")
        return {} if entry is None else entry.labels or {}

    def address_of(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        """Where a service is called, as kube-apiserver does without `--enable-aggregator-routing`. Raises NotReached."""
        from watchcache.webhooks import NotReached  # noqa: PLC0415 - whoever asks has imported it

        service = self.found("", "Service", namespace, name)
        if service is None:
            raise NotReached(f'service "{name}" not found')
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return spec.get("externalName") or "", port
        if spec.get("clusterIP") == "None":
            raise NotReached('cannot route to service with ClusterIP "None"')
        if all(each.get("port") != port for each in spec.get("ports") or ()):
            raise NotReached(f'no service port {port} found for service "{name}"')
        return spec.get("clusterIP") or "", port

    def document(self, resource: Resource, value: bytes) -> Document:
        """A fresh document of a stored value, in the storage version."""
        return document_of(value, self.storage(resource))

    def outcome(self, call: Call, code: int, value: bytes) -> Outcome:
        """The answer with a stored value, in the version that the call speaks."""
        return Outcome(code, outgoing(value, call.resource, self.catalog))


def in_namespace(cacher: Cacher, namespace: str) -> Iterable[Entry]:
    """The objects of a kind in a namespace ("": all), sorted by key."""
    prefix = f"{cacher.prefix}/{namespace}/" if namespace else f"{cacher.prefix}/"
    return cacher.store.range(prefix, prefix + LAST)


class Store(Stored, kw_only=True):
    """What the writing verbs work with besides: the log, admission, the ranges of services and the clock (unix seconds)."""

    log: EventLog
    chain: Chain
    allocator: ServiceAllocator
    clock: Callable[[], float]
    conversions: Conversions
    access: Access
    elsewhere: Sequence[Elsewhere] = ()
    ledger: Ledger | None = None
    """Where what services hold is written beside them; None where one server has the log for itself."""
    issuer: Issuer | None = None
    """Who signs the tokens of service accounts."""

    def log_of(self, key: str) -> EventLog:
        """The log of a key, or of the keys that begin like it; storage prefixes have one segment or two."""
        if self.elsewhere:
            first = key.find("/")
            own = key[:first], key[: key.find("/", first + 1)]
            for each in self.elsewhere:
                if not each.prefixes.isdisjoint(own):
                    return each.log
        return self.log

    def append(self, key: str, value: bytes | None, head: Head | None) -> Awaitable[Event]:
        """Write a key, or delete it (None), that `head` is the state of; raises what the log raises."""
        if self.ledger is not None and key.startswith(SERVICES):
            return self.ledger.append(key, value, head)
        expected = 0 if head is None else head.revision
        return self.log_of(key).append_nowait(key, value, expected=expected).wait()

    def chooses(self, resource: Resource) -> bool:
        """Whether what is chosen for an object may be another server's when it is written; each attempt then needs the document as it was."""
        return self.ledger is not None and f"{resource.storage_prefix}/" == SERVICES

    async def is_outdated(self) -> bool:
        """Whether a refusal for what services hold may rest on an old state; then the newest is known now."""
        return self.ledger is not None and await self.ledger.is_outdated()


Modify = Callable[[Document, int], Awaitable[Document]]
"""(stored document, its revision) -> what it shall become. Must not change the document it is given."""


async def read_modify_write(store: Store, call: Call, modify: Modify) -> bytes:
    """Change the object of a call; returns the stamped value to answer with.

    Raises StatusError 404 when it is not there, and what `modify` raises, if the state that it saw is what is stored.
    """
    while True:
        head = await head_of(store, call.key)
        if head is None:
            raise not_found(call)
        resource = call.resource
        try:
            old = store.document(resource, head.value)
            if resource.converted:
                stored = store.conversions.document(resource, head.value)
                (old,) = await store.conversions.spoken(resource, [stored])
            document = await modify(old, head.revision)
        except status.StatusError:
            if await store.log_of(call.key).confirm(call.key, head.revision):
                raise
            continue
        if resource.converted:
            value = await _write_converted(store, call, head, document, old)
        else:
            value = await _write(store, call, head, document)
        if value is not None:
            return value


async def _write_converted(
    store: Store, call: Call, head: Head, document: Document, old: Document
) -> bytes | None:
    """The same where a webhook stands between what is written and what is kept; the value is in the version of the call."""
    conversions, resource = store.conversions, call.resource
    if is_finished(document, strategy_of(resource).deletion):
        return await _finish(store, call, head, document)
    value = stamp(value_of(old), head.revision)
    if document != old:
        kept = conversions.kept_value(resource, await conversions.kept(resource, document))
        if not call.dry_run:
            try:
                event = await store.append(call.key, kept, head)
            except Conflict:
                return None
            return await conversions.value(resource, event.value)
        value = await conversions.value(resource, stamp(kept, head.revision))
    return value if await store.log_of(call.key).confirm(call.key, head.revision) else None


async def _write(store: Store, call: Call, head: Head, document: Document) -> bytes | None:
    """Write what `modify` made of a head; None when another writer was faster."""
    if is_finished(document, strategy_of(call.resource).deletion):
        return await _finish(store, call, head, document)
    if document == store.document(call.resource, head.value):
        return head.value if await store.log_of(call.key).confirm(call.key, head.revision) else None
    value = value_of(document)
    if call.dry_run:
        return (
            stamp(value, head.revision)
            if await store.log_of(call.key).confirm(call.key, head.revision)
            else None
        )
    try:
        event = await store.append(call.key, value, head)
    except Conflict:
        return None
    return event.value


async def _finish(store: Store, call: Call, head: Head, document: Document) -> bytes | None:
    """The change lets go of an object that is being deleted: it is removed, and answered with its old revision (M13)."""
    if not call.dry_run:
        try:
            await store.append(call.key, None, head)
        except Conflict:
            return None
    elif not await store.log_of(call.key).confirm(call.key, head.revision):
        return None
    return stamp(value_of(document), head.revision)


async def head_of(store: Store, key: str) -> Head | None:
    """The newest state of a key that is known; None only when it is durably not there."""
    log = store.log_of(key)
    head = log.head(key)
    while head is None and not await log.confirm(key, 0):
        head = log.head(key)
    return head


def not_found(call: Call) -> status.StatusError:
    """404 for the object of a call."""
    return status.not_found(call.resource.group_resource, call.name)
