"""Namespaces and leases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, not_negative

_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")
"""Those without a domain."""


def _namespace(new: Document, old: Document | None) -> Iterator[Cause]:
    for name in ((new.get("spec") or {}).get("finalizers") or ()) if old is None else ():
        yield from _finalizer_causes(name, "spec.finalizers")


def _finalized(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    for index, name in enumerate((new.get("spec") or {}).get("finalizers") or ()):
        yield from _finalizer_causes(name, f"spec.finalizers[{index}]")


def _finalizer_causes(name: str, field: str) -> Iterator[Cause]:
    yield from causes.each_invalid(field, name, names.label_key(name))
    if "/" not in name and name not in _FINALIZERS:
        text = "name is neither a standard finalizer name nor is it fully qualified"
        yield causes.invalid(field, name, text)


def _phase(new: Document, old: Document | None) -> Iterator[Cause]:
    """A namespace is on its way out when it is being deleted, and then only."""
    del old
    phase, deleted = (new.get("status") or {}).get("phase") or "", "deletionTimestamp" in new["metadata"]
    wanted = "Terminating" if deleted else "Active"
    if phase != wanted:
        what = "not empty" if deleted else "empty"
        text = f"may only be '{wanted}' if `deletionTimestamp` is {what}"
        yield causes.invalid("status.Phase", phase, text)


def _lease(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec = new.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield causes.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from not_negative(spec, ["leaseTransitions"], "spec")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "namespaces"): _namespace,
    ("coordination.k8s.io", "leases"): _lease,
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {("", "namespaces"): _phase}
FINALIZE_RULES: Final[dict[tuple[str, str], Rule]] = {("", "namespaces"): _finalized}
