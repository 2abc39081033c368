"""What may change of a job: how many pods run at once, and, while it is suspended, where they go and what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.job_policies import failure_as_go, success_as_go
from watchcache.api.validation.rules import Document

_FIXED: Final = {
    "completionMode": None,
    "podFailurePolicy": failure_as_go,
    "backoffLimitPerIndex": None,
    "managedBy": None,
    "successPolicy": success_as_go,
}
"""Members that stay, and how messages show those that are no single value."""
_DIRECTIVES: Final = ("nodeSelector", "tolerations", "schedulingGates")


def change_causes(spec: Document, before: Document) -> Iterator[Cause]:
    """What a changed job may not have become."""
    completions = spec.get("completions")
    if completions != before.get("completions"):
        if spec.get("completionMode") != "Indexed":
            yield causes.immutable("spec.completions", completions)
        elif completions is not None and completions != spec.get("parallelism"):
            text = "can only be modified in tandem with spec.parallelism"
            yield causes.invalid("spec.completions", completions, text)
    if spec.get("selector") != before.get("selector"):
        yield causes.immutable("spec.selector", spec.get("selector"))
    yield from _template(spec.get("template") or {}, before)
    for member, shown in _FIXED.items():
        value = spec.get(member)
        if value != before.get(member):
            yield causes.immutable(f"spec.{member}", shown(value) if shown and value is not None else value)


def _template(template: Document, before: Document) -> Iterator[Cause]:
    """kube-apiserver shows its internal type as the value."""
    known = before.get("template") or {}
    if not before.get("suspend"):
        if template != known:
            yield causes.immutable("spec.template", template)
    elif _fixed(template) != _fixed(known):
        yield causes.immutable("spec.template.spec", template.get("spec"))


def _fixed(template: Document) -> Document:
    """The pods' spec without what may change while there are none."""
    spec: dict[str, Any] = {**(template.get("spec") or {})}
    for member in _DIRECTIVES:
        spec.pop(member, None)
    affinity = {
        name: value for name, value in (spec.pop("affinity", None) or {}).items() if name != "nodeAffinity"
    }
    for member in ("containers", "initContainers"):
        if spec.get(member):
            spec[member] = [{**container, "resources": None} for container in spec[member]]
    return {**spec, "affinity": affinity}
