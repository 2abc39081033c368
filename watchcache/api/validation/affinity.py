"""Where a pod wants to be: near to nodes, near to and far from other pods, spread over both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, one_of
from watchcache.api.validation.selectors import selector_causes

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_UNSATISFIABLE: Final = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES: Final = ("Honor", "Ignore")
_NO_OPERATOR: Final = "not a valid selector operator"
_ONE_NAME: Final = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"


def affinity_causes(affinity: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a pod's affinity."""
    if near := affinity.get("nodeAffinity"):
        yield from _node_affinity(near, f"{path}.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        if pods := affinity.get(kind):
            yield from _pod_affinity(pods, f"{path}.{kind}")


def _node_affinity(affinity: Document, path: str) -> Iterator[Cause]:
    required = affinity.get(REQUIRED)
    if required is not None:
        yield from node_selector_causes(required, f"{path}.{REQUIRED}")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(preferred, where)
        yield from _node_term(preferred.get("preference") or {}, f"{where}.preference")


def node_selector_causes(selector: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a selector of nodes."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        yield causes.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from _node_term(term, f"{path}.nodeSelectorTerms[{index}]")


def _node_term(term: Document, path: str) -> Iterator[Cause]:
    for index, wanted in enumerate(term.get("matchExpressions") or ()):
        yield from _node_labels(wanted, f"{path}.matchExpressions[{index}]")
    for index, wanted in enumerate(term.get("matchFields") or ()):
        yield from _node_fields(wanted, f"{path}.matchFields[{index}]")


def _node_labels(wanted: Document, path: str) -> Iterator[Cause]:
    operator, values = wanted.get("operator") or "", wanted.get("values") or ()
    if operator in {"In", "NotIn"}:
        if not values:
            yield causes.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield causes.forbidden(f"{path}.values", text)
    elif operator in {"Gt", "Lt"}:
        if len(values) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            yield causes.required(f"{path}.values", text)
    else:
        yield causes.invalid(f"{path}.operator", operator, _NO_OPERATOR)
    key = wanted.get("key") or ""
    yield from causes.each_invalid(f"{path}.key", key, names.label_key(key))
    for index, value in enumerate(values):
        yield from causes.each_invalid(f"{path}.values[{index}]", value, names.label_value(value))


def _node_fields(wanted: Document, path: str) -> Iterator[Cause]:
    operator, values, key = wanted.get("operator") or "", wanted.get("values") or (), wanted.get("key") or ""
    if operator not in {"In", "NotIn"}:
        yield causes.invalid(f"{path}.operator", operator, _NO_OPERATOR)
    elif len(values) != 1:
        yield causes.required(f"{path}.values", _ONE_NAME)
    if key != "metadata.name":
        yield causes.invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        yield from causes.each_invalid(f"{path}.values[{index}]", value, names.subdomain(value))


def _weight(preferred: Document, path: str) -> Iterator[Cause]:
    weight = preferred.get("weight") or 0
    if not 1 <= weight <= 100:
        yield causes.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _pod_affinity(affinity: Document, path: str) -> Iterator[Cause]:
    for index, term in enumerate(affinity.get(REQUIRED) or ()):
        yield from _pod_term(term, f"{path}.{REQUIRED}[{index}]")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(preferred, where)
        yield from _pod_term(preferred.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")


def _pod_term(term: Document, path: str) -> Iterator[Cause]:
    key = term.get("topologyKey") or ""
    for member in ("labelSelector", "namespaceSelector"):
        if selector := term.get(member):
            yield from selector_causes(selector, f"{path}.{member}")
    for namespace in term.get("namespaces") or ():
        yield from causes.each_invalid(f"{path}.namespace", namespace, names.label(namespace))
    yield from _label_keys(term, path)
    if not key:
        yield causes.required(f"{path}.topologyKey", "can not be empty")
    yield from causes.each_invalid(f"{path}.topologyKey", key, names.label_key(key))


def _label_keys(term: Document, path: str) -> Iterator[Cause]:
    """Keys whose values are the pod's own: others must have the same there, or another."""
    selector = term.get("labelSelector")
    same, other = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    for member, keys in (("matchLabelKeys", same), ("mismatchLabelKeys", other)):
        if keys and selector is None:
            yield causes.forbidden(f"{path}.{member}", "must not be specified when labelSelector is not set")
            continue
        for index, key in enumerate(keys):
            yield from causes.each_invalid(f"{path}.{member}[{index}]", key, names.label_key(key))
    yield from _merged_twice(same, selector or {}, path)
    for index, key in enumerate(same):
        if key in other:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield causes.invalid(f"{path}.matchLabelKeys[{index}]", key, text)


def _merged_twice(matched: Sequence[str], selector: Document, path: str) -> Iterator[Cause]:
    """Keys become terms of the selector before this is asked: who names one there as well has it twice."""
    known = set(selector.get("matchLabels") or ())
    for wanted in selector.get("matchExpressions") or ():
        key = wanted.get("key")
        if key in matched and key in known:
            index = len(matched) - 1 - matched[::-1].index(key)
            yield causes.invalid(f"{path}[{index}]", key, "exists in both matchLabelKeys and labelSelector")
        known.add(key)


def spread_causes(constraints: list[Document], path: str) -> Iterator[Cause]:
    """What is wrong with the constraints by which pods are spread."""
    kinds = [_kind(constraint) for constraint in constraints]
    for index, constraint in enumerate(constraints):
        where, action = f"{path}[{index}]", kinds[index][1]
        skew, selector = constraint.get("maxSkew") or 0, constraint.get("labelSelector")
        if skew <= 0:
            yield causes.invalid(f"{where}.maxSkew", skew, "must be greater than zero")
        if not constraint.get("topologyKey"):
            yield causes.required(f"{where}.topologyKey", "can not be empty")
        yield from one_of(action, _UNSATISFIABLE, f"{where}.whenUnsatisfiable")
        if kinds[index] in kinds[index + 1 :]:
            value = "{{{}, {}}}".format(*kinds[index])
            yield causes.duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", value)
        yield from _domains(constraint.get("minDomains"), action, f"{where}.minDomains")
        for member in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            yield from one_of(constraint.get(member), _POLICIES, f"{where}.{member}")
        yield from _label_keys(constraint, where)
        if selector:
            yield from selector_causes(selector, f"{where}.labelSelector")


def _kind(constraint: Document) -> tuple[str, str]:
    return constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""


def _domains(number: int | None, action: str, path: str) -> Iterator[Cause]:
    if number is None:
        return
    if number <= 0:
        yield causes.invalid(path, number, "must be greater than zero")
    if action != "DoNotSchedule":
        text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        yield causes.invalid(path, number, text)
