"""Priority classes and runtime classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation.pod_updates import toleration_causes
from watchcache.api.validation.resources import overhead_causes
from watchcache.api.validation.rules import Document, Rule, of_content, one_of, well_named

_HIGHEST: Final = 1_000_000_000
"""Of a priority that is not the system's own."""
_SYSTEM: Final = "system-"
_SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_RESERVED: Final = "priority class names with 'system-' prefix are reserved for system use only. error: "


def _priority_class(new: Document, old: Document | None) -> Iterator[Cause]:
    value, policy = new.get("value") or 0, new.get("preemptionPolicy")
    if old is not None:
        if value != (old.get("value") or 0):
            yield causes.forbidden("value", "may not be changed in an update.")
        if policy != old.get("preemptionPolicy"):
            yield causes.immutable("preemptionPolicy", policy)
        return
    name = new["metadata"].get("name") or ""
    if name.startswith(_SYSTEM):
        if problem := _system_problem(name, value, new.get("globalDefault")):
            yield causes.forbidden("metadata.name", f"{_RESERVED}{problem}")
    elif value > _HIGHEST:
        yield causes.forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}")
    if policy == "":
        yield causes.required("preemptionPolicy")
    else:
        yield from one_of(policy, ("PreemptLowerPriority", "Never"), "preemptionPolicy")


def _system_problem(name: str, value: int, default: object) -> str:
    known = _SYSTEM_CLASSES.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if value != known:
        return f"value of {name} PriorityClass must be {known}"
    return f"globalDefault of {name} PriorityClass must be false" if default else ""


def _runtime_class(new: Document, old: Document | None) -> Iterator[Cause]:
    handler = new.get("handler") or ""
    overhead, scheduling = new.get("overhead"), new.get("scheduling")
    if not handler:
        yield causes.required("handler")
    yield from well_named(handler, names.label, "handler")
    if overhead is not None:
        yield from overhead_causes(overhead.get("podFixed") or {}, "overhead")
    if scheduling is not None:
        yield from label_causes(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
        yield from toleration_causes(scheduling, "scheduling")
        yield from _tolerated_twice(scheduling.get("tolerations") or [])
    if old is not None and handler != old.get("handler"):
        yield causes.immutable("handler", handler)


def _tolerated_twice(tolerations: list[Document]) -> Iterator[Cause]:
    seen = set()
    for index, toleration in enumerate(tolerations):
        parts = {name: toleration.get(name.lower()) or "" for name in ("Key", "Operator", "Value", "Effect")}
        key = (*parts.values(),)
        if key in seen:
            shown = {**parts, "TolerationSeconds": toleration.get("tolerationSeconds")}
            yield causes.duplicate(f"scheduling.tolerations[{index}]", shown)
        seen.add(key)


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("scheduling.k8s.io", "priorityclasses"): _priority_class,
    ("node.k8s.io", "runtimeclasses"): of_content(_runtime_class),
}
