"""PodSecurity: what pods may do on their node, as the labels `pod-security.kubernetes.io/*` of their namespace say.

Pods that are not what the namespace enforces are refused; of pods, and of what makes pods, that are not what it warns of, the client is
warned. A namespace has to have labels that are understood; when more is enforced than before, its writer is warned of the pods that are there.
Nobody is exempt, and nothing is enforced without labels. The standards themselves (`watchcache.admission.standards`) are imported
with the first label. Sources: k8s.io/pod-security-admission v0.36.3, k/k plugin/pkg/admission/security/podsecurity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api import status
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause, GroupKind

PREFIX: Final = "pod-security.kubernetes.io/"
"""What the labels begin with."""

Document = dict[str, Any]

_NONE: Final[Mapping[str, str]] = {}
_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "pods"): (),
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
}
"""Where the pod is in what is looked at."""
_PASSED: Final = frozenset({"exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"})
"""Paths below a pod that do not change what it may do."""


def security_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Those of a namespace's labels that the plugin reads."""
    return {key: value for key, value in (labels or {}).items() if key.startswith(PREFIX)}


class PodSecurity:
    """The plugin. `secured`: the security labels of the namespaces that have any; `pods`: the pods of a namespace."""

    name = "PodSecurity"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(
        self, secured: Mapping[str, Mapping[str, str]], pods: Callable[[str], Sequence[Document]]
    ) -> None:
        self._secured = secured
        self._pods = pods

    def validate(self, review: Review) -> None:
        """Refuse pods (403) and labels of namespaces (422), and warn."""
        if review.namespace in self._secured:
            path = _TEMPLATES.get((review.resource.group, review.resource.plural))
            if path is not None:
                self._judge(review, path)
        if review.resource.plural == "namespaces" and not review.resource.group and not review.subresource:
            self._judge_namespace(review)

    def _judge(self, review: Review, path: tuple[str, ...]) -> None:
        from watchcache.admission.standards import policy_of, violations  # noqa: PLC0415 - most servers need none

        enforces = not path
        if review.subresource and (not enforces or review.subresource in _PASSED):
            return
        policy, _ = policy_of(self._secured[review.namespace])
        pod = _found(review.document, path)
        if pod is None or (
            enforces and review.old is not None and not _is_significant(_spec(pod), _spec(review.old))
        ):
            return
        if enforces and (found := violations(policy.enforce, pod)):
            text = f"violates PodSecurity {quoted(str(policy.enforce))}: {found.details}"
            # the name may have been generated since the review began
            name = (pod.get("metadata") or {}).get("name") or review.name
            raise status.forbidden(review.resource.group_resource, name, text)
        if found := violations(policy.warn, pod):
            review.warn(f"would violate PodSecurity {quoted(str(policy.warn))}: {found.details}")

    def _judge_namespace(self, review: Review) -> None:
        labels, before = _labels(review.document), _labels(review.old)
        if labels == before or not labels:
            return
        from watchcache.admission.standards import policy_of, tightened, warnings_about  # noqa: PLC0415 - as above

        policy, mistakes = policy_of(labels)
        old_policy, old_mistakes = policy_of(before)
        if mistakes and mistakes != old_mistakes:
            causes = [
                Cause(
                    "FieldValueInvalid",
                    f"Invalid value: {quoted(each.value)}: {each.text}",
                    f"metadata.labels[{each.label}]",
                )
                for each in mistakes
            ]
            raise status.invalid(GroupKind("", "Namespace"), review.name, causes)
        if review.old is not None and tightened(policy.enforce, old_policy.enforce):
            for text in warnings_about(review.name, self._pods(review.name), policy.enforce):
                review.warn(text)


def _labels(namespace: Document | None) -> Mapping[str, str]:
    return _NONE if namespace is None else security_labels(namespace["metadata"].get("labels"))


def _found(document: Document | None, path: tuple[str, ...]) -> Document | None:
    for step in path:
        document = (document or {}).get(step)
    return document


def _spec(pod: Document) -> Document:
    spec: Document = pod.get("spec") or {}
    return spec


def _is_significant(new: Document, old: Document) -> bool:
    """Whether containers came or went, or run other images: of what an update can change, only that can violate anything."""
    for key in ("containers", "initContainers"):
        if _images(new, key) != _images(old, key):
            return True
    known = {each.get("name"): each.get("image") for each in old.get("ephemeralContainers") or ()}
    return any(
        each.get("name") not in known or known[each.get("name")] != each.get("image")
        for each in new.get("ephemeralContainers") or ()
    )


def _images(spec: Document, key: str) -> list[Any]:
    return [each.get("image") for each in spec.get(key) or ()]
