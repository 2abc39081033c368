"""Admission policies and their bindings.

Source: k/k pkg/apis/admissionregistration/validation; texts measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, one_of
from watchcache.api.validation.selectors import selector_causes
from watchcache.api.validation.webhooks import AUTHORIZER, BASE, Variables, condition_causes, rule_causes

_GROUP: Final = "admissionregistration.k8s.io"
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS: Final = ("Audit", "Deny", "Warn")
_CHANGES: Final = ("*", "CONNECT", "CREATE", "UPDATE")
_MOST_ANNOTATIONS: Final = 20
_LONGEST_VALUE: Final = 5 * 1024
_NEWLINES: Final = re.compile(r"[\n\r]")
_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED: Final = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace",
     "return", "var", "void", "while"}
)  # fmt: skip
_DNS_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
    f"alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_DNS_1035}')"
)
_PARAMS: Final[Variables] = (("params", ""),)


def variables_of(spec: Document, *, authorizer: bool = True) -> Variables:
    """What the expressions of a policy may name, before its own variables."""
    return BASE + (_PARAMS if spec.get("paramKind") else ()) + (AUTHORIZER if authorizer else ())


# -- policies


def _validating(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _common(spec, old)
    declared, found = own_variables(spec)
    yield from found
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        text = "validations or auditAnnotations must contain at least one item"
        yield causes.required("spec.validations", text)
        yield causes.required("spec.auditAnnotations", text)
        return
    plain = variables_of(spec, authorizer=False) + declared
    for index, validation in enumerate(validations):
        yield from _validation(validation, f"spec.validations[{index}]", plain)
    if len(annotations) > _MOST_ANNOTATIONS:
        text = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        yield causes.invalid("spec.auditAnnotations", annotations, text)
    seen = set()
    for index, annotation in enumerate(annotations):
        path = f"spec.auditAnnotations[{index}]"
        name = (new.get("metadata") or {}).get("name") or ""
        yield from _annotation(annotation, name, path, variables_of(spec) + declared)
        key = annotation.get("key") or ""
        if key in seen:
            yield causes.duplicate(f"{path}.key", key)
        seen.add(key)


def _mutating(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _common(spec, old, mutating=True)
    declared, found = own_variables(spec)
    yield from found
    mutations = spec.get("mutations") or []
    if not mutations:
        yield causes.required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(mutations):
        yield from _mutation(mutation, f"spec.mutations[{index}]", variables_of(spec) + declared)
    reinvoked = spec.get("reinvocationPolicy")
    if not reinvoked:
        yield causes.required("spec.reinvocationPolicy")
    else:
        yield from one_of(reinvoked, ("IfNeeded", "Never"), "spec.reinvocationPolicy")


def _common(spec: Document, old: Document | None, *, mutating: bool = False) -> Iterator[Cause]:
    yield from one_of(spec.get("failurePolicy"), ("Fail", "Ignore"), "spec.failurePolicy")
    if spec.get("paramKind") is not None:
        yield from _param_kind(spec["paramKind"], "spec.paramKind")
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield causes.required("spec.matchConstraints")
    else:
        yield from _match_resources(constraints, "spec.matchConstraints")
        if not constraints.get("resourceRules"):
            yield causes.required("spec.matchConstraints.resourceRules")
        if mutating:
            yield from _only_changes(constraints, "spec.matchConstraints")
    before = (old or {}).get("spec") or {}
    same = all(spec.get(name) == before.get(name) for name in ("paramKind", "matchConditions"))
    if old is None or not same:
        conditions = spec.get("matchConditions") or []
        yield from condition_causes(conditions, "spec.matchConditions", variables_of(spec))


def _only_changes(resources: Document, path: str) -> Iterator[Cause]:
    for rule in resources.get("resourceRules") or ():
        for operation in rule.get("operations") or ():
            yield from one_of(operation, _CHANGES, f"{path}.resourceRules.operations")


def _param_kind(kind: Document, path: str) -> Iterator[Cause]:
    version, word = kind.get("apiVersion") or "", kind.get("kind") or ""
    if not version:
        yield causes.required(f"{path}.apiVersion")
    elif version.count("/") > 1:
        yield causes.invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    else:
        group, _, short = version.rpartition("/")
        if group and (problems := names.subdomain(group)):
            yield causes.invalid(f"{path}.apiVersion", group, ",".join(problems))
        if not short:
            yield causes.invalid(f"{path}.apiVersion", version, "version must be specified")
        elif not _is_label(short):
            yield causes.invalid(f"{path}.apiVersion", short, _DNS_1035_TEXT)
    if not word:
        yield causes.required(f"{path}.kind")
    elif not _is_label(word.lower()):
        text = f"may have mixed case, but should otherwise match: {_DNS_1035_TEXT}"
        yield causes.invalid(f"{path}.kind", word, text)


def _is_label(text: str) -> bool:
    return re.fullmatch(_DNS_1035, text, re.ASCII) is not None


def _match_resources(resources: Document, path: str) -> Iterator[Cause]:
    policy = resources.get("matchPolicy")
    if policy is None:
        yield causes.required(f"{path}.matchPolicy")
    yield from one_of(policy, ("Equivalent", "Exact"), f"{path}.matchPolicy")
    for member in ("namespaceSelector", "objectSelector"):
        yield from selector_causes(resources.get(member) or {}, f"{path}.{member}")
    for member in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(resources.get(member) or ()):
            yield from _named_rule(rule, f"{path}.{member}[{index}]")


def _named_rule(rule: Document, path: str) -> Iterator[Cause]:
    seen = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        yield from causes.each_invalid(f"{path}.resourceNames[{index}]", name, names.path_segment(name))
        if name in seen:
            yield causes.duplicate(f"{path}.resourceNames[{index}]", name)
        seen.add(name)
    yield from rule_causes(rule, path)


# -- expressions


def own_variables(spec: Document) -> tuple[Variables, list[Cause]]:
    """The variables that a policy declares, with their types, and what is wrong with them."""
    stated = spec.get("variables") or []
    if not stated:
        return (), []
    declared: Variables = (("variables", ""),)
    found: list[Cause] = []
    for index, variable in enumerate(stated):
        path = f"spec.variables[{index}]"
        name, expression = variable.get("name") or "", variable.get("expression") or ""
        if not name.strip():
            found.append(causes.required(f"{path}.name", "name is not specified"))
        elif not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
            found.append(causes.invalid(f"{path}.name", name, "must be a valid CEL identifier"))
        type = ""
        if not expression.strip():
            found.append(causes.required(f"{path}.expression", "expression is not specified"))
        else:
            type, problem = _compiled(expression, variables_of(spec) + declared)
            if problem:
                found.append(causes.invalid(f"{path}.expression", expression, problem))
        declared = (*declared, (f"variables.{name}", type))
    return declared, found


def _compiled(
    expression: str, variables: Variables, wanted: tuple[str, ...] = (), *, patches: bool = False
) -> tuple[str, str]:
    """The type of an expression and what is wrong with it; nothing is where only kube-apiserver could tell."""
    # Only here: a server without policies does without CEL.
    from watchcache.api.custom.expressions import BadExpression, Unsupported  # noqa: PLC0415
    from watchcache.api.custom.programs import program  # noqa: PLC0415

    try:
        return program(expression, variables, wanted, patches=patches).type, ""
    except BadExpression as problem:
        return "", str(problem)
    except Unsupported:
        return "", ""


def _validation(validation: Document, path: str, variables: Variables) -> Iterator[Cause]:
    expression = validation.get("expression") or ""
    if not expression.strip():
        yield causes.required(f"{path}.expression", "expression is not specified")
    else:
        _, problem = _compiled(expression, variables + AUTHORIZER, ("bool",))
        if problem:
            yield causes.invalid(f"{path}.expression", expression, problem)
    worded, message = validation.get("messageExpression") or "", validation.get("message") or ""
    if worded and not worded.strip():
        yield causes.invalid(f"{path}.messageExpression", worded, "must be non-empty if specified")
    elif worded:
        _, problem = _compiled(worded, variables, ("string",))
        if problem:
            yield causes.invalid(f"{path}.messageExpression", worded, problem)
    if message and not message.strip():
        yield causes.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif _NEWLINES.search(message.strip()):
        yield causes.invalid(f"{path}.message", message, "must not contain line breaks")
    yield from one_of(validation.get("reason"), _REASONS, f"{path}.reason")


def _annotation(annotation: Document, name: str, path: str, variables: Variables) -> Iterator[Cause]:
    key, expression = annotation.get("key") or "", annotation.get("valueExpression") or ""
    if name:
        full = f"{name}/{key}"
        yield from causes.each_invalid(f"{path}.key", full, names.label_key(full))
    else:
        yield causes.invalid(f"{path}.key", key, "requires metadata.name be non-empty")
    trimmed = expression.strip()
    if not trimmed:
        yield causes.required(f"{path}.valueExpression", "valueExpression is not specified")
    elif len(trimmed.encode()) > _LONGEST_VALUE:
        yield causes.required(f"{path}.valueExpression", f"must not exceed {_LONGEST_VALUE} bytes in length")
    else:
        _, problem = _compiled(trimmed, variables, ("string", "null_type"))
        if problem:
            yield causes.invalid(f"{path}.valueExpression", expression, problem)


def _mutation(mutation: Document, path: str, variables: Variables) -> Iterator[Cause]:
    kind = mutation.get("patchType") or ""
    if not kind:
        yield causes.required(f"{path}.patchType")
        return
    members = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    if kind not in members:
        yield from one_of(kind, tuple(members), f"{path}.patchType")
        return
    own = members.pop(kind)
    (other,) = members.values()
    stated = mutation.get(own)
    if stated is None:
        yield causes.required(f"{path}.{own}", f"must be specified when patchType is {kind}")
    else:
        expression = (stated.get("expression") or "").strip()
        if not expression:
            yield causes.required(f"{path}.{own}.expression")
        else:
            _, problem = _compiled(expression, variables, RESULTS[kind], patches=True)
            if problem:
                yield causes.invalid(f"{path}.{own}.expression", expression, problem)
    if mutation.get(other) is not None:
        text = f"must not be specified when patchType is {kind}"
        yield causes.invalid(f"{path}.{other}", f"{{{other}}}", text)


RESULTS: Final = {"ApplyConfiguration": ("Object",), "JSONPatch": ("list(JSONPatch)",)}
"""What the expressions of mutations must give."""


# -- bindings


def _validating_binding(new: Document, _old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _bound(spec)
    actions = spec.get("validationActions") or []
    seen = set()
    for index, action in enumerate(actions):
        yield from one_of(action, _ACTIONS, f"spec.validationActions[{index}]")
        if action in seen:
            yield causes.duplicate(f"spec.validationActions[{index}]", action)
        seen.add(action)
    if {"Deny", "Warn"} <= seen:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response "
            "and headers serves no purpose)"
        )
        yield causes.invalid("spec.validationActions", actions, text)
    if not actions:
        yield causes.required("spec.validationActions", "at least one validation action is required")


def _mutating_binding(new: Document, _old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _bound(spec)
    yield from _only_changes(spec.get("matchResources") or {}, "spec.matchResources")


def _bound(spec: Document) -> Iterator[Cause]:
    name = spec.get("policyName") or ""
    if not name:
        yield causes.required("spec.policyName")
    else:
        yield from causes.each_invalid("spec.policyName", name, names.subdomain(name))
    if spec.get("paramRef") is not None:
        yield from _param_ref(spec["paramRef"], "spec.paramRef")
    if spec.get("matchResources") is not None:
        yield from _match_resources(spec["matchResources"], "spec.matchResources")


def _param_ref(reference: Document, path: str) -> Iterator[Cause]:
    name, selector = reference.get("name") or "", reference.get("selector")
    both = "name and selector are mutually exclusive"
    if name:
        yield from causes.each_invalid(f"{path}.name", name, names.path_segment(name))
        if selector is not None:
            yield causes.forbidden(f"{path}.name", both)
    if selector is not None:
        yield from selector_causes(selector, f"{path}.selector")
        if name:
            yield causes.forbidden(f"{path}.selector", both)
    if not name and selector is None:
        yield causes.required(path, "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction")
    if not action:
        yield causes.required(f"{path}.parameterNotFoundAction")
    else:
        yield from one_of(action, ("Deny", "Allow"), f"{path}.parameterNotFoundAction")


# -- status


def _status(new: Document, _old: Document | None) -> Iterator[Cause]:
    checking = (new.get("status") or {}).get("typeChecking") or {}
    for index, warning in enumerate(checking.get("expressionWarnings") or ()):
        path = f"status.typeChecking.expressionWarnings[{index}]"
        if not warning.get("warning"):
            yield causes.required(f"{path}.warning")
        place = (warning.get("fieldRef") or "").strip()
        if not place:
            yield causes.required(f"{path}.fieldRef")
        elif place.count("[") > place.count("]"):
            yield causes.invalid(f"{path}.fieldRef", place, "invalid JSONPath: unterminated array")
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        path = f"status.conditions[{index}]"
        state = condition.get("status") or ""
        yield from one_of(state, ("False", "True", "Unknown"), f"{path}.status")
        if not condition.get("type"):
            yield causes.required(f"{path}.type")
        if not condition.get("lastTransitionTime"):
            yield causes.required(f"{path}.lastTransitionTime")
        if not condition.get("reason"):
            yield causes.required(f"{path}.reason")


def remarks(policy: Document) -> list[str]:
    """One text for each expression that this server cannot evaluate."""
    from watchcache.api.custom.expressions import BadExpression, Unsupported  # noqa: PLC0415 - as above
    from watchcache.api.custom.programs import program  # noqa: PLC0415

    spec = policy.get("spec") or {}
    variables = variables_of(spec) + own_variables(spec)[0]
    found = []
    for path, expression in _expressions(spec):
        try:
            program(expression, variables, patches=path.startswith("spec.mutations"))
        except BadExpression:
            continue
        except Unsupported as problem:
            found.append(
                f"{path}: {problem} is not supported: the expression fails, and failurePolicy decides"
            )
    return found


def _expressions(spec: Document) -> Iterator[tuple[str, str]]:
    for member, names_ in (
        ("matchConditions", ("expression",)),
        ("variables", ("expression",)),
        ("validations", ("expression", "messageExpression")),
        ("auditAnnotations", ("valueExpression",)),
    ):
        for index, each in enumerate(spec.get(member) or ()):
            for name in names_:
                if each.get(name):
                    yield f"spec.{member}[{index}].{name}", each[name]
    for index, each in enumerate(spec.get("mutations") or ()):
        for name in ("applyConfiguration", "jsonPatch"):
            expression: Any = (each.get(name) or {}).get("expression")
            if expression:
                yield f"spec.mutations[{index}].{name}.expression", expression


RULES: Final[dict[tuple[str, str], Rule]] = {
    (_GROUP, "validatingadmissionpolicies"): _validating,
    (_GROUP, "validatingadmissionpolicybindings"): _validating_binding,
    (_GROUP, "mutatingadmissionpolicies"): _mutating,
    (_GROUP, "mutatingadmissionpolicybindings"): _mutating_binding,
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {
    (_GROUP, "validatingadmissionpolicies"): _status,
}
