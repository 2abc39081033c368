"""What provides volumes: classes, drivers and where they run, attachments, capacities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.persistent import inline_causes
from watchcache.api.validation.rules import Document, Rule, driver_name, of_content, one_of
from watchcache.api.validation.selectors import selector_causes

_LIFECYCLES: Final = ("Persistent", "Ephemeral")
_GROUP_POLICIES: Final = ("File", "None", "ReadWriteOnceWithFSType")
_MOST_PARAMETERS: Final = 512
_LARGEST: Final = 256 * 1024
"""Bytes, of parameters and of what is told about an attachment."""
_LONGEST_NODE: Final = 256
_LONGEST_MESSAGE: Final = 1024
_SHORTEST_TOKEN: Final = 600
_LONGEST_TOKEN: Final = 1 << 32
_SHORTEST_PERIOD: Final = 10
_ONE_SOURCE: Final = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


# --- classes ---


def _storage_class(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _provisioner_causes(new.get("provisioner") or "", "provisioner")
    yield from _parameter_causes(new.get("parameters") or {})
    yield from one_of(new.get("reclaimPolicy") or None, ("Delete", "Retain"), "reclaimPolicy")
    yield from one_of(
        new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), "volumeBindingMode"
    )
    yield from _topology_causes(new.get("allowedTopologies") or ())
    if old is not None:
        for member in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
            yield from _same(new, old, member, member)


def _provisioner_causes(name: str, field: str) -> Iterator[Cause]:
    if not name:
        yield causes.required(field)
    else:
        lowered = name.lower()
        yield from causes.each_invalid(field, lowered, names.label_key(lowered))


def _parameter_causes(parameters: Document) -> Iterator[Cause]:
    if len(parameters) > _MOST_PARAMETERS:
        yield causes.too_long("parameters", _MOST_PARAMETERS)
        return
    if "" in parameters:
        yield causes.invalid("parameters", "", "field can not be empty.")
    if _bytes(parameters) > _LARGEST:
        yield causes.too_long("parameters", _LARGEST)


def _bytes(texts: Document) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in texts.items())


def _topology_causes(terms: list[Document] | tuple[()]) -> Iterator[Cause]:
    # kube-apiserver compares with as many empty terms as there are terms: one that asks for nothing is always one too many.
    seen: list[dict[str, set[str]]] = [{} for _ in terms]
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        asked: dict[str, set[str]] = {}
        for number, expression in enumerate(term.get("matchLabelExpressions") or ()):
            where, key = f"{path}[{number}]", expression.get("key") or ""
            values = expression.get("values") or []
            if not values:
                yield causes.required(f"{where}.values")
            for place, value in enumerate(values):
                if value in values[:place]:
                    yield causes.duplicate(f"{where}.values[{place}]", value)
            yield from causes.each_invalid(f"{where}.key", key, names.label_key(key))
            if key in asked:
                yield causes.duplicate(f"{where}.key", key)
            asked[key] = set(values)
        for _ in range(seen.count(asked)):
            yield causes.duplicate(path, "")
        seen.append(asked)


def _attributes_class(new: Document, old: Document | None) -> Iterator[Cause]:
    for member in ("driverName", "parameters") if old is not None else ():
        assert old is not None
        if new.get(member) != old.get(member):
            yield causes.forbidden(member, f"updates to {member} are forbidden.")
    yield from _provisioner_causes(new.get("driverName") or "", "driverName")
    parameters = new.get("parameters") or {}
    yield from _parameter_causes(parameters)
    if not parameters:
        yield causes.required("parameters", "must contain at least one key/value pair")


# --- drivers, and the nodes where they run ---


def _driver(new: Document, old: Document | None) -> Iterator[Cause]:
    """A driver keeps how its volumes are attached; kube-apiserver misspells the first field, and so do we."""
    spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
    yield from one_of(spec.get("fsGroupPolicy"), _GROUP_POLICIES, "spec.fsGroupPolicy")
    requests, period = spec.get("tokenRequests") or (), spec.get("nodeAllocatableUpdatePeriodSeconds")
    yield from _token_causes(requests)
    for mode in spec.get("volumeLifecycleModes") or ():
        yield from one_of(mode, _LIFECYCLES, "spec.volumeLifecycleModes")
    if period is not None and period < _SHORTEST_PERIOD:
        text = f"must be greater than or equal to {_SHORTEST_PERIOD} seconds"
        yield causes.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text)
    secret = spec.get("serviceAccountTokenInSecrets")
    if secret is not None and not requests:
        text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        yield causes.invalid("spec.serviceAccountTokenInSecrets", secret, text)
    if old is not None:
        yield from _same(spec, before, "attachRequired", "spec.attachedRequired")
        yield from _same(spec, before, "volumeLifecycleModes", "spec.volumeLifecycleModes")


def _token_causes(requests: list[Document] | tuple[()]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, request in enumerate(requests):
        path, audience = f"spec.tokenRequests[{index}]", request.get("audience") or ""
        if audience in seen:
            yield causes.duplicate(f"{path}.audience", audience)
            continue
        seen.add(audience)
        seconds, field = request.get("expirationSeconds"), f"{path}.expirationSeconds"
        if seconds is None:
            continue
        if seconds < _SHORTEST_TOKEN:
            yield causes.invalid(field, seconds, "may not specify a duration less than 10 minutes")
        if seconds > _LONGEST_TOKEN:
            yield causes.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")


def _node(new: Document, old: Document | None) -> Iterator[Cause]:
    """Where drivers run: what is told about one of them stays, but how many volumes it can take."""
    drivers = (new.get("spec") or {}).get("drivers") or ()
    seen: set[str] = set()
    for index, driver in enumerate(drivers):
        path, name, node = f"spec.drivers[{index}]", driver.get("name") or "", driver.get("nodeID") or ""
        yield from driver_name(name, f"{path}.name")
        if not node:
            yield causes.required(f"{path}.nodeID")
        if len(node.encode()) > _LONGEST_NODE:
            text = f"must be {_LONGEST_NODE} characters or less"
            yield causes.invalid(f"{path}.nodeID", node, text)
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None and count < 0:
            text = "must be greater than or equal to 0"
            yield causes.invalid(f"{path}.allocatable.count", count, text)
        if name in seen:
            yield causes.duplicate(f"{path}.name", name)
        seen.add(name)
        yield from _key_causes(driver.get("topologyKeys") or [], path)
    for known in ((old or {}).get("spec") or {}).get("drivers") or ():
        for driver in drivers:
            if driver.get("name") == known.get("name") and _without_count(driver) != _without_count(known):
                # kube-apiserver shows its internal type here; we show what the client sees.
                yield causes.immutable("spec.drivers", _without_count(driver))


def _key_causes(keys: list[str], path: str) -> Iterator[Cause]:
    for index, key in enumerate(keys):
        if not key:
            yield causes.required(path)
        if key in keys[:index]:
            yield causes.duplicate(path, key)
        yield from causes.each_invalid(path, key, names.label_key(key))


def _without_count(driver: Document) -> Document:
    return {name: value for name, value in driver.items() if name != "allocatable" and value}


# --- attachments, capacities ---


def _attachment(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    source = spec.get("source") or {}
    volume, inline, node = (
        source.get("persistentVolumeName"),
        source.get("inlineVolumeSpec"),
        spec.get("nodeName") or "",
    )
    yield from driver_name(spec.get("attacher") or "", "spec.attacher")
    if volume is None and inline is None:
        yield causes.required("spec.source", _ONE_SOURCE)
    elif volume is not None and inline is not None:
        yield causes.forbidden("spec.source", _ONE_SOURCE)
    elif inline is not None:
        yield from inline_causes(inline, "spec.source.inlineVolumeSpec")
    elif not volume:
        text = "must specify non empty persistentVolumeName"
        yield causes.required("spec.source.persistentVolumeName", text)
    yield from causes.each_invalid("spec.nodeName", node, names.subdomain(node))
    if volume is not None:
        yield from causes.each_invalid("spec.source.persistentVolumeName", volume, names.subdomain(volume))
    if old is not None:
        yield from _same(new, old, "spec", "spec")


def _attachment_status(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    status = new.get("status") or {}
    if _bytes(status.get("attachmentMetadata") or {}) > _LARGEST:
        yield causes.too_long("status.attachmentMetadata", _LARGEST)
    for member in ("attachError", "detachError"):
        error, path = status.get(member) or {}, f"status.{member}"
        if len((error.get("message") or "").encode()) > _LONGEST_MESSAGE:
            # kube-apiserver tells another limit than it has.
            yield causes.too_long(f"{path}.message", _LARGEST)
        if (code := error.get("errorCode") or 0) < 0:
            yield causes.invalid(f"{path}.errorCode", code, "must be between 0 and 2147483647, inclusive")


def _capacity(new: Document, old: Document | None) -> Iterator[Cause]:
    name, size = new.get("storageClassName") or "", new.get("capacity")
    yield from selector_causes(new.get("nodeTopology") or {}, "nodeTopology")
    yield from causes.each_invalid("storageClassName", name, names.subdomain(name))
    if quantity(size) < 0:
        yield causes.invalid("capacity", size, "must be greater than or equal to 0")
    if old is not None:
        yield from _same(new, old, "nodeTopology", "nodeTopology")
        yield from _same(new, old, "storageClassName", "storageClassName")


def _same(new: Document, old: Document, member: str, field: str) -> Iterator[Cause]:
    if new.get(member) != old.get(member):
        yield causes.immutable(field, new.get(member))


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("storage.k8s.io", "csidrivers"): of_content(_driver),
    ("storage.k8s.io", "csinodes"): of_content(_node),
    ("storage.k8s.io", "csistoragecapacities"): of_content(_capacity),
    ("storage.k8s.io", "storageclasses"): of_content(_storage_class),
    ("storage.k8s.io", "volumeattachments"): of_content(_attachment),
    ("storage.k8s.io", "volumeattributesclasses"): of_content(_attributes_class),
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {
    ("storage.k8s.io", "volumeattachments"): _attachment_status
}
