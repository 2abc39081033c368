"""Expressions of admission policies: compiled in the environment of rules, over variables with types, for results of stated types.

What Kubernetes types and the library does not is checked here beside it: fields of `request` and `namespaceObject`, and the names of `variables`.

Source: k/k apiserver pkg/admission/plugin/cel/compile.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from watchcache.api.custom.expressions import (
    NO_MEMBERS,
    BadExpression,
    EvaluationFailed,
    TooCostly,
    environment_of,
    evaluated,
    refused,
)
from watchcache.api.custom.initializers import PATCH, without_initializers

Variables = tuple[tuple[str, str], ...]
"""Names and JSON types; "" is any type."""

_GVK: Final[dict[str, Any]] = {"group": {}, "version": {}, "kind": {}}
_GVR: Final[dict[str, Any]] = {"group": {}, "version": {}, "resource": {}}
_ANY: Final = None
_METADATA: Final = (
    "name", "generateName", "namespace", "UID", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "resourceVersion",
)  # fmt: skip
_TYPED: Final[dict[str, dict[str, Any]]] = {
    "request": {
        "kind": _GVK,
        "resource": _GVR,
        "subResource": {},
        "requestKind": _GVK,
        "requestResource": _GVR,
        "requestSubResource": {},
        "name": {},
        "namespace": {},
        "operation": {},
        "userInfo": {"username": {}, "uid": {}, "groups": _ANY, "extra": _ANY},
        "dryRun": {},
        "options": _ANY,
    },
    "namespaceObject": {
        "metadata": {
            **{name: {} for name in _METADATA},
            **dict.fromkeys(("labels", "annotations", "finalizers"), _ANY),
        },
        "spec": {"finalizers": _ANY},
        "status": {"phase": {}, "conditions": _ANY},
    },
    "device": {"driver": {}, "allowMultipleAllocations": {}, "attributes": _ANY, "capacity": _ANY},
}  # fmt: skip
"""The members of what Kubernetes declares with a type; None: anything may follow."""
_TYPES: Final = {"BOOL": "boolean", "INT": "integer", "DOUBLE": "number", "STRING": "string"}
_LITERAL: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_CHAIN: Final = re.compile(
    r"(?<![\w.])(request|namespaceObject|variables|device)((?:\.[A-Za-z_]\w*+(?!\s*\())+)"
)
_FIELD: Final = re.compile(r"\.(\w+)")
_LOOSE: Final = re.compile(r"(?<![\w.])(request|namespaceObject)\b")
_NAMES: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)?")


class Program(NamedTuple):
    """A compiled expression. `type` is the JSON type of its values ("" any); `variables` those of the declared ones that it names."""

    text: str
    type: str
    variables: frozenset[str]
    compiled: Any

    def evaluate(self, values: dict[str, Any]) -> Any:
        """The value, as JSON has it, over the values of its variables. Raises EvaluationFailed."""
        try:
            return evaluated(self.compiled, values)
        except TooCostly:
            raise
        except EvaluationFailed as problem:
            if str(problem) != NO_MEMBERS:
                raise
            raise EvaluationFailed(_of_nothing(self.text, values)) from None


@lru_cache(maxsize=512)
def program(
    text: str, variables: Variables, wanted: tuple[str, ...] = (), *, patches: bool = False
) -> Program:
    """Compile an expression whose values shall have one of the types, as cel-go writes them; none: any type. `patches`: it may make objects of patches.

    Raises BadExpression, Unsupported.
    """
    bare = _LITERAL.sub(lambda match: " " * len(match[0]), text)
    declared = {name for name, _ in variables}
    unknown = _undefined(text, bare, declared)
    if unknown:
        raise BadExpression(unknown)
    compiled = _compiled(text, variables, patches=patches)
    name = compiled.return_type().name()
    type = _type(bare, name, declared)
    loose = _LOOSE.search(bare) is not None or (patches and _is_patch(bare, type, wanted))
    if wanted and type not in wanted and not (loose and "dyn" in type):
        raise BadExpression(_mistyped(wanted, type))
    json_type = "array" if name.startswith("LIST") else _TYPES.get(name, "")
    return Program(text, json_type, frozenset(_names(bare, declared)), compiled)


def _compiled(text: str, variables: Variables, *, patches: bool) -> Any:
    environment = environment_of(variables)
    source = without_initializers(text) if patches else text
    try:
        return environment.compile(source)
    except RuntimeError as problem:
        if source == text:
            raise refused(str(problem)) from None
        rewritten = problem
    try:
        environment.compile(text)  # what it says names the right places
    except RuntimeError as problem:
        if "Syntax error" in str(problem):
            raise refused(str(problem)) from None
    raise refused(str(rewritten))


def _type(bare: str, name: str, declared: set[str]) -> str:
    if bare.strip() == "authorizer" and "authorizer" in declared:
        return "kubernetes.authorization.Authorizer"
    return cel_type(name)


def _is_patch(bare: str, type: str, wanted: tuple[str, ...]) -> bool:
    """Whether an expression whose type is not known for certain may be a patch of the wanted type."""
    word = PATCH if "list(JSONPatch)" in wanted else "Object"
    return type in {"dyn", "list(dyn)"} and re.search(rf"(?<![\w.]){word}\b", bare) is not None


def _mistyped(wanted: tuple[str, ...], type: str) -> str:
    if len(wanted) == 1:
        return f"must evaluate to {wanted[0]} but got {type}"
    return f"must evaluate to one of [{' '.join(wanted)}] but got {type}"


def cel_type(name: str) -> str:
    """A type as cel-go writes it: `LIST<INT>` as `list(int)`."""
    text = name.lower().replace("<", "(").replace(">", ")")
    return {"null": "null_type"}.get(text, text)


def _names(bare: str, declared: set[str]) -> set[str]:
    found = set()
    for match in _NAMES.finditer(bare):
        word = match[0].partition(".")[0]
        found |= {match[0], word} & declared
    return found


def _of_nothing(text: str, values: dict[str, Any]) -> str:
    """What cel-go says of a member of null: it takes it for an empty map."""
    for name, value in values.items():
        member = re.search(rf"(?<![\w.]){re.escape(name)}\.(\w+)", text)
        if value is None and member is not None:
            return f"no such key: {member[1]}"
    return "no such overload"


def _undefined(text: str, bare: str, declared: set[str]) -> str:
    """What is wrong with an expression that names a field which is not there."""
    for chain in _CHAIN.finditer(bare):
        members: dict[str, Any] | None = _members(chain[1], declared)
        for step in _FIELD.finditer(chain[2]):
            if members is None:
                break
            if members and step[1] not in members:
                at = chain.start(2) + step.start()
                line = bare.count("\n", 0, at) + 1
                begin = bare.rfind("\n", 0, at) + 1
                source = text[begin:].partition("\n")[0]
                column = at - begin
                place = f"ERROR: <input>:{line}:{column + 1}: undefined field '{step[1]}'"
                return f"compilation failed: {place}\n | {source}\n | {'.' * column}^"
            members = members.get(step[1])
    return ""


def _members(name: str, declared: set[str]) -> dict[str, Any] | None:
    if name in _TYPED:
        return _TYPED[name] if name in declared else None
    if "variables" not in declared:
        return None
    return {"": None} | {each.partition(".")[2]: None for each in declared if each.startswith("variables.")}
