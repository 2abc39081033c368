"""What a namespace may use: limit ranges and quotas."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.resources import (
    amount_causes,
    container_resource_name,
    is_shared,
    is_standard_quota,
    quota_name_causes,
    resource_name_causes,
)
from watchcache.api.validation.rules import Document, Rule, of_content

# --- limit ranges ---

_LIMITED: Final = ("Container", "PersistentVolumeClaim", "Pod")
_MOST_IN_THOUSANDTHS: Final = (2**63 - 1) // 1000
"""Below it kube-apiserver divides thousandths, above it whole numbers."""


def _limit_range(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    seen: set[str] = set()
    for index, limit in enumerate((new.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", limit.get("type") or ""
        problems = names.label_key(kind)
        yield from causes.each_invalid(f"{path}.type", kind, problems)
        if not problems and "/" not in kind and kind not in _LIMITED:
            yield causes.invalid(f"{path}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            yield causes.duplicate(f"{path}.type", kind)
        seen.add(kind)
        yield from _limit_causes(limit, kind, path)


def _limit_causes(limit: Document, kind: str, path: str) -> Iterator[Cause]:
    check = container_resource_name if kind in {"Pod", "Container"} else resource_name_causes
    compared: dict[str, Document] = {}
    for member in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        amounts = limit.get(member) or {}
        if kind == "Pod" and member.startswith("default"):
            if amounts:
                yield causes.forbidden(f"{path}.{member}", "may not be specified when `type` is 'Pod'")
            continue
        if kind == "PersistentVolumeClaim" and member == "maxLimitRequestRatio":
            yield from _unbounded(limit, path)
        for name in sorted(amounts):
            yield from check(name, f"{path}.{member}[{name}]")
        compared[member] = amounts
    for name in sorted({name for amounts in compared.values() for name in amounts}):
        of_name = {member: amounts[name] for member, amounts in compared.items() if name in amounts}
        yield from _disorder(of_name, name, path)
        yield from _ratio_causes(of_name, f"{path}.maxLimitRequestRatio[{name}]")
        default, request = of_name.get("default"), of_name.get("defaultRequest")
        if default is not None and request is not None and not is_shared(name) and _differ(default, request):
            text = f"default value {default} must equal to defaultRequest value {request} in {name}"
            yield causes.invalid(f"{path}.defaultRequest[{name}]", request, text)


def _unbounded(limit: Document, path: str) -> Iterator[Cause]:
    if all("storage" not in (limit.get(member) or {}) for member in ("min", "max")):
        text = "either minimum or maximum storage value is required, but neither was provided"
        yield causes.required(f"{path}.limits", text)


_ORDER: Final = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""(what must not be greater, than what, the field that is told, whose value is told, the text)."""


def _disorder(amounts: Document, name: str, path: str) -> Iterator[Cause]:
    for low, high, field, told, text in _ORDER:
        if low in amounts and high in amounts and quantity(amounts[low]) > quantity(amounts[high]):
            problem = text.format(amounts[low], amounts[high])
            yield causes.invalid(f"{path}.{field}[{name}]", amounts[told], problem)


def _ratio_causes(amounts: Document, field: str) -> Iterator[Cause]:
    ratio = amounts.get("maxLimitRequestRatio")
    if ratio is None:
        return
    if quantity(ratio) < 1:
        yield causes.invalid(field, ratio, f"ratio {ratio} is less than 1")
    if "min" in amounts and "max" in amounts:
        most = _quotient(amounts["max"], amounts["min"])
        if most is not None and quantity(ratio) > most:
            shown = f"{most:f}".replace("inf", "+Inf").replace("-+", "-")
            yield causes.invalid(field, ratio, f"ratio {ratio} is greater than max/min = {shown}")


def _quotient(most: object, least: object) -> float | None:
    """None where nothing is divided by nothing."""
    above, below = float(quantity(most)), float(quantity(least))
    if below:
        return above / below
    return None if not above else float("inf") if above > 0 else float("-inf")


def _differ(one: object, other: object) -> bool:
    return quantity(one) != quantity(other)


# --- quotas ---

_SCOPED: Final[Mapping[str, Collection[str]]] = {
    **dict.fromkeys(
        ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"),
        ("pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"),
    ),
    "BestEffort": ("pods",),
    "VolumeAttributesClass": ("persistentvolumeclaims", "requests.storage"),
}
"""What can be counted in a scope."""
_EXISTING: Final = frozenset(
    {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"}
)
"""Scopes in which something is or is not."""
_CONFLICTS: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_UNFIT: Final = "unsupported scope applied to resource"
_ONLY_EXISTS: Final = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_VALUE_NEEDED: Final = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
_NO_VALUE: Final = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"


def _quota(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    hard, scopes = spec.get("hard") or {}, spec.get("scopes") or []
    yield from _counted_causes(hard, "spec.hard")
    for scope in scopes:
        if scope not in _SCOPED:
            yield causes.invalid("spec.scopes", scopes, "unsupported scope")
        for _ in _unfit(scope, hard):
            yield causes.invalid("spec.scopes", scopes, _UNFIT)
    for _ in _conflicts(scopes):
        yield causes.invalid("spec.scopes", scopes, "conflicting scopes")
    if spec.get("scopeSelector") is not None:
        yield from _selector_causes(spec["scopeSelector"], hard, scopes)
    if old is not None and {*scopes} != {*((old.get("spec") or {}).get("scopes") or ())}:
        yield causes.immutable("spec.scopes", spec.get("scopes"))


def _quota_status(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    status = new.get("status") or {}
    for member in ("hard", "used"):
        yield from _counted_causes(status.get(member) or {}, f"status.{member}")


def _counted_causes(amounts: Document, path: str) -> Iterator[Cause]:
    for name in sorted(amounts):
        yield from quota_name_causes(name, f"{path}[{name}]")
        yield from amount_causes(name, amounts[name], f"{path}[{name}]")


def _selector_causes(selector: Document, hard: Document, scopes: Any) -> Iterator[Cause]:
    path, wanted = "spec.scopeSelector.matchExpressions", selector.get("matchExpressions") or ()
    for each in wanted:
        scope, operator = each.get("scopeName") or "", each.get("operator") or ""
        if scope not in _SCOPED:
            yield causes.invalid(f"{path}.scopeName", scope, "unsupported scope")
        for _ in _unfit(scope, hard):
            # kube-apiserver shows its internal type here; we show what the client sees.
            yield causes.invalid(path, selector, _UNFIT)
        if scope in _EXISTING and operator != "Exists":
            yield causes.invalid(f"{path}.operator", operator, _ONLY_EXISTS)
        values = each.get("values") or []
        if operator in {"In", "NotIn"}:
            if not values:
                yield causes.required(f"{path}.values", _VALUE_NEEDED)
        elif operator in {"Exists", "DoesNotExist"}:
            if values:
                yield causes.invalid(f"{path}.values", values, _NO_VALUE)
        else:
            yield causes.invalid(f"{path}.operator", operator, "not a valid selector operator")
    for _ in _conflicts([each.get("scopeName") or "" for each in wanted]):
        yield causes.invalid(path, scopes or None, "conflicting scopes")


def _unfit(scope: str, hard: Document) -> list[str]:
    """What is counted, but cannot be in this scope."""
    fit = _SCOPED.get(scope)
    return [] if fit is None else [name for name in hard if is_standard_quota(name) and name not in fit]


def _conflicts(scopes: Collection[str]) -> list[tuple[str, str]]:
    return [pair for pair in _CONFLICTS if all(scope in scopes for scope in pair)]


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "limitranges"): of_content(_limit_range),
    ("", "resourcequotas"): of_content(_quota),
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {("", "resourcequotas"): _quota_status}
