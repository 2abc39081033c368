"""What may change of a pod: its image, what it waits for, and, on paths of their own, its ephemeral containers and resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.quality import quality_of_service
from watchcache.api.status import Cause
from watchcache.api.validation.affinity import REQUIRED
from watchcache.api.validation.rules import EFFECTS, Document, one_of

LONGEST_DEADLINE: Final = 2**31 - 1
_OF_TERMS: Final = ("matchExpressions", "matchFields")
_AMOUNTS: Final = ("requests", "limits")
_CHANGES: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_NO_KEY: Final = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'


def change_causes(spec: Document, stored: Document) -> Iterator[Cause]:
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
    else:
        yield from toleration_causes(spec, "spec")
    gates = {gate.get("name") for gate in stored.get("schedulingGates") or ()}
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in gates:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            yield causes.forbidden(f"spec.schedulingGates[{index}].name", text)
    if gates:
        yield from _loosened(spec, stored)
    if _fixed_part(spec, stored) != _fixed_part(stored, stored):
        # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
        yield causes.forbidden("spec", _CHANGES)


def _images(spec: Document) -> Iterator[Cause]:
    """The images that an update gives; the whole spec has been looked at before, so a fault is named twice."""
    for member in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(member) or ()):
            image, field = container.get("image") or "", f"spec.{member}[{index}].image"
            if not image:
                yield causes.required(field)
            if image != image.strip():
                yield causes.invalid(field, image, "must not have leading or trailing whitespace")


def _loosened(spec: Document, stored: Document) -> Iterator[Cause]:
    """Behind a scheduling gate, a pod may be told more of where to go, and nothing else."""
    selector, before = spec.get("nodeSelector") or {}, stored.get("nodeSelector") or {}
    if not before.items() <= selector.items():
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield causes.invalid("spec.nodeSelector", selector, text)
    terms, known = _node_terms(spec), _node_terms(stored)
    field = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    if known and len(known) != len(terms):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield causes.invalid(field, [*map(_as_go, terms)] or None, text)
        return
    for index, (term, old) in enumerate(zip(terms, known, strict=False)):
        if not _only_more(term, old):
            text = "only additions are allowed (no mutations or deletions)"
            yield causes.invalid(f"{field}[{index}]", _as_go(term), text)


def _node_terms(spec: Document) -> list[Document]:
    near = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    found: list[Document] = (near.get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    return found


def _only_more(term: Document, old: Document) -> bool:
    """Whether a term, all of which must hold, has what it had and perhaps more."""
    known = [old.get(member) or [] for member in _OF_TERMS]
    wanted = [term.get(member) or [] for member in _OF_TERMS]
    if not any(known):
        return not any(wanted)
    return all(new[: len(had)] == had for new, had in zip(wanted, known, strict=True))


def _as_go(term: Document) -> Document:
    """A term as messages show it."""
    return {
        f"{member[0].upper()}{member[1:]}": [
            {
                "Key": each.get("key") or "",
                "Operator": each.get("operator") or "",
                "Values": each.get("values"),
            }
            for each in term[member]
        ]
        if term.get(member)
        else None
        for member in _OF_TERMS
    }


def _deadline(seconds: int | None, before: int | None) -> Iterator[Cause]:
    """A deadline may be set and brought nearer."""
    field = "spec.activeDeadlineSeconds"
    if seconds is None:
        if before is not None:
            yield causes.invalid(field, None, "must not update from a positive integer to nil value")
    elif not 0 <= seconds <= LONGEST_DEADLINE:
        yield causes.invalid(field, seconds, f"must be between 0 and {LONGEST_DEADLINE}, inclusive")
    elif before is not None and seconds > before:
        yield causes.invalid(field, seconds, "must be less than or equal to previous value")


def _tolerated(toleration: Document) -> tuple[object, ...]:
    """A toleration without its time."""
    return tuple(sorted((name, value) for name, value in toleration.items() if name != "tolerationSeconds"))


def _fixed_part(spec: Document, stored: Document) -> Document:
    """The spec without what may change; a pod behind a scheduling gate may still be told where to go."""
    free = {"activeDeadlineSeconds", "schedulingGates", "tolerations"}
    gated = bool(stored.get("schedulingGates"))
    if gated:
        free |= {"nodeSelector", "affinity"}
    if (stored.get("terminationGracePeriodSeconds") or 0) < 0 and spec.get(
        "terminationGracePeriodSeconds"
    ) == 1:
        free.add("terminationGracePeriodSeconds")
        stored = {**stored, "terminationGracePeriodSeconds": None}
    fixed = {name: value for name, value in spec.items() if name not in free}
    if gated:
        fixed["affinity"] = {
            name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"
        }
    for name in ("containers", "initContainers"):
        if name in fixed:
            fixed[name] = [{**container, "image": ""} for container in fixed[name]]
    return fixed


def ephemeral_change_causes(new: Document, old: Document) -> Iterator[Cause]:
    """What ephemeral containers may not have become: there may be more of them."""
    field = "spec.ephemeralContainers"
    wanted = {each.get("name"): each for each in (new.get("spec") or {}).get("ephemeralContainers") or ()}
    for each in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = each.get("name")
        if name not in wanted:
            text = f'existing ephemeral containers "{name}" may not be removed\n'
            yield causes.forbidden(field, text)
        elif wanted[name] != each:
            # kube-apiserver shows a diff of its internal types behind the text; we do not have them.
            yield causes.forbidden(field, f'existing ephemeral containers "{name}" may not be changed\n')


def resize_causes(new: Document, old: Document) -> Iterator[Cause]:
    """What is wrong with other resources for a pod that exists: they are cpu and memory, and its quality of service stays."""
    spec, stored = new.get("spec") or {}, old.get("spec") or {}
    if (stored.get("os") or {}).get("name") == "windows":
        yield causes.forbidden("", "windows pods cannot be resized")
        return
    if quality_of_service(spec) != (old.get("status") or {}).get("qosClass", quality_of_service(stored)):
        shown = (new.get("status") or {}).get("qosClass") or ""
        yield causes.invalid("spec", shown, "Pod QOS Class may not change as a result of resizing")
    running = [
        each
        for each in (old.get("status") or {}).get("containerStatuses") or ()
        if (each.get("state") or {}).get("running") is not None
    ]
    if running and running[0].get("resources") is None:
        yield causes.forbidden("spec", "Pod running on node without support for resize")
    for member in ("initContainers", "containers"):
        pairs = zip(spec.get(member) or (), stored.get(member) or (), strict=False)
        for index, (container, before) in enumerate(pairs):
            where = f"spec.{member}[{index}]"
            yield from _resized(container.get("resources") or {}, before.get("resources") or {}, where)
            if _without_compute(container) != _without_compute(before):
                if member == "containers":
                    yield causes.forbidden("spec", "only cpu and memory resources are mutable")
                else:
                    text = "only cpu and memory resources for init or sidecar containers are mutable"
                    yield causes.forbidden(where, text)


def _resized(resources: Document, before: Document, path: str) -> Iterator[Cause]:
    for member in ("requests", "limits"):
        if not (before.get(member) or {}).keys() <= (resources.get(member) or {}).keys():
            text = f"resource {member} cannot be removed"
            yield causes.forbidden(f"{path}.resources.{member}", text)


def _without_compute(container: Document) -> Document:
    """A container without what a resize may change of it."""
    resources = container.get("resources") or {}
    rest: dict[str, Any] = {name: value for name, value in resources.items() if name not in _AMOUNTS}
    for member in _AMOUNTS:
        amounts = (resources.get(member) or {}).items()
        rest[member] = {name: amount for name, amount in amounts if name not in {"cpu", "memory"}}
    return {**container, "resources": rest, "resizePolicy": None}


def toleration_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a pod's tolerations."""
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{index}]")


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
        known = ("Equal", "Exists", "Lt", "Gt") if operator in {"Lt", "Gt"} else ("Equal", "Exists")
        yield causes.not_supported(f"{path}.operator", operator, known)
    elif value:
        yield causes.invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    if effect:
        yield from one_of(effect, EFFECTS, f"{path}.effect")
