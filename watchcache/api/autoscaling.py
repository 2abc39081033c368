"""HorizontalPodAutoscaler v1 and v2.

v1 knows one metric, the average CPU utilization. All else of v2 stands in four annotations of a v1 object, in spellings of their own:
metrics as v1 would have had them (`targetAverageValue`), behavior with capitalised names and every absent field as null.
Source: a kube-apiserver 1.36 asked for the same objects in both versions. An annotation that is no JSON of the right shape is dropped, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

Document = dict[str, Any]

_PREFIX: Final = "autoscaling.alpha.kubernetes.io/"
METRICS: Final = _PREFIX + "metrics"
BEHAVIOR: Final = _PREFIX + "behavior"
CONDITIONS: Final = _PREFIX + "conditions"
CURRENT_METRICS: Final = _PREFIX + "current-metrics"

_KINDS: Final = {
    "Resource": "resource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
    "ContainerResource": "containerResource",
}
_RULES: Final = ("StabilizationWindowSeconds", "SelectPolicy", "Policies", "Tolerance")


def to_v1(document: Document) -> Document:
    """The v1 form of a v2 object."""
    converted, spec, status = _parts(document)
    annotations = dict(document["metadata"].get("annotations", {}))
    metrics, current = spec.pop("metrics", None) or [], status.pop("currentMetrics", None) or []
    target = _take_cpu(metrics, "target")
    if target is not None:
        spec["targetCPUUtilizationPercentage"] = target
        metrics = [metric for metric in metrics if not _is_cpu(metric, "target")]
    usage = _take_cpu(current, "current")
    if usage is not None:
        status["currentCPUUtilizationPercentage"] = usage
    status.setdefault("currentReplicas", 0)
    behavior, conditions = spec.pop("behavior", None), status.pop("conditions", None)
    _annotate(annotations, METRICS, [_metric_v1(metric, "target") for metric in metrics])
    _annotate(annotations, CURRENT_METRICS, [_metric_v1(metric, "current") for metric in current])
    _annotate(annotations, CONDITIONS, conditions)
    _annotate(annotations, BEHAVIOR, behavior and _capitalized_behavior(behavior))
    return _with_annotations(converted, annotations)


def to_v2(document: Document) -> Document:
    """The v2 form of a v1 object; the annotations that stand for fields become fields."""
    converted, spec, status = _parts(document)
    annotations = dict(document["metadata"].get("annotations", {}))
    metrics = _metrics_v2(annotations, METRICS, "target")
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        metrics.append(_cpu("target", {"type": "Utilization", "averageUtilization": target}))
    current = _metrics_v2(annotations, CURRENT_METRICS, "current")
    usage = status.pop("currentCPUUtilizationPercentage", None)
    if usage is not None and not current:
        current = [_cpu("current", {"averageUtilization": usage})]
    if metrics:
        spec["metrics"] = metrics
    status["currentMetrics"] = current or None
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    behavior = _annotation(annotations, BEHAVIOR, dict)
    if behavior:
        spec["behavior"] = _plain_behavior(behavior)
    conditions = _annotation(annotations, CONDITIONS, list)
    if conditions:
        status["conditions"] = conditions
    return _with_annotations(converted, annotations)


def _parts(document: Document) -> tuple[Document, Document, Document]:
    """Copies of the document, its spec and its status that may be changed."""
    converted = dict(document)
    converted["spec"] = dict(document["spec"])
    converted["status"] = {"desiredReplicas": 0, **(document.get("status") or {})}
    return converted, converted["spec"], converted["status"]


def _with_annotations(converted: Document, annotations: dict[str, str]) -> Document:
    metadata = dict(converted["metadata"])
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    converted["metadata"] = metadata
    return converted


def _annotate(annotations: dict[str, str], name: str, value: Any) -> None:
    if value:
        annotations[name] = msgspec.json.encode(value).decode()
    else:
        annotations.pop(name, None)


def _annotation(annotations: dict[str, str], name: str, expected: type) -> Any:
    """Takes an annotation's JSON; None when it is absent or not of the expected type."""
    try:
        value = msgspec.json.decode(annotations.pop(name, "null"))
    except msgspec.DecodeError:
        return None
    return value if type(value) is expected else None


# --- metrics ---


def _cpu(side: str, values: Document) -> Document:
    return {"type": "Resource", "resource": {"name": "cpu", side: values}}


def _is_cpu(metric: Document, side: str) -> bool:
    """Whether a metric is the one that v1 has a field for."""
    resource = metric.get("resource") or {}
    return (
        metric["type"] == "Resource"
        and resource.get("name") == "cpu"
        and resource[side].get("averageUtilization") is not None
    )


def _take_cpu(metrics: list[Document], side: str) -> Any:
    for metric in metrics:
        if _is_cpu(metric, side):
            return metric["resource"][side]["averageUtilization"]
    return None


def _metric_v1(metric: Document, side: str) -> Document:
    """`side` is target or current: the names of the amounts begin with it."""
    field = _KINDS.get(metric["type"], "")
    source = metric.get(field)
    if source is None:
        return {"type": metric["type"]}
    return {"type": metric["type"], field: _SOURCES_V1[field](source, side, source[side])}


def _resource_v1(source: Document, side: str, amounts: Document) -> Document:
    return _present(
        name=source["name"],
        **{
            f"{side}AverageUtilization": amounts.get("averageUtilization"),
            f"{side}AverageValue": amounts.get("averageValue"),
        },
        container=source.get("container"),
    )


def _pods_v1(source: Document, side: str, amounts: Document) -> Document:
    return _present(
        metricName=source["metric"]["name"],
        **{f"{side}AverageValue": amounts.get("averageValue", "0")},
        selector=source["metric"].get("selector"),
    )


def _object_v1(source: Document, side: str, amounts: Document) -> Document:
    return _present(
        target=source["describedObject"],
        metricName=source["metric"]["name"],
        **{f"{side}Value": amounts.get("value", "0")},
        selector=source["metric"].get("selector"),
        averageValue=amounts.get("averageValue"),
    )


def _external_v1(source: Document, side: str, amounts: Document) -> Document:
    value = amounts.get("value", "0" if side == "current" else None)
    return _present(
        metricName=source["metric"]["name"],
        metricSelector=source["metric"].get("selector"),
        **{f"{side}Value": value, f"{side}AverageValue": amounts.get("averageValue")},
    )


_SOURCES_V1: Final[dict[str, Callable[[Document, str, Document], Document]]] = {
    "resource": _resource_v1,
    "containerResource": _resource_v1,
    "pods": _pods_v1,
    "object": _object_v1,
    "external": _external_v1,
}


def _metrics_v2(annotations: dict[str, str], name: str, side: str) -> list[Document]:
    """Takes the metrics of an annotation; none when one of them is misshapen."""
    try:
        return [_metric_v2(metric, side) for metric in _annotation(annotations, name, list) or []]
    except (KeyError, TypeError, AttributeError):
        return []


def _metric_v2(metric: Document, side: str) -> Document:
    field = _KINDS.get(metric["type"], "")
    source = metric.get(field)
    if source is None:
        return {"type": metric["type"]}
    value, average = source.get(f"{side}Value"), source.get(f"{side}AverageValue", source.get("averageValue"))
    utilization = source.get(f"{side}AverageUtilization")
    if average is not None and value == "0" and (field == "object" or side == "target"):
        value = None  # v1 has no way to leave an object's value out
    amounts = _present(value=value, averageValue=average, averageUtilization=utilization)
    if side == "target":
        amounts = {"type": _target_type(amounts), **amounts}
    return {"type": metric["type"], field: {**_identity_v2(field, source), side: amounts}}


def _identity_v2(field: str, source: Document) -> Document:
    """What a metric is of, without its amounts."""
    if field in ("resource", "containerResource"):
        return _present(name=source["name"], container=source.get("container"))
    selector = source.get("metricSelector" if field == "external" else "selector")
    described = source.get("target") if field == "object" else None
    return _present(describedObject=described, metric=_present(name=source["metricName"], selector=selector))


def _target_type(amounts: Document) -> str:
    if "averageUtilization" in amounts:
        return "Utilization"
    return "AverageValue" if "averageValue" in amounts else "Value"


def _present(**members: Any) -> Document:
    return {name: value for name, value in members.items() if value is not None}


# --- behavior ---


def _capitalized_behavior(behavior: Document) -> Document:
    return {
        direction: _capitalized_rules(behavior.get(direction[0].lower() + direction[1:]))
        for direction in ("ScaleUp", "ScaleDown")
    }


def _capitalized_rules(rules: Document | None) -> Document | None:
    if rules is None:
        return None
    capitalized: Document = {name: rules.get(name[0].lower() + name[1:]) for name in _RULES}
    capitalized["Policies"] = [
        {name[0].upper() + name[1:]: value for name, value in policy.items()}
        for policy in rules.get("policies") or []
    ]
    return capitalized


def _plain_behavior(value: Any) -> Any:
    """Names with a small first letter, nulls left out, at every depth."""
    if type(value) is list:
        return [_plain_behavior(item) for item in value]
    if type(value) is not dict:
        return value
    return {
        name[:1].lower() + name[1:]: _plain_behavior(item) for name, item in value.items() if item is not None
    }
