"""What an object counts for in a quota: one row per kind, `COUNTED`, and the count of objects for all others.

Source: k/k pkg/quota/v1/evaluator/core/{pods,services,persistent_volume_claims}.go. The devices of resource claims are not counted,
only the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from watchcache.api.amounts import NOTHING, ONE, Amount, Amounts, amounts, is_extended, of_pod, total
from watchcache.api.catalog import Resource

Document = Mapping[str, Any]


class Counting(msgspec.Struct, frozen=True):
    """How a kind is counted.

    `usage` gives what one object counts for; `matches` says whether a name in a quota is about the kind; `in_scope` whether an object
    is in a scope, (scopeName, operator, values); `missing` names what a quota wants said and the object does not say.
    """

    usage: Callable[[Document], Amounts]
    matches: Callable[[str], bool]
    in_scope: Callable[[Document, Document], bool]
    missing: Callable[[Document, Iterable[str]], str]


def counting_of(resource: Resource) -> Counting:
    """The row of a kind."""
    key = (resource.storage.group, resource.plural)
    return COUNTED.get(key) or _by_number(*key)


# --- objects ---

_ALIASES: Final = frozenset({"configmaps", "resourcequotas", "replicationcontrollers", "secrets"})
"""Kinds of the core group that are also counted under their plain names."""


def _by_number(group: str, plural: str) -> Counting:
    names = {_count(group, plural)} | ({plural} if not group and plural in _ALIASES else set())
    return Counting(lambda _: dict.fromkeys(names, ONE), names.__contains__, _in_no_scope, _nothing_missing)


def _count(group: str, plural: str) -> str:
    return f"count/{plural}.{group}" if group else f"count/{plural}"


def _in_no_scope(_scope: Document, _object: Document) -> bool:
    return False


def _nothing_missing(_object: Document, _names: Iterable[str]) -> str:
    return ""


# --- pods ---

_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_REQUIRED: Final = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)
"""What every container must say when a quota counts it."""
_POD_NAMES: Final = frozenset(
    {
        "count/pods",
        "pods",
        *_COMPUTE,
        *(f"{part}.{name}" for part in ("requests", "limits") for name in _COMPUTE),
    }
)
_OVER: Final = frozenset({"Succeeded", "Failed"})


def _pod_usage(pod: Document) -> Amounts:
    """Every pod is an object; one that is not over counts with what it asks for."""
    if (pod.get("status") or {}).get("phase") in _OVER:
        return {"count/pods": ONE}
    spec = pod.get("spec") or {}
    overhead = amounts(spec.get("overhead"))
    requests = total([of_pod(spec, "requests"), overhead])
    limits = of_pod(spec, "limits")
    # Overhead adds to limits that are there.
    limits = {name: each.plus(overhead.get(name, NOTHING)) for name, each in limits.items()}
    return {"count/pods": ONE} | _compute_usage(requests, limits)


def _compute_usage(requests: Amounts, limits: Amounts) -> Amounts:
    usage = {"pods": ONE}
    for name, amount in requests.items():
        if name in _COMPUTE or name.startswith("hugepages-"):
            usage[name] = usage[f"requests.{name}"] = amount
        elif is_extended(name):
            usage[f"requests.{name}"] = amount
    for name, amount in limits.items():
        if name in _COMPUTE:
            usage[f"limits.{name}"] = amount
    return usage


def _is_about_pods(name: str) -> bool:
    if name in _POD_NAMES or name.startswith(("hugepages-", "requests.hugepages-")):
        return True
    return name.startswith("requests.") and "/" in name and "kubernetes.io/" not in name


def _pod_in_scope(scope: Document, pod: Document) -> bool:
    spec = pod.get("spec") or {}
    name = scope.get("scopeName")
    if name in {"Terminating", "NotTerminating"}:
        return (spec.get("activeDeadlineSeconds") is not None) is (name == "Terminating")
    if name in {"BestEffort", "NotBestEffort"}:
        quality = (pod.get("status") or {}).get("qosClass")
        return (quality == "BestEffort") is (name == "BestEffort")
    if name == "PriorityClass":
        chosen = spec.get("priorityClassName")
        return _selects(scope, [chosen] if chosen else [])
    return name == "CrossNamespacePodAffinity" and _crosses_namespaces(spec.get("affinity") or {})


def _crosses_namespaces(affinity: Document) -> bool:
    for member in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(member) or {}
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms = [
            *(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()),
            *(rule.get("podAffinityTerm") or {} for rule in weighted),
        ]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def _selects(scope: Document, chosen: list[str]) -> bool:
    """Whether a scope's operator and values select an object that names `chosen`."""
    operator, values = scope.get("operator"), scope.get("values") or ()
    if operator == "Exists":
        return bool(chosen)
    if operator == "DoesNotExist":
        return not chosen
    if operator == "NotIn":
        return not chosen or any(each not in values for each in chosen)
    return any(each in values for each in chosen)


def _pod_missing(pod: Document, names: Iterable[str]) -> str:
    """Processors and memory that a quota counts must be asked for by each container, if not by the pod."""
    spec = pod.get("spec") or {}
    own = spec.get("resources") or {}
    if own.get("requests") or own.get("limits"):
        return ""
    missing: dict[str, set[str]] = {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        said = _compute_usage(amounts(resources.get("requests")), amounts(resources.get("limits")))
        for name in _REQUIRED.intersection(names) - said.keys():
            missing.setdefault(name, set()).add(container.get("name", ""))
    if not missing:
        return ""
    parts = (f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
    return f"must specify {'; '.join(parts)}"


# --- services and claims ---


def _service_usage(service: Document) -> Amounts:
    """Node ports are counted by intent: they are not given out yet."""
    spec = service.get("spec") or {}
    kind, ports = spec.get("type"), spec.get("ports") or []
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
        ports = [port for port in ports if port.get("nodePort")]
    elif kind not in {"LoadBalancer", "NodePort"}:
        ports = []
    return {
        "count/services": ONE,
        "services": ONE,
        "services.loadbalancers": ONE if kind == "LoadBalancer" else NOTHING,
        "services.nodeports": Amount(Decimal(len(ports))),
    }


_SERVICE_NAMES: Final = frozenset(
    {"count/services", "services", "services.loadbalancers", "services.nodeports"}
)
_CLASS_SUFFIX: Final = ".storageclass.storage.k8s.io/"
_CLAIM_NAMES: Final = ("persistentvolumeclaims", "requests.storage")
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"


def _claim_usage(claim: Document) -> Amounts:
    spec = claim.get("spec") or {}
    usage = {"persistentvolumeclaims": ONE}
    asked = amounts((spec.get("resources") or {}).get("requests")).get("storage")
    if asked is not None:
        allocated = amounts((claim.get("status") or {}).get("allocatedResources")).get("storage", asked)
        usage["requests.storage"] = max(asked, allocated, key=lambda amount: amount.value)
    annotations = claim["metadata"].get("annotations") or {}
    chosen = annotations.get(_OLD_CLASS) or spec.get("storageClassName")
    of_class = {f"{chosen}{_CLASS_SUFFIX}{name}": each for name, each in usage.items()} if chosen else {}
    return {"count/persistentvolumeclaims": ONE} | usage | of_class


def _is_about_claims(name: str) -> bool:
    if name == "count/persistentvolumeclaims" or name in _CLAIM_NAMES:
        return True
    return name.endswith(tuple(f"{_CLASS_SUFFIX}{each}" for each in _CLAIM_NAMES))


def _claim_in_scope(scope: Document, claim: Document) -> bool:
    if scope.get("scopeName") != "VolumeAttributesClass":
        return False
    state = claim.get("status") or {}
    names = [
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        state.get("currentVolumeAttributesClassName"),
        (state.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    ]
    return _selects(scope, [name for name in names if name])


COUNTED: Final[dict[tuple[str, str], Counting]] = {
    ("", "pods"): Counting(_pod_usage, _is_about_pods, _pod_in_scope, _pod_missing),
    ("", "services"): Counting(_service_usage, _SERVICE_NAMES.__contains__, _in_no_scope, _nothing_missing),
    ("", "persistentvolumeclaims"): Counting(
        _claim_usage, _is_about_claims, _claim_in_scope, _nothing_missing
    ),
}
