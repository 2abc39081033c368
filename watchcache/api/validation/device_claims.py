"""Claims of devices, the templates of claims, and the classes that devices are asked for by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation import devices
from watchcache.api.validation.resources import is_extended_well
from watchcache.api.validation.rules import Document, Rule, annotation_keys, well_named

_MOST_ALTERNATIVES: Final = 8
_MODES: Final = ("All", "ExactCount")
_REFERENCE: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_KINDS: Final = "exactly one of `exactly` or `firstAvailable` is required"
_ATTRIBUTES: Final = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
)

Requests = dict[str, frozenset[str] | None]
"""Names of a claim's requests, each with those of its alternatives; None where it has none."""


def _claim(new: Document, old: Document | None) -> Iterator[Cause]:
    """What is asked for does not change, and is not looked at again."""
    spec = new.get("spec") or {}
    if old is None:
        yield from _spec(spec, "spec")
    elif spec != (old.get("spec") or {}):
        yield causes.immutable("spec", spec)


def _template(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    metadata = spec.get("metadata") or {}
    yield from label_causes(metadata.get("labels"), "spec.metadata.labels")
    yield from annotation_keys(metadata.get("annotations"), "spec.metadata.annotations")
    yield from _spec(spec.get("spec") or {}, "spec.spec")
    if old is not None and spec != (old.get("spec") or {}):
        yield causes.immutable("spec", spec)


def _spec(spec: Document, path: str) -> Iterator[Cause]:
    asked, path = spec.get("devices") or {}, f"{path}.devices"
    known = requests_of(asked)

    def constraint(found: Document, where: str) -> Iterator[Cause]:
        yield from references(found.get("requests"), known, f"{where}.requests")
        yield from _attribute(found, where)

    def configuration(found: Document, where: str) -> Iterator[Cause]:
        yield from references(found.get("requests"), known, f"{where}.requests")
        yield from devices.configuration(found, where)

    yield from devices.listed(
        asked.get("requests"), devices.MOST, _request, f"{path}.requests", devices.name_of
    )
    yield from devices.listed(asked.get("constraints"), devices.MOST, constraint, f"{path}.constraints")
    yield from devices.listed(asked.get("config"), devices.MOST, configuration, f"{path}.config")


def requests_of(asked: Document) -> Requests:
    """The names that what belongs to requests can refer to."""
    return {
        devices.name_of(request): frozenset(map(devices.name_of, request["firstAvailable"]))
        if request.get("firstAvailable")
        else None
        for request in asked.get("requests") or ()
    }


def references(found: Sequence[str] | None, known: Requests, path: str) -> Iterator[Cause]:
    """What is wrong with the names of requests."""
    yield from devices.listed(
        found, devices.MOST, lambda name, field: reference(name, known, field), path, str
    )


def reference(name: str, known: Requests, field: str) -> Iterator[Cause]:
    """What is wrong with the name of a request, or of one of its alternatives: `request/alternative`."""
    parts = name.split("/")
    if len(parts) > 2:
        yield causes.invalid(field, name, _REFERENCE)
        return
    for part in parts:
        yield from devices.label(part, field)
    if parts[0] not in known or (len(parts) == 2 and parts[1] not in (known[parts[0]] or ())):
        yield causes.invalid(field, name, _REFERENCE)


def _request(request: Document, path: str) -> Iterator[Cause]:
    yield from devices.label(request.get("name"), f"{path}.name")
    alternatives, exactly = request.get("firstAvailable"), request.get("exactly")
    if alternatives and exactly is not None:
        yield causes.invalid(path, None, f"{_KINDS}, but multiple fields are set")
    elif alternatives:
        where = f"{path}.firstAvailable"
        yield from devices.listed(alternatives, _MOST_ALTERNATIVES, _alternative, where, devices.name_of)
    elif exactly is not None:
        yield from _asked(exactly, f"{path}.exactly")
    else:
        yield causes.required(path, _KINDS)


def _alternative(request: Document, path: str) -> Iterator[Cause]:
    yield from devices.label(request.get("name"), f"{path}.name")
    yield from _asked(request, path)


def _asked(request: Document, path: str) -> Iterator[Cause]:
    name = request.get("deviceClassName") or ""
    if not name:
        yield causes.required(f"{path}.deviceClassName")
    yield from well_named(name, names.subdomain, f"{path}.deviceClassName")
    yield from devices.listed(request.get("selectors"), devices.MOST, devices.selector, f"{path}.selectors")
    yield from _count(request.get("allocationMode") or "", request.get("count") or 0, path)
    for index, toleration in enumerate(request.get("tolerations") or ()):
        yield from devices.toleration(toleration, f"{path}.tolerations[{index}]")


def _count(mode: str, count: int, path: str) -> Iterator[Cause]:
    if mode == "All":
        if count:
            yield causes.invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount":
        if count <= 0:
            yield causes.invalid(f"{path}.count", count, "must be greater than zero")
    else:
        yield causes.not_supported(f"{path}.allocationMode", mode, _MODES)


def _attribute(constraint: Document, path: str) -> Iterator[Cause]:
    """kube-apiserver says of none what it would say of both."""
    for member in ("matchAttribute", "distinctAttribute"):
        name = constraint.get(member)
        if name is not None:
            yield from devices.fully_qualified(name, f"{path}.{member}")
            return
    yield causes.required(path, _ATTRIBUTES)


def _class(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec = new.get("spec") or {}
    yield from devices.listed(spec.get("selectors"), devices.MOST, devices.selector, "spec.selectors")
    yield from devices.listed(spec.get("config"), devices.MOST, devices.configuration, "spec.config")
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended_well(name):
        text = "must be a valid extended resource name"
        yield causes.invalid("spec.extendedResourceName", name, text)


RULES: Final[dict[tuple[str, str], Rule]] = {
    (devices.GROUP, "resourceclaims"): _claim,
    (devices.GROUP, "resourceclaimtemplates"): _template,
    (devices.GROUP, "deviceclasses"): _class,
}
