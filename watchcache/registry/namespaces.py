"""Namespaces: their states for admission, and the controller that empties the ones that end.

A deleted namespace stays, Terminating, until everything in it is gone; then the finalizer `kubernetes` is
taken from its spec, which removes it. kube-controller-manager does the same; both may run, because
every step is a deletion or a read-modify-write that finds its work done.

Pods go first, and nothing else goes while one is left: what they rely on while they end (secrets, network policies) stays until then.
What holds an object (a finalizer, a kubelet) holds the namespace. A pod whose node does not exist has nobody to
stop it and is removed at once, as the pod garbage collector does it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import trio

from watchcache.admission import NamespaceState, security_labels
from watchcache.api.catalog import Resource
from watchcache.api.options import DeleteOptions
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.log import Event, JournalError
from watchcache.registry.calls import Call, Document
from watchcache.registry.delete import delete
from watchcache.registry.store import Store, read_modify_write

_logger = logging.getLogger(__name__)

FINALIZER = "kubernetes"
USER = UserInfo("system:serviceaccount:kube-system:namespace-controller", groups=("system:serviceaccounts",))
WORKERS = 16
"""Deletions on their way at once: enough to share the journal's syncs."""
RETRY = 5.0
"""Seconds until a namespace that something holds is looked at again though nothing in it was deleted."""


class _Metadata(msgspec.Struct):
    deleted: str | None = msgspec.field(default=None, name="deletionTimestamp")
    labels: dict[str, str] | None = None


class _Spec(msgspec.Struct):
    finalizers: list[str] | None = None


class _Status(msgspec.Struct):
    phase: str = ""


class _Namespace(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Namespace).decode


class Namespaces:
    """The state of every namespace, from the log's events; wakes the controller."""

    prefix = "namespaces/"

    def __init__(self) -> None:
        self._states: dict[str, NamespaceState] = {}
        self._ending: set[str] = set()
        self.secured: dict[str, dict[str, str]] = {}
        """The labels about the security of pods, of namespaces that have any."""
        self.changed = trio.Event()

    def state_of(self, name: str) -> NamespaceState:
        """For admission: as of the newest published event."""
        return self._states.get(name, NamespaceState.ABSENT)

    def ending(self) -> list[str]:
        """Namespaces that wait to be emptied."""
        return sorted(self._ending)

    def load(self, key: str, value: bytes) -> None:
        """Take in a stored namespace."""
        name = key.removeprefix(self.prefix)
        namespace = _decode(value)
        ends = namespace.metadata.deleted is not None
        terminating = ends or namespace.status.phase == "Terminating"
        self._states[name] = NamespaceState.TERMINATING if terminating else NamespaceState.ACTIVE
        if labels := security_labels(namespace.metadata.labels):
            self.secured[name] = labels
        else:
            self.secured.pop(name, None)
        if ends and FINALIZER in (namespace.spec.finalizers or ()):
            self._ending.add(name)
            self.changed.set()
        else:
            self._ending.discard(name)

    def seen(self, event: Event) -> None:
        """Take in the log's event about a namespace."""
        if event.deleted:
            name = event.key.removeprefix(self.prefix)
            self._states.pop(name, None)
            self.secured.pop(name, None)
            self._ending.discard(name)
        else:
            self.load(event.key, event.value)

    def content_seen(self, event: Event) -> None:
        """Something was deleted: perhaps the last thing that held a namespace."""
        if self._ending and event.deleted and event.key.rsplit("/", 2)[-2] in self._ending:
            self.changed.set()


class NamespaceController:
    """Empties namespaces that end."""

    def __init__(self, store: Store, namespaces: Namespaces) -> None:
        self._store = store
        self._namespaces = namespaces

    async def run(self) -> None:
        """Work whenever a namespace begins to end or loses something; ends only when cancelled."""
        while True:
            self._namespaces.changed = changed = trio.Event()
            for name in self._namespaces.ending():
                await self._try_to_empty(name)
            with trio.move_on_after(RETRY if self._namespaces.ending() else float("inf")):
                await changed.wait()

    async def _try_to_empty(self, name: str) -> None:
        try:
            await self.empty(name)
        except* (StatusError, JournalError):
            _logger.info(
                "namespace %s is not empty yet", name
            )  # somebody was faster, or the disk is full: again later

    async def empty(self, name: str) -> None:
        """Delete what is in a namespace, pods first; let go of it when nothing is left."""
        contents = [resource for resource in self._store.catalog.stored() if resource.namespaced]
        pods = [resource for resource in contents if (resource.group, resource.kind) == ("", "Pod")]
        if await self._are_deleted(name, pods) and await self._are_deleted(name, contents):
            await self._finalize(name)

    async def _are_deleted(self, name: str, resources: list[Resource]) -> bool:
        """Delete all objects of some kinds; whether none is left."""
        calls = self._objects(name, resources)
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(self._delete_all, calls)
        return next(self._objects(name, resources), None) is None

    async def _delete_all(self, calls: Iterator[Call]) -> None:
        for call in calls:
            # It is gone already, or cannot go now: what is left is looked at again.
            with suppress(StatusError):
                await delete(self._store, call, self._options(call))

    def _objects(self, name: str, resources: list[Resource]) -> Iterator[Call]:
        for resource in resources:
            for object_name in self._store.names(resource, name):
                yield Call(resource, USER, "delete", name, object_name)

    def _options(self, call: Call) -> DeleteOptions:
        grace = 0 if call.resource.kind == "Pod" and not self._has_node(call) else None
        return DeleteOptions(grace_period_seconds=grace, propagation_policy="Background")

    def _has_node(self, call: Call) -> bool:
        head = self._store.log_of(call.key).head(call.key)
        if head is None:
            return False
        spec = self._store.document(call.resource, head.value).get("spec") or {}
        key = f"minions/{spec.get('nodeName', '')}"
        return self._store.log_of(key).head(key) is not None

    async def _finalize(self, name: str) -> None:
        resource = self._resource()
        call = Call(resource, USER, "update", name=name, subresource="finalize")
        await read_modify_write(self._store, call, _without_finalizer)

    def _resource(self) -> Resource:
        resource = self._store.catalog.of_kind("", "v1", "Namespace")
        assert resource is not None, "the catalog has namespaces"
        return resource


async def _without_finalizer(namespace: Document, revision: int) -> Document:
    del revision
    left = [held for held in (namespace.get("spec") or {}).get("finalizers") or () if held != FINALIZER]
    return {**namespace, "spec": {"finalizers": left} if left else {}}
