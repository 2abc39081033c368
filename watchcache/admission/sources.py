"""The CSI driver that is behind a pod's volume.

Source: podReferencesAudience and getCSIFromPVC in k/k plugin/pkg/admission/noderestriction/admission.go; names of drivers: k8s.io/csi-translation-lib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from watchcache.api.quoting import quoted

Find = Callable[[str, str, str, str], dict[str, Any] | None]
"""The stored object of a group, kind, namespace and name; None when it is not there."""

_MOVED: Final = {
    "awsElasticBlockStore": "ebs.csi.aws.com",
    "gcePersistentDisk": "pd.csi.storage.gke.io",
    "cinder": "cinder.csi.openstack.org",
    "azureDisk": "disk.csi.azure.com",
    "azureFile": "file.csi.azure.com",
    "vsphereVolume": "csi.vsphere.vmware.com",
    "portworxVolume": "pxd.portworx.com",
}
"""Drivers that serve what once was built into kubelets."""


def driver_of(find: Find, pod: dict[str, Any], volume: Mapping[str, Any]) -> str:
    """The driver's name, "" for a volume without one.

    Raises `LookupError` with kube-apiserver's text when the claim or its volume is not there.
    """
    if (volume.get("ephemeral") or {}).get("volumeClaimTemplate") is not None:
        return _of_claim(find, pod, f"{pod['metadata']['name']}-{volume['name']}")
    if (claim := volume.get("persistentVolumeClaim")) is not None:
        return _of_claim(find, pod, claim.get("claimName") or "")
    return _named_by(volume)


def _of_claim(find: Find, pod: dict[str, Any], name: str) -> str:
    claim = find("", "PersistentVolumeClaim", pod["metadata"]["namespace"], name)
    if claim is None:
        raise LookupError(f"persistentvolumeclaim {quoted(name)} not found")
    bound = claim["spec"].get("volumeName") or ""
    volume = find("", "PersistentVolume", "", bound)
    if volume is None:
        raise LookupError(f"persistentvolume {quoted(bound)} not found")
    return _named_by(volume.get("spec") or {})


def _named_by(source: Mapping[str, Any]) -> str:
    if (own := source.get("csi")) is not None:
        return own.get("driver") or ""
    return next((driver for name, driver in _MOVED.items() if source.get(name) is not None), "")
