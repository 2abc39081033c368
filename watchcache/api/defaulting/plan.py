"""Which places of a kind have defaults, worked out once from its schema, and the walk that sets them.

Order: the outer type before the inner ones, the literals of a type before its rule, as Go's generated defaulters call them; so a
rule may create what inner literals then fill (a Deployment's `rollingUpdate`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from watchcache.api.defaulting.literals import LITERALS
from watchcache.api.defaulting.rules import RULES
from watchcache.api.schema import MISSING, Schema
from watchcache.api.structure.go_types import go_field

_PREFIXES: Final = (
    "io.k8s.api.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
)

Make = Callable[[], Any]


def apply_defaults(document: dict[str, Any], schema: Schema) -> None:
    """Sets the defaults of the kind in place. The document must come from `conform`: right types, no nulls, no empty optional values."""
    plan = _plan(schema)
    if plan is not None:
        plan.apply(document)


class Plan:
    """What to set in values of one type, and which of its fields lead to more."""

    __slots__ = ("children", "literals", "rule")

    def __init__(self) -> None:
        self.literals: tuple[tuple[str, bool, Make], ...] = ()
        self.rule: Callable[[dict[str, Any]], None] | None = None
        self.children: tuple[tuple[str, Callable[[Any, Plan], None], Plan], ...] = ()

    def apply(self, value: dict[str, Any]) -> None:
        """Sets the defaults of one value of the type, and below it."""
        for name, zero_is_unset, make in self.literals:
            present = value.get(name)
            if present is None or (zero_is_unset and not present):
                value[name] = make()
        if self.rule is not None:
            self.rule(value)
        for name, visit, plan in self.children:
            child = value.get(name)
            if child is not None:
                visit(child, plan)


def _visit_one(value: dict[str, Any], plan: Plan) -> None:
    plan.apply(value)


def _visit_list(values: list[dict[str, Any]], plan: Plan) -> None:
    for value in values:
        plan.apply(value)


def _visit_map(values: dict[str, dict[str, Any]], plan: Plan) -> None:
    for value in values.values():
        plan.apply(value)


@lru_cache(maxsize=1024)
def _plan(schema: Schema) -> Plan | None:
    """The plan of a type; None when nothing can be set in it, and when the type is being looked at already: none with defaults contains itself."""
    if not schema.properties:
        return None
    if not schema.name:
        return _build(schema)
    if schema.name not in _plans:
        _plans[schema.name] = None
        _plans[schema.name] = _build(schema)
    return _plans[schema.name]


_plans: Final[dict[str, Plan | None]] = {}


def _build(schema: Schema) -> Plan | None:
    plan = Plan()
    name = short_name(schema.name)
    literals = {**_stated(schema), **LITERALS.get(name, {})}
    plan.literals = tuple(
        (field, _zero_is_unset(schema, field), _maker(value)) for field, value in literals.items()
    )
    plan.rule = RULES.get(name)
    children = []
    for field, child in schema.properties.items():
        target, visit = _inner(child)
        inner = None if target is None else _plan(target)
        if inner is not None:
            children.append((field, visit, inner))
    plan.children = tuple(children)
    return plan if plan.literals or plan.rule or plan.children else None


def _inner(schema: Schema) -> tuple[Schema | None, Callable[[Any, Plan], None]]:
    if schema.items is not None:
        return schema.items, _visit_list
    if schema.additional is not None:
        return schema.additional, _visit_map
    return schema, _visit_one


def _stated(schema: Schema) -> dict[str, Any]:
    """Defaults that the schema states and that are no zero values: those have been set by `conform` already."""
    stated = {}
    for name, field in schema.properties.items():
        if field.default is MISSING:
            continue
        pointer = go_field(schema.name, name, field).mode in ("p", "n")
        if field.default or (pointer and field.default != {}):
            stated[name] = field.default
    return stated


def _zero_is_unset(schema: Schema, field: str) -> bool:
    """Whether a field has no other way to say that it is not set: a value that is always printed."""
    return go_field(schema.name, field, schema.properties[field]).mode == "v"


def _maker(value: Any) -> Make:
    """Makes a fresh value each time: documents do not share what can change."""
    if type(value) not in (dict, list):
        return lambda: value
    encoded = msgspec.json.encode(value)
    return lambda: msgspec.json.decode(encoded)


def short_name(name: str) -> str:
    """`io.k8s.api.core.v1.Pod` is `core.v1.Pod` in the tables."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
