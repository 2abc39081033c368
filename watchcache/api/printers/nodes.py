"""Rows of nodes and of what describes them: leases, runtime classes, CSI nodes, component statuses."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import (
    NONE,
    UNKNOWN,
    Document,
    Printer,
    at,
    block,
    condition,
    flag,
    joined,
    name,
    rows,
    text,
)

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def node(document: Document, now: float) -> list[Any]:
    """Name, status, roles, age, version, internal IP, external IP, OS image, kernel version, container runtime."""
    info = block(document, "status", "nodeInfo")
    return [
        name(document),
        _status(document),
        _roles(block(document, "metadata", "labels")),
        age(document, now),
        text(info, "kubeletVersion"),
        _address(document, "InternalIP"),
        _address(document, "ExternalIP"),
        text(info, "osImage") or UNKNOWN,
        _kernel(info),
        text(info, "containerRuntimeVersion") or UNKNOWN,
    ]


def lease(document: Document, now: float) -> list[Any]:
    """Name, holder, age."""
    return [name(document), text(document, "spec", "holderIdentity"), age(document, now)]


def runtime_class(document: Document, now: float) -> list[Any]:
    """Name, handler, age."""
    return [name(document), text(document, "handler"), age(document, now)]


def component_status(document: Document, now: float) -> list[Any]:  # noqa: ARG001 - a Printer
    """Name, status, message, error."""
    healthy = next((row for row in rows(document, "conditions") if text(row, "type") == "Healthy"), None)
    if healthy is None:
        return [name(document), "Unknown", "", ""]
    word = "Healthy" if text(healthy, "status") == "True" else "Unhealthy"
    return [name(document), word, text(healthy, "message"), text(healthy, "error")]


_READINESS = {"True": "Ready"}


def _status(document: Document) -> str:
    ready = condition(document, "Ready")
    word = _READINESS.get(text(ready, "status"), "NotReady") if ready is not None else "Unknown"
    return f"{word},SchedulingDisabled" if flag(document, "spec", "unschedulable") else word


def _roles(labels: Document) -> str:
    prefixed = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    return joined(sorted((prefixed | {at(labels, _ROLE_LABEL) or ""}) - {""}))


def _kernel(info: Document) -> str:
    kernel, architecture = text(info, "kernelVersion") or UNKNOWN, text(info, "architecture")
    return f"{kernel} ({architecture})" if architecture else kernel


def _address(document: Document, kind: str) -> str:
    for row in rows(document, "status", "addresses"):
        if text(row, "type") == kind:
            return text(row, "address")
    return NONE


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "ComponentStatus"): component_status,
    ("", "Node"): node,
    ("coordination.k8s.io", "Lease"): lease,
    ("node.k8s.io", "RuntimeClass"): runtime_class,
}
