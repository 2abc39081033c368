"""What the writer of a namespace is told of the pods in it when more is enforced than before. Source: admission/admission.go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from watchcache.admission.standards.evaluation import violations
from watchcache.admission.standards.levels import Standard
from watchcache.admission.standards.pods import Document
from watchcache.api.quoting import quoted

_MOST: Final = 3000
"""Pods that are looked at; kube-apiserver stops after a second, too."""


def warnings_about(namespace: str, pods: Sequence[Document], enforce: Standard) -> list[str]:
    """The texts: how many pods were looked at, unless it is all of them; that some violate it, and which, by what they violate."""
    found: dict[str, list[str]] = {}
    for pod in _prioritized(pods)[:_MOST]:
        violated = violations(enforce, pod)
        if violated is not None:
            found.setdefault(violated.reasons, []).append(pod["metadata"]["name"])
    texts = []
    if len(pods) > _MOST:
        texts.append(
            f"new PodSecurity enforce level only checked against the first {_MOST} of {len(pods)} existing pods"
        )
    if found:
        level = quoted(str(enforce))
        texts.append(
            f"existing pods in namespace {quoted(namespace)} violate the new PodSecurity enforce level {level}"
        )
    return texts + sorted(f"{_first_of(names)}: {reasons}" for reasons, names in found.items())


def _first_of(names: Sequence[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'})"


def _prioritized(pods: Sequence[Document]) -> list[Document]:
    """One pod of each controller first, and those that have none; then the others."""
    first, later, seen = [], [], set[str]()
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or ()
        controller = next((each["uid"] for each in owners if each.get("controller")), None)
        if controller in seen:
            later.append(pod)
            continue
        first.append(pod)
        if controller is not None:
            seen.add(controller)
    return first + later
