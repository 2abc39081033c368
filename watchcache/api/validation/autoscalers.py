"""Horizontal pod autoscalers (in the form of v2, in which they are stored) and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.metrics import metric_causes, reference_causes
from watchcache.api.validation.rules import Document, Rule, amount, one_of
from watchcache.api.validation.selectors import selector_causes

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
    if most == 0:
        yield causes.required("spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        yield causes.invalid("spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        yield causes.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    yield from _target_causes(spec.get("scaleTargetRef") or {})
    metrics = spec.get("metrics") or ()
    for index, metric in enumerate(metrics):
        yield from metric_causes(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in {"Object", "External"} for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield causes.forbidden("spec.metrics", text)
    for direction in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(direction)
        if rules is not None:
            yield from _scaling_rules(rules, f"spec.behavior.{direction}")


def _target_causes(target: Document) -> Iterator[Cause]:
    """What is scaled: of any group but the nameless one."""
    yield from reference_causes(target, "spec.scaleTargetRef")
    version = target.get("apiVersion") or ""
    if "/" not in version:
        yield causes.invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group")


def _scaling_rules(rules: Document, path: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        text = "must be greater than or equal to zero"
        yield causes.invalid(f"{path}.stabilizationWindowSeconds", window, text)
    elif window is not None and window > _LONGEST_WINDOW:
        text = f"must be less than or equal to {_LONGEST_WINDOW}"
        yield causes.invalid(f"{path}.stabilizationWindowSeconds", window, text)
    yield from one_of(rules.get("selectPolicy"), _SELECT_POLICIES, f"{path}.selectPolicy")
    if not rules.get("policies"):
        yield causes.required(f"{path}.policies", "must specify at least one Policy")
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
