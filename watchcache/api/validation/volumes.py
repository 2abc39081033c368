"""Volumes of pods: each is one thing, and says what that needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation import sources
from watchcache.api.validation.claims import claim_causes
from watchcache.api.validation.files import downward_causes, items_causes, projected_causes
from watchcache.api.validation.paths import descending_path, file_mode
from watchcache.api.validation.rules import Document, annotation_keys, driver_name, one_of, well_named

_KINDS: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs",
    "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap",
    "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO",
    "csi", "ephemeral", "image",
)  # fmt: skip
"""What a volume can be, in the order in which a second one is noticed."""
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    **sources.NEEDED,
    "gitRepo": ("repository",),
    "secret": ("secretName",),
    "iscsi": ("targetPortal", "iqn"),
    "persistentVolumeClaim": ("claimName",),
    "configMap": ("name",),
}
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_SECRET: Final = sources.with_secret("name")
_INITIATOR_TEXT: Final = "must be valid format starting with iqn, eui, or naa"


def volume_causes(volumes: list[Document], path: str) -> tuple[dict[str, Document], list[Cause]]:
    """The sound ones by name, and what is wrong with the others."""
    sound: dict[str, Document] = {}
    found: list[Cause] = []
    for index, volume in enumerate(volumes):
        name, where = volume.get("name") or "", f"{path}[{index}]"
        faults = [*_source_causes(volume, where)]
        if not name:
            faults.append(causes.required(f"{where}.name"))
        faults += well_named(name, names.label, f"{where}.name")
        if name in sound:
            faults.append(causes.duplicate(f"{where}.name", name))
        if faults:
            found += faults
        else:
            sound[name] = volume
    return sound, found


def _source_causes(volume: Document, path: str) -> Iterator[Cause]:
    kinds = [kind for kind in volume if kind != "name" and volume[kind] is not None]
    if len(kinds) > 1:
        kinds = [kind for kind in _KINDS if kind in kinds]
        for second in kinds[1:]:
            yield causes.forbidden(f"{path}.{sources.SECOND.get(second, second)}", sources.MORE_THAN_ONE)
    if not kinds:
        return
    kind, source = kinds[0], volume[kinds[0]]
    yield from sources.source_causes(kind, source, path, _NEEDED, _CHECKS)
    name = volume.get("name") or ""
    if kind == "iscsi" and sources.is_initiated_too_long(name, source):
        yield causes.invalid(f"{path}.name", name, sources.INITIATED_TOO_LONG)


def _empty_dir(source: Document, path: str) -> Iterator[Cause]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity(limit) < 0:
        yield causes.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _git_repo(source: Document, path: str) -> Iterator[Cause]:
    yield from descending_path(source.get("directory") or "", f"{path}.directory")


def _keys(source: Document, path: str) -> Iterator[Cause]:
    yield from file_mode(source.get("defaultMode"), f"{path}.defaultMode")
    yield from items_causes(source, path)


def _iscsi(source: Document, path: str) -> Iterator[Cause]:
    if source.get("iqn"):
        yield from sources.initiator_causes(source["iqn"], f"{path}.iqn", _INITIATOR_TEXT)
    yield from sources.unit(source.get("lun") or 0, f"{path}.lun")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        yield causes.required(f"{path}.secretRef")
    if source.get("initiatorName") is not None:
        name, where = source["initiatorName"], f"{path}.initiatorname"
        yield from sources.initiator_causes(name, where, _INITIATOR_TEXT)


def _csi(source: Document, path: str) -> Iterator[Cause]:
    secret = source.get("nodePublishSecretRef")
    yield from driver_name(source.get("driver") or "", f"{path}.driver")
    if secret is not None:
        if not secret.get("name"):
            yield causes.required(f"{path}.nodePublishSecretRef.name")
        yield from well_named(secret.get("name") or "", names.subdomain, f"{path}.name")


def _ephemeral(source: Document, path: str) -> Iterator[Cause]:
    template, where = source.get("volumeClaimTemplate"), f"{path}.volumeClaimTemplate"
    if template is None:
        yield causes.required(where)
        return
    metadata = template.get("metadata") or {}
    yield from annotation_keys(metadata.get("annotations"), f"{where}.metadata.annotations")
    yield from label_causes(metadata.get("labels"), f"{where}.metadata.labels")
    for member, value in metadata.items():
        if value and member not in {"annotations", "labels"}:
            yield causes.forbidden(f"{where}.metadata.{member}", "cannot be set")
    yield from claim_causes(template.get("spec") or {}, f"{where}.spec")


def _image(source: Document, path: str) -> Iterator[Cause]:
    yield from one_of(source.get("pullPolicy"), _PULL_POLICIES, f"{path}.pullPolicy")


_CHECKS: Final[dict[str, sources.Check]] = {
    **sources.CHECKS,
    "emptyDir": _empty_dir,
    "gitRepo": _git_repo,
    "secret": _keys,
    "iscsi": _iscsi,
    "cinder": _SECRET,
    "downwardAPI": downward_causes,
    "configMap": _keys,
    "storageos": sources.named_storage_os(_SECRET),
    "projected": projected_causes,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
