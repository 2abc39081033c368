"""Services: families, cluster IPs and node ports of a spec that is about to be stored.

Runs after defaults and before validation, on create and update. What a client leaves out is carried
over from the stored service where its type still has it, wiped where the type no longer has it, and
otherwise chosen. All choices are held by a `Reservation` until the write is done.

Source: behaviour measured on kube-apiserver 1.36.3; the rules are those of
k/k pkg/registry/core/service (patchAllocatedValues, dropTypeDependentFields) and
k/k pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from watchcache.api import causes, status
from watchcache.api.catalog import Resource
from watchcache.api.status import Cause
from watchcache.api.validation.services import address_causes
from watchcache.registry.addresses import Exhausted, Reservation, parse_address
from watchcache.registry.calls import Document

NONE: Final = "None"
_WITH_CLUSTER_IP: Final = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
_WITH_NODE_PORTS: Final = frozenset({"NodePort", "LoadBalancer"})
_ONLY_WITH_CLUSTER_IP: Final = (
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
)
_ONLY_OUTSIDE: Final = ("externalTrafficPolicy", "healthCheckNodePort")


class Unfit(Exception):
    """The spec cannot be given what it asks for; `causes` say which field and why."""

    def __init__(self, *found: Cause) -> None:
        super().__init__("; ".join(cause.message for cause in found))
        self.causes = found

    def refusal(self, resource: Resource, name: str) -> status.StatusError:
        """What the client is told: 422."""
        return status.invalid(status.GroupKind(resource.group, resource.kind), name, list(self.causes))


class Full(Unfit):
    """Nothing is left of a range. kube-apiserver finds no fault with the object, and says that it is its own: 500."""

    def __init__(self, what: str, *, named: bool = False) -> None:
        super().__init__(Cause("", f"no {what} is left", ""))
        self._what = what
        self._named = named

    def refusal(self, resource: Resource, name: str) -> status.StatusError:
        """What the client is told: 500, in kube-apiserver's words, which name the object for an address only."""
        whom = f' for {resource.kind} "{name}"' if self._named else ""
        return status.internal(f"failed to allocate a {self._what}{whom}: range is full")


def allocate(document: Document, old: Document | None, reservation: Reservation) -> None:
    """Fill the addresses and ports of `document` (changed in place); raises Unfit."""
    spec = document.setdefault("spec", {})
    before: Document = (old or {}).get("spec") or {}
    if before:
        _carry_over(spec, before)
        _wipe_what_the_type_lost(spec, before)
    kind = spec.get("type", "ClusterIP")
    if kind in _WITH_CLUSTER_IP:
        _normalise_addresses(spec, before)
        _choose_families(spec, before, reservation)
        _allocate_addresses(spec, before, reservation)
    if kind in _WITH_NODE_PORTS and spec.get("allocateLoadBalancerNodePorts") is not False:
        _allocate_ports(spec, before, reservation)
    elif kind in _WITH_NODE_PORTS:
        _hold_wished_ports(spec, before, reservation)
    _allocate_health_port(spec, before, reservation)


def _carry_over(spec: Document, before: Document) -> None:
    """What an update leaves out stays as it was, as far as both types have it."""
    if _has_address(spec) and _has_address(before):
        if not spec.get("clusterIP"):
            for name in ("clusterIP", "clusterIPs"):
                if name in before and not spec.get(name):
                    spec[name] = before[name]
        for name in ("ipFamilies", "ipFamilyPolicy"):
            if not spec.get(name) and name in before:
                spec[name] = before[name]
    if spec.get("type") in _WITH_NODE_PORTS and before.get("type") in _WITH_NODE_PORTS:
        known = {
            (port.get("protocol"), port.get("port")): port["nodePort"]
            for port in before.get("ports") or ()
            if port.get("nodePort")
        }
        for port in spec.get("ports") or ():
            wanted = known.get((port.get("protocol"), port.get("port")))
            if wanted and not port.get("nodePort"):
                port["nodePort"] = wanted
    if _needs_health_port(spec) and _needs_health_port(before) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort", 0)


def _has_address(spec: Document) -> bool:
    return spec.get("type", "ClusterIP") in _WITH_CLUSTER_IP


def _is_outside(spec: Document) -> bool:
    """Whether the service can be reached from outside of the cluster."""
    return spec.get("type") in _WITH_NODE_PORTS or bool(spec.get("externalIPs"))


def _needs_health_port(spec: Document) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _wipe_what_the_type_lost(spec: Document, before: Document) -> None:
    """A client that only changes the type, or takes the external addresses away, sends the other type's fields back unchanged: they go."""
    if not _has_address(spec):
        _drop_unchanged(spec, before, _ONLY_WITH_CLUSTER_IP)
    if spec.get("type") not in _WITH_NODE_PORTS and before.get("type") in _WITH_NODE_PORTS:
        held = {port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") in held:
                port.pop("nodePort", None)
        _drop_unchanged(spec, before, ("allocateLoadBalancerNodePorts",))
    if _is_outside(before) and not _is_outside(spec):
        _drop_unchanged(spec, before, _ONLY_OUTSIDE)
    if spec.get("type") != "LoadBalancer" and before.get("type") == "LoadBalancer":
        _drop_unchanged(
            spec, before, ("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort")
        )


def _drop_unchanged(spec: Document, before: Document, names: Iterable[str]) -> None:
    for name in names:
        if spec.get(name) == before.get(name):
            spec.pop(name, None)


def _normalise_addresses(spec: Document, before: Document) -> None:
    """`clusterIP` and the first of `clusterIPs` are one thing; old clients know only the first."""
    first = spec.get("clusterIP") or ""
    addresses = spec.get("clusterIPs") or []
    changed = before and first != (before.get("clusterIP") or "")
    if changed and addresses == (before.get("clusterIPs") or []):
        addresses = []
    if first and not addresses:
        spec["clusterIPs"] = [first]
    if found := list(address_causes(spec, before)):
        raise Unfit(*found)
    _check_unchanged(spec, before)


def _check_unchanged(spec: Document, before: Document) -> None:
    held = before.get("clusterIPs") or []
    wanted = spec.get("clusterIPs") or []
    if not held or not _has_address(before) or not wanted or wanted[0] == held[0]:
        return
    raise _invalid("spec.clusterIPs[0]", wanted, "may not change once set")


def _choose_families(spec: Document, before: Document, reservation: Reservation) -> None:
    """Families and policy: as asked, as stored, or those of the cluster."""
    configured = reservation.allocator.families
    headless = spec.get("clusterIP") == NONE
    free = headless and not spec.get("selector")  # nobody but its author knows what it resolves to
    policy = spec.setdefault("ipFamilyPolicy", "RequireDualStack" if free else "SingleStack")
    families = list(spec.get("ipFamilies") or ())
    if policy == "SingleStack" and before.get("ipFamilyPolicy") not in {None, "SingleStack"}:
        families, spec["clusterIPs"] = families[:1], (spec.get("clusterIPs") or [])[:1]
    if not free:
        found = list(_family_causes(policy, spec.get("clusterIPs") or [], families, configured))
        if found:
            raise Unfit(*found)
    families += _families_of(spec.get("clusterIPs") or ())[len(families) :]
    families = families or configured[:1]
    if policy != "SingleStack" and len(families) == 1 and (len(configured) > 1 or headless):
        families = _with_other(families)
    spec["ipFamilies"] = families


def _family_causes(
    policy: str, addresses: list[str], families: list[str], configured: list[str]
) -> Iterator[Cause]:
    """What the cluster, or one another, does not allow of them."""
    too_many = [
        what
        for what, items in (("cluster IPs", addresses), ("IP families", families))
        if len(items) > 1 and policy == "SingleStack"
    ]
    for what in too_many:
        text = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
        yield causes.invalid("spec.ipFamilyPolicy", policy, text)
    for index, family in enumerate(_families_of(addresses)):
        if index >= len(families) and family not in configured:
            text = f"{family} is not configured on this cluster"
            yield causes.invalid(f"spec.clusterIPs[{index}]", addresses, text)
    if policy == "RequireDualStack" and len(configured) < 2:
        text = "this cluster is not configured for dual-stack services"
        yield causes.invalid("spec.ipFamilyPolicy", policy, text)
    for index, family in enumerate(families):
        if family not in configured and "IP families" not in too_many:
            yield causes.invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")


def _families_of(addresses: Iterable[str]) -> list[str]:
    return [parse_address(text)[0] for text in addresses if text != NONE]


def _with_other(families: list[str]) -> list[str]:
    return [*families, "IPv6" if families[0] == "IPv4" else "IPv4"]


def _allocate_addresses(spec: Document, before: Document, reservation: Reservation) -> None:
    if spec.get("clusterIP") == NONE:
        spec["clusterIPs"] = [NONE]
        return
    held = set(before.get("clusterIPs") or ())
    addresses = list(spec.get("clusterIPs") or ())
    for text in addresses:
        if text not in held:
            _take_address(text, addresses, reservation)
    for family in spec["ipFamilies"][len(addresses) :]:
        try:
            addresses.append(reservation.choose_address(family))
        except Exhausted:
            raise Full("serviceIP", named=True) from None
    spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses


def _take_address(text: str, addresses: list[str], reservation: Reservation) -> None:
    family, number = parse_address(text)
    pool = reservation.allocator.addresses[family]
    reason = ""
    if number not in pool:
        reason = "the provided network does not match the current range"
    elif pool.is_taken(number):
        reason = "provided IP is already allocated"
    if reason:
        raise _invalid("spec.clusterIPs", addresses, f"failed to allocate IP {text}: {reason}")
    reservation.take_address(family, number)


def _allocate_ports(spec: Document, before: Document, reservation: Reservation) -> None:
    """One node port for each port number; protocols of one number share it."""
    shared = _hold_wished_ports(spec, before, reservation)
    for port in spec.get("ports") or ():
        if not port.get("nodePort"):
            number = shared.get(port.get("port"))
            if number is None:
                number = shared[port.get("port")] = _chosen_port(reservation)
            port["nodePort"] = number


def _chosen_port(reservation: Reservation) -> int:
    try:
        return reservation.choose_port()
    except Exhausted:
        raise Full("nodePort") from None


def _hold_wished_ports(spec: Document, before: Document, reservation: Reservation) -> dict[Any, int]:
    """Hold the node ports that the spec names; the answer says which port number has which."""
    held = {port.get("nodePort") for port in before.get("ports") or ()}
    pool = reservation.allocator.ports
    wished: dict[int, Any] = {}
    for index, port in enumerate(spec.get("ports") or ()):
        number = port.get("nodePort")
        if not number:
            continue
        field = f"spec.ports[{index}].nodePort"
        if number in wished:
            if wished[number] != port.get("port"):
                raise _invalid(field, number, "provided port is already allocated")
            continue
        wished[number] = port.get("port")
        if number not in held:
            if number not in pool:
                valid = f"{pool.first}-{pool.first + pool.size - 1}"
                message = f"provided port is not in the valid range. The range of valid ports is {valid}"
                raise _invalid(field, number, message)
            if pool.is_taken(number):
                raise _invalid(field, number, "provided port is already allocated")
            reservation.take_port(number)
    return {port: number for number, port in wished.items()}


def _allocate_health_port(spec: Document, before: Document, reservation: Reservation) -> None:
    if not _needs_health_port(spec):
        return
    number = spec.get("healthCheckNodePort") or 0
    if not number:
        spec["healthCheckNodePort"] = _chosen_port(reservation)
    elif number != before.get("healthCheckNodePort"):
        if reservation.allocator.ports.is_taken(number):
            message = f"failed to allocate requested HealthCheck NodePort {number}: provided port is already allocated"
            raise _invalid("spec.healthCheckNodePort", number, message)
        reservation.take_port(number)


def _invalid(field: str, value: Any, message: str) -> Unfit:
    return Unfit(causes.invalid(field, value, message))
