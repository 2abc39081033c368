"""Persistent volumes, also those that an attachment describes itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation import sources
from watchcache.api.validation.affinity import node_selector_causes
from watchcache.api.validation.claims import NO_QUANTITY, NOT_POSITIVE, VOLUME_MODES, access_mode_causes
from watchcache.api.validation.paths import without_backsteps
from watchcache.api.validation.rules import Document, Rule, driver_name, one_of, well_named

_RECLAIM_POLICIES: Final = ("Delete", "Recycle", "Retain")
_SOURCES: Final = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
"""What a volume can be, in the order in which a second one is noticed."""
_MOUNTED: Final = (
    "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs", "azureFile",
    "vsphereVolume", "azureDisk", "photonPersistentDisk",
)  # fmt: skip
"""What can be mounted with options that an annotation names."""
_MOUNT_OPTIONS: Final = "volume.beta.kubernetes.io/mount-options"
_INLINE: Final = "in the context of inline volumes"
_BEYOND_BETA: Final = "field is immutable, except for updating from beta label to GA"
_GENERAL_LABELS: Final = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}
"""What became of labels that nodes had."""


def _volume(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    name, annotations = new["metadata"].get("name") or "", new["metadata"].get("annotations") or {}
    if old is None:
        yield from volume_spec_causes(spec, name, "spec")
        yield from _mount_option_causes(spec, annotations)
        return
    before = old.get("spec") or {}
    if spec == before:
        return
    yield from volume_spec_causes(spec, name, "spec")
    yield from _mount_option_causes(spec, annotations)
    yield from volume_spec_causes(spec, name, "spec")  # kube-apiserver looks twice
    yield from _changed(spec, before)


def volume_spec_causes(spec: Document, name: str, path: str) -> Iterator[Cause]:
    """What is wrong with the spec of a volume of that name."""
    modes, capacity = spec.get("accessModes") or [], spec.get("capacity")
    if not modes:
        yield causes.required(f"{path}.accessModes")
    yield from access_mode_causes(modes, f"{path}.accessModes")
    if not capacity:
        yield causes.required(f"{path}.capacity")
    if not capacity or capacity.keys() != {"storage"}:
        shown = capacity and dict(sorted(capacity.items()))
        yield causes.not_supported(f"{path}.capacity", shown, ("storage",))
    for resource, amount in (capacity or {}).items():
        if quantity(amount) < 0:
            yield causes.invalid(f"{path}.capacity[{resource}]", int(quantity(amount)), NO_QUANTITY)
        if quantity(amount) <= 0:
            yield causes.invalid(f"{path}.capacity[{resource}]", amount, NOT_POSITIVE)
    policy, field = spec.get("persistentVolumeReclaimPolicy") or None, f"{path}.persistentVolumeReclaimPolicy"
    yield from one_of(policy, _RECLAIM_POLICIES, field)
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        yield from _affinity_causes(affinity, f"{path}.nodeAffinity")
    yield from _source_causes(spec, name, path)
    if policy == "Recycle" and _is_root((spec.get("hostPath") or {}).get("path") or ""):
        yield causes.forbidden(field, "may not be 'recycle' for a hostPath mount of '/'")
    yield from well_named(spec.get("storageClassName") or "", names.subdomain, f"{path}.storageClassName")
    yield from one_of(spec.get("volumeMode"), VOLUME_MODES, f"{path}.volumeMode")
    yield from _attributes_causes(spec, path)


def inline_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a volume that an attachment describes: a volume of a CSI driver and nothing else."""
    for member in ("claimRef", "capacity"):
        if spec.get(member):
            yield causes.forbidden(f"{path}.{member}", f"may not be specified {_INLINE}")
    if spec.get("csi") is None:
        yield causes.required(f"{path}.csi", f"has to be specified {_INLINE}")
    modes, policy = spec.get("accessModes") or [], spec.get("persistentVolumeReclaimPolicy") or "Retain"
    if not modes:
        yield causes.required(f"{path}.accessModes")
    yield from access_mode_causes(modes, f"{path}.accessModes")
    if policy != "Retain":
        text = f"may only be Retain {_INLINE}"
        yield causes.forbidden(f"{path}.persistentVolumeReclaimPolicy", text)
    if spec.get("nodeAffinity") is not None:
        yield causes.forbidden(f"{path}.nodeAffinity", f"may not be specified {_INLINE}")
    yield from _source_causes(spec, "", path)
    if spec.get("storageClassName"):
        yield causes.forbidden(f"{path}.storageClassName", f"may not be specified {_INLINE}")
    if spec.get("volumeMode") not in {None, "Filesystem"}:
        text = f"may not specify volumeMode other than Filesystem {_INLINE}"
        yield causes.forbidden(f"{path}.volumeMode", text)


def _affinity_causes(affinity: Document, path: str) -> Iterator[Cause]:
    required = affinity.get("required")
    if required is None:
        yield causes.required(f"{path}.required", "must specify required node constraints")
    else:
        yield from node_selector_causes(required, f"{path}.required")


def _source_causes(spec: Document, name: str, path: str) -> Iterator[Cause]:
    """A volume is one thing; kube-apiserver never finds that a flex volume is one too many."""
    found = False
    for kind in _SOURCES:
        source = spec.get(kind)
        if source is None:
            continue
        if found and kind != "flexVolume":
            yield causes.forbidden(f"{path}.{sources.SECOND.get(kind, kind)}", sources.MORE_THAN_ONE)
            continue
        found = True
        if kind == "iscsi":
            yield from _iscsi(source, name, f"{path}.iscsi")
        yield from sources.source_causes(kind, source, path, _NEEDED, _CHECKS)
        if kind == "local" and spec.get("nodeAffinity") is None:
            yield causes.required(f"{path}.nodeAffinity", "Local volume requires node affinity")
    if not found:
        yield causes.required(path, "must specify a volume type")


def _is_root(path: str) -> bool:
    return path.startswith("/") and not posixpath.normpath(path).strip("/")


def _attributes_causes(spec: Document, path: str) -> Iterator[Cause]:
    attributes, field = spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName"
    if attributes is None:
        return
    if not attributes:
        yield causes.required(field, "an empty string is disallowed")
    yield from well_named(attributes, names.subdomain, field)
    if spec.get("csi") is None:
        yield causes.required(f"{path}.csi", "has to be specified when using volumeAttributesClassName")


def _mount_option_causes(spec: Document, annotations: Mapping[str, str]) -> Iterator[Cause]:
    if _MOUNT_OPTIONS in annotations and not any(spec.get(kind) is not None for kind in _MOUNTED):
        text = "may not specify mount options for this volume type"
        yield causes.forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", text)


# --- sources that say more than a pod's ---


def _iscsi(source: Document, name: str, path: str) -> Iterator[Cause]:
    if not source.get("targetPortal"):
        yield causes.required(f"{path}.targetPortal")
    if sources.is_initiated_too_long(name, source):
        portal = source.get("targetPortal") or ""
        yield causes.invalid(f"{path}.targetportal", portal, sources.INITIATED_TOO_LONG)
    target, secret = source.get("iqn"), source.get("secretRef")
    if target:
        yield from sources.initiator_causes(target, f"{path}.iqn", "must be valid format")
    else:
        yield causes.required(f"{path}.iqn")
    yield from sources.unit(source.get("lun") or 0, f"{path}.lun")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and secret is None:
        yield causes.required(f"{path}.secretRef")
    yield from sources.with_secret("name")(source, path)
    if source.get("initiatorName") is not None:
        field = f"{path}.initiatorname"
        yield from sources.initiator_causes(source["initiatorName"], field, "must be valid format")


def _glusterfs(source: Document, path: str) -> Iterator[Cause]:
    namespace, field = source.get("endpointsNamespace"), f"{path}.endpointsNamespace"
    if namespace == "":
        text = "if the endpointnamespace is set, it must be a valid namespace name"
        yield causes.invalid(field, "", text)
    yield from well_named(namespace or "", names.label, field)


def _azure_file(source: Document, path: str) -> Iterator[Cause]:
    if source.get("secretNamespace") == "":
        yield causes.required(f"{path}.secretNamespace")


def _local(source: Document, path: str) -> Iterator[Cause]:
    yield from without_backsteps(source.get("path") or "", f"{path}.path")


def _csi(source: Document, path: str) -> Iterator[Cause]:
    yield from driver_name(source.get("driver") or "", f"{path}.driver")
    if not source.get("volumeHandle"):
        yield causes.required(f"{path}.volumeHandle")
    for use in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"):
        secret = source.get(f"{use}SecretRef")
        if secret is None:
            continue
        for member, check in (("name", names.subdomain), ("namespace", names.label)):
            value, field = secret.get(member) or "", f"{path}.{use}SecretRef.{member}"
            if value:
                yield from causes.each_invalid(field, value, check(value))
            else:
                yield causes.required(field)


_SECRET: Final = sources.with_secret("name", "namespace")
_NEEDED: Final[dict[str, tuple[str, ...]]] = {**sources.NEEDED, "local": ("path",)}
_CHECKS: Final[dict[str, sources.Check]] = {
    **sources.CHECKS,
    "azureFile": _azure_file,
    "cinder": _SECRET,
    "csi": _csi,
    "glusterfs": _glusterfs,
    "local": _local,
    "storageos": sources.named_storage_os(_SECRET),
}


# --- changes ---


def _changed(spec: Document, before: Document) -> Iterator[Cause]:
    if _source(spec, before) != _source(before, before):
        # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
        text = "spec.persistentvolumesource is immutable after creation"
        yield causes.forbidden("spec.persistentvolumesource", text)
    mode, affinity, known = spec.get("volumeMode"), spec.get("nodeAffinity"), before.get("nodeAffinity")
    if mode != before.get("volumeMode"):
        yield causes.immutable("volumeMode", mode)
    if known is not None and affinity != known and not _is_renamed(affinity, known):
        yield causes.invalid("nodeAffinity", affinity, _BEYOND_BETA)
    attributes = "volumeAttributesClassName"
    if before.get(attributes) is not None and spec.get(attributes) is None:
        yield causes.forbidden(f"spec.{attributes}", "update from non-nil value to nil is forbidden")


def _source(spec: Document, before: Document) -> Document:
    """What a volume is; a secret for its expansion may be named later."""
    source = {name: spec[name] for name in _SOURCES if spec.get(name) is not None}
    if "csi" in source and "controllerExpandSecretRef" not in (before.get("csi") or {}):
        source["csi"] = {
            name: value for name, value in source["csi"].items() if name != "controllerExpandSecretRef"
        }
    return source


def _is_renamed(affinity: Document | None, known: Document) -> bool:
    """Whether only the keys of labels changed that have another name now."""
    terms, before = (
        ((holder or {}).get("required") or {}).get("nodeSelectorTerms") or [] for holder in (affinity, known)
    )
    return len(terms) == len(before) and all(map(_is_term_renamed, terms, before))


def _is_term_renamed(term: Document, known: Document) -> bool:
    for member in ("matchExpressions", "matchFields"):
        wanted, before = term.get(member) or [], known.get(member) or []
        if len(wanted) != len(before):
            return False
        for new, old in zip(wanted, before, strict=True):
            # kube-apiserver looks the name up of every key: those without one may lose theirs.
            renamed = _GENERAL_LABELS.get(old.get("key") or "", "")
            if new != old and {"key": "", **new} != {**old, "key": renamed}:
                return False
    return True


RULES: Final[dict[tuple[str, str], Rule]] = {("", "persistentvolumes"): _volume}
