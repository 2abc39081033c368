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
from watchcache.api.validation.containers import container_causes
from watchcache.api.validation.rules import (
    EFFECTS,
    Document,
    Rule,
    annotation_keys,
    one_of,
    well_named,
)

_CHANGES: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_LONGEST_DEADLINE: Final = 2**31 - 1
RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_NO_KEY: Final = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
_VOLUME_KINDS: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs",
    "persistentVolumeClaim", "rbd", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "configMap", "azureFile",
    "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "projected", "scaleIO", "storageos",
    "csi", "ephemeral", "image",
)  # fmt: skip
"""What a volume can be, in the order in which a second one is noticed."""
_NAMED_BY: Final = {
    "hostPath": "path",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "configMap": "name",
    "csi": "driver",
}
_DECODER: Final = msgspec.json.Decoder(dict)
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def _pod(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        if not _is_known_sound(spec):
            yield from spec_causes(spec, "spec")
        if spec.get("ephemeralContainers"):
            yield causes.forbidden("spec.ephemeralContainers", "cannot be set on create")
    elif spec != (before := old.get("spec") or {}):
        yield from spec_causes(spec, "spec")
        yield from _changes(spec, before)


def _is_known_sound(spec: Document) -> bool:
    """Whether nothing is wrong with the spec of a new pod. That is remembered: pods come in hundreds from one template."""
    encoded = template_key(spec)
    return encoded is not None and _is_sound(encoded)


@lru_cache(maxsize=KEPT)
def _is_sound(encoded: bytes) -> bool:
    return not any(True for _ in spec_causes(_DECODER.decode(encoded), "spec"))


def _changes(spec: Document, stored: Document) -> Iterator[Cause]:
    """What a changed pod may not have become."""
    for member in ("containers", "initContainers"):
        if len(spec.get(member) or ()) != len(stored.get(member) or ()):
            yield causes.forbidden(f"spec.{member}", "pod updates may not add or remove containers")
            return
    yield from _images(spec)
    yield from _deadline(spec.get("activeDeadlineSeconds"), stored.get("activeDeadlineSeconds"))
    known = stored.get("tolerations") or ()
    if not {*map(_tolerated, known)} <= {*map(_tolerated, spec.get("tolerations") or ())}:
        text = "existing toleration can not be modified except its tolerationSeconds"
        yield causes.forbidden("spec.tolerations", text)
    if _fixed_part(spec, stored) != _fixed_part(stored, stored):
        # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
        yield causes.forbidden("spec", _CHANGES)


def _images(spec: Document) -> Iterator[Cause]:
    """The images that an update gives; the whole spec has been looked at before, so a fault is named twice."""
    for member in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(member) or ()):
            if not container.get("image"):
                yield causes.required(f"spec.{member}[{index}].image")


def _deadline(seconds: int | None, before: int | None) -> Iterator[Cause]:
    """A deadline may be set and brought nearer."""
    field = "spec.activeDeadlineSeconds"
    if seconds is None:
        if before is not None:
            yield causes.invalid(field, None, "must not update from a positive integer to nil value")
    elif not 0 <= seconds <= _LONGEST_DEADLINE:
        yield causes.invalid(field, seconds, f"must be between 0 and {_LONGEST_DEADLINE}, inclusive")
    elif before is not None and seconds > before:
        yield causes.invalid(field, seconds, "must be less than or equal to previous value")


def _tolerated(toleration: Document) -> tuple[object, ...]:
    """A toleration without its time."""
    return tuple(sorted((name, value) for name, value in toleration.items() if name != "tolerationSeconds"))


def _fixed_part(spec: Document, stored: Document) -> Document:
    """The spec without what may change; a pod behind a scheduling gate may still be told where to go."""
    free = {"activeDeadlineSeconds", "schedulingGates", "tolerations"}
    if stored.get("schedulingGates"):
        free |= {"nodeSelector", "affinity"}
    if (stored.get("terminationGracePeriodSeconds") or 0) < 0:
        free.add("terminationGracePeriodSeconds")
    fixed = {name: value for name, value in spec.items() if name not in free}
    for name in ("containers", "initContainers"):
        if name in fixed:
            fixed[name] = [{**container, "image": ""} for container in fixed[name]]
    return fixed


def spec_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the spec of a new pod or of a template."""
    if volumes := spec.get("volumes"):
        yield from _volumes(volumes, f"{path}.volumes")
    yield from container_causes(spec, path)
    yield from one_of(spec.get("restartPolicy"), RESTART_POLICIES, f"{path}.restartPolicy")
    yield from one_of(spec.get("dnsPolicy"), _DNS_POLICIES, f"{path}.dnsPolicy")
    if selector := spec.get("nodeSelector"):
        yield from label_causes(selector, f"{path}.nodeSelector")
    for member in ("serviceAccountName", "nodeName"):
        if name := spec.get(member):
            yield from well_named(name, names.subdomain, f"{path}.{member}")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _LONGEST_DEADLINE:
        text = f"must be between 1 and {_LONGEST_DEADLINE}, inclusive"
        yield causes.invalid(f"{path}.activeDeadlineSeconds", deadline, text)
    for member in ("hostname", "subdomain"):
        if name := spec.get(member):
            yield from well_named(name, names.label, f"{path}.{member}")
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{index}]")


def _volumes(volumes: list[Document], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        name, field = volume.get("name") or "", f"{path}[{index}].name"
        if not name:
            yield causes.required(field)
        yield from well_named(name, names.label, field)
        if name in seen:
            yield causes.duplicate(field, name)
        seen.add(name)
        yield from _volume(volume, f"{path}[{index}]")


def _volume(volume: Document, path: str) -> Iterator[Cause]:
    """A volume is one thing, and says which."""
    kinds = [kind for kind in volume if kind != "name" and volume[kind] is not None]
    if len(kinds) > 1:
        kinds = [kind for kind in _VOLUME_KINDS if kind in kinds]
        for second in kinds[1:]:
            yield causes.forbidden(f"{path}.{second}", "may not specify more than 1 volume type")
    if kinds and (named := _NAMED_BY.get(kinds[0])) and not volume[kinds[0]].get(named):
        yield causes.required(f"{path}.{kinds[0]}.{named}")


def _toleration(toleration: Document, path: str) -> Iterator[Cause]:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    for problem in names.label_key(key) if key else ():
        yield causes.invalid(f"{path}.key", key, problem)
    if not key and operator != "Exists":
        yield causes.invalid(f"{path}.operator", operator, _NO_KEY)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield causes.invalid(f"{path}.effect", effect, text)
    if operator in {"", "Equal"}:
        for problem in names.label_value(value):
            yield causes.invalid(f"{path}.operator", value, problem)
    elif operator != "Exists":
        yield causes.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    elif value:
        yield causes.invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    if effect:
        yield from one_of(effect, EFFECTS, f"{path}.effect")


def template_causes(template: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_causes(metadata.get("labels"), f"{path}.labels")
    yield from annotation_keys(metadata.get("annotations"), f"{path}.annotations")
    yield from spec_causes(template.get("spec") or {}, f"{path}.spec")


def _template(new: Document, _old: Document | None) -> Iterator[Cause]:
    yield from template_causes(new.get("template") or {}, "template")


RULES: Final[dict[tuple[str, str], Rule]] = {("", "pods"): _pod, ("", "podtemplates"): _template}
