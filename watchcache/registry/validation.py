"""Rules about an object's own content, beyond its types: the few whose breach would do harm at once.

A table of pure functions from a document to causes, per kind; the rules of all kinds come with the
validation of later work. What is here keeps the most common mistakes from being stored: pods without
containers, workloads that do not select their own pods, ports that are none, keys that are no file names.

Texts and fields: golden exchanges 54, 55, 66-68 and 106, recorded from kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from watchcache.api import causes, meta, status
from watchcache.api.catalog import Resource
from watchcache.api.selectors import parse_labels
from watchcache.api.status import Cause, GroupKind
from watchcache.registry.calls import Document
from watchcache.registry.label_selector import selector_text

Rule = Callable[[Document, Document | None], Iterable[Cause]]
"""(new, old or None at a creation) -> what is wrong."""

_NOT_SELECTED: Final = "`selector` does not match template `labels`"
_POD_CHANGES: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_KEY_LIMIT: Final = 253
_DATA_LIMIT: Final = 1 << 20


def validate_new(resource: Resource, document: Document) -> None:
    """422 with everything that is wrong with a new object, its metadata first."""
    _refuse(
        resource,
        document,
        [*meta.check_create(document["metadata"], resource), *_content(resource, document, None)],
    )


def validate_update(resource: Resource, new: Document, old: Document, subresource: str = "") -> None:
    """422 with everything that is wrong with a changed object; metadata that did not change is not looked at again."""
    found: list[Cause] = []
    if new["metadata"] != old["metadata"]:
        found = meta.check_update(new["metadata"], old["metadata"], resource)
    found += _content(resource, new, old)
    if resource.builtin and resource.kind == "Pod" and not subresource:
        found += _changed_pod(new, old)
    _refuse(resource, new, found)


def _content(resource: Resource, new: Document, old: Document | None) -> Iterator[Cause]:
    if resource.builtin:
        for rule in _RULES.get((resource.storage.group, resource.plural), ()):
            yield from rule(new, old)


def _refuse(resource: Resource, document: Document, found: list[Cause]) -> None:
    if found:
        name = document["metadata"].get("name") or ""
        raise status.invalid(GroupKind(resource.group, resource.kind), name, found)


# --- pods and their templates ---


def _pod(new: Document, old: Document | None) -> Iterator[Cause]:
    if old is None:
        yield from _containers(new.get("spec") or {}, "spec")


def _changed_pod(new: Document, old: Document) -> Iterator[Cause]:
    """What runs cannot be turned into something else: only images, deadline and tolerations change.

    kube-apiserver shows a diff of its internal types behind the text; we do not have them.
    """
    spec, stored = new.get("spec") or {}, old.get("spec") or {}
    if _fixed_part(spec, stored) != _fixed_part(stored, stored):
        yield causes.forbidden("spec", _POD_CHANGES)


def _fixed_part(spec: Document, stored: Document) -> Document:
    """The spec without what may change; a pod behind a scheduling gate may still be told where to go."""
    free = {"activeDeadlineSeconds", "schedulingGates"}
    if stored.get("schedulingGates"):
        free |= {"nodeSelector", "affinity"}
    if (stored.get("terminationGracePeriodSeconds") or 0) < 0:
        free.add("terminationGracePeriodSeconds")
    fixed = {name: value for name, value in spec.items() if name not in free}
    for name in ("containers", "initContainers"):
        if name in fixed:
            fixed[name] = [{**container, "image": ""} for container in fixed[name]]
    known = stored.get("tolerations") or []
    fixed["tolerations"] = [each for each in known if each in (spec.get("tolerations") or ())]
    return fixed


def _containers(spec: Document, path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield causes.required(f"{path}.containers")
    seen: set[str] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        where = f"{path}.containers[{index}]"
        name = container.get("name") or ""
        if not name:
            yield causes.required(f"{where}.name")
        elif name in seen:
            yield causes.duplicate(f"{where}.name", name)
        seen.add(name)
        if not container.get("image"):
            yield causes.required(f"{where}.image")


def _workload(new: Document, old: Document | None) -> Iterator[Cause]:
    """A workload selects the pods of its template, and goes on selecting them."""
    spec = new.get("spec") or {}
    selector = spec.get("selector")
    template = spec.get("template") or {}
    if selector is None:
        yield causes.required("spec.selector")
    elif not selector:
        yield causes.invalid("spec.selector", {}, f"empty selector is invalid for {new['kind'].lower()}")
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector != {} and not (selector and parse_labels(selector_text(selector)).matches(labels)):
        yield causes.invalid("spec.template.metadata.labels", labels, _NOT_SELECTED)
    yield from _containers(template.get("spec") or {}, "spec.template.spec")
    if old is not None and selector != (old.get("spec") or {}).get("selector"):
        yield causes.immutable("spec.selector", selector)


def _controller(new: Document, old: Document | None) -> Iterator[Cause]:
    """A replication controller's selector may change."""
    del old
    spec = new.get("spec") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    selector = spec.get("selector") or {}
    if not selector:
        yield causes.required("spec.selector")
    elif any(labels.get(key) != value for key, value in selector.items()):
        yield causes.invalid("spec.template.metadata.labels", labels, _NOT_SELECTED)
    yield from _containers(template.get("spec") or {}, "spec.template.spec")


def _job(new: Document, old: Document | None) -> Iterator[Cause]:
    if old is None:
        template = (new.get("spec") or {}).get("template") or {}
        yield from _containers(template.get("spec") or {}, "spec.template.spec")


# --- services ---


def _service(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec = new.get("spec") or {}
    ports = spec.get("ports") or ()
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield causes.required("spec.ports")
    seen: set[str] = set()
    for index, port in enumerate(ports):
        yield from _service_port(port, f"spec.ports[{index}]", seen, many=len(ports) > 1)


def _service_port(port: Document, where: str, seen: set[str], *, many: bool) -> Iterator[Cause]:
    name = port.get("name") or ""
    if many and not name:
        yield causes.required(f"{where}.name")
    elif name and name in seen:
        yield causes.duplicate(f"{where}.name", name)
    seen.add(name)
    yield from _port(port.get("port"), f"{where}.port")
    if isinstance(port.get("targetPort"), int):
        yield from _port(port["targetPort"], f"{where}.targetPort")


def _port(number: Any, field: str) -> Iterator[Cause]:
    if not isinstance(number, int) or not 1 <= number <= 65535:
        yield causes.invalid(field, number or 0, "must be between 1 and 65535, inclusive")


# --- config maps and secrets ---


def _config_map(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _data_keys(new, ("data", "binaryData"), "[]")
    yield from _immutable(new, old, ("data", "binaryData"))


def _secret(new: Document, old: Document | None) -> Iterator[Cause]:
    yield from _data_keys(new, ("data",), "data")
    if old is not None and new.get("type") != old.get("type"):
        yield causes.immutable("type", new.get("type"))
    yield from _immutable(new, old, ("data",))


def _data_keys(document: Document, members: tuple[str, ...], whole: str) -> Iterator[Cause]:
    size = 0
    for member in members:
        for key, value in (document.get(member) or {}).items():
            field = f"{member}[{key}]"
            if len(key) > _KEY_LIMIT:
                yield causes.invalid(field, key, f"must be no more than {_KEY_LIMIT} characters")
            if not _KEY.fullmatch(key):
                yield causes.invalid(field, key, _KEY_TEXT)
            elif key in {".", ".."}:
                yield causes.invalid(field, key, f"must not be '{key}'")
            elif key.startswith(".."):
                yield causes.invalid(field, key, "must not start with '..'")
            size += len(value) if member == "data" and whole == "[]" else len(value) * 3 // 4
    if size > _DATA_LIMIT:
        yield causes.too_long(whole, _DATA_LIMIT)


def _immutable(new: Document, old: Document | None, members: tuple[str, ...]) -> Iterator[Cause]:
    """What is marked immutable cannot be changed nor unmarked."""
    if old is None or not old.get("immutable"):
        return
    for member in ("immutable", *members):
        if new.get(member) != old.get(member):
            yield causes.forbidden(member, "field is immutable when `immutable` is set")


_RULES: Final[dict[tuple[str, str], tuple[Rule, ...]]] = {
    ("", "pods"): (_pod,),
    ("", "services"): (_service,),
    ("", "configmaps"): (_config_map,),
    ("", "secrets"): (_secret,),
    ("", "replicationcontrollers"): (_controller,),
    ("apps", "deployments"): (_workload,),
    ("apps", "replicasets"): (_workload,),
    ("apps", "statefulsets"): (_workload,),
    ("apps", "daemonsets"): (_workload,),
    ("batch", "jobs"): (_job,),
}
