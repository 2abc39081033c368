"""Network policies."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, port, port_name
from watchcache.api.validation.selectors import selector_causes

_TYPES: Final = ("Ingress", "Egress")
_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")  # in the order of the refusal


def _network_policy(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None and spec == (old.get("spec") or {}):
        return
    known = frozenset(_networks((old or {}).get("spec") or {}))
    yield from selector_causes(spec.get("podSelector") or {}, "spec.podSelector")
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, each in enumerate(rule.get("ports") or ()):
                yield from _port(each, f"{path}.ports[{number}]")
            for number, peer in enumerate(rule.get(side) or ()):
                yield from _peer(peer, known, f"{path}.{side}[{number}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(_TYPES):
        yield causes.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, each in enumerate(types):
        yield from one_of(each, _TYPES, f"spec.policyTypes[{index}]")


def _port(each: Document, path: str) -> Iterator[Cause]:
    """A port or a range of them; a range begins with a number. kube-apiserver shows the port where a range ends before it."""
    yield from one_of(each.get("protocol"), _PROTOCOLS, f"{path}.protocol")
    first, last = each.get("port"), each.get("endPort")
    if isinstance(first, int):
        yield from port(first, f"{path}.port")
        if last is not None:
            if last < first:
                yield causes.invalid(f"{path}.endPort", first, "must be greater than or equal to `port`")
            yield from port(last, f"{path}.endPort")
        return
    if last is not None:
        state = "not specified" if first is None else "non-numeric"
        yield causes.invalid(f"{path}.endPort", last, f"may not be specified when `port` is {state}")
    if first is not None:
        yield from port_name(first, f"{path}.port")


def _peer(peer: Document, known: Collection[str], path: str) -> Iterator[Cause]:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        yield from selector_causes(peer[name], f"{path}.{name}")
    block = peer.get("ipBlock") is not None
    if block:
        yield from _block(peer["ipBlock"], known, f"{path}.ipBlock")
    if not selectors and not block:
        yield causes.required(path, "must specify a peer")
    elif selectors and block:
        yield causes.forbidden(path, "may not specify both ipBlock and another peer")


def _networks(spec: Document) -> Iterator[str]:
    """What a policy names already, and may go on naming in the form that it has."""
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction) or ():
            for peer in rule.get(side) or ():
                block = peer.get("ipBlock") or {}
                yield from (block.get("cidr") or "", *(block.get("except") or ()))


def _block(block: Document, known: Collection[str], path: str) -> Iterator[Cause]:
    """A network, and smaller ones within it that are excepted."""
    text = block.get("cidr") or ""
    if not text:
        yield causes.required(f"{path}.cidr")
        return
    yield from causes.each_invalid(f"{path}.cidr", text, () if text in known else names.network(text))
    if names.loose_network(text):
        return
    network = _parsed(text)
    for index, each in enumerate(block.get("except") or ()):
        field = f"{path}.except[{index}]"
        yield from causes.each_invalid(field, each, () if each in known else names.network(each))
        if names.loose_network(each):
            continue
        part = _parsed(each)
        if part.version != network.version or part == network or not part.subnet_of(network):  # type: ignore[arg-type]
            yield causes.invalid(field, each, "must be a strict subset of `cidr`")


def _parsed(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network that `names.loose_network` has nothing against."""
    address, _, length = text.partition("/")
    if ":" not in address:
        address = ".".join(str(int(part)) for part in address.split("."))
    return ipaddress.ip_network(f"{address}/{int(length)}", strict=False)


RULES: Final[dict[tuple[str, str], Rule]] = {("networking.k8s.io", "networkpolicies"): _network_policy}
