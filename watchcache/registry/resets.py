"""Fields that a way of writing an object does not change, so that who writes so does not own them: the status of the object's own path.

The rule: the object's own path resets the status where that has a path, and the path of the status resets the spec. The table has what
differs. Source: the `GetResetFields` of k/k pkg/registry/*/*/strategy.go; measured for all kinds on kube-apiserver 1.36.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from watchcache.api.catalog import Resource
from watchcache.api.fields import FieldSet


@lru_cache(maxsize=1024)
def reset_by(resource: Resource, subresource: str) -> FieldSet:
    """The fields that a write to the object (subresource "") or below it does not change, in all versions."""
    if not resource.builtin and subresource == "status":
        return _fields("spec", "metadata")
    differs = _DIFFERENT.get((resource.group, resource.plural, subresource))
    if differs is not None:
        return _fields(*differs)
    if subresource == "" and resource.has_status:
        return _fields("status")
    return _fields("spec") if subresource == "status" else FieldSet()


def _fields(*paths: str) -> FieldSet:
    return FieldSet.of(*(tuple(f"f:{name}" for name in path.split(".")) for path in paths))


_REQUESTS: Final = ("certificates.k8s.io", "certificatesigningrequests")
_WHOLE_METADATA: Final = (
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("apiregistration.k8s.io", "apiservices"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("networking.k8s.io", "servicecidrs"),
    ("resource.k8s.io", "resourceclaims"),
    ("storage.k8s.io", "volumeattachments"),
)
_DIFFERENT: Final[dict[tuple[str, str, str], tuple[str, ...]]] = {
    ("", "pods", "status"): ("spec", "metadata.deletionTimestamp", "metadata.ownerReferences"),
    ("apps", "deployments", "status"): ("spec", "metadata.labels"),
    (*_REQUESTS, ""): ("spec", "status"),
    (*_REQUESTS, "approval"): ("spec", "status.certificate"),
    (*_REQUESTS, "status"): ("spec", "status.conditions"),
    **dict.fromkeys(((*kind, "status") for kind in _WHOLE_METADATA), ("spec", "metadata")),
}
