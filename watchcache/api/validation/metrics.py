"""What a horizontal pod autoscaler goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.resources import container_resource_name
from watchcache.api.validation.rules import Document, well_named

_TYPES: Final = ("ContainerResource", "External", "Object", "Pods", "Resource")
_MEMBERS: Final = ("object", "external", "pods", "resource", "containerResource")
"""Where the source of a metric stands, in the order in which a second one is noticed."""
_TARGETS: Final = ("Utilization", "Value", "AverageValue")

Check = Callable[[Document, str], Iterator[Cause]]


def metric_causes(metric: Document, path: str) -> Iterator[Cause]:
    """What is wrong with one metric: it has a type, and the source that goes with it."""
    kind = metric.get("type") or ""
    if not kind:
        yield causes.required(f"{path}.type", "must specify a metric source type")
    if kind not in _TYPES:
        yield causes.not_supported(f"{path}.type", kind, _TYPES)
    given = [member for member in _MEMBERS if metric.get(member) is not None]
    if given:
        yield from _SOURCES[given[0]](metric[given[0]], f"{path}.{given[0]}")
    expected = f"{kind[:1].lower()}{kind[1:]}"
    if kind not in _TYPES:
        yield causes.not_supported(f"{path}.type", kind, _TYPES)  # kube-apiserver looks twice
    elif expected not in given:
        text = "must populate information for the given metric source"
        yield causes.required(f"{path}.{expected}", text)
    for member in given if len(given) > 1 else ():
        if member != expected:
            yield causes.forbidden(f"{path}.{member}", "must populate the given metric source only")


def reference_causes(reference: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a reference to an object of any kind."""
    for member in ("kind", "name"):
        value = reference.get(member) or ""
        if not value:
            yield causes.required(f"{path}.{member}")
        yield from well_named(value, names.path_segment, f"{path}.{member}")


def _object(source: Document, path: str) -> Iterator[Cause]:
    target = source.get("target") or {}
    yield from reference_causes(source.get("describedObject") or {}, f"{path}.describedObject")
    yield from _named(source, path)
    yield from _target(target, f"{path}.target")
    if target.get("value") is None and target.get("averageValue") is None:
        text = "must set either a target value or averageValue"
        yield causes.required(f"{path}.target.averageValue", text)


def _external(source: Document, path: str) -> Iterator[Cause]:
    target = source.get("target") or {}
    yield from _named(source, path)
    yield from _target(target, f"{path}.target")
    value, average = target.get("value"), target.get("averageValue")
    if value is None and average is None:
        text = "must set either a target value for metric or a per-pod target"
        yield causes.required(f"{path}.target.averageValue", text)
    if value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        yield causes.forbidden(f"{path}.target.value", text)


def _pods(source: Document, path: str) -> Iterator[Cause]:
    target = source.get("target") or {}
    yield from _named(source, path)
    yield from _target(target, f"{path}.target")
    if target.get("averageValue") is None:
        yield causes.required(f"{path}.target.averageValue", "must specify a positive target averageValue")


def _resource(source: Document, path: str) -> Iterator[Cause]:
    if not source.get("name"):
        yield causes.required(f"{path}.name", "must specify a resource name")
    yield from _utilization(source.get("target") or {}, f"{path}.target")


def _container_resource(source: Document, path: str) -> Iterator[Cause]:
    name, container = source.get("name") or "", source.get("container") or ""
    if not name:
        yield causes.required(f"{path}.name", "must specify a resource name")
    else:
        yield from container_resource_name(name, f"{path}.name")
    if not container:
        yield causes.required(f"{path}.container", "must specify a container")
    yield from well_named(container, names.label, f"{path}.container")
    yield from _utilization(source.get("target") or {}, f"{path}.target")


def _named(source: Document, path: str) -> Iterator[Cause]:
    name = (source.get("metric") or {}).get("name") or ""
    if not name:
        yield causes.required(f"{path}.metric.name", "must specify a metric name")
    yield from well_named(name, names.path_segment, f"{path}.metric.name")


def _utilization(target: Document, path: str) -> Iterator[Cause]:
    yield from _target(target, path)
    percent, average = target.get("averageUtilization"), target.get("averageValue")
    if percent is None and average is None:
        text = "must set either a target raw value or a target utilization"
        yield causes.required(f"{path}.averageUtilization", text)
    elif percent is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        yield causes.forbidden(f"{path}.averageValue", text)


def _target(target: Document, path: str) -> Iterator[Cause]:
    kind, percent = target.get("type") or "", target.get("averageUtilization")
    if not kind:
        yield causes.required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        yield causes.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for member in ("value", "averageValue"):
        amount = target.get(member)
        if amount is not None and quantity(amount) <= 0:
            yield causes.invalid(f"{path}.{member}", amount, "must be positive")
    if percent is not None and percent < 1:
        yield causes.invalid(f"{path}.averageUtilization", percent, "must be greater than 0")


_SOURCES: Final[dict[str, Check]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}
