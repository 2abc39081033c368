"""Containers of a pod's spec: their names, images and ports; what else they have stands in modules of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.mounts import mount_causes
from watchcache.api.validation.probes import probe_causes
from watchcache.api.validation.resources import claim_names, container_resource_causes
from watchcache.api.validation.restarts import resize_causes, restart_causes
from watchcache.api.validation.rules import PROTOCOLS, Document, one_of, port, port_name, well_named
from watchcache.api.validation.security import container_security_causes
from watchcache.api.validation.variables import variable_causes, variable_set_causes

_NOT_EPHEMERAL: Final = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip
_NOT_SET: Final = "cannot be set for an Ephemeral Container"
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_TERMINATION_POLICIES: Final = ("File", "FallbackToLogsOnError")


def container_causes(spec: Document, volumes: Mapping[str, Document], path: str) -> Iterator[Cause]:
    """What is wrong with the containers of a pod, whose sound volumes are given by name. Their names are unique in the pod."""
    pod = _pod_of(spec, volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield causes.required(f"{path}.containers")
    names_seen: set[str] = set()
    taken: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        yield from _common(container, pod, where)
        yield from _name_once(container, names_seen, where)
        yield from probe_causes(container, pod.grace, where)
        yield from restart_causes(container, where)
    for index, container in enumerate(containers):
        yield from _host_ports(container, taken, f"{path}.containers[{index}]")
    for index, container in enumerate(spec.get("initContainers") or ()):
        yield from _init_container(container, pod, names_seen, f"{path}.initContainers[{index}]")


def ephemeral_causes(spec: Document, volumes: Mapping[str, Document], path: str) -> Iterator[Cause]:
    """What is wrong with a pod's ephemeral containers: they look at others, and nobody relies on them."""
    containers = spec.get("ephemeralContainers") or ()
    if not containers:
        return
    pod = _pod_of(spec, volumes)
    others = {
        each.get("name") for member in ("containers", "initContainers") for each in spec.get(member) or ()
    }
    seen = {name for name in others if name}
    for index, container in enumerate(containers):
        where, target = f"{path}.ephemeralContainers[{index}]", container.get("targetContainerName")
        yield from _common(container, pod, where)
        yield from _image(container, where)
        yield from _name_once(container, seen, where)
        if target and target not in others:
            yield causes.not_found(f"{where}.targetContainerName", target)
        for member in _NOT_EPHEMERAL:
            if container.get(member):
                yield causes.forbidden(f"{where}.{member}", _NOT_SET)
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            for member in ("subPath", "subPathExpr"):
                if mount.get(member):
                    yield causes.forbidden(f"{where}.volumeMounts[{number}].{member}", _NOT_SET)


class _Pod(NamedTuple):
    """What of its pod a container depends on."""

    volumes: Mapping[str, Document]
    claims: frozenset[str]
    grace: int | None
    never: bool
    host_users: bool


def _pod_of(spec: Document, volumes: Mapping[str, Document]) -> _Pod:
    return _Pod(
        volumes=volumes,
        claims=claim_names(spec),
        grace=spec.get("terminationGracePeriodSeconds"),
        never=spec.get("restartPolicy") == "Never",
        host_users=spec.get("hostUsers") is not False,
    )


def _init_container(container: Document, pod: _Pod, seen: set[str], path: str) -> Iterator[Cause]:
    """One that ends before the others start; it is asked nothing meanwhile, unless it is a sidecar and stays."""
    yield from _common(container, pod, path)
    yield from restart_causes(container, path)
    yield from _name_once(container, seen, path)
    yield from _host_ports(container, set(), path)
    if container.get("restartPolicy") == "Always":
        yield from probe_causes(container, pod.grace, path)
        return
    for member in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(member) is not None:
            text = "may not be set for init containers without restartPolicy=Always"
            yield causes.forbidden(f"{path}.{member}", text)
    for index, each in enumerate(container.get("resizePolicy") or ()):
        if each.get("restartPolicy") == "RestartContainer":
            text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            yield causes.invalid(f"{path}.resizePolicy[{index}].restartPolicy", "RestartContainer", text)


def _common(container: Document, pod: _Pod, path: str) -> Iterator[Cause]:
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        yield causes.required(f"{path}.name")
    yield from well_named(name, names.label, f"{path}.name")
    if not image:
        yield causes.required(f"{path}.image")
    yield from one_of(
        container.get("terminationMessagePolicy"), _TERMINATION_POLICIES, f"{path}.terminationMessagePolicy"
    )
    if ports := container.get("ports"):
        yield from _ports(ports, f"{path}.ports")
    if variables := container.get("env"):
        yield from variable_causes(variables, f"{path}.env")
    if sources := container.get("envFrom"):
        yield from variable_set_causes(sources, f"{path}.envFrom")
    if container.get("volumeMounts") or container.get("volumeDevices"):
        yield from mount_causes(container, pod.volumes, path)
    yield from one_of(container.get("imagePullPolicy"), _PULL_POLICIES, f"{path}.imagePullPolicy")
    if resources := container.get("resources"):
        yield from container_resource_causes(resources, pod.claims, f"{path}.resources")
    if policies := container.get("resizePolicy"):
        yield from resize_causes(policies, f"{path}.resizePolicy", never=pod.never)
    if context := container.get("securityContext"):
        where = f"{path}.securityContext"
        yield from container_security_causes(context, where, host_users=pod.host_users)


def _name_once(container: Document, seen: set[str], path: str) -> Iterator[Cause]:
    name = container.get("name") or ""
    if name in seen:
        yield causes.duplicate(f"{path}.name", name)
    if name:
        seen.add(name)


def image_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with images of pods, and not of templates."""
    for member in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(member) or ()):
            yield from _image(container, f"{path}.{member}[{index}]")


def _image(container: Document, path: str) -> Iterator[Cause]:
    image = container.get("image") or ""
    if image != image.strip():
        yield causes.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _host_ports(container: Document, taken: set[str], path: str) -> Iterator[Cause]:
    """A port of the node is given once."""
    for index, each in enumerate(container.get("ports") or ()):
        if each.get("hostPort"):
            place = f"{each.get('protocol') or 'TCP'}/{each.get('hostIP') or ''}/{each['hostPort']}"
            if place in taken:
                yield causes.duplicate(f"{path}.ports[{index}].hostPort", place)
            taken.add(place)


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
