"""Flow schemas and priority levels: which requests wait where, and how many are served at a time.

Two of each are fixed, whoever writes them: `exempt` and `catch-all`.

Source: k/k pkg/apis/flowcontrol/validation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, well_named

_GROUP: Final = "flowcontrol.apiserver.k8s.io"
_LOWEST_PRECEDENCE: Final = 10000
_METHODS: Final = ("ByNamespace", "ByUser")
_VERBS: Final = (
    "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch",
)  # fmt: skip
_SUBJECTS: Final = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_IN_ORDER: Final = ("ServiceAccount", "User", "Group")
_NAMESPACE: Final = "each member of this list must be '*' or a DNS-1123 label; "
_MOST_QUEUES: Final = 10_000_000
_HASH_BITS: Final = 60
_EVERYTHING: Final = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


def _schema(precedence: int, level: str, groups: tuple[str, ...], **more: Any) -> Document:
    subjects = [{"kind": "Group", "group": {"name": group}} for group in groups]
    rule = {"subjects": subjects, **_EVERYTHING}
    return {
        "matchingPrecedence": precedence,
        "priorityLevelConfiguration": {"name": level},
        "rules": [rule],
        **more,
    }


_FIXED_SCHEMAS: Final = {
    "exempt": _schema(1, "exempt", ("system:masters",)),
    "catch-all": _schema(
        10000,
        "catch-all",
        ("system:unauthenticated", "system:authenticated"),
        distinguisherMethod={"type": "ByUser"},
    ),
}
_FIXED_LEVELS: Final[dict[str, Document]] = {
    "exempt": {"type": "Exempt"},
    "catch-all": {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 5,
            "lendablePercent": 0,
            "limitResponse": {"type": "Reject"},
        },
    },
}


# -- flow schemas


def _flow_schema(new: Document, old: Document | None) -> Iterator[Cause]:
    spec, name = new.get("spec") or {}, new["metadata"].get("name") or ""
    yield from _precedence(spec.get("matchingPrecedence") or 0, name)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        shown = {"Type": method.get("type") or ""}
        yield causes.not_supported("spec.distinguisherMethod.type", shown, _METHODS)
    level, field = (
        (spec.get("priorityLevelConfiguration") or {}).get("name") or "",
        "spec.priorityLevelConfiguration.name",
    )
    if not level:
        yield causes.required(field, "must reference a priority level")
    yield from well_named(level, names.subdomain, field)
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(rule, f"spec.rules[{index}]")
    if name in _FIXED_SCHEMAS and spec != _FIXED_SCHEMAS[name]:
        yield causes.invalid("spec", spec, f"spec of '{name}' must equal the fixed value")
    yield from _status(new, old)


def _precedence(number: int, name: str) -> Iterator[Cause]:
    field = "spec.matchingPrecedence"
    if number <= 0:
        yield causes.invalid(field, number, "must be a positive value")
    if number > _LOWEST_PRECEDENCE:
        yield causes.invalid(field, number, f"must not be greater than {_LOWEST_PRECEDENCE}")
    if number == 1 and name != "exempt":
        yield causes.invalid(field, number, "only the schema named 'exempt' may have matchingPrecedence 1")


def _rule(rule: Document, path: str) -> Iterator[Cause]:
    subjects = rule.get("subjects") or ()
    if not subjects:
        yield causes.required(f"{path}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(subjects):
        yield from _subject(subject, f"{path}.subjects[{index}]")
    resources, others = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not others:
        text = "at least one of resourceRules and nonResourceRules has to be non-empty"
        yield causes.required(path, text)
    for index, each in enumerate(resources):
        yield from _resource_rule(each, f"{path}.resourceRules[{index}]")
    for index, each in enumerate(others):
        yield from _other_rule(each, f"{path}.nonResourceRules[{index}]")


def _subject(subject: Document, path: str) -> Iterator[Cause]:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        yield causes.not_supported(f"{path}.kind", kind, tuple(_SUBJECTS))
        return
    member = _SUBJECTS[kind]
    found, where = subject.get(member), f"{path}.{member}"
    if found is None:
        yield causes.required(where, f"{member} is required when subject kind is '{kind}'")
    elif kind == "ServiceAccount":
        yield from _account(found, where)
    elif not found.get("name"):
        yield causes.required(f"{where}.name")
    for other in _IN_ORDER:
        name = _SUBJECTS[other]
        if other != kind and subject.get(name) is not None:
            text = f"{name} is forbidden when subject kind is not '{other}'"
            yield causes.forbidden(f"{path}.{name}", text)


def _account(account: Document, path: str) -> Iterator[Cause]:
    name, namespace = account.get("name") or "", account.get("namespace") or ""
    if not name:
        yield causes.required(f"{path}.name")
    elif name != "*":
        yield from well_named(name, names.subdomain, f"{path}.name")
    if not namespace:
        yield causes.required(f"{path}.namespace", "must specify namespace for service account")
    yield from well_named(namespace, names.label, f"{path}.namespace")


def _resource_rule(rule: Document, path: str) -> Iterator[Cause]:
    yield from _verbs(rule, path)
    for member, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        words = rule.get(member) or []
        if not words:
            yield causes.required(f"{path}.{member}", f"resource rules must supply at least one {one}")
        yield from _alone(words, f"{path}.{member}", many)
    namespaces, field = rule.get("namespaces") or [], f"{path}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        yield causes.required(field, text)
    yield from _alone(namespaces, field, "namespaces")
    if "*" not in namespaces:
        for index, namespace in enumerate(namespaces):
            problems = [f"{_NAMESPACE}{problem}" for problem in names.label(namespace)]
            yield from causes.each_invalid(f"{field}[{index}]", namespace, problems)


def _other_rule(rule: Document, path: str) -> Iterator[Cause]:
    yield from _verbs(rule, path)
    paths, field = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    if not paths:
        yield causes.required(field, "nonResourceURLs must contain at least one value")
    yield from _alone(paths, field, "non-resource URLs")
    if "*" not in paths:
        for index, each in enumerate(paths):
            if problem := _path_problem(each):
                yield causes.invalid(f"{field}[{index}]", each, problem)


def _verbs(rule: Document, path: str) -> Iterator[Cause]:
    verbs = rule.get("verbs") or []
    if not verbs:
        yield causes.required(f"{path}.verbs", "verbs must contain at least one value")
    yield from _alone(verbs, f"{path}.verbs", "verbs")
    if "*" not in verbs and not {*verbs} <= {*_VERBS}:
        yield causes.not_supported(f"{path}.verbs", verbs, _VERBS)


def _alone(words: list[str], field: str, what: str) -> Iterator[Cause]:
    if len(words) > 1 and "*" in words:
        yield causes.invalid(field, words, f"if '*' is present, must not specify other {what}")


def _path_problem(path: str) -> str:
    if not path:
        return "must not be empty"
    if path == "/":
        return ""
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    stars = path.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and path[-2:] != "/*") else ""


# -- priority levels


def _level(new: Document, old: Document | None) -> Iterator[Cause]:
    spec, name = new.get("spec") or {}, new["metadata"].get("name") or ""
    yield from _level_spec(spec, name)
    fixed = _FIXED_LEVELS.get(name)
    free = ("exempt",) if name == "exempt" else ()
    if fixed is not None and fixed != {key: value for key, value in spec.items() if key not in free}:
        exception = " except the 'spec.exempt' field" if free else ""
        yield causes.invalid("spec", spec, f"spec of '{name}'{exception} must equal the fixed value")
    yield from _status(new, old)


def _level_spec(spec: Document, name: str) -> Iterator[Cause]:
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    if (name == "exempt") != (kind == "Exempt"):
        yield causes.invalid("spec.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'")
    if kind == "Exempt":
        if limited is not None:
            yield causes.forbidden("spec.limited", "must be nil if the type is not Limited")
        yield from _shares(exempt or {}, "spec.exempt")
        yield from _lendable(exempt or {}, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            yield causes.forbidden("spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            yield causes.required("spec.limited", "must not be empty when type is Limited")
        else:
            yield from _limited(limited, "spec.limited")
    elif kind:
        yield causes.not_supported("spec.type", kind, ("Exempt", "Limited"))
    else:
        yield causes.required("spec.type")


def _shares(found: Document, path: str) -> Iterator[Cause]:
    shares = found.get("nominalConcurrencyShares") or 0
    if shares < 0:
        yield causes.invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")


def _lendable(found: Document, path: str) -> Iterator[Cause]:
    percent = found.get("lendablePercent") or 0
    if not 0 <= percent <= 100:
        yield causes.invalid(f"{path}.lendablePercent", percent, "must be between 0 and 100, inclusive")


def _limited(limited: Document, path: str) -> Iterator[Cause]:
    yield from _shares(limited, path)
    yield from _response(limited.get("limitResponse") or {}, f"{path}.limitResponse")
    yield from _lendable(limited, path)
    percent = limited.get("borrowingLimitPercent") or 0
    if percent < 0:
        text = "if specified, must be a non-negative integer"
        yield causes.invalid(f"{path}.borrowingLimitPercent", percent, text)


def _response(response: Document, path: str) -> Iterator[Cause]:
    kind, queuing = response.get("type") or "", response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            text = "must be nil if limited.limitResponse.type is not Limited"
            yield causes.forbidden(f"{path}.queuing", text)
    elif kind == "Queue":
        if queuing is None:
            text = "must not be empty if limited.limitResponse.type is Limited"
            yield causes.required(f"{path}.queuing", text)
        else:
            yield from _queuing(queuing, f"{path}.queuing")
    elif kind:
        yield causes.not_supported(f"{path}.type", kind, ("Queue", "Reject"))
    else:
        yield causes.required(f"{path}.type")


def _queuing(queuing: Document, path: str) -> Iterator[Cause]:
    limit, queues, hand = (queuing.get(member) or 0 for member in ("queueLengthLimit", "queues", "handSize"))
    if limit <= 0:
        yield causes.invalid(f"{path}.queueLengthLimit", limit, "must be positive")
    if queues <= 0:
        yield causes.invalid(f"{path}.queues", queues, "must be positive")
    elif queues > _MOST_QUEUES:
        yield causes.invalid(f"{path}.queues", queues, f"must not be greater than {_MOST_QUEUES}")
    if hand <= 0:
        yield causes.invalid(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        text = f"should not be greater than queues ({queues})"
        yield causes.invalid(f"{path}.handSize", hand, text)
    elif _bits(queues, hand) > _HASH_BITS:
        text = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
        yield causes.invalid(f"{path}.handSize", hand, text)


def _bits(queues: int, hand: int) -> int:
    """How many bits of a hash it takes to deal a hand of the queues."""
    return math.ceil(math.log2(queues) * hand)


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    seen = set()
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        kind, field = condition.get("type") or "", f"status.conditions[{index}].type"
        if kind in seen:
            yield causes.duplicate(field, kind)
        seen.add(kind)
        if not kind:
            yield causes.required(field)


RULES: Final[dict[tuple[str, str], Rule]] = {
    (_GROUP, "flowschemas"): _flow_schema,
    (_GROUP, "prioritylevelconfigurations"): _level,
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = dict.fromkeys(RULES, _status)
