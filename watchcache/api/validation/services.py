"""Services. What needs the ranges of addresses and ports is said where they are given out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation.endpoints import reachable
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
_FAMILIES: Final = ("IPv4", "IPv6")
_FAMILY_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")
_NOT_EXTERNAL: Final = "may not be set for ExternalName services"
_LONGEST_AFFINITY: Final = 86400  # seconds


def _service(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None:
        yield from _kept(spec, old.get("spec") or {})
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
    yield from address_causes(spec, (old or {}).get("spec") or {})
    known = ((old or {}).get("spec") or {}).get("externalIPs") or ()
    for index, address in enumerate(spec.get("externalIPs") or ()):
        field = f"spec.externalIPs[{index}]"
        if address not in known and (problems := names.written_address(address)):
            yield from causes.each_invalid(field, address, problems)
        else:
            yield from reachable(address, field)
    yield from one_of(kind, _TYPES, "spec.type")
    yield from _node_ports(spec, "spec.ports")
    yield from _for_types(spec, kind, (old or {}).get("spec") or {})


def _kept(spec: Document, before: Document) -> Iterator[Cause]:
    """What a service of one type keeps: its load balancer's class, and the port of its health checks."""
    if spec.get("type") == before.get("type") == "LoadBalancer":
        wanted = spec.get("loadBalancerClass")
        if wanted != before.get("loadBalancerClass"):
            yield causes.invalid("spec.loadBalancerClass", wanted, "may not change once set")
        asked, known = spec.get("healthCheckNodePort"), before.get("healthCheckNodePort")
        local = spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy") == "Local"
        if local and asked != known:
            yield causes.forbidden("spec.healthCheckNodePort", "field is immutable")


def _external_name(spec: Document) -> Iterator[Cause]:
    if spec.get("clusterIP") or spec.get("clusterIPs"):
        yield causes.forbidden("spec.clusterIPs", _NOT_EXTERNAL)
    if spec.get("ipFamilies"):
        yield causes.forbidden("spec.ipFamilies", _NOT_EXTERNAL)
    if spec.get("ipFamilyPolicy") is not None:
        yield causes.forbidden("spec.ipFamilyPolicy", _NOT_EXTERNAL)
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
        protocol = each.get("appProtocol")
        if protocol is not None:
            yield from causes.each_invalid(f"{where}.appProtocol", protocol, names.label_key(protocol))


def _node_ports(spec: Document, path: str) -> Iterator[Cause]:
    """Ports of nodes, which not all types have; each port and each of a node's is there once for a protocol."""
    ports = spec.get("ports") or ()
    for index, each in enumerate(ports if spec.get("type") == "ClusterIP" else ()):
        if each.get("nodePort"):
            text = "may not be used when `type` is 'ClusterIP'"
            yield causes.forbidden(f"{path}[{index}].nodePort", text)
    given: set[tuple[object, object]] = set()
    for index, each in enumerate(ports):
        if number := each.get("nodePort"):
            if (each.get("protocol"), number) in given:
                yield causes.duplicate(f"{path}[{index}].nodePort", number)
            given.add((each.get("protocol"), number))
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


def address_causes(spec: Document, before: Document) -> Iterator[Cause]:
    """What is wrong with the cluster IPs of a service and their families, by themselves: asked before any is given out, and after."""
    if spec.get("type") == "ExternalName":
        return
    first, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if addresses and not first:
        yield causes.invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")
    elif addresses and first != addresses[0]:
        yield causes.invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        yield from one_of(family, _FAMILIES, f"spec.ipFamilies[{index}]")
        if family in families[:index]:
            yield causes.duplicate(f"spec.ipFamilies[{index}]", family)
    yield from one_of(spec.get("ipFamilyPolicy"), _FAMILY_POLICIES, "spec.ipFamilyPolicy")
    malformed = list(_malformed(addresses, before.get("clusterIPs") or ()))
    yield from malformed
    if len(addresses) > len(_FAMILIES):
        yield causes.invalid("spec.clusterIPs", addresses, f"may only hold up to {len(_FAMILIES)} values")
    if not malformed:
        yield from _fitting(addresses, families)


def _malformed(addresses: Sequence[str], known: Sequence[str]) -> Iterator[Cause]:
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            if len(addresses) > 1:
                text = "'None' must be the first and only value"
                yield causes.invalid("spec.clusterIPs", addresses, text)
        elif address not in known:
            yield from causes.each_invalid(
                f"spec.clusterIPs[{index}]", address, names.written_address(address)
            )


def _fitting(addresses: Sequence[str], families: Sequence[str]) -> Iterator[Cause]:
    """Well-formed addresses: one for a family, and of the family that is stated."""
    found = [] if addresses[:1] == ["None"] else [_family(address) for address in addresses]
    if len(found) > 1 and len(set(found)) == 1:
        text = "may specify no more than one IP for each IP family"
        yield causes.invalid("spec.clusterIPs", addresses, text)
    for index, (family, stated) in enumerate(zip(found, families, strict=False)):
        if family != stated and stated in _FAMILIES:
            text = f"expected an {stated} value as indicated by `ipFamilies[{index}]`"
            yield causes.invalid(f"spec.clusterIPs[{index}]", addresses[index], text)


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _for_types(spec: Document, kind: object, before: Document) -> Iterator[Cause]:
    """What only some types may have."""
    if kind != "LoadBalancer":
        for member, shown in _ONLY_LOAD_BALANCERS.items():
            if spec.get(member) is not None:
                yield causes.forbidden(f"spec.{shown}", "may only be used when `type` is 'LoadBalancer'")
    for index, network in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        field, text = f"spec.LoadBalancerSourceRanges[{index}]", network.strip()
        if network not in (before.get("loadBalancerSourceRanges") or ()):
            yield from causes.each_invalid(field, text, names.network(text))
    if (wanted := spec.get("loadBalancerClass")) is not None and kind == "LoadBalancer":
        yield from causes.each_invalid("spec.loadBalancerClass", wanted, names.label_key(wanted))
    policy = spec.get("externalTrafficPolicy")
    if policy and (kind in _OUTSIDE or (kind == "ClusterIP" and spec.get("externalIPs"))):
        yield from one_of(policy, _POLICIES, "spec.externalTrafficPolicy")
    elif policy:
        text = "may only be set for externally-accessible services"
        yield causes.invalid("spec.externalTrafficPolicy", policy, text)
    health = spec.get("healthCheckNodePort")
    if health and (kind != "LoadBalancer" or policy != "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield causes.invalid("spec.healthCheckNodePort", health, text)
    elif health:
        yield from port(health, "spec.healthCheckNodePort")
    yield from one_of(spec.get("internalTrafficPolicy"), _POLICIES, "spec.internalTrafficPolicy")
    yield from one_of(spec.get("trafficDistribution"), _DISTRIBUTIONS, "spec.trafficDistribution")


RULES: Final[dict[tuple[str, str], Rule]] = {("", "services"): _service}
