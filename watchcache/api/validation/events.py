"""Events: each lies in the namespace of what it is about, that of cluster-scoped objects in `default` or `kube-system`.

Those with an `eventTime` are of the newer form and say who reports what; through `events.k8s.io` no others are made, and they do not change.

Source: k/k pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule

_OF_THE_CLUSTER: Final = frozenset({"default", "kube-system"})
_LONGEST: Final = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_UNSET: Final = ("firstTimestamp", "lastTimestamp", "count")
_FIXED: Final = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type", "eventTime", "action",
    "related", "reportingComponent", "reportingInstance",
)  # fmt: skip
"""In kube-apiserver's order, which has the reason twice."""
_EMPTY: Final[dict[str, Any]] = {
    "involvedObject": {},
    "source": {},
    "count": 0,
    "related": None,
    "eventTime": None,
}


def _event(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    yield from _well_placed(new, "reportingComponent")


def _strict_event(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _well_placed(new, "reportingController")
    if old is None:
        yield from _newer_form(new)
        return
    if new.get("series") != old.get("series"):
        yield from _series(new)
    for member in _FIXED:
        empty = _EMPTY.get(member, "")
        value = new.get(member, empty)
        if value != old.get(member, empty):
            field = "reportingController" if member == "reportingComponent" else member
            yield causes.immutable(field, value)


def _well_placed(event: Document, controller: str) -> Iterator[Cause]:
    about = (event.get("involvedObject") or {}).get("namespace") or ""
    place = event["metadata"].get("namespace") or ""
    if event.get("eventTime"):
        if not about and place not in _OF_THE_CLUSTER:
            yield causes.invalid("involvedObject.namespace", about, "does not match event.namespace")
        yield from _reported(event, controller)
    elif about != place and (about or place != "default"):
        yield causes.invalid("involvedObject.namespace", about, "does not match event.namespace")


def _reported(event: Document, controller: str) -> Iterator[Cause]:
    name = event.get("reportingComponent") or ""
    if not name:
        yield causes.required(controller)
    yield from causes.each_invalid(controller, name, names.label_key(name))
    for member, longest in _LONGEST.items():
        text = event.get(member) or ""
        if not text and member != "message":
            yield causes.required(member)
        if len(text.encode()) > longest:
            yield causes.invalid(member, "", f"can have at most {longest} characters")


def _newer_form(event: Document) -> Iterator[Cause]:
    yield from _series(event)
    if not event.get("eventTime"):
        yield causes.required("eventTime")
    kind = event.get("type") or ""
    if kind not in {"Normal", "Warning"}:
        yield causes.invalid("type", "", f"has invalid value: {kind}")
    for member in _UNSET:
        if event.get(member):
            yield causes.invalid(member, "", "needs to be unset")
    source = event.get("source") or {}
    if source.get("component") or source.get("host"):
        yield causes.invalid("source", "", "needs to be unset")


def _series(event: Document) -> Iterator[Cause]:
    series = event.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield causes.invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield causes.required("series.lastObservedTime")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "events"): _event,
    ("events.k8s.io", "events"): _strict_event,
}
"""By the group through which it is written."""
