"""`RuntimeClass`: what a pod's runtime class costs and where it runs become part of the pod.

Source: k/k plugin/pkg/admission/runtimeclass/admission.go and pkg/util/tolerations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from watchcache.admission.chain import Operation, Review
from watchcache.api.amounts import amounts

Document = dict[str, Any]


class RuntimeClass:
    """The plugin. `class_of` gives the runtime class of a name, None when it is not there."""

    name = "RuntimeClass"
    operations = frozenset({Operation.CREATE})

    def __init__(self, class_of: Callable[[str], Document | None]) -> None:
        self._class_of = class_of

    def admit(self, review: Review) -> None:
        """Fill in overhead, node selector and tolerations; 403 for a class that is not there or that the pod contradicts."""
        spec = _spec_of(review)
        name = spec.get("runtimeClassName")
        if name is None:
            return
        found = self._class_of(name)
        if found is None:
            raise review.refused(f'pod rejected: RuntimeClass "{name}" not found')
        fixed, said = (found.get("overhead") or {}).get("podFixed"), spec.get("overhead")
        if fixed is not None:
            if said and _numbers(said) != _numbers(fixed):
                text = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
                raise review.refused(text)
            spec["overhead"] = fixed
        if scheduling := found.get("scheduling"):
            _set_scheduling(review, spec, scheduling)

    def validate(self, review: Review) -> None:
        """403 for an overhead that no class says."""
        spec = _spec_of(review)
        if spec.get("overhead") is None:
            return
        name = spec.get("runtimeClassName")
        found = self._class_of(name) if name is not None else None
        if ((found or {}).get("overhead") or {}).get("podFixed") is None:
            text = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise review.refused(text)


def _spec_of(review: Review) -> Document:
    """The spec of a new pod; of whatever else none."""
    document, resource = review.document, review.resource
    if document is None or (resource.group, resource.kind) != ("", "Pod") or review.subresource:
        return {}
    spec: Document = document.setdefault("spec", {})
    return spec


def _numbers(written: Document) -> dict[str, Any]:
    return {name: amount.value for name, amount in amounts(written).items()}


def _set_scheduling(review: Review, spec: Document, scheduling: Document) -> None:
    selector, wanted = spec.get("nodeSelector") or {}, scheduling.get("nodeSelector") or {}
    for key, value in wanted.items():
        if selector.get(key, value) != value:
            text = (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
            raise review.refused(text)
    if wanted:
        spec["nodeSelector"] = {**selector, **wanted}
    more = scheduling.get("tolerations")
    if more:
        spec["tolerations"] = merged([*(spec.get("tolerations") or ()), *more])


def merged(tolerations: list[Document]) -> list[Document]:
    """The tolerations without those that another one of them covers."""
    kept: list[Document] = []
    for position, each in enumerate(tolerations):
        later = tolerations[position + 1 :]
        if not any(_covers(other, each) for other in kept) and not any(
            _covers(other, each) for other in later if other != each
        ):
            kept.append(each)
    return kept


def _covers(wide: Document, narrow: Document) -> bool:
    """Whether all that `narrow` tolerates is tolerated by `wide`."""
    if wide == narrow:
        return True
    if wide.get("key", "") != narrow.get("key", "") and not (
        not wide.get("key") and wide.get("operator") == "Exists"
    ):
        return False
    if wide.get("effect", "") not in {"", narrow.get("effect", "")}:
        return False
    if wide.get("effect") == "NoExecute" and wide.get("tolerationSeconds") is not None:
        seconds = narrow.get("tolerationSeconds")
        if seconds is None or seconds > wide["tolerationSeconds"]:
            return False
    if wide.get("operator", "Equal") == "Exists":
        return True
    same_value = bool(narrow.get("value", "") == wide.get("value", ""))
    return same_value and narrow.get("operator", "Equal") == "Equal"
