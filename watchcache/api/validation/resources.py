"""What containers and pods ask for: amounts of resources, and claims."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.amounts import is_extended, is_for_pods, of_containers
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document

_OF_CONTAINERS: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE: Final = "hugepages-"
_HUGE_IN_QUOTAS: Final = f"requests.{_HUGE}"
_COUNTED: Final = frozenset(
    {
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps",
        "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
"""Objects of which quotas limit the number."""
_OF_QUOTAS: Final = (
    _OF_CONTAINERS
    | _COUNTED
    | {f"{of}.{name}" for of in ("requests", "limits") for name in _OF_CONTAINERS}
    | {"requests.storage"}
)
_OF_PODS: Final = ("cpu", _HUGE, "memory")

NameCheck = Callable[[str, str], Iterator[Cause]]


def container_resource_causes(resources: Document, claims: Collection[str], path: str) -> Iterator[Cause]:
    """What is wrong with what a container asks for; `claims`: the names of the pod's."""
    yield from _requirement_causes(resources, claims, path, container_resource_name)


def pod_resource_causes(spec: Document, claims: Collection[str], path: str) -> Iterator[Cause]:
    """What is wrong with what a pod asks for itself, for all its containers together."""
    resources, where = spec.get("resources"), f"{path}.resources"
    if resources is None:
        return
    if (spec.get("os") or {}).get("name") == "windows":
        yield causes.forbidden(where, "may not be set for a windows pod")
        return
    if resources.get("claims") is not None:
        yield causes.forbidden(f"{where}.claims", "claims may not be set for Resources at pod-level")
    yield from _requirement_causes(resources, claims, where, _pod_name)
    yield from _too_little(spec, resources, where)


def overhead_causes(overhead: Document, path: str) -> Iterator[Cause]:
    """What is wrong with what a pod takes beside its containers, which kube-apiserver calls limits."""
    yield from _requirement_causes({"limits": overhead}, (), path, container_resource_name)


def _requirement_causes(
    resources: Document, claims: Collection[str], path: str, check: NameCheck
) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for member, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from check(name, f"{path}.{member}[{name}]")
            yield from amount_causes(name, amount, f"{path}.{member}[{name}]")
            if member == "requests":
                yield from _beyond(name, amount, limits.get(name), path)
            if name.startswith(_HUGE) and not _is_whole(name, quantity(amount)):
                text = f"{amount} is not positive integer multiple of {name}"
                yield causes.invalid(f"{path}.{member}[{name}]", amount, text)
    asked = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in asked) and not asked & {"cpu", "memory"}:
        yield causes.forbidden(path, "HugePages require cpu or memory")
    yield from _claimed(resources.get("claims") or (), claims, f"{path}.claims")


def _beyond(name: str, amount: object, limit: object, path: str) -> Iterator[Cause]:
    """What is asked for must be within the limit, and is the limit where a node cannot promise more than it has."""
    if is_shared(name):
        if limit is not None and quantity(amount) > quantity(limit):
            text = f"must be less than or equal to {name} limit of {limit}"
            yield causes.invalid(f"{path}.requests", amount, text)
    elif limit is None:
        text = "Limit must be set for non overcommitable resources"
        yield causes.required(f"{path}.limits", text)
    elif quantity(amount) != quantity(limit):
        text = f"must be equal to {name} limit of {limit}"
        yield causes.invalid(f"{path}.requests", amount, text)


def amount_causes(name: str, amount: object, field: str) -> Iterator[Cause]:
    """What is wrong with how much there is of a resource."""
    number = quantity(amount)
    if number < 0:
        yield causes.invalid(field, amount, "must be greater than or equal to 0")
    if (name in _COUNTED or is_extended(name)) and number % 1:
        yield causes.invalid(field, amount, "must be an integer")


def _is_whole(name: str, amount: Decimal) -> bool:
    page = quantity(name.removeprefix(_HUGE))
    return page > 0 and not amount % page


def resource_name_causes(name: str, field: str) -> list[Cause]:
    """What is wrong with the name of a resource of any kind."""
    problems = names.label_key(name)
    if problems:
        return causes.each_invalid(field, name, problems)
    if "/" in name or name == "storage" or is_standard_quota(name):
        return []
    return [causes.invalid(field, name, "must be a standard resource type or fully qualified")]


def container_resource_name(name: str, field: str) -> Iterator[Cause]:
    """What is wrong with the name of a resource of a container: one of those that every node has, or of one with a domain."""
    if name in _OF_CONTAINERS:
        return
    yield from resource_name_causes(name, field)
    if "/" not in name:
        if not name.startswith(_HUGE):
            yield causes.invalid(field, name, "must be a standard resource for containers")
    elif "kubernetes.io/" not in name and not is_extended_well(name):
        yield causes.invalid(field, name, "doesn't follow extended resource name standard")


def is_extended_well(name: str) -> bool:
    """Whether it is an extended resource whose name fits into quotas, too."""
    return is_extended(name) and not names.label_key(f"requests.{name}")


def is_standard_quota(name: str) -> bool:
    """Whether quotas know the resource without a domain."""
    return name in _OF_QUOTAS or name.startswith((_HUGE, _HUGE_IN_QUOTAS))


def quota_name_causes(name: str, field: str) -> Iterator[Cause]:
    """What is wrong with the name of what a quota limits."""
    yield from resource_name_causes(name, field)
    if "/" not in name and not is_standard_quota(name):
        yield causes.invalid(field, name, "must be a standard resource for quota")


def _pod_name(name: str, field: str) -> Iterator[Cause]:
    problems = resource_name_causes(name, field)
    yield from problems
    if not problems and not is_for_pods(name):
        yield causes.not_supported(field, name, _OF_PODS)


def is_shared(name: str) -> bool:
    """Whether a node may promise more of it than it has."""
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith(_HUGE)


def _too_little(spec: Document, resources: Document, path: str) -> Iterator[Cause]:
    """What a pod asks for itself must do for its containers."""
    limits = resources.get("limits") or {}
    for name, needed in of_containers(spec, "requests").items():
        own = (resources.get("requests") or {}).get(name)
        if own is not None and needed.value > quantity(own):
            text = f"must be greater than or equal to aggregate container requests of {needed.text}"
            yield causes.invalid(f"{path}.requests[{name}]", own, text)
    for name, needed in of_containers(spec, "limits").items():
        own = limits.get(name)
        if name.startswith(_HUGE) and own is not None and needed.value > quantity(own):
            text = f"must be greater than or equal to aggregate container limits of {needed.text}"
            yield causes.invalid(f"{path}.limits[{name}]", own, text)
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and quantity(limit) > quantity(limits[name]):
                text = f"must be less than or equal to pod limits of {limits[name]}"
                yield causes.invalid(f"{path}.containers[{index}][{name}].limits", limit, text)


def claim_names(spec: Document) -> frozenset[str]:
    """How a pod names the claims of its own."""
    return frozenset(claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name"))


def pod_claim_causes(claims: list[Document], path: str) -> Iterator[Cause]:
    """What is wrong with the claims of a pod: each has a name here, and is one that exists or is made from a template."""
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        name, where = claim.get("name") or "", f"{path}[{index}]"
        if not name:
            yield causes.required(f"{where}.name")
        elif name in seen:
            yield causes.duplicate(f"{where}.name", name)
        else:
            yield from causes.each_invalid(f"{where}.name", name, names.label(name))
            seen.add(name)
        exists, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = {"Name": name, "ResourceClaimName": exists, "ResourceClaimTemplateName": template}
        if exists is not None and template is not None:
            text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            yield causes.invalid(where, shown, text)
        if exists is None and template is None:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            yield causes.invalid(where, shown, text)
        for member, value in (("resourceClaimName", exists), ("resourceClaimTemplateName", template)):
            if value is not None:
                yield from causes.each_invalid(f"{where}.{member}", value, names.subdomain(value))


def _claimed(asked: Any, claims: Collection[str], path: str) -> Iterator[Cause]:
    """A container asks for whole claims of the pod, or for single requests of them."""
    seen: set[str] = set()
    for index, each in enumerate(asked):
        name, request, where = each.get("name") or "", each.get("request") or "", f"{path}[{index}]"
        if not name:
            yield causes.required(where)
            continue
        if name in seen:
            yield causes.duplicate(where, name)
        else:
            key = f"{name}/{request}" if request else name
            if request:
                yield from causes.each_invalid(f"{where}.request", request, names.label(request))
            if key in seen:
                yield causes.duplicate(where, key)
            elif not request:
                for _ in filter(lambda known: known.startswith(f"{name}/"), seen):
                    yield causes.duplicate(where, name)
            seen.add(key)
        if name not in claims:
            there = f": {', '.join(sorted(claims))}" if claims else " which is empty"
            cause = causes.not_found(where, name)
            text = f"{cause.message}: must be one of the names in pod.spec.resourceClaims{there}"
            yield Cause(cause.reason, text, where)
