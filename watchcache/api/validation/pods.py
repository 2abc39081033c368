"""Pods and what is made from their templates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.templates import KEPT, template_key
from watchcache.api.validation.affinity import affinity_causes, spread_causes
from watchcache.api.validation.containers import container_causes, ephemeral_causes, image_causes
from watchcache.api.validation.pod_updates import (
    LONGEST_DEADLINE,
    change_causes,
    ephemeral_change_causes,
    resize_causes,
    toleration_causes,
)
from watchcache.api.validation.resolving import alias_causes, resolver_causes
from watchcache.api.validation.resources import (
    claim_names,
    overhead_causes,
    pod_claim_causes,
    pod_resource_causes,
)
from watchcache.api.validation.rules import (
    Document,
    Rule,
    annotation_keys,
    one_of,
    well_named,
)
from watchcache.api.validation.security import pod_security_causes
from watchcache.api.validation.variables import file_volume_causes
from watchcache.api.validation.volumes import volume_causes
from watchcache.api.validation.windows import host_process_causes, system_causes

_LONGEST_HOSTNAME: Final = 64
RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_DECODER: Final = msgspec.json.Decoder(dict)
_PREEMPTION_POLICIES: Final = ("PreemptLowerPriority", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def _pod(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        if not _is_known_sound(spec):
            yield from _pod_spec(spec)
        if spec.get("ephemeralContainers"):
            yield causes.forbidden("spec.ephemeralContainers", "cannot be set on create")
        if spec.get("nodeName") and spec.get("schedulingGates"):
            text = "cannot be set until all schedulingGates have been cleared"
            yield causes.forbidden("spec.nodeName", text)
    elif spec != (before := old.get("spec") or {}):
        yield from _pod_spec(spec)
        yield from change_causes(spec, before)


def _ephemeral_containers(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _pod_spec(new.get("spec") or {})
    yield from ephemeral_change_causes(new, old or {})


def _resize(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _pod_spec(new.get("spec") or {})
    yield from resize_causes(new, old or {})


def _pod_spec(spec: Document) -> Iterator[Cause]:
    """What is wrong with the spec of a pod, which is held to somewhat more than a template's."""
    yield from spec_causes(spec, "spec")
    yield from image_causes(spec, "spec")
    for index, volume in enumerate(spec.get("volumes") or ()):
        if volume.get("image") is not None and not volume["image"].get("reference"):
            yield causes.required(f"spec.volumes[{index}].image.reference")


def _is_known_sound(spec: Document) -> bool:
    """Whether nothing is wrong with the spec of a new pod. That is remembered: pods come in hundreds from one template."""
    encoded = template_key(spec)
    return encoded is not None and _is_sound(encoded)


@lru_cache(maxsize=KEPT)
def _is_sound(encoded: bytes) -> bool:
    return not any(True for _ in _pod_spec(_DECODER.decode(encoded)))


def spec_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the spec of a new pod or of a template."""
    volumes: dict[str, Document] = {}
    if given := spec.get("volumes"):
        volumes, found = volume_causes(given, f"{path}.volumes")
        yield from found
    if claims := spec.get("resourceClaims"):
        yield from pod_claim_causes(claims, f"{path}.resourceClaims")
    yield from container_causes(spec, volumes, path)
    yield from ephemeral_causes(spec, volumes, path)
    yield from pod_resource_causes(spec, claim_names(spec), path)
    yield from _host_ports(spec, path)
    yield from one_of(spec.get("restartPolicy"), RESTART_POLICIES, f"{path}.restartPolicy")
    yield from one_of(spec.get("dnsPolicy"), _DNS_POLICIES, f"{path}.dnsPolicy")
    if selector := spec.get("nodeSelector"):
        yield from label_causes(selector, f"{path}.nodeSelector")
    yield from pod_security_causes(spec, path)
    if affinity := spec.get("affinity"):
        yield from affinity_causes(affinity, f"{path}.affinity")
    yield from resolver_causes(spec, path)
    yield from _gates(spec, path)
    if constraints := spec.get("topologySpreadConstraints"):
        yield from spread_causes(constraints, f"{path}.topologySpreadConstraints")
    yield from host_process_causes(spec, path)
    yield from _own_users(spec, path)
    yield from _names(spec, path)
    yield from toleration_causes(spec, path)
    if aliases := spec.get("hostAliases"):
        yield from alias_causes(aliases, f"{path}.hostAliases")
    yield from well_named(spec.get("priorityClassName") or "", names.subdomain, f"{path}.priorityClassName")
    runtime = spec.get("runtimeClassName")
    if runtime is not None:
        yield from causes.each_invalid(f"{path}.runtimeClassName", runtime, names.subdomain(runtime))
    yield from one_of(spec.get("preemptionPolicy"), _PREEMPTION_POLICIES, f"{path}.preemptionPolicy")
    if overhead := spec.get("overhead"):
        yield from overhead_causes(overhead, f"{path}.overhead")
    yield from system_causes(spec, path)
    yield from file_volume_causes(spec, path)


def _own_users(spec: Document, path: str) -> Iterator[Cause]:
    """Users that are not the host's do not go with what else could be the host's."""
    of_host = spec.get("hostUsers") is not False
    for member, field in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if not of_host and spec.get(member):
            yield causes.forbidden(f"{path}.{field}", "when `hostUsers` is false")


def _host_ports(spec: Document, path: str) -> Iterator[Cause]:
    """In the host's network a container has the ports that it says."""
    for number, container in enumerate(spec.get("containers") or () if spec.get("hostNetwork") else ()):
        for index, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                field = f"{path}.containers[{number}].ports[{index}].hostPort"
                text = "must match `containerPort` when `hostNetwork` is true"
                yield causes.invalid(field, port["hostPort"], text)


def _names(spec: Document, path: str) -> Iterator[Cause]:
    if (override := spec.get("hostnameOverride")) is not None:
        yield from _hostname(override, spec, f"{path}.hostnameOverride")
    for member in ("serviceAccountName", "nodeName"):
        yield from well_named(spec.get(member) or "", names.subdomain, f"{path}.{member}")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= LONGEST_DEADLINE:
        text = f"must be between 1 and {LONGEST_DEADLINE}, inclusive"
        yield causes.invalid(f"{path}.activeDeadlineSeconds", deadline, text)
    for member in ("hostname", "subdomain"):
        yield from well_named(spec.get(member) or "", names.label, f"{path}.{member}")


def _gates(spec: Document, path: str) -> Iterator[Cause]:
    """What a pod waits for before it is ready, and before it is scheduled."""
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        condition = gate.get("conditionType") or ""
        where = f"{path}.readinessGates[{index}].conditionType"
        yield from causes.each_invalid(where, condition, names.label_key(condition))
    seen = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name, where = gate.get("name") or "", f"{path}.schedulingGates[{index}]"
        yield from causes.each_invalid(where, name, names.label_key(name))
        if name in seen:
            yield causes.duplicate(where, name)
        seen.add(name)


def _hostname(name: str, spec: Document, path: str) -> Iterator[Cause]:
    if spec.get("setHostnameAsFQDN"):
        yield causes.forbidden(path, "may not be specified when setHostnameAsFQDN is true")
    if spec.get("hostNetwork"):
        yield causes.forbidden(path, "may not be specified when hostNetwork is true")
    if len(name.encode()) > _LONGEST_HOSTNAME:
        yield causes.too_long(path, _LONGEST_HOSTNAME)
    yield from causes.each_invalid(path, name, names.subdomain(name))


def template_causes(template: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_causes(metadata.get("labels"), f"{path}.labels")
    yield from annotation_keys(metadata.get("annotations"), f"{path}.annotations")
    yield from spec_causes(template.get("spec") or {}, f"{path}.spec")


def _template(new: Document, _old: Document | None) -> Iterator[Cause]:
    yield from template_causes(new.get("template") or {}, "template")


EPHEMERAL_RULES: Final[dict[tuple[str, str], Rule]] = {("", "pods"): _ephemeral_containers}
RESIZE_RULES: Final[dict[tuple[str, str], Rule]] = {("", "pods"): _resize}
RULES: Final[dict[tuple[str, str], Rule]] = {("", "pods"): _pod, ("", "podtemplates"): _template}
