"""Network policies. The addresses of an `ipBlock` are the network plugin's to judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, port, port_name
from watchcache.api.validation.selectors import selector_causes

_TYPES: Final = ("Ingress", "Egress")
_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")  # in the order of the refusal


def _network_policy(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None and spec == (old.get("spec") or {}):
        return
    yield from selector_causes(spec.get("podSelector") or {}, "spec.podSelector")
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, each in enumerate(rule.get("ports") or ()):
                yield from _port(each, f"{path}.ports[{number}]")
            for number, peer in enumerate(rule.get(side) or ()):
                yield from _peer(peer, f"{path}.{side}[{number}]")
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


def _peer(peer: Document, path: str) -> Iterator[Cause]:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        yield from selector_causes(peer[name], f"{path}.{name}")
    block = peer.get("ipBlock") is not None
    if not selectors and not block:
        yield causes.required(path, "must specify a peer")
    elif selectors and block:
        yield causes.forbidden(path, "may not specify both ipBlock and another peer")


RULES: Final[dict[tuple[str, str], Rule]] = {("networking.k8s.io", "networkpolicies"): _network_policy}
