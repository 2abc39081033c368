"""Rows of dynamic resource allocation: device classes, claims, slices."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.configuration import name_and_age
from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import Document, Printer, at, block, name, rows, text


def resource_claim(document: Document, now: float) -> list[Any]:
    """Name, state, age."""
    return [name(document), _claim_state(document), age(document, now)]


def _claim_state(document: Document) -> str:
    status = block(document, "status")
    states = []
    if at(document, "metadata", "deletionTimestamp") is not None:
        states.append("deleted")
    if at(status, "allocation") is not None:
        states.append("allocated")
        if rows(status, "reservedFor"):
            states.append("reserved")
    elif not states:
        states.append("pending")
    return ",".join(states)


def resource_slice(document: Document, now: float) -> list[Any]:
    """Name, node, driver, pool, age."""
    spec = block(document, "spec")
    return [
        name(document),
        text(spec, "nodeName"),
        text(spec, "driver"),
        text(spec, "pool", "name"),
        age(document, now),
    ]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("resource.k8s.io", "DeviceClass"): name_and_age,
    ("resource.k8s.io", "ResourceClaim"): resource_claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): name_and_age,
    ("resource.k8s.io", "ResourceSlice"): resource_slice,
}
