"""Policies and bindings as they are stored, ready to be asked: rules, selectors and compiled expressions.

An expression that does not compile, or that this server cannot evaluate, fails whenever it is evaluated: so it is where an older or another server
has stored one that this one would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from watchcache.admission.matching import Rule, rules_of, selector_of
from watchcache.api.custom.expressions import BadExpression, Unsupported
from watchcache.api.custom.programs import Program, program
from watchcache.api.labels import LabelSelector
from watchcache.api.validation.policies import RESULTS, variables_of
from watchcache.api.validation.webhooks import AUTHORIZER, Variables

Document = dict[str, Any]
NamedRule = tuple[Rule, frozenset[str]]
"""A rule and the names that it is about; none are all."""


class Constraints(msgspec.Struct, frozen=True):
    """Which writes a policy or a binding is about."""

    rules: tuple[NamedRule, ...]
    excluded: tuple[NamedRule, ...]
    namespaces: LabelSelector
    objects: LabelSelector
    equivalent: bool


class Broken(NamedTuple):
    """An expression that cannot be evaluated, and why."""

    text: str
    problem: str


Compiled = Program | Broken


class Validation(msgspec.Struct, frozen=True):
    """What must hold, and what to say when it does not."""

    expression: Compiled
    worded: Compiled | None
    message: str
    reason: str


class Mutation(msgspec.Struct, frozen=True):
    """How a document is changed: by what is to be applied to it, or by a JSON patch."""

    expression: Compiled
    patches: bool


class Policy(msgspec.Struct, frozen=True):
    """A policy of either kind."""

    name: str
    constraints: Constraints | None
    conditions: tuple[Compiled, ...]
    variables: tuple[tuple[str, Compiled], ...]
    validations: tuple[Validation, ...]
    annotations: tuple[Compiled, ...]
    mutations: tuple[Mutation, ...]
    ignores_failures: bool
    param_kind: tuple[str, str] | None
    """apiVersion and kind."""
    reinvoked: bool


class Reference(msgspec.Struct, frozen=True):
    """Which objects are a policy's parameters."""

    name: str
    namespace: str
    selector: LabelSelector
    denies: bool
    """Whether a write is refused when there are none."""


class Binding(msgspec.Struct, frozen=True):
    """A binding of either kind."""

    name: str
    policy: str
    constraints: Constraints | None
    reference: Reference | None
    actions: tuple[str, ...]


def policy_of(document: Document) -> Policy:
    """A stored policy."""
    spec = document.get("spec") or {}
    plain, full = variables_of(spec, authorizer=False), variables_of(spec)
    variables, declared = _variables(spec, full)
    kind = spec.get("paramKind")
    return Policy(
        name=(document.get("metadata") or {}).get("name") or "",
        constraints=constraints_of(spec.get("matchConstraints")),
        conditions=tuple(
            _compiled(text, full + declared, ("bool",))
            for text in _each(spec, "matchConditions", "expression")
        ),
        variables=variables,
        validations=tuple(_validation(each, plain + declared) for each in spec.get("validations") or ()),
        annotations=tuple(
            _compiled(text, full + declared, ("string", "null_type"))
            for text in _each(spec, "auditAnnotations", "valueExpression")
        ),
        mutations=tuple(_mutation(each, full + declared) for each in spec.get("mutations") or ()),
        ignores_failures=spec.get("failurePolicy") == "Ignore",
        param_kind=(kind.get("apiVersion") or "", kind.get("kind") or "") if kind else None,
        reinvoked=spec.get("reinvocationPolicy") == "IfNeeded",
    )


def binding_of(document: Document) -> Binding:
    """A stored binding."""
    spec = document.get("spec") or {}
    reference = spec.get("paramRef")
    return Binding(
        name=(document.get("metadata") or {}).get("name") or "",
        policy=spec.get("policyName") or "",
        constraints=constraints_of(spec.get("matchResources")),
        reference=None
        if reference is None
        else Reference(
            reference.get("name") or "",
            reference.get("namespace") or "",
            selector_of(reference.get("selector")),
            reference.get("parameterNotFoundAction") == "Deny",
        ),
        actions=tuple(spec.get("validationActions") or ()),
    )


def constraints_of(stated: Document | None) -> Constraints | None:
    """`matchConstraints` or `matchResources`; None where there are none."""
    if stated is None:
        return None
    return Constraints(
        _named(stated.get("resourceRules")),
        _named(stated.get("excludeResourceRules")),
        selector_of(stated.get("namespaceSelector")),
        selector_of(stated.get("objectSelector")),
        stated.get("matchPolicy", "Equivalent") == "Equivalent",
    )


def _named(stated: list[Document] | None) -> tuple[NamedRule, ...]:
    rules = stated or []
    names = [frozenset(each.get("resourceNames") or ()) for each in rules]
    return tuple(zip(rules_of(rules), names, strict=True))


def _each(spec: Document, member: str, field: str) -> Iterable[str]:
    return (each.get(field) or "" for each in spec.get(member) or ())


def _variables(spec: Document, full: Variables) -> tuple[tuple[tuple[str, Compiled], ...], Variables]:
    """The variables of a policy, each compiled over those before it, and what expressions may name."""
    found: list[tuple[str, Compiled]] = []
    declared: Variables = (("variables", ""),) if spec.get("variables") else ()
    for variable in spec.get("variables") or ():
        name = f"variables.{variable.get('name') or ''}"
        compiled = _compiled(variable.get("expression") or "", full + declared)
        found.append((name, compiled))
        declared = (*declared, (name, compiled.type if isinstance(compiled, Program) else ""))
    return tuple(found), declared


def _validation(stated: Document, plain: Variables) -> Validation:
    worded = stated.get("messageExpression") or ""
    return Validation(
        _compiled(stated.get("expression") or "", plain + AUTHORIZER, ("bool",)),
        _compiled(worded, plain, ("string",)) if worded else None,
        (stated.get("message") or "").strip(),
        stated.get("reason") or "Invalid",
    )


def _mutation(stated: Document, variables: Variables) -> Mutation:
    kind = stated.get("patchType") or ""
    patches = kind == "JSONPatch"
    text = (stated.get("jsonPatch" if patches else "applyConfiguration") or {}).get("expression") or ""
    return Mutation(_compiled(text, variables, RESULTS.get(kind, ()), patches=True), patches)


def _compiled(
    text: str, variables: Variables, wanted: tuple[str, ...] = (), *, patches: bool = False
) -> Compiled:
    try:
        return program(text, variables, wanted, patches=patches)
    except BadExpression as problem:
        return Broken(text, f"compilation error: {problem}")
    except Unsupported as problem:
        return Broken(
            text, f"expression '{text}' resulted in error: {problem} is not supported by this server"
        )
