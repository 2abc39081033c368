"""What every new pod gets from the default plugins of a kube-apiserver: tolerations and a priority.

`DefaultTolerationSeconds`: a pod stays on a node that stopped answering for five minutes (--default-*-toleration-seconds), unless it says otherwise.
`Priority`: the number and preemption policy of the priority class that the pod names, else of the default one, else 0.
Sources: k/k plugin/pkg/admission/{defaulttolerationseconds,priority}/admission.go; golden exchanges 1-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from watchcache.admission.chain import Operation, Review

_SECONDS: Final = 300


def _is_pod(review: Review) -> bool:
    return review.resource.kind == "Pod" and not review.resource.group and not review.subresource


class DefaultTolerationSeconds:
    """The plugin. `not_ready` and `unreachable`: seconds that a pod stays."""

    name = "DefaultTolerationSeconds"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(self, not_ready: int = _SECONDS, unreachable: int = _SECONDS) -> None:
        seconds = {
            "node.kubernetes.io/not-ready": not_ready,
            "node.kubernetes.io/unreachable": unreachable,
        }
        self._added: list[dict[str, Any]] = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": stay}
            for key, stay in seconds.items()
        ]

    def admit(self, review: Review) -> None:
        """Add the tolerations that are not there."""
        if not _is_pod(review) or review.document is None:
            return
        spec = review.document.setdefault("spec", {})
        missing, said = self._added, spec.get("tolerations") or ()
        if said:
            missing = [each for each in missing if not _is_tolerated(each["key"], said)]
        spec["tolerations"] = [*said, *map(dict, missing)]


def _is_tolerated(key: str, tolerations: Sequence[dict[str, Any]]) -> bool:
    """Whether the pod itself says what to do about the taint; without key or effect it speaks of all."""
    return any(
        toleration.get("key", "") in {key, ""} and toleration.get("effect", "") in {"NoExecute", ""}
        for toleration in tolerations
    )


class PriorityClass(msgspec.Struct, frozen=True):
    """What the plugin needs of a priority class."""

    name: str
    value: int = 0
    preemption_policy: str = "PreemptLowerPriority"
    is_default: bool = False


class PriorityClasses(Protocol):
    """Where the plugin finds the classes."""

    def find(self, name: str, /) -> PriorityClass | None:
        """The class of that name."""

    def default(self) -> PriorityClass | None:
        """The class of pods that name none, if there is one."""


_NONE: Final = PriorityClass("")


class Priority:
    """The plugin."""

    name = "Priority"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(self, classes: PriorityClasses) -> None:
        self._classes = classes

    def admit(self, review: Review) -> None:
        """Set the pod's priority and preemption policy; 403 for a class that is not there or a number that is not its."""
        if not _is_pod(review) or review.document is None:
            return
        spec = review.document.setdefault("spec", {})
        if review.old is not None:
            _keep(spec, review.old.get("spec") or {})
            return
        wanted = spec.get("priorityClassName")
        chosen = self._classes.find(wanted) if wanted else self._classes.default() or _NONE
        if chosen is None:
            raise review.refused(f"no PriorityClass with name {wanted} was found")
        if spec.get("priority", chosen.value) != chosen.value:
            text = (
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
                f"priority admission controller computed {chosen.value} from the given PriorityClass name"
            )
            raise review.refused(text)
        policy = spec.get("preemptionPolicy", chosen.preemption_policy)
        if policy != chosen.preemption_policy:
            text = (
                f"the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; "
                f"priority admission controller computed {chosen.preemption_policy} from the given PriorityClass name"
            )
            raise review.refused(text)
        if chosen.name:
            spec["priorityClassName"] = chosen.name
        spec["priority"] = chosen.value
        spec.setdefault("preemptionPolicy", chosen.preemption_policy)

    def validate(self, review: Review) -> None:
        """Refuse (403) a second class that is the default one."""
        if review.resource.kind != "PriorityClass" or not (review.document or {}).get("globalDefault"):
            return
        other = self._classes.default()
        if other is not None and other.name != review.name:
            text = f"PriorityClass {other.name} is already marked as default. Only one default can exist"
            raise review.refused(text)


def _keep(spec: dict[str, Any], stored: dict[str, Any]) -> None:
    """An update that leaves them out changes neither."""
    for name in ("priority", "preemptionPolicy"):
        if spec.get(name) is None and name in stored:
            spec[name] = stored[name]
