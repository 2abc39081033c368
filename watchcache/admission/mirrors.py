"""What a pod speaks of that is in the API: a mirror pod may speak of nothing.

Source: HasAPIObjectReference in k/k pkg/api/pod/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_BY_VOLUME: Final = (
    ("csi", "csidrivers (via CSI volumes)"),
    ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("azureFile", "secrets (via azureFile volumes)"),
)
_BY_SOURCE: Final = (
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)
_WITH_SECRET: Final = ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")


def api_reference(pod: dict[str, Any]) -> str:
    """What the pod needs of the API, in kube-apiserver's words; "" for nothing.

    Raises `ValueError` for a projected volume with a source of no type.
    """
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        return "serviceaccounts"
    volumes = spec.get("volumes") or []
    if spec.get("imagePullSecrets") or _in_environment(spec, "secret") or any(map(_has_secret, volumes)):
        return "secrets"
    if _in_environment(spec, "configMap") or any(
        "configMap" in volume or any("configMap" in each for each in _sources(volume)) for volume in volumes
    ):
        return "configmaps"
    if spec.get("resourceClaims"):
        return "resourceclaims"
    return next((found for found in map(_of_volume, volumes) if found), "")


def _sources(volume: dict[str, Any]) -> list[dict[str, Any]]:
    return (volume.get("projected") or {}).get("sources") or []


def _containers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(name) or []


def _in_environment(spec: dict[str, Any], what: str) -> bool:
    """Whether a container's environment comes from a `secret` or a `configMap`."""
    return any(
        any(f"{what}KeyRef" in (each.get("valueFrom") or {}) for each in container.get("env") or [])
        or any(f"{what}Ref" in each for each in container.get("envFrom") or [])
        for container in _containers(spec)
    )


def _has_secret(volume: dict[str, Any]) -> bool:
    if "secret" in volume or any("secret" in each for each in _sources(volume)):
        return True
    if (volume.get("azureFile") or {}).get("secretName"):
        return True
    if (volume.get("csi") or {}).get("nodePublishSecretRef") is not None:
        return True
    return any((volume.get(name) or {}).get("secretRef") is not None for name in _WITH_SECRET)


def _of_volume(volume: dict[str, Any]) -> str:
    for name, text in _BY_VOLUME:
        if volume.get(name) is not None:
            return text
    for source in _sources(volume):
        for name, text in _BY_SOURCE:
            if source.get(name) is not None:
                return text
        if "downwardAPI" not in source:
            raise ValueError(f'unknown source for projected volume "{volume["name"]}"')
    return ""
