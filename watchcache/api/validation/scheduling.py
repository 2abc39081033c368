"""Priority classes and runtime classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, well_named

_HIGHEST: Final = 1_000_000_000
"""Of a priority that is not the system's own."""
_SYSTEM: Final = "system-"


def _priority_class(new: Document, old: Document | None) -> Iterator[Cause]:
    value = new.get("value") or 0
    if value > _HIGHEST and not new["metadata"].get("name", "").startswith(_SYSTEM):
        text = f"maximum allowed value of a user defined priority is {_HIGHEST}"
        yield causes.forbidden("value", text)
    yield from one_of(new.get("preemptionPolicy"), ("PreemptLowerPriority", "Never"), "preemptionPolicy")
    if old is not None and value != (old.get("value") or 0):
        yield causes.forbidden("value", "may not be changed in an update.")
    if old is not None and new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        yield causes.immutable("preemptionPolicy", new.get("preemptionPolicy"))


def _runtime_class(new: Document, old: Document | None) -> Iterator[Cause]:
    handler = new.get("handler") or ""
    if not handler:
        yield causes.required("handler")
    yield from well_named(handler, names.label, "handler")
    if old is not None and handler != old.get("handler"):
        yield causes.immutable("handler", handler)


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("scheduling.k8s.io", "priorityclasses"): _priority_class,
    ("node.k8s.io", "runtimeclasses"): _runtime_class,
}
