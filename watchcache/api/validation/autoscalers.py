"""Horizontal pod autoscalers (in the form of v2, in which they are stored) and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, amount, one_of
from watchcache.api.validation.selectors import selector_causes

_METRICS: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS: Final = ("Utilization", "Value", "AverageValue")
_SELECT_POLICIES: Final = ("Disabled", "Max", "Min")
_LONGEST_WINDOW: Final = 3600
_LONGEST_PERIOD: Final = 1800
_WHOLE: Final = 100


def _autoscaler(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None and spec == (old.get("spec") or {}):
        return
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        yield causes.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield causes.required("spec.maxReplicas", "must be set and greater than 0")
    if least is not None and most < least:
        yield causes.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    yield from _target_causes(spec.get("scaleTargetRef") or {})
    metrics = spec.get("metrics") or ()
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in {"Object", "External"} for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield causes.forbidden("spec.metrics", text)
    for direction in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(direction)
        if rules is not None:
            yield from _scaling_rules(rules, f"spec.behavior.{direction}")


def _target_causes(target: Document) -> Iterator[Cause]:
    """What is scaled: of any group but the nameless one."""
    for member in ("kind", "name"):
        value = target.get(member) or ""
        if not value:
            yield causes.required(f"spec.scaleTargetRef.{member}")
        for character in "/%":
            if character in value:
                text = f"may not contain '{character}'"
                yield causes.invalid(f"spec.scaleTargetRef.{member}", value, text)
    version = target.get("apiVersion") or ""
    if "/" not in version:
        yield causes.invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group")


def _metric(metric: Document, path: str) -> Iterator[Cause]:
    kind = metric.get("type") or ""
    if not kind:
        yield causes.required(f"{path}.type", "must specify a metric source type")
    if kind not in _METRICS:
        yield causes.not_supported(f"{path}.type", kind, tuple(_METRICS))
        yield causes.not_supported(f"{path}.type", kind, tuple(_METRICS))  # kube-apiserver looks twice
        return
    member = _METRICS[kind]
    source = metric.get(member)
    if source is None:
        text = "must populate information for the given metric source"
        yield causes.required(f"{path}.{member}", text)
    elif kind == "Resource":
        if not source.get("name"):
            yield causes.required(f"{path}.{member}.name", "must specify a resource name")
        yield from _utilization(source.get("target") or {}, f"{path}.{member}.target")


def _utilization(target: Document, path: str) -> Iterator[Cause]:
    kind, percent, average = target.get("type"), target.get("averageUtilization"), target.get("averageValue")
    if not kind:
        yield causes.required(f"{path}.type", "must specify a metric target type")
    elif kind not in _TARGETS:
        yield causes.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    if average is not None and quantity(average) <= 0:
        yield causes.invalid(f"{path}.averageValue", average, "must be positive")
    if percent is not None and percent < 1:
        yield causes.invalid(f"{path}.averageUtilization", percent, "must be greater than 0")
    if percent is None and average is None:
        text = "must set either a target raw value or a target utilization"
        yield causes.required(f"{path}.averageUtilization", text)
    elif percent is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        yield causes.forbidden(f"{path}.averageValue", text)


def _scaling_rules(rules: Document, path: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        text = "must be greater than or equal to zero"
        yield causes.invalid(f"{path}.stabilizationWindowSeconds", window, text)
    elif window is not None and window > _LONGEST_WINDOW:
        text = f"must be less than or equal to {_LONGEST_WINDOW}"
        yield causes.invalid(f"{path}.stabilizationWindowSeconds", window, text)
    yield from one_of(rules.get("selectPolicy"), _SELECT_POLICIES, f"{path}.selectPolicy")
    for index, policy in enumerate(rules.get("policies") or ()):
        field, period = f"{path}.policies[{index}]", policy.get("periodSeconds") or 0
        yield from one_of(policy.get("type") or "", ("Percent", "Pods"), f"{field}.type")
        for member in ("value", "periodSeconds"):
            number = policy.get(member) or 0
            if number <= 0:
                yield causes.invalid(f"{field}.{member}", number, "must be greater than zero")
        if period > _LONGEST_PERIOD:
            text = f"must be less than or equal to {_LONGEST_PERIOD}"
            yield causes.invalid(f"{field}.periodSeconds", period, text)


def _budget(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None and spec == (old.get("spec") or {}):
        return
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield causes.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for member, value in (("minAvailable", least), ("maxUnavailable", most)):
        yield from amount(value, f"spec.{member}")
        if isinstance(value, str) and value[:-1].isdigit() and value[-1] == "%" and int(value[:-1]) > _WHOLE:
            yield causes.invalid(f"spec.{member}", value, "must not be greater than 100%")
    yield from selector_causes(spec.get("selector") or {}, "spec.selector")
    policies = ("AlwaysAllow", "IfHealthyBudget")
    yield from one_of(spec.get("unhealthyPodEvictionPolicy"), policies, "spec.unhealthyPodEvictionPolicy")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
    ("policy", "poddisruptionbudgets"): _budget,
}
