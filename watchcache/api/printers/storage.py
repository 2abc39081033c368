"""Rows of the storage kinds: volumes, claims, classes, attachments, drivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import (
    UNSET,
    Document,
    Printer,
    at,
    block,
    flag,
    joined,
    name,
    rows,
    shown,
    text,
)

# each mode once, in this order whatever the object's is
_ACCESS_MODES = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def persistent_volume(document: Document, now: float) -> list[Any]:
    """Name, capacity, access modes, reclaim policy, status, claim, storage class, attributes class, reason, age, volume mode."""
    spec, claim = block(document, "spec"), at(document, "spec", "claimRef")
    return [
        name(document),
        text(spec, "capacity", "storage") or "0",
        _access_modes(rows(spec, "accessModes")),
        text(spec, "persistentVolumeReclaimPolicy"),
        _phase(document),
        f"{text(claim, 'namespace')}/{text(claim, 'name')}" if claim else "",
        _class_of(document),
        shown(at(spec, "volumeAttributesClassName")),
        text(document, "status", "reason"),
        age(document, now),
        shown(at(spec, "volumeMode")),
    ]


def persistent_volume_claim(document: Document, now: float) -> list[Any]:
    """Name, status, volume, capacity, access modes, storage class, attributes class, age, volume mode."""
    spec, status = block(document, "spec"), block(document, "status")
    bound = bool(text(spec, "volumeName"))
    return [
        name(document),
        _phase(document),
        text(spec, "volumeName"),
        (text(status, "capacity", "storage") or "0") if bound else "",
        _access_modes(rows(status, "accessModes")) if bound else "",
        _class_of(document),
        shown(at(spec, "volumeAttributesClassName")),
        age(document, now),
        shown(at(spec, "volumeMode")),
    ]


def storage_class(document: Document, now: float) -> list[Any]:
    """Name (with `(default)`), provisioner, reclaim policy, binding mode, allows expansion, age."""
    annotations = block(document, "metadata", "annotations")
    default = any(annotations.get(key) == "true" for key in _DEFAULT_ANNOTATIONS)
    return [
        f"{name(document)} (default)" if default else name(document),
        text(document, "provisioner"),
        text(document, "reclaimPolicy") or "Delete",
        text(document, "volumeBindingMode") or "Immediate",
        flag(document, "allowVolumeExpansion"),
        age(document, now),
    ]


def volume_attributes_class(document: Document, now: float) -> list[Any]:
    """Name, driver, age."""
    return [name(document), text(document, "driverName"), age(document, now)]


def volume_attachment(document: Document, now: float) -> list[Any]:
    """Name, attacher, volume, node, attached, age."""
    spec = block(document, "spec")
    return [
        name(document),
        text(spec, "attacher"),
        text(spec, "source", "persistentVolumeName"),
        text(spec, "nodeName"),
        flag(document, "status", "attached"),
        age(document, now),
    ]


def csi_node(document: Document, now: float) -> list[Any]:
    """Name, number of drivers, age."""
    return [name(document), len(rows(document, "spec", "drivers")), age(document, now)]


def csi_driver(document: Document, now: float) -> list[Any]:
    """Name, attach required, pod info on mount, storage capacity, token requests, republish, modes, age."""
    spec = block(document, "spec")
    tokens = at(spec, "tokenRequests")
    return [
        name(document),
        at(spec, "attachRequired") is not False,
        flag(spec, "podInfoOnMount"),
        flag(spec, "storageCapacity"),
        UNSET if tokens is None else ",".join(text(row, "audience") for row in tokens),
        flag(spec, "requiresRepublish"),
        joined(rows(spec, "volumeLifecycleModes")),
        age(document, now),
    ]


def _phase(document: Document) -> str:
    deleted = at(document, "metadata", "deletionTimestamp") is not None
    return "Terminating" if deleted else text(document, "status", "phase")


def _access_modes(modes: Sequence[str]) -> str:
    return ",".join(short for mode, short in _ACCESS_MODES if mode in modes)


def _class_of(document: Document) -> str:
    """The storage class; the annotation of old clients goes first."""
    annotations = block(document, "metadata", "annotations")
    named: str = annotations.get(_CLASS_ANNOTATION, text(document, "spec", "storageClassName"))
    return named


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "PersistentVolume"): persistent_volume,
    ("", "PersistentVolumeClaim"): persistent_volume_claim,
    ("storage.k8s.io", "CSIDriver"): csi_driver,
    ("storage.k8s.io", "CSINode"): csi_node,
    ("storage.k8s.io", "StorageClass"): storage_class,
    ("storage.k8s.io", "VolumeAttachment"): volume_attachment,
    ("storage.k8s.io", "VolumeAttributesClass"): volume_attributes_class,
}
