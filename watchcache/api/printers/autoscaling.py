"""Rows of autoscalers and disruption budgets.

autoscaling/v1 has only the CPU target in its spec; what else the object holds is JSON in annotations, which is how one stored
object is served at both versions.
"""

from __future__ import annotations

import json
from typing import Any

from watchcache.api.printers.durations import age
from watchcache.api.printers.fields import (
    NONE,
    UNKNOWN,
    UNSET,
    Document,
    Printer,
    at,
    block,
    name,
    number,
    rows,
    text,
)

SHOWN = 2
"""How many metrics a row names before it only counts."""

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"


def autoscaler(document: Document, now: float) -> list[Any]:
    """Name, reference, targets, least pods, most pods, replicas, age."""
    spec = block(document, "spec")
    reference = block(spec, "scaleTargetRef")
    least = at(spec, "minReplicas")
    return [
        name(document),
        f"{text(reference, 'kind')}/{text(reference, 'name')}",
        _targets(*_metrics(document)),
        UNSET if least is None else str(least),
        number(spec, "maxReplicas"),
        number(document, "status", "currentReplicas"),
        age(document, now),
    ]


def disruption_budget(document: Document, now: float) -> list[Any]:
    """Name, least available, most unavailable, allowed disruptions, age."""
    least, most = at(document, "spec", "minAvailable"), at(document, "spec", "maxUnavailable")
    return [
        name(document),
        "N/A" if least is None else str(least),
        "N/A" if most is None else str(most),
        number(document, "status", "disruptionsAllowed"),
        age(document, now),
    ]


def _metrics(document: Document) -> tuple[list[Any], list[Any]]:
    """The metrics asked for and their current values, in the words of autoscaling/v2, for either version."""
    specs = rows(document, "spec", "metrics")
    if specs or at(document, "spec", "targetCPUUtilizationPercentage") is None:
        annotated = _annotated(document, _METRICS)
        return specs or list(map(_v2_metric, annotated)), rows(document, "status", "currentMetrics") or list(
            map(_v2_metric, _annotated(document, _CURRENT))
        )
    target = {"averageUtilization": at(document, "spec", "targetCPUUtilizationPercentage")}
    percent = at(document, "status", "currentCPUUtilizationPercentage")
    current = [] if percent is None else [_cpu("current", {"averageUtilization": percent})]
    rest = list(map(_v2_metric, _annotated(document, _METRICS)))
    return [_cpu("target", target), *rest], current


def _cpu(side: str, value: Document) -> Document:
    return {"type": "Resource", "resource": {"name": "cpu", side: value}}


def _annotated(document: Document, key: str) -> list[Any]:
    try:
        found = json.loads(text(document, "metadata", "annotations", key) or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []


# field of the v1 annotations -> (side, field of v2)
_V1_VALUES = {
    "targetAverageValue": ("target", "averageValue"),
    "targetAverageUtilization": ("target", "averageUtilization"),
    "targetValue": ("target", "value"),
    "currentAverageValue": ("current", "averageValue"),
    "currentAverageUtilization": ("current", "averageUtilization"),
    "currentValue": ("current", "value"),
}


def _v2_metric(metric: Document) -> Document:
    kind = text(metric, "type")
    source = kind[:1].lower() + kind[1:]
    shaped: Document = {"name": text(metric, source, "name")}
    for old, (side, new) in _V1_VALUES.items():
        value = at(metric, source, old)
        if value is not None:
            shaped.setdefault(side, {})[new] = value
    return {"type": kind, source: shaped}


def _targets(specs: list[Any], statuses: list[Any]) -> str:
    if not specs:
        return NONE
    lines = [_target(spec, statuses[i] if i < len(statuses) else None) for i, spec in enumerate(specs)]
    line = ", ".join(lines[:SHOWN])
    return f"{line} + {len(lines) - SHOWN} more..." if len(lines) > SHOWN else line


def _target(spec: Document, status: Document | None) -> str:
    kind = text(spec, "type")
    form = {
        "External": _average_or_value,
        "Object": _average_or_value,
        "Pods": _average,
        "Resource": _resource,
        "ContainerResource": _resource,
    }.get(kind)
    source = kind[:1].lower() + kind[1:]
    current = block(status, source, "current")
    return form(block(spec, source), current) if form else "<unknown type>"


def _average_or_value(source: Document, current: Document) -> str:
    target = block(source, "target")
    if (average := at(target, "averageValue")) is not None:
        return f"{at(current, 'averageValue') or UNKNOWN}/{average} (avg)"
    return f"{at(current, 'value') or UNKNOWN}/{at(target, 'value')}"


def _average(source: Document, current: Document) -> str:
    return f"{at(current, 'averageValue') or UNKNOWN}/{at(source, 'target', 'averageValue')}"


def _resource(source: Document, current: Document) -> str:
    target, resource = block(source, "target"), text(source, "name")
    if (average := at(target, "averageValue")) is not None:
        return f"{resource}: {at(current, 'averageValue') or UNKNOWN}/{average}"
    used, wanted = at(current, "averageUtilization"), at(target, "averageUtilization")
    left = UNKNOWN if used is None else f"{used}%"
    return f"{resource}: {left}/{'<auto>' if wanted is None else f'{wanted}%'}"


PRINTERS: dict[tuple[str, str], Printer] = {
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler,
    ("policy", "PodDisruptionBudget"): disruption_budget,
}
