"""Volumes of pods: each is one thing, and says what that needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.files import downward_causes, items_causes, projected_causes
from watchcache.api.validation.paths import descending_path, file_mode, without_backsteps
from watchcache.api.validation.rules import Document, annotation_keys, one_of, well_named
from watchcache.api.validation.storage import claim_causes

_KINDS: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs",
    "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap",
    "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO",
    "csi", "ephemeral", "image",
)  # fmt: skip
"""What a volume can be, in the order in which a second one is noticed."""
_SECOND: Final = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""How kube-apiserver spells a second one where that differs."""
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "hostPath": ("path",),
    "gitRepo": ("repository",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "secret": ("secretName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "flexVolume": ("driver",),
    "configMap": ("name",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "scaleIO": ("gateway", "system", "volumeName"),
    "csi": ("driver",),
}
_HOST_TYPES: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_CACHING: Final = ("None", "ReadOnly", "ReadWrite")
_DISKS: Final = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK: Final = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_DISK: Final = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_PAIRS: Final = "must be a host:port pair or multiple pairs separated by commas"
_PAIR: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*")
_INITIATORS: Final = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+", re.ASCII),
    "eui": re.compile(r"eui.[A-Za-z0-9]{16}"),
    "naa": re.compile(r"naa.[A-Za-z0-9]{32}"),
}
_LONGEST_INITIATED: Final = 64
_LONGEST_TENANT: Final = 64
_LONGEST_DRIVER: Final = 63

Check = Callable[[Document, str], Iterator[Cause]]


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
            yield causes.forbidden(
                f"{path}.{_SECOND.get(second, second)}", "may not specify more than 1 volume type"
            )
    if not kinds:
        return
    kind, source = kinds[0], volume[kinds[0]]
    where = f"{path}.{'persistentDisk' if kind == 'gcePersistentDisk' else kind}"
    for member in _NEEDED.get(kind, ()):
        if not source.get(member):
            yield causes.required(f"{where}.{member}")
    check = _CHECKS.get(kind)
    if check is not None:
        yield from check(source, where)
    if kind == "iscsi" and source.get("initiatorName") is not None:
        name = volume.get("name") or ""
        if len(f"{name}:{source.get('targetPortal') or ''}") > _LONGEST_INITIATED:
            text = f"Total length of <volume name>:<iscsi.targetPortal> must be under {_LONGEST_INITIATED} characters if iscsi.initiatorName is specified."
            yield causes.invalid(f"{path}.name", name, text)


def _empty_dir(source: Document, path: str) -> Iterator[Cause]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity(limit) < 0:
        yield causes.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _host_path(source: Document, path: str) -> Iterator[Cause]:
    if source.get("path"):
        yield from without_backsteps(source["path"], f"{path}.path")
        yield from one_of(source.get("type"), _HOST_TYPES, f"{path}.type")


def _git_repo(source: Document, path: str) -> Iterator[Cause]:
    yield from descending_path(source.get("directory") or "", f"{path}.directory")


def _disk(source: Document, path: str) -> Iterator[Cause]:
    partition = source.get("partition") or 0
    if not 0 <= partition <= 255:
        yield causes.invalid(f"{path}.partition", partition, "must be between 1 and 255, inclusive")


def _keys(source: Document, path: str) -> Iterator[Cause]:
    yield from file_mode(source.get("defaultMode"), f"{path}.defaultMode")
    yield from items_causes(source, path)


def _nfs(source: Document, path: str) -> Iterator[Cause]:
    place = source.get("path") or ""
    if not place.startswith("/"):
        yield causes.invalid(f"{path}.path", place, "must be an absolute path")


def _iscsi(source: Document, path: str) -> Iterator[Cause]:
    if source.get("iqn"):
        yield from _initiator(source["iqn"], f"{path}.iqn")
    yield from _unit(source.get("lun") or 0, f"{path}.lun")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        yield causes.required(f"{path}.secretRef")
    if source.get("initiatorName") is not None:
        yield from _initiator(source["initiatorName"], f"{path}.initiatorname")


def _initiator(name: str, path: str) -> Iterator[Cause]:
    """A name of iSCSI (RFC 3720, 3.2.6)."""
    form = _INITIATORS.get(name[:3])
    if form is None:
        yield causes.invalid(path, name, "must be valid format starting with iqn, eui, or naa")
    elif not form.fullmatch(name):
        yield causes.invalid(path, name, "must be valid format")


def _unit(number: int, path: str) -> Iterator[Cause]:
    if not 0 <= number <= 255:
        yield causes.invalid(path, number, "must be between 0 and 255, inclusive")


def _flocker(source: Document, path: str) -> Iterator[Cause]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID")
    if not name and not uuid:
        yield causes.required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        yield causes.invalid(path, "resource", text)
    if "/" in name:
        yield causes.invalid(f"{path}.datasetName", name, "must not contain '/'")


def _with_secret(source: Document, path: str) -> Iterator[Cause]:
    secret = source.get("secretRef")
    if secret is not None and not secret.get("name"):
        yield causes.required(f"{path}.secretRef.name")


def _quobyte(source: Document, path: str) -> Iterator[Cause]:
    registry, tenant = source.get("registry") or "", source.get("tenant") or ""
    if not registry:
        yield causes.required(f"{path}.registry", _PAIRS)
    elif len(tenant.encode()) > _LONGEST_TENANT:
        text = f"must be a UUID and may not exceed a length of {_LONGEST_TENANT} characters"
        yield causes.required(f"{path}.tenant", text)
    else:
        for pair in registry.split(","):
            if not _PAIR.fullmatch(pair):
                yield causes.invalid(f"{path}.registry", registry, _PAIRS)
    if not source.get("volume"):
        yield causes.required(f"{path}.volume")


def _fibre_channel(source: Document, path: str) -> Iterator[Cause]:
    targets, others, unit = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    if not targets and not others:
        text = "must specify either targetWWNs or wwids, but not both"
        yield causes.required(f"{path}.targetWWNs", text)
    if targets and others:
        text = "targetWWNs and wwids can not be specified simultaneously"
        yield causes.invalid(f"{path}.targetWWNs", targets, text)
    if targets:
        if unit is None:
            yield causes.required(f"{path}.lun", "lun is required if targetWWNs is specified")
        else:
            yield from _unit(unit, f"{path}.lun")


def _flex(source: Document, path: str) -> Iterator[Cause]:
    for key in source.get("options") or {}:
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            yield causes.invalid(f"{path}.options[{key}]", key, text)


def _azure_disk(source: Document, path: str) -> Iterator[Cause]:
    address, kind = source.get("diskURI") or "", source.get("kind")
    yield from one_of(source.get("cachingMode"), _CACHING, f"{path}.cachingMode")
    yield from one_of(kind, _DISKS, f"{path}.kind")
    if kind == "Managed":
        if not address.startswith("/subscriptions/"):
            yield causes.not_supported(f"{path}.diskURI", address, (_MANAGED_DISK,))
    elif kind is not None and not address.startswith("https://"):
        yield causes.not_supported(f"{path}.diskURI", address, (_BLOB_DISK,))


def _storage_os(source: Document, path: str) -> Iterator[Cause]:
    for member in ("volumeName", "volumeNamespace"):
        yield from well_named(source.get(member) or "", names.label, f"{path}.{member}")
    yield from _with_secret(source, path)


def _csi(source: Document, path: str) -> Iterator[Cause]:
    driver, secret = source.get("driver") or "", source.get("nodePublishSecretRef")
    if len(driver) > _LONGEST_DRIVER:
        yield causes.too_long(f"{path}.driver", _LONGEST_DRIVER)
    if driver:
        yield from causes.each_invalid(f"{path}.driver", driver, names.subdomain(driver.lower()))
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


_CHECKS: Final[dict[str, Check]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": _disk,
    "awsElasticBlockStore": _disk,
    "secret": _keys,
    "nfs": _nfs,
    "iscsi": _iscsi,
    "flocker": _flocker,
    "cinder": _with_secret,
    "quobyte": _quobyte,
    "downwardAPI": downward_causes,
    "fc": _fibre_channel,
    "flexVolume": _flex,
    "configMap": _keys,
    "azureDisk": _azure_disk,
    "storageos": _storage_os,
    "projected": projected_causes,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
