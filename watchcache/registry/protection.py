"""Claims, volumes and classes of their attributes that are being deleted are let go of when nothing uses them any more.

All are created with a finalizer that protects them (`kinds`); in a cluster three controllers of kube-controller-manager take it
away. Without one nobody would, and deleting a namespace with a claim in it would never end. The rules are
kube-controller-manager's: a claim is used by a pod that has a node and names it, a volume while it is bound to a claim that exists,
a class by each claim and volume that names it.

Both may run: where kube-controller-manager is there, it is faster (`PATIENCE`), and the work is found done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

import msgspec
import trio

from watchcache.api.catalog import Resource
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.log import Event, JournalError
from watchcache.registry.calls import Call, Document
from watchcache.registry.store import Store, in_namespace, read_modify_write

_logger = logging.getLogger(__name__)

USER: Final = UserInfo("system:serviceaccount:kube-system:pvc-protection-controller")
CLAIMS: Final = "persistentvolumeclaims/"
VOLUMES: Final = "persistentvolumes/"
CLASSES: Final = "volumeattributesclasses/"
PODS: Final = "pods/"
FINALIZERS: Final = {
    CLAIMS: "kubernetes.io/pvc-protection",
    VOLUMES: "kubernetes.io/pv-protection",
    CLASSES: "kubernetes.io/vac-protection",
}
PATIENCE = 1.0
"""Seconds that kube-controller-manager has to do it first: it needs some milliseconds, and logs an error when another was faster."""
RETRY = 5.0
"""Seconds until what could not be written is tried again."""


class _Owner(msgspec.Struct):
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct):
    name: str = ""
    uid: str = ""
    deleted: str | None = msgspec.field(default=None, name="deletionTimestamp")
    finalizers: list[str] | None = None
    owners: list[_Owner] | None = msgspec.field(default=None, name="ownerReferences")


class _ClaimSource(msgspec.Struct):
    name: str = msgspec.field(default="", name="claimName")


class _PodVolume(msgspec.Struct):
    name: str = ""
    claim: _ClaimSource | None = msgspec.field(default=None, name="persistentVolumeClaim")
    ephemeral: dict[str, object] | None = None


class _ClaimReference(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class _Change(msgspec.Struct):
    target: str | None = msgspec.field(default=None, name="targetVolumeAttributesClassName")


class _Spec(msgspec.Struct):
    """Of a pod, of a volume, or of a claim."""

    node: str = msgspec.field(default="", name="nodeName")
    volumes: list[_PodVolume] | None = None
    claim: _ClaimReference | None = msgspec.field(default=None, name="claimRef")
    attributes: str | None = msgspec.field(default=None, name="volumeAttributesClassName")


class _Status(msgspec.Struct):
    phase: str = ""
    attributes: str | None = msgspec.field(default=None, name="currentVolumeAttributesClassName")
    change: _Change | None = msgspec.field(default=None, name="modifyVolumeStatus")


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status = msgspec.field(default_factory=_Status)


class _Specified(_Object):
    spec: _Spec = msgspec.field(default_factory=_Spec)


_decode = msgspec.json.Decoder(_Object).decode
_decode_specified = msgspec.json.Decoder(_Specified).decode


class Protection:
    """Takes the protecting finalizers from claims, volumes and classes that end, once they are not used."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ending: set[str] = set()
        self._changed = trio.Event()

    def load(self) -> None:
        """Take in what of them is stored."""
        for prefix in FINALIZERS:
            for key, head in self._store.log_of(prefix).heads(prefix):
                self._take_in(key, prefix, head.value)

    def seen(self, event: Event) -> None:
        """Take in the log's event about any object."""
        if event.deleted:
            self._ending.discard(event.key)
        if self._ending and event.key.startswith(
            (PODS, CLAIMS, VOLUMES) if event.deleted else (CLAIMS, VOLUMES)
        ):
            self._changed.set()  # perhaps the last that used one of them
        if event.deleted:
            return
        for prefix in FINALIZERS:
            if event.key.startswith(prefix):
                self._take_in(event.key, prefix, event.value)

    def _take_in(self, key: str, prefix: str, value: bytes) -> None:
        metadata = _decode(value).metadata
        if metadata.deleted and FINALIZERS[prefix] in (metadata.finalizers or ()):
            self._ending.add(key)
            self._changed.set()
        else:
            self._ending.discard(key)

    async def run(self) -> None:
        """Work whenever something begins to end or may have become free; ends only when cancelled."""
        while True:
            await self._changed.wait()
            await trio.sleep(PATIENCE)
            self._changed = trio.Event()
            for key in sorted(self._ending):
                await self._try_to_free(key)

    async def _try_to_free(self, key: str) -> None:
        try:
            await self._free(key)
        except StatusError:
            _logger.info("%s was freed by another", key)
        except JournalError:
            _logger.info("%s could not be freed yet", key)
            await trio.sleep(RETRY)
            self._changed.set()

    async def _free(self, key: str) -> None:
        head = self._store.log_of(key).head(key)
        if head is None or self._is_used(key, head.value):
            return
        prefix, rest = key.split("/", 1)
        namespace, _, name = rest.rpartition("/")
        finalizer = FINALIZERS[f"{prefix}/"]
        call = Call(self._resource(f"{prefix}/"), USER, "update", namespace, name)

        async def without(document: Document, revision: int) -> Document:
            del revision
            metadata = dict(document["metadata"])
            left = [held for held in metadata.pop("finalizers", None) or () if held != finalizer]
            return {**document, "metadata": {**metadata, "finalizers": left} if left else metadata}

        await read_modify_write(self._store, call, without)

    def _resource(self, prefix: str) -> Resource:
        group = "storage.k8s.io" if prefix == CLASSES else ""
        resource = self._store.catalog.find(group, "v1", prefix.rstrip("/"))
        assert resource is not None, "the catalog has claims, volumes and classes"
        return resource

    def _is_used(self, key: str, value: bytes) -> bool:
        if key.startswith(VOLUMES):
            return self._is_bound(value)
        if key.startswith(CLASSES):
            return self._is_named(key.removeprefix(CLASSES))
        _, namespace, name = key.split("/")
        owners = {owner.uid for owner in _decode(value).metadata.owners or () if owner.controller}
        return any(uses(pod, name, owners) for pod in self._pods(namespace))

    def _is_bound(self, value: bytes) -> bool:
        volume = _decode_specified(value)
        claim = volume.spec.claim
        if volume.status.phase != "Bound":
            return False
        return (
            claim is None
            or self._store.log_of(CLAIMS).head(f"{CLAIMS}{claim.namespace}/{claim.name}") is not None
        )

    def _is_named(self, attributes: str) -> bool:
        """Whether a claim or a volume has a class, had it, or is to get it."""
        for kind in (VOLUMES, CLAIMS):
            for value in self._values(kind):
                found = _decode_specified(value)
                target = found.status.change.target if found.status.change else None
                if attributes in {found.spec.attributes, found.status.attributes, target}:
                    return True
        return False

    def _pods(self, namespace: str) -> Iterator[bytes]:
        return self._values(PODS, namespace)

    def _values(self, kind: str, namespace: str = "") -> Iterator[bytes]:
        for entry in in_namespace(self._store.cachers[kind.rstrip("/")], namespace):
            yield entry.value


def uses(pod: bytes, claim: str, owners: set[str]) -> bool:
    """Whether a pod uses a claim, which the objects with the uids `owners` control.

    A pod without a node does not: no kubelet will start it with a claim that ends. The claim of an ephemeral volume has the pod's and the
    volume's name and is controlled by the pod.
    """
    if b'"persistentVolumeClaim"' not in pod and b'"ephemeral"' not in pod:
        return False
    found = _decode_specified(pod)
    if not found.spec.node:
        return False
    for volume in found.spec.volumes or ():
        if volume.claim is not None and volume.claim.name == claim:
            return True
        own = volume.ephemeral is not None and f"{found.metadata.name}-{volume.name}" == claim
        if own and found.metadata.uid in owners:
            return True
    return False
