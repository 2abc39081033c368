"""Nodes and leases: what kubelets write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import EFFECTS, Document, Rule, not_negative, one_of, well_named


def _node(new: Document, old: Document | None) -> Iterator[Cause]:
    """A node keeps its ranges and its provider's name once it has them."""
    spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
    if spec == before:
        return
    for _ in range(1 if old is None else 2):  # kube-apiserver looks twice at a change
        yield from _taints(spec)
    if before.get("podCIDRs") and spec.get("podCIDRs") != before["podCIDRs"]:
        text = 'node updates may not change podCIDR except from "" to valid'
        yield causes.forbidden("spec.podCIDRs", text)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        text = 'node updates may not change providerID except from "" to valid'
        yield causes.forbidden("spec.providerID", text)


def _taints(spec: Document) -> Iterator[Cause]:
    for index, taint in enumerate(spec.get("taints") or ()):
        path, effect = f"metadata.taints[{index}]", taint.get("effect") or ""
        for problem in names.label_key(taint.get("key") or ""):
            yield causes.invalid(f"{path}.key", taint.get("key") or "", problem)
        yield from well_named(taint.get("value") or "", names.label_value, f"{path}.value")
        if not effect:
            yield causes.required(f"{path}.effect")
        yield from one_of(effect or None, EFFECTS, f"{path}.effect")


def _lease(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec = new.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield causes.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from not_negative(spec, ["leaseTransitions"], "spec")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "nodes"): _node,
    ("coordination.k8s.io", "leases"): _lease,
}
