"""Rows of access control: role bindings, signing requests, admission policies and webhooks, flow control."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import age, human_duration
from watchcache.api.printers.fields import (
    NONE,
    UNSET,
    Document,
    Printer,
    at,
    block,
    condition,
    name,
    number,
    rows,
    selector_structure,
    text,
)


def role_binding(document: Document, now: float) -> list[Any]:
    """Name, role, age, users, groups, service accounts."""
    reference = block(document, "roleRef")
    role = f"{text(reference, 'kind')}/{text(reference, 'name')}"
    subjects = rows(document, "subjects")
    people = (", ".join(_subjects(subjects, kind)) for kind in ("User", "Group", "ServiceAccount"))
    return [name(document), role, age(document, now), *people]


def _subjects(subjects: list[Document], kind: str) -> list[str]:
    chosen = [row for row in subjects if text(row, "kind") == kind]
    if kind == "ServiceAccount":
        return [f"{text(row, 'namespace')}/{text(row, 'name')}" for row in chosen]
    return [text(row, "name") for row in chosen]


def signing_request(document: Document, now: float) -> list[Any]:
    """Name, age, signer, requestor, requested duration, condition."""
    spec = block(document, "spec")
    seconds = at(spec, "expirationSeconds")
    return [
        name(document),
        age(document, now),
        text(spec, "signerName") or NONE,
        text(spec, "username"),
        NONE if seconds is None else human_duration(seconds),
        _signing_state(block(document, "status")),
    ]


def _signing_state(status: Document) -> str:
    kinds = {text(row, "type") for row in rows(status, "conditions")}
    state = next((kind for kind in ("Denied", "Approved") if kind in kinds), "Pending")
    failed = ",Failed" if "Failed" in kinds else ""
    issued = ",Issued" if text(status, "certificate") else ""
    return state + failed + issued


def webhooks(document: Document, now: float) -> list[Any]:
    """Name, number of webhooks, age."""
    return [name(document), len(rows(document, "webhooks")), age(document, now)]


def validating_policy(document: Document, now: float) -> list[Any]:
    """Name, number of validations, kind of the parameters, age."""
    return [
        name(document),
        len(rows(document, "spec", "validations")),
        _param_kind(document),
        age(document, now),
    ]


def mutating_policy(document: Document, now: float) -> list[Any]:
    """Name, number of mutations, kind of the parameters, age."""
    return [
        name(document),
        len(rows(document, "spec", "mutations")),
        _param_kind(document),
        age(document, now),
    ]


def _param_kind(document: Document) -> str:
    kind = at(document, "spec", "paramKind")
    return f"{text(kind, 'apiVersion')}/{text(kind, 'kind')}" if kind else UNSET


def policy_binding(document: Document, now: float) -> list[Any]:
    """Name, policy, reference of the parameters, age."""
    return [name(document), text(document, "spec", "policyName"), _param_ref(document), age(document, now)]


def _param_ref(document: Document) -> str:
    reference = block(document, "spec", "paramRef")
    if target := text(reference, "name"):
        return f"{text(reference, 'namespace') or '*'}/{target}"
    selector = at(reference, "selector")
    return UNSET if selector is None else selector_structure(selector)


def flow_schema(document: Document, now: float) -> list[Any]:
    """Name, priority level, precedence, distinguisher, age, whether the priority level is missing."""
    spec = block(document, "spec")
    dangling = condition(document, "Dangling")
    return [
        name(document),
        text(spec, "priorityLevelConfiguration", "name"),
        number(spec, "matchingPrecedence"),
        text(spec, "distinguisherMethod", "type") or NONE,
        age(document, now),
        "?" if dangling is None else text(dangling, "status"),
    ]


def priority_level(document: Document, now: float) -> list[Any]:
    """Name, type, shares, queues, hand size, queue length, age."""
    limited = at(document, "spec", "limited")
    queuing = at(limited, "limitResponse", "queuing")
    return [
        name(document),
        text(document, "spec", "type"),
        _count(limited, "nominalConcurrencyShares"),
        _count(queuing, "queues"),
        _count(queuing, "handSize"),
        _count(queuing, "queueLengthLimit"),
        age(document, now),
    ]


def _count(holder: Document | None, field: str) -> Any:
    return NONE if holder is None else number(holder, field)


PRINTERS: dict[tuple[str, str], Printer] = {
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): mutating_policy,
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): policy_binding,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): webhooks,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): validating_policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): policy_binding,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): webhooks,
    ("certificates.k8s.io", "CertificateSigningRequest"): signing_request,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): flow_schema,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): priority_level,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): role_binding,
    ("rbac.authorization.k8s.io", "RoleBinding"): role_binding,
}
