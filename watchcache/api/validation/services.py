"""Services. What needs the ranges of addresses and ports is said where they are given out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import (
    PROTOCOLS,
    Document,
    Rule,
    one_of,
    port,
    port_or_name,
    well_named,
)

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES: Final = ("Cluster", "Local")
_OUTSIDE: Final = frozenset({"NodePort", "LoadBalancer"})
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
_ONLY_LOAD_BALANCERS: Final = {
    "loadBalancerSourceRanges": "LoadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts": "allocateLoadBalancerNodePorts",
    "loadBalancerClass": "loadBalancerClass",
}
_LONGEST_AFFINITY: Final = 86400  # seconds


def _service(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec = new.get("spec") or {}
    kind, headless = spec.get("type"), spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and kind != "ExternalName":
        yield causes.required("spec.ports")
    if headless and kind in _OUTSIDE:
        text = f"may not be set to 'None' for {kind} services"
        yield causes.invalid("spec.clusterIPs[0]", "None", text)
    if kind == "ExternalName":
        yield from _external_name(spec)
    yield from _ports(spec, "spec.ports")
    yield from label_causes(spec.get("selector"), "spec.selector")
    yield from _affinity(spec)
    yield from one_of(kind, _TYPES, "spec.type")
    yield from _for_types(spec, kind)


def _external_name(spec: Document) -> Iterator[Cause]:
    if spec.get("clusterIP") or spec.get("clusterIPs"):
        yield causes.forbidden("spec.clusterIPs", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        yield causes.required("spec.externalName")
    yield from well_named(name, names.subdomain, "spec.externalName")


def _ports(spec: Document, path: str) -> Iterator[Cause]:
    ports = spec.get("ports") or ()
    seen: set[str] = set()
    for index, each in enumerate(ports):
        where, name = f"{path}[{index}]", each.get("name") or ""
        if len(ports) > 1 and not name:
            yield causes.required(f"{where}.name")
        yield from well_named(name, names.label, f"{where}.name")
        if name and name in seen:
            yield causes.duplicate(f"{where}.name", name)
        seen.add(name)
        yield from port(each.get("port"), f"{where}.port")
        yield from one_of(each.get("protocol"), PROTOCOLS, f"{where}.protocol")
        if each.get("targetPort") is not None:
            yield from port_or_name(each["targetPort"], f"{where}.targetPort")
        if spec.get("type") == "ClusterIP" and each.get("nodePort"):
            yield causes.forbidden(f"{where}.nodePort", "may not be used when `type` is 'ClusterIP'")
    yield from _repeated_ports(ports, path)


def _repeated_ports(ports: Sequence[Document], path: str) -> Iterator[Cause]:
    seen: set[tuple[object, object]] = set()
    for index, each in enumerate(ports):
        key = each.get("protocol"), each.get("port")
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            yield causes.duplicate(f"{path}[{index}]", shown)
        seen.add(key)


def _affinity(spec: Document) -> Iterator[Cause]:
    affinity = spec.get("sessionAffinity")
    yield from one_of(affinity, ("ClientIP", "None"), "spec.sessionAffinity")
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if affinity == "ClientIP" and seconds is not None and not 0 < seconds <= _LONGEST_AFFINITY:
        text = f"must be greater than 0 and less than {_LONGEST_AFFINITY}"
        yield causes.invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, text)


def _for_types(spec: Document, kind: object) -> Iterator[Cause]:
    """What only some types may have."""
    if kind != "LoadBalancer":
        for member, shown in _ONLY_LOAD_BALANCERS.items():
            if spec.get(member) is not None:
                yield causes.forbidden(f"spec.{shown}", "may only be used when `type` is 'LoadBalancer'")
    policy = spec.get("externalTrafficPolicy")
    if policy and kind in _OUTSIDE:
        yield from one_of(policy, _POLICIES, "spec.externalTrafficPolicy")
    elif policy and not spec.get("externalIPs"):
        text = "may only be set for externally-accessible services"
        yield causes.invalid("spec.externalTrafficPolicy", policy, text)
    health = spec.get("healthCheckNodePort")
    if health and (kind != "LoadBalancer" or policy != "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield causes.invalid("spec.healthCheckNodePort", health, text)
    yield from one_of(spec.get("internalTrafficPolicy"), _POLICIES, "spec.internalTrafficPolicy")
    yield from one_of(spec.get("trafficDistribution"), _DISTRIBUTIONS, "spec.trafficDistribution")


RULES: Final[dict[tuple[str, str], Rule]] = {("", "services"): _service}
