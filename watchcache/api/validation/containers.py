"""Containers of a pod's spec: names, images, ports, environment, mounts, resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.rules import PROTOCOLS, Document, one_of, port, port_name, well_named

_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_TERMINATION_POLICIES: Final = ("File", "FallbackToLogsOnError")


def container_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the containers and init containers; their names are unique in the pod."""
    if not spec.get("containers"):
        yield causes.required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    seen: set[str] = set()
    for member in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(member) or ()):
            yield from _container(container, f"{path}.{member}[{index}]", seen, volumes)


def _container(container: Document, path: str, seen: set[str], volumes: set[object]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield causes.required(f"{path}.name")
    yield from well_named(name, names.label, f"{path}.name")
    if name and name in seen:
        yield causes.duplicate(f"{path}.name", name)
    seen.add(name)
    image = container.get("image") or ""
    if not image:
        yield causes.required(f"{path}.image")
    elif image != image.strip():
        yield causes.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(
        container.get("terminationMessagePolicy"), _TERMINATION_POLICIES, f"{path}.terminationMessagePolicy"
    )
    yield from _ports(container, f"{path}.ports")
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            yield causes.required(f"{path}.env[{index}].name")
    yield from _mounts(container, f"{path}.volumeMounts", volumes)
    yield from one_of(container.get("imagePullPolicy"), _PULL_POLICIES, f"{path}.imagePullPolicy")
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _ports(container: Document, path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, each in enumerate(container.get("ports") or ()):
        where, name = f"{path}[{index}]", each.get("name") or ""
        if name:
            faults = list(port_name(name, f"{where}.name"))
            yield from faults
            if not faults and name in seen:
                yield causes.duplicate(f"{where}.name", name)
            seen.add(name)
        if not each.get("containerPort"):
            yield causes.required(f"{where}.containerPort")
        else:
            yield from port(each["containerPort"], f"{where}.containerPort")
        if each.get("hostPort"):
            yield from port(each["hostPort"], f"{where}.hostPort")
        yield from one_of(each.get("protocol"), PROTOCOLS, f"{where}.protocol")


def _mounts(container: Document, path: str, volumes: set[object]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where, name, place = f"{path}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield causes.required(f"{where}.name")
        if name not in volumes:
            yield causes.not_found(f"{where}.name", name)
        if not place:
            yield causes.required(f"{where}.mountPath")
        if place in seen:
            yield causes.invalid(f"{where}.mountPath", place, "must be unique")
        seen.add(place)


def _resources(resources: Document, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for member, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantity(amount) < 0:
                text = "must be greater than or equal to 0"
                yield causes.invalid(f"{path}.{member}[{name}]", amount, text)
    for name, amount in requests.items():
        if name in limits and quantity(amount) > quantity(limits[name]):
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            yield causes.invalid(f"{path}.requests", amount, text)
