"""Claims of volumes, and storage classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of

_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def _claim(new: Document, old: Document | None) -> Iterator[Cause]:
    if old is not None:
        return
    spec = new.get("spec") or {}
    modes = spec.get("accessModes") or ()
    if not modes:
        yield causes.required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        yield from one_of(mode, _ACCESS_MODES, "spec.accessModes")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield causes.required("spec.resources[storage]")
    elif quantity(size) <= 0:
        yield causes.invalid("spec.resources[storage]", size, "must be greater than zero")


def _storage_class(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    if not new.get("provisioner"):
        yield causes.required("provisioner")
    yield from one_of(new.get("reclaimPolicy"), ("Delete", "Retain"), "reclaimPolicy")
    yield from one_of(
        new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), "volumeBindingMode"
    )


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "persistentvolumeclaims"): _claim,
    ("storage.k8s.io", "storageclasses"): _storage_class,
}
