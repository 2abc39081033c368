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
    spec, status = block(document, "spec"), block(document, "status")
    asked = rows(spec, "metrics") + _cpu("target", at(spec, "targetCPUUtilizationPercentage"))
    asked += _annotated(document, _METRICS, "target")
    current = rows(status, "currentMetrics") or _annotated(document, _CURRENT, "current")
    return asked, current or _cpu("current", at(status, "currentCPUUtilizationPercentage"))


def _cpu(side: str, percent: int | None) -> list[Any]:
    if percent is None:
        return []
    return [{"type": "Resource", "resource": {"name": "cpu", side: {"averageUtilization": percent}}}]


def _annotated(document: Document, key: str, side: str) -> list[Any]:
    """The metrics in an annotation of a v1 object; `side` is `target` of what is asked for, else `current`."""
    try:
        found = json.loads(text(document, "metadata", "annotations", key) or "[]")
    except ValueError:
        return []
    return [_v2_metric(metric, side) for metric in found] if isinstance(found, list) else []


_VALUES = {"AverageValue": "averageValue", "AverageUtilization": "averageUtilization", "Value": "value"}


def _v2_metric(metric: Document, side: str) -> Document:
    kind = text(metric, "type")
    source = _source(kind)
    values = {new: at(metric, source, side + old) for old, new in _VALUES.items()}
    if (average := at(metric, source, "averageValue")) is not None:  # the one of Object metrics has no prefix
        values["averageValue"] = average
    present = {key: value for key, value in values.items() if value is not None}
    return {"type": kind, source: {"name": text(metric, source, "name"), side: present}}


def _source(kind: str) -> str:
    """The field that holds a metric of a type: `containerResource` for `ContainerResource`."""
    return kind[:1].lower() + kind[1:]


def _targets(specs: list[Any], statuses: list[Any]) -> str:
    if not specs:
        return NONE
    lines = [_target(spec, statuses[i] if i < len(statuses) else None) for i, spec in enumerate(specs)]
    line = ", ".join(lines[:SHOWN])
    return f"{line} + {len(lines) - SHOWN} more..." if len(lines) > SHOWN else line


def _target(spec: Document, status: Document | None) -> str:
    kind = text(spec, "type")
    form, source = _FORMS.get(kind), _source(kind)
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


_FORMS = {
    "ContainerResource": _resource,
    "External": _average_or_value,
    "Object": _average_or_value,
    "Pods": _average,
    "Resource": _resource,
}

PRINTERS: dict[tuple[str, str], Printer] = {
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler,
    ("policy", "PodDisruptionBudget"): disruption_budget,
}
