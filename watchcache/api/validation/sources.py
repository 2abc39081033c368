"""What volumes are made of: the same whether a pod names it, or a persistent volume."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.paths import without_backsteps
from watchcache.api.validation.rules import Document, one_of, well_named

Check = Callable[[Document, str], Iterator[Cause]]

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "hostPath": ("path",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "nfs": ("server", "path"),
    "glusterfs": ("endpoints", "path"),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "flexVolume": ("driver",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "scaleIO": ("gateway", "system", "volumeName"),
}
"""Members that a source must have."""
SECOND: Final = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""How kube-apiserver spells a second source where that differs."""
MORE_THAN_ONE: Final = "may not specify more than 1 volume type"
_INITIATORS: Final = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+", re.ASCII),
    "eui": re.compile(r"eui.[A-Za-z0-9]{16}"),
    "naa": re.compile(r"naa.[A-Za-z0-9]{32}"),
}
"""How an initiator of iSCSI may be named (RFC 3720, 3.2.6), by how the name begins."""
INITIATED_TOO_LONG: Final = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
_HOST_TYPES: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_CACHING: Final = ("None", "ReadOnly", "ReadWrite")
_DISKS: Final = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK: Final = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_DISK: Final = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_PAIRS: Final = "must be a host:port pair or multiple pairs separated by commas"
_PAIR: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*")
_LONGEST_INITIATED: Final = 64
_LONGEST_TENANT: Final = 64


def source_causes(
    kind: str,
    source: Document,
    path: str,
    needed: Mapping[str, tuple[str, ...]],
    checks: Mapping[str, Check],
) -> Iterator[Cause]:
    """What is wrong with one source; `needed` and `checks` say what is asked of each kind, `path` is of what holds it."""
    where = f"{path}.{'persistentDisk' if kind == 'gcePersistentDisk' else kind}"
    for member in needed.get(kind, ()):
        if not source.get(member):
            yield causes.required(f"{where}.{member}")
    check = checks.get(kind)
    if check is not None:
        yield from check(source, where)


def is_initiated_too_long(name: str, source: Document) -> bool:
    """Whether a volume of that name has no room for its own initiator of iSCSI."""
    portal = source.get("targetPortal") or ""
    return source.get("initiatorName") is not None and len(f"{name}:{portal}") > _LONGEST_INITIATED


def initiator_causes(name: str, path: str, unknown: str) -> Iterator[Cause]:
    """What is wrong with the name of an initiator of iSCSI; `unknown` is said of a name that is of no kind."""
    form = _INITIATORS.get(name[:3])
    if form is None:
        yield causes.invalid(path, name, unknown)
    elif not form.fullmatch(name):
        yield causes.invalid(path, name, "must be valid format")


def unit(number: int, path: str) -> Iterator[Cause]:
    """The number of a logical unit."""
    if not 0 <= number <= 255:
        yield causes.invalid(path, number, "must be between 0 and 255, inclusive")


def with_secret(*needed: str) -> Check:
    """A check for a secret that, when there is one, has these members."""

    def check(source: Document, path: str) -> Iterator[Cause]:
        secret = source.get("secretRef")
        for member in needed if secret is not None else ():
            assert secret is not None
            if not secret.get(member):
                yield causes.required(f"{path}.secretRef.{member}")

    return check


def named_storage_os(secret: Check) -> Check:
    """The check of a volume of StorageOS; `secret` is that of its secret."""

    def check(source: Document, path: str) -> Iterator[Cause]:
        for member in ("volumeName", "volumeNamespace"):
            yield from well_named(source.get(member) or "", names.label, f"{path}.{member}")
        yield from secret(source, path)

    return check


def _host_path(source: Document, path: str) -> Iterator[Cause]:
    if source.get("path"):
        yield from without_backsteps(source["path"], f"{path}.path")
        yield from one_of(source.get("type"), _HOST_TYPES, f"{path}.type")


def _disk(source: Document, path: str) -> Iterator[Cause]:
    partition = source.get("partition") or 0
    if not 0 <= partition <= 255:
        yield causes.invalid(f"{path}.partition", partition, "must be between 1 and 255, inclusive")


def _nfs(source: Document, path: str) -> Iterator[Cause]:
    place = source.get("path") or ""
    if not place.startswith("/"):
        yield causes.invalid(f"{path}.path", place, "must be an absolute path")


def _flocker(source: Document, path: str) -> Iterator[Cause]:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID")
    if not name and not uuid:
        yield causes.required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        yield causes.invalid(path, "resource", text)
    if "/" in name:
        yield causes.invalid(f"{path}.datasetName", name, "must not contain '/'")


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
    targets, others, number = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    if not targets and not others:
        text = "must specify either targetWWNs or wwids, but not both"
        yield causes.required(f"{path}.targetWWNs", text)
    if targets and others:
        text = "targetWWNs and wwids can not be specified simultaneously"
        yield causes.invalid(f"{path}.targetWWNs", targets, text)
    if targets:
        if number is None:
            yield causes.required(f"{path}.lun", "lun is required if targetWWNs is specified")
        else:
            yield from unit(number, f"{path}.lun")


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


CHECKS: Final[dict[str, Check]] = {
    "hostPath": _host_path,
    "gcePersistentDisk": _disk,
    "awsElasticBlockStore": _disk,
    "nfs": _nfs,
    "flocker": _flocker,
    "quobyte": _quobyte,
    "fc": _fibre_channel,
    "flexVolume": _flex,
    "azureDisk": _azure_disk,
}
"""What else is asked of a source."""
