"""Claims of volumes, volumes, and storage classes: what they must say, and what of it stays for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, well_named
from watchcache.api.validation.selectors import selector_causes

_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_ALONE: Final = "ReadWriteOncePod"
_VOLUME_MODES: Final = ("Block", "Filesystem")
_RECLAIM_POLICIES: Final = ("Delete", "Recycle", "Retain")
_CLAIM_CHANGES: Final = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_SOURCES: Final = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
"""What a volume can be, in the order in which a second one is noticed."""


def _claim(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    before = (old or {}).get("spec") or {}
    if old is not None and spec == before:
        return
    yield from claim_causes(spec, "spec")
    if old is not None:
        bound = (new.get("status") or {}).get("phase") == "Bound"
        if _fixed_claim(spec, before, bound=bound) != before:
            # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
            yield causes.forbidden("spec", _CLAIM_CHANGES)
        yield from _shrunk(spec, old)
        yield from _same(spec, before, "volumeMode", "volumeMode")


def claim_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the spec of a claim, or of a template of claims."""
    yield from selector_causes(spec.get("selector") or {}, f"{path}.selector")
    modes = spec.get("accessModes") or ()
    if not modes:
        yield causes.required(f"{path}.accessModes", "at least 1 access mode is required")
    for mode in modes:
        yield from one_of(mode, _ACCESS_MODES, f"{path}.accessModes")
    if _ALONE in modes and len(modes) > 1:
        yield causes.forbidden(f"{path}.accessModes", f"may not use {_ALONE} with other access modes")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield causes.required(f"{path}.resources[storage]")
    elif quantity(size) <= 0:
        yield causes.invalid(f"{path}.resources[storage]", size, "must be greater than zero")
    yield from well_named(spec.get("storageClassName") or "", names.subdomain, f"{path}.storageClassName")
    yield from one_of(spec.get("volumeMode"), _VOLUME_MODES, f"{path}.volumeMode")


def _fixed_claim(spec: Document, before: Document, *, bound: bool) -> Document:
    """The spec of a claim with what may change as it was: its volume and its class once, what it asks for while it is bound."""
    free = {name for name in ("volumeName", "storageClassName") if before.get(name) is None}
    if bound:
        free.add("volumeAttributesClassName")
    fixed = {name: value for name, value in spec.items() if name not in free}
    fixed |= {name: before[name] for name in free if name in before}
    resources, known = fixed.get("resources") or {}, before.get("resources") or {}
    if bound and resources.get("requests") and known.get("requests"):
        requests = {**resources["requests"], "storage": known["requests"].get("storage")}
        fixed["resources"] = {**resources, "requests": requests}
    return fixed


def _shrunk(spec: Document, old: Document) -> Iterator[Cause]:
    """Less may be asked for while the volume has not grown yet, but not less than it has."""
    asked, before, has = (
        quantity(((holder or {}).get(member) or {}).get("storage"))
        for holder, member in (
            (spec.get("resources"), "requests"),
            ((old.get("spec") or {}).get("resources"), "requests"),
            (old.get("status"), "capacity"),
        )
    )
    if asked < before and asked <= has:
        text = "field can not be less than status.capacity"
        yield causes.forbidden("spec.resources.requests.storage", text)


def _volume(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        yield from _volume_causes(spec)
        return
    before = old.get("spec") or {}
    if spec == before:
        return
    yield from _volume_causes(spec)
    yield from _volume_causes(spec)  # kube-apiserver looks twice
    if _source(spec, before) != _source(before, before):
        # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
        text = "spec.persistentvolumesource is immutable after creation"
        yield causes.forbidden("spec.persistentvolumesource", text)
    yield from _same(spec, before, "volumeMode", "volumeMode")


def _volume_causes(spec: Document) -> Iterator[Cause]:
    modes, capacity = spec.get("accessModes") or (), spec.get("capacity")
    if not modes:
        yield causes.required("spec.accessModes")
    for mode in modes:
        yield from one_of(mode, _ACCESS_MODES, "spec.accessModes")
    if _ALONE in modes and len(modes) > 1:
        yield causes.forbidden("spec.accessModes", f"may not use {_ALONE} with other access modes")
    if not capacity:
        yield causes.required("spec.capacity")
    if not capacity or capacity.keys() != {"storage"}:
        yield causes.not_supported("spec.capacity", capacity, ("storage",))
    for name, amount in (capacity or {}).items():
        if quantity(amount) < 0:
            text = "must be a valid resource quantity"
            yield causes.invalid(f"spec.capacity[{name}]", int(quantity(amount)), text)
        if quantity(amount) <= 0:
            yield causes.invalid(f"spec.capacity[{name}]", amount, "must be greater than zero")
    kinds = [name for name in _SOURCES if spec.get(name) is not None]
    for second in kinds[1:]:
        yield causes.forbidden(f"spec.{second}", "may not specify more than 1 volume type")
    if not kinds:
        yield causes.required("spec", "must specify a volume type")
    if "local" in kinds and not spec.get("nodeAffinity"):
        yield causes.required("spec.nodeAffinity", "Local volume requires node affinity")
    yield from one_of(
        spec.get("persistentVolumeReclaimPolicy"), _RECLAIM_POLICIES, "spec.persistentVolumeReclaimPolicy"
    )


def _source(spec: Document, before: Document) -> Document:
    """What a volume is; a secret for its expansion may be named later."""
    source = {name: spec[name] for name in _SOURCES if spec.get(name) is not None}
    if "csi" in source and "controllerExpandSecretRef" not in (before.get("csi") or {}):
        source["csi"] = {
            name: value for name, value in source["csi"].items() if name != "controllerExpandSecretRef"
        }
    return source


def _storage_class(new: Document, old: Document | None) -> Iterator[Cause]:
    if not new.get("provisioner"):
        yield causes.required("provisioner")
    yield from one_of(new.get("reclaimPolicy"), ("Delete", "Retain"), "reclaimPolicy")
    yield from one_of(
        new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), "volumeBindingMode"
    )
    if old is not None:
        for member in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
            yield from _same(new, old, member, member)


def _driver(new: Document, old: Document | None) -> Iterator[Cause]:
    """The driver of a volume keeps how it is attached; kube-apiserver misspells the first field, and so do we."""
    if old is None:
        return
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from _same(spec, before, "attachRequired", "spec.attachedRequired")
    yield from _same(spec, before, "volumeLifecycleModes", "spec.volumeLifecycleModes")


def _same(new: Document, old: Document, member: str, field: str) -> Iterator[Cause]:
    if new.get(member) != old.get(member):
        yield causes.immutable(field, new.get(member))


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume,
    ("storage.k8s.io", "csidrivers"): _driver,
    ("storage.k8s.io", "storageclasses"): _storage_class,
}
