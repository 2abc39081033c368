"""What the server does to devices and claims of them: taints get a time, and what drivers told of a device goes with its allocation.

Source: k/k pkg/apis/resource/v1/defaults.go, pkg/registry/resource/resourceclaim/strategy.go.
"""

from __future__ import annotations

from watchcache.api.meta import now_text
from watchcache.registry.calls import Document
from watchcache.registry.strategy import Preparation


def date_taints(preparation: Preparation) -> None:
    """Taints of a slice's devices that do not say since when they are there are new."""
    spec = preparation.document.get("spec") or {}
    offered = spec.get("devices") or []
    if not any(device.get("taints") for device in offered):
        return
    now = now_text(preparation.now)
    dated = [_dated(device, now) if device.get("taints") else device for device in offered]
    preparation.document["spec"] = {**spec, "devices": dated}


def _dated(device: Document, now: str) -> Document:
    return {**device, "taints": [{"timeAdded": now, **taint} for taint in device["taints"]]}


def drop_deallocated(preparation: Preparation) -> None:
    """What the status of a claim tells of devices that are no longer allocated goes."""
    assert preparation.old is not None
    status, before = preparation.document.get("status") or {}, preparation.old.get("status") or {}
    told = status.get("devices")
    gone = _allocated(before) - _allocated(status)
    if not told or not gone:
        return
    left = [device for device in told if _identity(device) not in gone]
    changed = {name: value for name, value in status.items() if name != "devices"}
    preparation.document["status"] = {**changed, "devices": left} if left else changed


def _allocated(status: Document) -> set[tuple[str, ...]]:
    found = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
    return {_identity(result) for result in found}


def _identity(device: Document) -> tuple[str, ...]:
    return tuple(device.get(member) or "" for member in ("driver", "pool", "device", "shareID"))
