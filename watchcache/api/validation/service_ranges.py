"""Ranges of the addresses of services, and the addresses that are taken of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, well_named

_RANGES: Final = "spec.cidrs"
_ONE_OF_A_FAMILY: Final = (
    "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
)


def _range(new: Document, old: Document | None) -> Iterator[Cause]:
    """The networks; one of the other family may be added later, nothing else changes."""
    networks = _networks(new)
    if old is None:
        yield from _network_causes(networks)
        return
    before = _networks(old)
    if len(networks) == len(before):
        for index, (network, known) in enumerate(zip(networks, before, strict=True)):
            if network != known:
                yield causes.immutable(f"{_RANGES}[{index}]", network)
    elif (len(before), len(networks)) == (1, 2):
        if networks[0] != before[0]:
            yield causes.immutable(f"{_RANGES}[0]", networks[0])
        yield from _network_causes(networks)
    else:
        yield causes.immutable(_RANGES, new["spec"].get("cidrs") if new.get("spec") else None)


def _networks(document: Document) -> list[str]:
    return (document.get("spec") or {}).get("cidrs") or []


def _network_causes(networks: list[str]) -> Iterator[Cause]:
    if not networks:
        yield causes.required(_RANGES, "at least one CIDR required")
        return
    if len(networks) > 2:
        yield causes.invalid(_RANGES, {"CIDRs": networks}, "may only hold up to 2 values")
        return
    for index, network in enumerate(networks):
        yield from causes.each_invalid(f"{_RANGES}[{index}]", network, _problems(network))
    families = [_family(network) for network in networks]
    if len(families) == 2 and families[0] and families[0] == families[1]:
        yield causes.invalid(_RANGES, networks, _ONE_OF_A_FAMILY)


def _problems(network: str) -> list[str]:
    if problems := names.network(network):
        return problems
    canonical = str(ipaddress.ip_network(network))
    return [] if network == canonical else [f'must be in canonical form ("{canonical}")']


def _family(network: str) -> str:
    if names.loose_network(network):
        return ""
    return "IPv6" if ":" in network else "IPv4"


def _address(new: Document, old: Document | None) -> Iterator[Cause]:
    """Whose an address is stays so."""
    owner = (new.get("spec") or {}).get("parentRef")
    if owner is None:
        yield causes.required("spec.parentRef")
    else:
        yield from _owner(owner, "spec.parentRef")
    if old is not None and owner != (old.get("spec") or {}).get("parentRef"):
        yield causes.immutable("spec.parentRef", owner)


def _owner(owner: Document, path: str) -> Iterator[Cause]:
    yield from well_named(owner.get("group") or "", names.subdomain, f"{path}.group")
    for member in ("resource", "name"):
        if not owner.get(member):
            yield causes.required(f"{path}.{member}")
        yield from well_named(owner.get(member) or "", names.path_segment, f"{path}.{member}")
    yield from well_named(owner.get("namespace") or "", names.path_segment, f"{path}.namespace")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("networking.k8s.io", "servicecidrs"): _range,
    ("networking.k8s.io", "ipaddresses"): _address,
}
