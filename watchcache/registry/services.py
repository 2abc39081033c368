"""Services: families, cluster IPs and node ports of a spec that is about to be stored.

Runs after defaults and before validation, on create and update. What a client leaves out is carried
over from the stored service where its type still has it, wiped where the type no longer has it, and
otherwise chosen. All choices are held by a `Reservation` until the write is done.

Source: behaviour measured on kube-apiserver 1.36.3; the rules are those of
k/k pkg/registry/core/service (patchAllocatedValues, dropTypeDependentFields) and
k/k pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from watchcache.api import names, status
from watchcache.api.catalog import Resource
from watchcache.api.status import Cause
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
    """The spec cannot be given what it asks for; `cause` says which field and why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.message)
        self.cause = cause

    def refusal(self, resource: Resource, name: str) -> status.StatusError:
        """What the client is told: 422."""
        return status.invalid(status.GroupKind(resource.group, resource.kind), name, [self.cause])


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
    if not before and addresses and not first:
        raise _invalid(
            "spec.clusterIPs", _listed(addresses), "must be empty when `clusterIP` is not specified"
        )
    changed = before and first != (before.get("clusterIP") or "")
    if changed and addresses == (before.get("clusterIPs") or []):
        addresses = []
    if first and not addresses:
        spec["clusterIPs"] = [first]
    elif addresses and first != addresses[0]:
        raise _invalid("spec.clusterIPs[0]", _quoted(addresses[0]), "first value must match `clusterIP`")
    _check_unchanged(spec, before)


def _check_unchanged(spec: Document, before: Document) -> None:
    held = before.get("clusterIPs") or []
    wanted = spec.get("clusterIPs") or []
    if not held or not _has_address(before) or not wanted or wanted[0] == held[0]:
        return
    raise _invalid("spec.clusterIPs[0]", _listed(wanted), "may not change once set")


def _choose_families(spec: Document, before: Document, reservation: Reservation) -> None:
    """Families and policy: as asked, as stored, or those of the cluster."""
    configured = reservation.allocator.families
    headless = spec.get("clusterIP") == NONE
    if (
        headless
        and not spec.get("selector")
        and not spec.get("ipFamilyPolicy")
        and not spec.get("ipFamilies")
    ):
        # Nobody but its author knows what such a service resolves to: both families.
        spec["ipFamilyPolicy"], spec["ipFamilies"] = "RequireDualStack", _with_other(configured[:1])
        return
    policy = spec.setdefault("ipFamilyPolicy", "SingleStack")
    free = headless and not spec.get("selector")
    if policy == "RequireDualStack" and len(configured) < 2 and not headless:
        raise _invalid(
            "spec.ipFamilyPolicy", _quoted(policy), "this cluster is not configured for dual-stack services"
        )
    families = list(spec.get("ipFamilies") or _families_of(spec) or configured[:1])
    for index, family in enumerate(families):
        if family not in configured and not free:
            raise _invalid(f"spec.ipFamilies[{index}]", _quoted(family), "not configured on this cluster")
    if policy != "SingleStack" and len(families) == 1 and (len(configured) > 1 or headless):
        families = _with_other(families)
    elif policy == "SingleStack" and before.get("ipFamilyPolicy") not in {None, "SingleStack"}:
        families = families[:1]
        spec["clusterIPs"] = (spec.get("clusterIPs") or [])[:1]
    spec["ipFamilies"] = families


def _families_of(spec: Document) -> list[str]:
    families = []
    for index, text in enumerate(spec.get("clusterIPs") or ()):
        if text != NONE:
            families.append(_parsed(index, text)[0])
    return families


def _with_other(families: list[str]) -> list[str]:
    return [*families, "IPv6" if families[0] == "IPv4" else "IPv4"]


def _allocate_addresses(spec: Document, before: Document, reservation: Reservation) -> None:
    if spec.get("clusterIP") == NONE:
        spec["clusterIPs"] = [NONE]
        return
    held = set(before.get("clusterIPs") or ())
    addresses = list(spec.get("clusterIPs") or ())
    for index, text in enumerate(addresses):
        if text not in held:
            _take_address(index, text, addresses, reservation)
    for family in spec["ipFamilies"][len(addresses) :]:
        try:
            addresses.append(reservation.choose_address(family))
        except Exhausted:
            raise Full("serviceIP", named=True) from None
    spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses


def _take_address(index: int, text: str, addresses: list[str], reservation: Reservation) -> None:
    family, number = _parsed(index, text)
    pool = reservation.allocator.addresses.get(family)
    reason = ""
    if pool is None or number not in pool:
        reason = "the provided network does not match the current range"
    elif pool.is_taken(number):
        reason = "provided IP is already allocated"
    if reason:
        raise _invalid("spec.clusterIPs", _listed(addresses), f"failed to allocate IP {text}: {reason}")
    reservation.take_address(family, number)


def _parsed(index: int, text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except ValueError:
        raise _invalid(f"spec.clusterIPs[{index}]", _quoted(text), names.NO_ADDRESS) from None


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
                raise _invalid(field, str(number), "provided port is already allocated")
            continue
        wished[number] = port.get("port")
        if number not in held:
            if number not in pool:
                valid = f"{pool.first}-{pool.first + pool.size - 1}"
                message = f"provided port is not in the valid range. The range of valid ports is {valid}"
                raise _invalid(field, str(number), message)
            if pool.is_taken(number):
                raise _invalid(field, str(number), "provided port is already allocated")
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
            raise _invalid("spec.healthCheckNodePort", str(number), message)
        reservation.take_port(number)


def _invalid(field: str, value: str, message: str) -> Unfit:
    return Unfit(Cause("FieldValueInvalid", f"Invalid value: {value}: {message}", field))


def _quoted(text: str) -> str:
    return f'"{text}"'


def _listed(texts: list[str]) -> str:
    return "[" + ",".join(_quoted(text) for text in texts) + "]"
