"""What claims, classes and slices of devices have in common: names, selectors in CEL, configurations, conditions of binding.

Source: k/k pkg/apis/resource/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, driver_name, one_of

GROUP: Final = "resource.k8s.io"
_LONGEST_POOL: Final = 253
_LONGEST_IDENTIFIER: Final = 32
_LONGEST_EXPRESSION: Final = 10 * 1024
LARGEST_DATA: Final = 10 * 1024
"""Bytes of what only a driver understands."""
MOST: Final = 32
"""Of requests, constraints, configurations and selectors."""
_MOST_BINDING: Final = 4
TAINT_EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
_VARIABLES: Final = (
    ("device", ""),
    ("device.driver", "string"),
    ("device.allowMultipleAllocations", "boolean"),
)
_TYPES: Final = ("bool", "dyn")

Check = Callable[[Any, str], Iterable[Cause]]
"""(item, path) -> what is wrong with it."""


def listed(
    items: Sequence[Any] | None, most: int, check: Check, path: str, key: Callable[[Any], Any] | None = None
) -> Iterator[Cause]:
    """What is wrong with the items of a list, which may be so many and, where there is a key, not twice the same."""
    found = items or ()
    if len(found) > most:
        yield causes.too_many(path, len(found), most)
        return
    for index, item in enumerate(found):
        yield from check(item, f"{path}[{index}]")
    if key is None:
        return
    seen = []
    for index, item in enumerate(found):
        if key(item) in seen:
            yield causes.duplicate(f"{path}[{index}]", key(item))
        seen.append(key(item))


def name_of(item: Document) -> str:
    """By what most lists tell their items apart."""
    return item.get("name") or ""


# -- names


def label(name: str | None, field: str) -> list[Cause]:
    """The name of a device, a request or a counter."""
    return causes.each_invalid(field, name or "", names.label(name or ""))


def condition_type(name: str, field: str) -> list[Cause]:
    """The type of a condition, a key of a taint."""
    return causes.each_invalid(field, name, names.label_key(name))


def pool(name: str | None, field: str) -> Iterator[Cause]:
    """The name of a pool, which may have several parts."""
    if not name:
        yield causes.required(field)
        return
    if len(name) > _LONGEST_POOL:
        yield causes.too_long(field, _LONGEST_POOL)
    for part in name.split("/"):
        yield from causes.each_invalid(field, part, names.subdomain(part))


def qualified(name: str, field: str) -> Iterator[Cause]:
    """The name of an attribute or a capacity: that of a driver before it, or its own driver's. With more parts it is not looked at."""
    parts = name.split("/")
    if len(parts) > 2:
        return
    if len(parts) == 2:
        if parts[0]:
            yield from driver_name(parts[0], field)
        else:
            yield causes.invalid(field, "", "the domain must not be empty")
        if not parts[1]:
            yield causes.invalid(field, "", "the name must not be empty")
            return
    if len(parts[-1]) > _LONGEST_IDENTIFIER:
        yield causes.too_long(field, _LONGEST_IDENTIFIER)
    yield from causes.each_invalid(field, parts[-1], names.c_identifier(parts[-1]))


def fully_qualified(name: str, field: str) -> Iterator[Cause]:
    """A qualified name with a driver's."""
    yield from qualified(name, field)
    if "/" not in name:
        text = "a fully qualified name must be a domain and a name separated by a slash"
        yield causes.invalid(field, name, text)


# -- selectors and configurations


def selector(found: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a selector of devices: an expression over `device` that gives a boolean."""
    cel = found.get("cel")
    if cel is None:
        yield causes.required(f"{path}.cel")
        return
    text, field = cel.get("expression") or "", f"{path}.cel.expression"
    if len(text.encode()) > _LONGEST_EXPRESSION:
        yield causes.too_long(field, _LONGEST_EXPRESSION)
    elif problem := _expression_problem(text):
        yield causes.invalid(field, text, problem)


def _expression_problem(text: str) -> str:
    # Only here: a server without devices does without the modules behind it.
    from watchcache.api.custom.expressions import BadExpression, Unsupported  # noqa: PLC0415
    from watchcache.api.custom.programs import cel_type, program  # noqa: PLC0415

    try:
        compiled = program(text, _VARIABLES).compiled
    except BadExpression as problem:
        # Of no text at all cel-go names the place before the first character.
        return str(problem) if text else str(problem).replace("<input>:1:1:", "<input>:1:0:")
    except Unsupported:
        return ""
    type = "kubernetes.DRADevice" if text.strip() == "device" else cel_type(compiled.return_type().name())
    return "" if type in _TYPES else f"must evaluate to bool or the unknown type, not {type}"


def configuration(found: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a configuration, which only its driver understands."""
    opaque = found.get("opaque")
    if opaque is None:
        yield causes.required(f"{path}.opaque")
        return
    yield from driver_name(opaque.get("driver"), f"{path}.opaque.driver")
    yield from data_object(opaque.get("parameters"), f"{path}.opaque.parameters")


def data_object(found: Any, field: str) -> Iterator[Cause]:
    """An object of any form."""
    if found is None:
        yield causes.required(field)
    elif len(msgspec.json.encode(found)) > LARGEST_DATA:
        yield causes.too_long(field, LARGEST_DATA)
    elif not isinstance(found, dict):
        yield causes.invalid(field, "<value omitted>", "must be a valid JSON object")


# -- taints and binding


def toleration(found: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the toleration of a device's taint."""
    key, operator, value = (found.get(member) or "" for member in ("key", "operator", "value"))
    if key:
        yield from condition_type(key, f"{path}.key")
    if operator == "Exists":
        if value:
            yield causes.invalid(f"{path}.value", value, "must be empty for operator `Exists`")
    elif operator == "Equal":
        yield from causes.each_invalid(f"{path}.value", value, names.label_value(value))
    elif operator:
        yield causes.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    else:
        yield causes.required(f"{path}.operator")
    yield from one_of(found.get("effect") or None, TAINT_EFFECTS, f"{path}.effect")


def binding(found: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the conditions that a device must have, and must not have, before a pod is bound."""
    wanted, failed = found.get("bindingConditions") or [], found.get("bindingFailureConditions") or []
    yield from listed(wanted, _MOST_BINDING, condition_type, f"{path}.bindingConditions")
    yield from listed(failed, _MOST_BINDING, condition_type, f"{path}.bindingFailureConditions")
    for index, condition in enumerate(wanted):
        if condition in wanted[:index]:
            yield causes.duplicate(f"{path}.bindingConditions[{index}]", condition)
    for index, condition in enumerate(failed):
        field = f"{path}.bindingFailureConditions[{index}]"
        if condition in failed[:index]:
            yield causes.duplicate(field, condition)
        if condition in wanted:
            text = "bindingFailureConditions must not overlap with bindingConditions"
            yield causes.invalid(field, condition, text)
    for one, other, member, missing in (
        (failed, wanted, "bindingFailureConditions", "bindingConditions"),
        (wanted, failed, "bindingConditions", "bindingFailureConditions"),
    ):
        if one and not other:
            text = f"{missing} are required to use {member}"
            yield causes.invalid(f"{path}.{missing}", found.get(missing), text)
