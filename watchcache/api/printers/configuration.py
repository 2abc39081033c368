"""Rows of what configures a namespace or the cluster: config maps, secrets, accounts, quotas, priorities, services of the API."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import (
    Document,
    Printer,
    at,
    block,
    condition,
    flag,
    name,
    number,
    text,
)


def config_map(document: Document, now: float) -> list[Any]:
    """Name, number of entries, age."""
    entries = len(block(document, "data")) + len(block(document, "binaryData"))
    return [name(document), entries, age(document, now)]


def secret(document: Document, now: float) -> list[Any]:
    """Name, type, number of entries, age."""
    return [name(document), text(document, "type"), len(block(document, "data")), age(document, now)]


def namespace(document: Document, now: float) -> list[Any]:
    """Name, phase, age."""
    return [name(document), text(document, "status", "phase"), age(document, now)]


def name_and_age(document: Document, now: float) -> list[Any]:
    """Name, age."""
    return [name(document), age(document, now)]


def resource_quota(document: Document, now: float) -> list[Any]:
    """Name, requests and limits as `resource: used/hard`, age."""
    requests: list[str] = []
    limits: list[str] = []
    used = block(document, "status", "used")
    for resource, hard in sorted(block(document, "status", "hard").items()):
        line = f"{resource}: {used.get(resource, '0')}/{hard}"
        (limits if resource.startswith("limits.") else requests).append(line)
    return [name(document), ", ".join(requests), ", ".join(limits), age(document, now)]


def priority_class(document: Document, now: float) -> list[Any]:
    """Name, value, global default, age, preemption policy."""
    policy = text(document, "preemptionPolicy")
    return [
        name(document),
        number(document, "value"),
        flag(document, "globalDefault"),
        age(document, now),
        policy,
    ]


def api_service(document: Document, now: float) -> list[Any]:
    """Name, service (`Local` for groups of this server), availability, age."""
    target = at(document, "spec", "service")
    service = f"{text(target, 'namespace')}/{text(target, 'name')}" if target else "Local"
    return [name(document), service, _available(document), age(document, now)]


def _available(document: Document) -> str:
    available = condition(document, "Available")
    if available is None:
        return "Unknown"
    status = text(available, "status")
    return status if status == "True" else f"{status} ({text(available, 'reason')})"


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "ConfigMap"): config_map,
    ("", "Namespace"): namespace,
    ("", "ResourceQuota"): resource_quota,
    ("", "Secret"): secret,
    ("", "ServiceAccount"): name_and_age,
    ("apiregistration.k8s.io", "APIService"): api_service,
    ("scheduling.k8s.io", "PriorityClass"): priority_class,
}
