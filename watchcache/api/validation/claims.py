"""Claims of volumes: what they must say, and what of it stays for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of, well_named
from watchcache.api.validation.selectors import selector_causes

ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")
NO_QUANTITY: Final = "must be a valid resource quantity"
NOT_POSITIVE: Final = "must be greater than zero"
_ALONE: Final = "ReadWriteOncePod"
_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named the storage class before there was a field."""
_CHANGES: Final = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_OTHER_KIND: Final = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
_RESIZES: Final = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible",
    "NodeResizePending",
)  # fmt: skip


def access_mode_causes(modes: list[str], field: str) -> Iterator[Cause]:
    """What is wrong with the ways in which a volume is used; one of them excludes the others."""
    for mode in modes:
        yield from one_of(mode, ACCESS_MODES, field)
    if _ALONE in modes and any(mode != _ALONE and mode in ACCESS_MODES for mode in modes):
        yield causes.forbidden(field, f"may not use {_ALONE} with other access modes")


def _claim(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        yield from claim_causes(spec, "spec")
        return
    before = old.get("spec") or {}
    if spec != before:
        yield from claim_causes(spec, "spec", known=before)
    yield from _changed(new, old, spec, before)


def claim_causes(spec: Document, path: str, known: Document | None = None) -> Iterator[Cause]:
    """What is wrong with the spec of a claim, or of a template of claims; `known` is what it was before a change."""
    modes = spec.get("accessModes") or []
    if not modes:
        yield causes.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from selector_causes(spec.get("selector") or {}, f"{path}.selector")
    yield from access_mode_causes(modes, f"{path}.accessModes")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield causes.required(f"{path}.resources[storage]")
    elif quantity(size) <= 0:
        yield causes.invalid(f"{path}.resources[storage]", size, NOT_POSITIVE)
    yield from well_named(spec.get("storageClassName") or "", names.subdomain, f"{path}.storageClassName")
    yield from one_of(spec.get("volumeMode"), VOLUME_MODES, f"{path}.volumeMode")
    yield from _source_causes(spec, path, known or {})
    attributes = spec.get("volumeAttributesClassName") or ""
    yield from well_named(attributes, names.subdomain, f"{path}.volumeAttributesClassName")


def _source_causes(spec: Document, path: str, known: Document) -> Iterator[Cause]:
    """What the volume is filled with: two fields say the same, where both can."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    loose = any(
        (known.get(member) or {}).get("apiGroup") is not None for member in ("dataSource", "dataSourceRef")
    )
    for member, named in (("dataSource", source), ("dataSourceRef", reference)):
        if named is not None:
            yield from _named_causes(named, f"{path}.{member}", loose=loose)
    if source is None or reference is None:
        return
    if reference.get("namespace"):
        # kube-apiserver shows the path of the field as the value, which is an empty object in JSON.
        yield causes.invalid(path, {}, "may not be specified when dataSourceRef.namespace is specified")
    elif any((source.get(part) or "") != (reference.get(part) or "") for part in ("kind", "name")) or (
        source.get("apiGroup") != reference.get("apiGroup")
    ):
        yield causes.invalid(path, {}, "must match dataSourceRef")


def _named_causes(named: Document, path: str, *, loose: bool) -> Iterator[Cause]:
    """What is wrong with a reference; with `loose` a group may be named in any form, as the claim did before."""
    kind, group = named.get("kind") or "", named.get("apiGroup") or ""
    for member in ("name", "kind"):
        if not named.get(member):
            yield causes.required(f"{path}.{member}")
    if not group and kind != "PersistentVolumeClaim":
        yield causes.invalid(path, kind, _OTHER_KIND)
    if not loose:
        yield from well_named(group, names.subdomain, f"{path}.apiGroup")
    yield from well_named(named.get("namespace") or "", names.label, f"{path}.namespace")


# --- changes ---


def _changed(new: Document, old: Document, spec: Document, before: Document) -> Iterator[Cause]:
    bound = (new.get("status") or {}).get("phase") == "Bound"
    wanted = _fixed(spec, before, bound=bound)
    annotations, known = (holder["metadata"].get("annotations") or {} for holder in (new, old))
    annotated, was = annotations.get(_CLASS), known.get(_CLASS)
    name, had_none = spec.get("storageClassName"), before.get("storageClassName") is None
    if was is not None and had_none and name == was and annotated in {None, was}:
        wanted.pop("storageClassName", None)  # the field takes the annotation's place
    else:
        if (annotated or "") != (was or ""):
            yield causes.immutable(f"metadata.annotations.{_CLASS}", annotated or "")
        if had_none and (was is None or name == was):
            wanted.pop("storageClassName", None)
    if wanted != before:
        # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
        yield causes.forbidden("spec", _CHANGES)
    yield from _shrunk(spec, old)
    mode, attributes = spec.get("volumeMode"), spec.get("volumeAttributesClassName")
    if mode != before.get("volumeMode"):
        yield causes.immutable("volumeMode", mode)
    current = (old.get("status") or {}).get("currentVolumeAttributesClassName")
    if current is not None and not attributes and attributes != before.get("volumeAttributesClassName"):
        what = "nil" if attributes is None else "empty string"
        text = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        yield causes.forbidden("spec.volumeAttributesClassName", text)


def _fixed(spec: Document, before: Document, *, bound: bool) -> Document:
    """The spec of a claim with what may change as it was: its volume once, what it asks for while it is bound."""
    free = set() if before.get("volumeName") else {"volumeName"}
    if bound:
        free.add("volumeAttributesClassName")
    fixed = {name: value for name, value in spec.items() if name not in free}
    fixed |= {name: before[name] for name in free if name in before}
    resources, known = fixed.get("resources") or {}, before.get("resources") or {}
    if bound and resources.get("requests") is not None and known.get("requests"):
        requests = {**resources["requests"], "storage": known["requests"].get("storage")}
        fixed["resources"] = {**resources, "requests": requests}
    return fixed


def _shrunk(spec: Document, old: Document) -> Iterator[Cause]:
    """Less may be asked for while the volume has not grown yet, but not less than it has."""
    asked, before, has = (
        quantity(((holder or {}).get(member) or {}).get("storage"))
        for holder, member in (
            (spec.get("resources"), "requests"),
            ((old.get("spec") or {}).get("resources"), "requests"),
            (old.get("status"), "capacity"),
        )
    )
    if asked < before and asked <= has:
        text = "field can not be less than status.capacity"
        yield causes.forbidden("spec.resources.requests.storage", text)


# --- status ---


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    status = new.get("status") or {}
    for name, size in (status.get("capacity") or {}).items():
        if quantity(size) < 0:
            yield causes.invalid(f"status.capacity[{name}]", int(quantity(size)), NO_QUANTITY)
    path = "status.allocatedResourceStatuses"
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        yield from _resource_causes(name, path)
        if state not in _RESIZES:
            yield causes.not_supported(path, name, _RESIZES)
    path = "status.allocatedResources"
    for name, size in (status.get("allocatedResources") or {}).items():
        faults = [*_resource_causes(name, path)]
        yield from faults
        if not faults and quantity(size) < 0:
            yield causes.invalid(f"{path}[{name}]", int(quantity(size)), NO_QUANTITY)


def _resource_causes(name: str, field: str) -> Iterator[Cause]:
    """Storage, or something of somebody else's."""
    problems = names.label_key(name)
    yield from causes.each_invalid(field, name, problems)
    if not problems and name != "storage" and ("/" not in name or "kubernetes.io/" in name):
        yield causes.not_supported(field, name, ("storage",))


RULES: Final[dict[tuple[str, str], Rule]] = {("", "persistentvolumeclaims"): _claim}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {("", "persistentvolumeclaims"): _status}
