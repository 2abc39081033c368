"""Containers of a pod's spec: names, images, ports, environment, mounts, resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.probes import probe_causes
from watchcache.api.validation.rules import PROTOCOLS, Document, one_of, port, port_name, well_named

_VARIABLE: Final = re.compile("[ -<>-~]+")
_VARIABLE_TEXT: Final = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_VARIABLE_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE: Final = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
)
_OWN_RESOURCES: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE: Final = "hugepages-"
_OTHER_RESOURCES: Final = frozenset(
    {
        "storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage", "limits.cpu",
        "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
        "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
"""Resources that Kubernetes has, but containers cannot ask for."""
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
            where = f"{path}.{member}[{index}]"
            yield from _container(container, where, seen, volumes)
            yield from probe_causes(container, where)


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
    if ports := container.get("ports"):
        yield from _ports(ports, f"{path}.ports")
    for index, variable in enumerate(container.get("env") or ()):
        yield from _variable(variable, f"{path}.env[{index}]")
    if sources := container.get("envFrom"):
        yield from _sets_of_variables(sources, f"{path}.envFrom")
    if mounts := container.get("volumeMounts"):
        yield from _mounts(mounts, f"{path}.volumeMounts", volumes)
    yield from one_of(container.get("imagePullPolicy"), _PULL_POLICIES, f"{path}.imagePullPolicy")
    if resources := container.get("resources"):
        yield from _resources(resources, f"{path}.resources")


def _ports(ports: list[Document], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, each in enumerate(ports):
        where, name = f"{path}[{index}]", each.get("name") or ""
        if name:
            faults = port_name(name, f"{where}.name")
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


def _mounts(mounts: list[Document], path: str, volumes: set[object]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
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


def _variable(variable: Document, path: str) -> Iterator[Cause]:
    """A variable has a name, and a value or one source of it."""
    name, source = variable.get("name") or "", variable.get("valueFrom")
    if not name:
        yield causes.required(f"{path}.name")
    elif not _VARIABLE.fullmatch(name):
        yield causes.invalid(f"{path}.name", name, _VARIABLE_TEXT)
    if source is None:
        return
    kinds = [kind for kind in _VARIABLE_SOURCES if source.get(kind) is not None]
    for kind in kinds:
        if kind in {"configMapKeyRef", "secretKeyRef"} and not source[kind].get("key"):
            yield causes.required(f"{path}.valueFrom.{kind}.key")
    if not kinds:
        yield causes.invalid(f"{path}.valueFrom", "", _NO_SOURCE)
    elif variable.get("value"):
        yield causes.invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    elif len(kinds) > 1:
        yield causes.invalid(f"{path}.valueFrom", "", "may not have more than one field specified at a time")


def _sets_of_variables(sources: list[Document], path: str) -> Iterator[Cause]:
    for index, each in enumerate(sources):
        kinds = [kind for kind in ("configMapRef", "secretRef") if each.get(kind) is not None]
        for kind in kinds:
            if not each[kind].get("name"):
                yield causes.required(f"{path}[{index}].{kind}.name")
        if not kinds:
            yield causes.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(kinds) > 1:
            yield causes.invalid(path, "", "may not have more than one field specified at a time")


def _resources(resources: Document, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for member, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{path}.{member}[{name}]")
    for name, amount in requests.items():
        limit = limits.get(name)
        if _is_shared(name):
            if limit is not None and quantity(amount) > quantity(limit):
                text = f"must be less than or equal to {name} limit of {limit}"
                yield causes.invalid(f"{path}.requests", amount, text)
        elif limit is None:
            text = "Limit must be set for non overcommitable resources"
            yield causes.required(f"{path}.limits", text)
        elif quantity(amount) != quantity(limit):
            text = f"must be equal to {name} limit of {limit}"
            yield causes.invalid(f"{path}.requests", amount, text)


def _amount(name: str, amount: object, field: str) -> Iterator[Cause]:
    """So much of a resource: of those that every node has, or of one with a domain, which comes in whole pieces."""
    if name not in _OWN_RESOURCES:
        yield from _resource_name(name, field)
    number = quantity(amount)
    if number < 0:
        yield causes.invalid(field, amount, "must be greater than or equal to 0")
    if _is_extended(name) and number % 1:
        yield causes.invalid(field, amount, "must be an integer")


def _resource_name(name: str, field: str) -> Iterator[Cause]:
    for problem in names.label_key(name):
        yield causes.invalid(field, name, problem)
    if "/" not in name and not name.startswith(_HUGE):
        if name not in _OTHER_RESOURCES:
            yield causes.invalid(field, name, "must be a standard resource type or fully qualified")
        yield causes.invalid(field, name, "must be a standard resource for containers")


def _is_extended(name: str) -> bool:
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def _is_shared(name: str) -> bool:
    """Whether a node may promise more of it than it has."""
    return not _is_extended(name) and not name.startswith(_HUGE)
