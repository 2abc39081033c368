"""Endpoints of services, and slices of them: addresses that can be reached, and ports.

Whatever did not change is not looked at again: there are older objects that would not pass.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import PROTOCOLS, Document, Rule, one_of, port, well_named

_ADDRESS_TYPES: Final = ("FQDN", "IPv4", "IPv6")
_MOST_ENDPOINTS: Final = 1000
_MOST_ADDRESSES: Final = 100
_MOST_PORTS: Final = 20000
_MOST_HINTS: Final = 8
_MOST_LABELS: Final = 16


def reachable(address: str, field: str) -> Iterator[Cause]:
    """A service can be had at the address, which is one, from everywhere."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        if names.loose_address(address):
            yield causes.invalid(field, address, "must be a valid IP address")
            return
        found = ipaddress.ip_address(".".join(str(int(part)) for part in address.split(".")))
    if found.is_unspecified:
        yield causes.invalid(field, address, f"may not be unspecified ({address})")
    if found.is_loopback:
        yield causes.invalid(field, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if found.is_link_local:
        text = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        yield causes.invalid(field, address, text)
    if any(found in network for network in _LOCAL_GROUPS if network.version == found.version):
        text = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        yield causes.invalid(field, address, text)


_LOCAL_GROUPS: Final = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def _endpoints(new: Document, old: Document | None) -> Iterator[Cause]:
    subsets = new.get("subsets") or ()
    if old is not None and subsets == (old.get("subsets") or ()):
        return
    for index, subset in enumerate(subsets):
        where = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield causes.required(where, "must specify `addresses` or `notReadyAddresses`")
        for member in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(member) or ()):
                yield from _address(address, f"{where}.{member}[{number}]")
                if not _is_own(new):
                    yield from reachable(address.get("ip") or "", f"{where}.{member}[{number}].ip")
        ports = subset.get("ports") or ()
        for number, each in enumerate(ports):
            yield from _port(each, f"{where}.ports[{number}]", among_others=len(ports) > 1)


def _is_own(document: Document) -> bool:
    """Whether these are the server's own: it may listen on loopback only, and says so."""
    metadata = document.get("metadata") or {}
    return (metadata.get("namespace"), metadata.get("name")) == ("default", "kubernetes")


def _address(address: Document, path: str) -> Iterator[Cause]:
    text, node = address.get("ip") or "", address.get("nodeName")
    yield from causes.each_invalid(f"{path}.ip", text, names.written_address(text))
    yield from well_named(address.get("hostname") or "", names.label, f"{path}.hostname")
    if node is not None:
        yield from causes.each_invalid(f"{path}.nodeName", node, names.subdomain(node))


def _port(each: Document, path: str, *, among_others: bool) -> Iterator[Cause]:
    name, protocol = each.get("name") or "", each.get("appProtocol")
    if among_others and not name:
        yield causes.required(f"{path}.name")
    yield from well_named(name, names.label, f"{path}.name")
    yield from port(each.get("port"), f"{path}.port")
    yield from one_of(each.get("protocol"), PROTOCOLS, f"{path}.protocol")
    if protocol is not None:
        yield from causes.each_invalid(f"{path}.appProtocol", protocol, names.label_key(protocol))


def _slice(new: Document, old: Document | None) -> Iterator[Cause]:
    """A slice of endpoints: all their addresses are of one type, which stays."""
    kind = new.get("addressType") or ""
    if old is not None and kind != old.get("addressType"):
        yield causes.immutable("addressType", kind)
    if not kind:
        yield causes.required("addressType")
    yield from one_of(kind or None, _ADDRESS_TYPES, "addressType")
    yield from _slice_ports(new.get("ports") or ())
    endpoints = new.get("endpoints") or ()
    if old is not None and endpoints == (old.get("endpoints") or ()):
        return
    if len(endpoints) > _MOST_ENDPOINTS:
        yield causes.too_many("endpoints", len(endpoints), _MOST_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        yield from _addresses(endpoint, kind, f"endpoints[{index}].addresses", own=_is_own(new))
        yield from _endpoint(endpoint, f"endpoints[{index}]")


def _slice_ports(ports: list[Document] | tuple[Document, ...]) -> Iterator[Cause]:
    if len(ports) > _MOST_PORTS:
        yield causes.too_many("ports", len(ports), _MOST_PORTS)
        return
    seen: set[str] = set()
    for index, each in enumerate(ports):
        where, name, protocol = f"ports[{index}]", each.get("name") or "", each.get("appProtocol")
        yield from well_named(name, names.label, f"{where}.name")
        if name in seen:
            yield causes.duplicate(f"{where}.name", name)
        seen.add(name)
        yield from one_of(each.get("protocol"), PROTOCOLS, f"{where}.protocol")
        if protocol is not None:
            yield from causes.each_invalid(f"{where}.appProtocol", protocol, names.label_key(protocol))


def _addresses(endpoint: Document, kind: str, path: str, *, own: bool) -> Iterator[Cause]:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield causes.required(path, "must contain at least 1 address")
    elif len(addresses) > _MOST_ADDRESSES:
        yield causes.too_many(path, len(addresses), _MOST_ADDRESSES)
    for index, address in enumerate(addresses if kind in {"IPv4", "IPv6"} else ()):
        if problems := names.written_address(address):
            yield from causes.each_invalid(f"{path}[{index}]", address, problems)
            continue
        if (":" in address) != (kind == "IPv6"):
            yield causes.invalid(path, address, f"must be an {kind} address")
        if not own:
            yield from reachable(address, f"{path}[{index}]")


def _endpoint(endpoint: Document, path: str) -> Iterator[Cause]:
    topology = endpoint.get("deprecatedTopology") or {}
    for member, check in (("nodeName", names.subdomain), ("hostname", names.label)):
        value = endpoint.get(member)
        if value is not None:
            yield from causes.each_invalid(f"{path}.{member}", value, check(value))
        if member == "nodeName":
            if len(topology) > _MOST_LABELS:
                yield causes.too_many(f"{path}.deprecatedTopology", len(topology), _MOST_LABELS)
            yield from label_causes(topology, f"{path}.deprecatedTopology")
    yield from _hints(endpoint.get("hints") or {}, f"{path}.hints")


def _hints(hints: Document, path: str) -> Iterator[Cause]:
    for member, check in (("forZones", names.label_value), ("forNodes", names.subdomain)):
        given = hints.get(member) or ()
        if len(given) > _MOST_HINTS:
            yield causes.too_many(f"{path}.{member}", len(given), _MOST_HINTS)
            return
        seen: set[str] = set()
        for index, each in enumerate(given):
            name, where = each.get("name") or "", f"{path}.{member}[{index}].name"
            if name in seen:
                yield causes.duplicate(where, name)
            seen.add(name)
            yield from causes.each_invalid(where, name, check(name))


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "endpoints"): _endpoints,
    ("discovery.k8s.io", "endpointslices"): _slice,
}
