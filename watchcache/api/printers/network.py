"""Rows of the network's kinds: services, endpoints, ingresses, policies, addresses."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import (
    NONE,
    UNKNOWN,
    UNSET,
    Document,
    Printer,
    at,
    at_most,
    block,
    joined,
    labels_line,
    name,
    number,
    rows,
    selector_line,
    text,
)

SHOWN = 3
"""How many endpoints, ports or hosts a row names before it only counts."""


_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def service(document: Document, now: float) -> list[Any]:
    """Name, type, cluster IP, external IP, ports, age, selector."""
    spec = block(document, "spec")
    addresses = rows(spec, "clusterIPs") or [text(spec, "clusterIP")]
    return [
        name(document),
        text(spec, "type"),
        addresses[0] or NONE,
        _external(spec, block(document, "status")),
        joined(map(_service_port, rows(spec, "ports"))),
        age(document, now),
        labels_line(block(spec, "selector")),
    ]


def _external(spec: Document, status: Document) -> str:
    kind, addresses = text(spec, "type"), rows(spec, "externalIPs")
    if kind in ("ClusterIP", "NodePort"):
        return joined(addresses)
    if kind == "LoadBalancer":
        return ",".join([*_balancers(status), *addresses]) or "<pending>"
    return text(spec, "externalName") if kind == "ExternalName" else UNKNOWN


def _balancers(status: Document) -> list[str]:
    """Addresses of the load balancers, sorted."""
    ingress = rows(status, "loadBalancer", "ingress")
    return sorted({text(row, "ip") or text(row, "hostname") for row in ingress} - {""})


def _service_port(port: Document) -> str:
    node_port = number(port, "nodePort")
    outer = f":{node_port}" if node_port > 0 else ""
    return f"{number(port, 'port')}{outer}/{text(port, 'protocol')}"


def endpoints(document: Document, now: float) -> list[Any]:
    """Name, addresses with ports, age."""
    subsets = rows(document, "subsets")
    ready = [address for subset in subsets for address in _subset(subset)]
    return [name(document), "" if subsets and not ready else at_most(ready, SHOWN), age(document, now)]


def _subset(subset: Document) -> list[str]:
    addresses = [text(row, "ip") for row in rows(subset, "addresses")]
    ports = rows(subset, "ports")
    if not ports:
        return addresses
    return [_host_port(address, number(port, "port")) for port in ports for address in addresses]


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoint_slice(document: Document, now: float) -> list[Any]:
    """Name, address type, ports, endpoints, age."""
    addresses = [one for row in rows(document, "endpoints") for one in rows(row, "addresses")]
    ports = [_slice_port(port) for port in rows(document, "ports")]
    return [
        name(document),
        text(document, "addressType"),
        (at_most(ports, SHOWN) if ports else "") or UNSET,
        at_most(addresses, SHOWN) if addresses else UNSET,
        age(document, now),
    ]


def _slice_port(port: Document) -> str:
    value = at(port, "port")
    return text(port, "name") if value is None else str(value)


def ingress(document: Document, now: float) -> list[Any]:
    """Name, class, hosts, addresses, ports, age."""
    spec = block(document, "spec")
    class_name = at(spec, "ingressClassName")
    return [
        name(document),
        NONE if class_name is None else class_name,
        _hosts(rows(spec, "rules")),
        ",".join(_balancers(block(document, "status"))),
        "80, 443" if rows(spec, "tls") else "80",
        age(document, now),
    ]


def _hosts(rules: list[Document]) -> str:
    """The first hosts; every rule behind the last one shown counts as left out, with or without host."""
    hosts: list[str] = []
    for rule in rules:
        if len(hosts) == SHOWN:
            return at_most(hosts, SHOWN, len(rules))
        if host := text(rule, "host"):
            hosts.append(host)
    return ",".join(hosts) or "*"


def ingress_class(document: Document, now: float) -> list[Any]:
    """Name (with `(default)`), controller, parameters, age."""
    parameters = at(document, "spec", "parameters")
    kind = ".".join(part for part in (text(parameters, "kind"), text(parameters, "apiGroup")) if part)
    shown = f"{kind}/{text(parameters, 'name')}" if parameters else NONE
    default = text(document, "metadata", "annotations", _DEFAULT_CLASS) == "true"
    shown_name = f"{name(document)} (default)" if default else name(document)
    return [shown_name, text(document, "spec", "controller"), shown, age(document, now)]


def network_policy(document: Document, now: float) -> list[Any]:
    """Name, pod selector, age."""
    return [name(document), selector_line(block(document, "spec", "podSelector")), age(document, now)]


def ip_address(document: Document, now: float) -> list[Any]:
    """Name, what it belongs to (`resource.group/namespace/name`)."""
    parent = block(document, "spec", "parentRef")
    resource = ".".join(part for part in (text(parent, "resource"), text(parent, "group")) if part)
    path = "/".join(
        part for part in (resource.lower(), text(parent, "namespace"), text(parent, "name")) if part
    )
    return [name(document), path or NONE, age(document, now)]


def service_cidr(document: Document, now: float) -> list[Any]:
    """Name, ranges, age."""
    return [name(document), ",".join(rows(document, "spec", "cidrs")), age(document, now)]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Endpoints"): endpoints,
    ("", "Service"): service,
    ("discovery.k8s.io", "EndpointSlice"): endpoint_slice,
    ("networking.k8s.io", "IPAddress"): ip_address,
    ("networking.k8s.io", "Ingress"): ingress,
    ("networking.k8s.io", "IngressClass"): ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): network_policy,
    ("networking.k8s.io", "ServiceCIDR"): service_cidr,
}
