"""Classes: which one a claim or an ingress gets that names none, and whether a claim's lets it grow.

Sources: k/k plugin/pkg/admission/storage/storageclass/setdefault, .../storage/persistentvolume/resize and .../network/defaultingressclass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api.quantities import quantity

Document = dict[str, Any]
Classes = Callable[[], Sequence[Document]]
"""All classes of a kind."""

_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_OLD_INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
_DEFAULT_STORAGE: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_INGRESS: Final = ("ingressclass.kubernetes.io/is-default-class",)
_NO_EXPANSION: Final = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"


class _DefaultClass:
    """Gives new objects of one kind a class where they name none: the newest that is marked as the default, of several the first by name."""

    operations = frozenset({Operation.CREATE})
    kind: tuple[str, str]
    member: str
    annotation: str
    marks: tuple[str, ...]

    def __init__(self, classes: Classes) -> None:
        self._classes = classes

    def admit(self, review: Review) -> None:
        """Fill the class in, when there is a default."""
        document, resource = review.document, review.resource
        if document is None or (resource.group, resource.kind) != self.kind or review.subresource:
            return
        spec = document.setdefault("spec", {})
        annotations = document["metadata"].get("annotations") or {}
        if spec.get(self.member) is None and self.annotation not in annotations:
            name = self._default()
            if name is not None:
                spec[self.member] = name

    def _default(self) -> str | None:
        marked: list[dict[str, str]] = [
            each["metadata"] for each in self._classes() if self._is_marked(each["metadata"])
        ]
        if not marked:
            return None
        newest = max(metadata["creationTimestamp"] for metadata in marked)
        return min(each["name"] for each in marked if each["creationTimestamp"] == newest)

    def _is_marked(self, metadata: Document) -> bool:
        annotations = metadata.get("annotations") or {}
        return any(annotations.get(mark) == "true" for mark in self.marks)


class DefaultStorageClass(_DefaultClass):
    """The plugin for claims."""

    name = "DefaultStorageClass"
    kind = ("", "PersistentVolumeClaim")
    member = "storageClassName"
    annotation = _OLD_CLASS
    marks = _DEFAULT_STORAGE


class DefaultIngressClass(_DefaultClass):
    """The plugin for ingresses."""

    name = "DefaultIngressClass"
    kind = ("networking.k8s.io", "Ingress")
    member = "ingressClassName"
    annotation = _OLD_INGRESS_CLASS
    marks = _DEFAULT_INGRESS


class PersistentVolumeClaimResize:
    """The plugin that lets claims grow whose class says so; `class_of` gives a storage class by its name, None when it is not there."""

    name = "PersistentVolumeClaimResize"
    operations = frozenset({Operation.UPDATE})

    def __init__(self, class_of: Callable[[str], Document | None]) -> None:
        self._class_of = class_of

    def validate(self, review: Review) -> None:
        """403 for a claim that may not grow. One that is not bound has been refused before, by the rules of claims."""
        new, old, resource = review.document, review.old, review.resource
        if resource.kind != "PersistentVolumeClaim" or resource.group or review.subresource:
            return
        if new is None or old is None or _size(new) <= _size(old):
            return
        name = _class_name(new)
        found = self._class_of(name) if name and name == _class_name(old) else None
        if found is None or not found.get("allowVolumeExpansion"):
            raise review.refused(_NO_EXPANSION)


def _size(claim: Document) -> Any:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return quantity(requests.get("storage"))


def _class_name(claim: Document) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    found: str = annotations.get(_OLD_CLASS) or (claim.get("spec") or {}).get("storageClassName") or ""
    return found
