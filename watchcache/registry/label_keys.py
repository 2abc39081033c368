"""`matchLabelKeys` of new pods: "those that have the same label as I" becomes a term of the selector, with the pod's own value.

So schedulers need to know only selectors. A key that the pod has no label for says nothing.
Source: k/k pkg/registry/core/pod/strategy.go (applyLabelKeysToLabelSelector).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from watchcache.registry.calls import Document

_KEYS: Final = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def merge_label_keys(spec: Document, labels: Mapping[str, str]) -> None:
    """Add the terms to the selectors of a pod's affinities and spread constraints, in place."""
    for term in _terms(spec):
        selector = term.get("labelSelector")
        if selector is None:
            continue
        for member, operator in _KEYS:
            for key in term.get(member) or ():
                if key in labels:
                    wanted = {"key": key, "operator": operator, "values": [labels[key]]}
                    selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), wanted]


def _terms(spec: Document) -> Iterator[Document]:
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind) or {}
        yield from pods.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for preferred in pods.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield preferred.get("podAffinityTerm") or {}
    yield from spec.get("topologySpreadConstraints") or ()
