"""The conditions of a definition of custom resources: pure functions on its status.

Source: apiextensions-apiserver pkg/apihelpers (SetCRDCondition), pkg/controller/{status,establish,finalizer,apiapproval}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from watchcache.api.custom.approval import APPROVAL, approval_of, is_protected
from watchcache.api.meta import now_text
from watchcache.registry.calls import Document


def condition(type: str, status: str, reason: str, message: str) -> Document:
    """A condition without its time."""
    return {"type": type, "status": status, "reason": reason, "message": message}


def with_condition(definition: Document, wanted: Document, now: float) -> Document:
    """The definition with a condition set; its time moves only when its status does."""
    state = definition.get("status") or {}
    known = state.get("conditions") or []
    old = next((each for each in known if each["type"] == wanted["type"]), None)
    since = (
        now_text(now) if old is None or old["status"] != wanted["status"] else old.get("lastTransitionTime")
    )
    new = {**wanted, "lastTransitionTime": since}
    if old is None:
        return {**definition, "status": {**state, "conditions": [*known, new]}}
    conditions = [new if each["type"] == wanted["type"] else each for each in known]
    return {**definition, "status": {**state, "conditions": conditions}}


def accepted(definition: Document, others: Iterable[Document], now: float) -> Document:
    """The definition with what becomes of its names beside those of the other definitions of its group."""
    resources, kinds = _taken(others)
    wanted = definition["spec"]["names"]
    held = dict((definition.get("status") or {}).get("acceptedNames") or {})
    conflict: tuple[str, str] | None = None
    for member, taken in (
        ("plural", resources),
        ("singular", resources),
        ("kind", kinds),
        ("listKind", kinds),
    ):
        name = wanted.get(member) or ""
        if name != (held.get(member) or "") and name in taken:
            conflict = (f"{member[0].upper()}{member[1:]}Conflict", f'"{name}" is already in use')
        else:
            held[member] = name
        if member == "singular":
            conflict = _short_names(wanted, held, resources) or conflict
    _restore(held, wanted, "categories")
    state = {**(definition.get("status") or {}), "acceptedNames": _in_order(held)}
    named = (
        condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        if conflict is None
        else condition("NamesAccepted", "False", *conflict)
    )
    changed = with_condition({**definition, "status": state}, named, now)
    return with_condition(changed, _established(definition, named["status"] == "True"), now)


def _short_names(wanted: Document, held: Document, taken: set[str]) -> tuple[str, str] | None:
    before = held.get("shortNames") or []
    faults = [
        f'"{name}" is already in use'
        for name in wanted.get("shortNames") or ()
        if name not in before and name in taken
    ]
    if faults:
        return "ShortNamesConflict", faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    _restore(held, wanted, "shortNames")
    return None


def _restore(held: Document, wanted: Document, member: str) -> None:
    if wanted.get(member):
        held[member] = wanted[member]
    else:
        held.pop(member, None)


def _in_order(names: Document) -> Document:
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {
        member: names[member]
        for member in order
        if member in names and (names[member] or member in {"plural", "kind"})
    }


def _taken(others: Iterable[Document]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names: dict[str, Any] = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {
            names.get("plural") or "",
            names.get("singular") or "",
            *(names.get("shortNames") or ()),
        }
        kinds |= {names.get("kind") or "", names.get("listKind") or ""}
    return resources - {""}, kinds - {""}


def _established(definition: Document, fine: bool) -> Document:
    """Once established, a definition stays it; nobody has to be waited for, so accepted names are served at once."""
    known = (definition.get("status") or {}).get("conditions") or ()
    for each in known:
        if each["type"] == "Established" and each["status"] == "True":
            return {name: each[name] for name in ("type", "status", "reason", "message")}
    if not fine:
        return condition("Established", "False", "NotAccepted", "not all names are accepted")
    return condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")


def approved(definition: Document, now: float) -> Document:
    """The definition with what its annotation says of the approval of an API in one of Kubernetes' groups."""
    for wanted in _approval(definition):
        return with_condition(definition, wanted, now)
    return definition


def _approval(definition: Document) -> Iterator[Document]:
    if not is_protected(definition["spec"]["group"]):
        return
    value = (definition["metadata"].get("annotations") or {}).get(APPROVAL) or ""
    kind = "KubernetesAPIApprovalPolicyConformant"
    match approval_of(value):
        case True:
            yield condition(kind, "True", "ApprovedAnnotation", f"approved in {value}")
        case False:
            yield condition(kind, "False", "UnapprovedAnnotation", f'not approved: "{value}"')
        case None:
            text = f'protected groups must have approval annotation "{APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111'
            yield condition(kind, "False", "MissingAnnotation", text)
