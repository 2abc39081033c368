"""What becomes of a job when its pods fail, and when enough of them have succeeded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, not_negative, one_of

_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_STATES: Final = ("False", "True", "Unknown")
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255
_LONGEST_INDEXES: Final = 64 << 10
_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


def failure_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the rules for pods that fail."""
    rules = (spec.get("podFailurePolicy") or {}).get("rules") or ()
    if len(rules) > _MOST_RULES:
        yield causes.too_many(f"{path}.rules", len(rules), _MOST_RULES)
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {
        each.get("name") for member in ("containers", "initContainers") for each in pod.get(member) or ()
    }
    for index, rule in enumerate(rules):
        where, action = f"{path}.rules[{index}]", rule.get("action") or ""
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        yield from _word(action, _ACTIONS, f"{where}.action")
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            text = "requires the backoffLimitPerIndex to be set"
            yield causes.invalid(f"{where}.action", action, text)
        if codes is not None:
            yield from _exit_codes(codes, containers, f"{where}.onExitCodes")
        yield from _conditions(conditions, f"{where}.onPodConditions")
        if codes is not None and conditions:
            yield _fault(where, "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            yield _fault(where, "specifying one of OnExitCodes and OnPodConditions is required")


def _fault(path: str, text: str) -> Cause:
    """A value that is not fit to be shown."""
    return Cause("FieldValueInvalid", f"Invalid value: {text}", path)


def _word(value: str, words: tuple[str, ...], path: str) -> Iterator[Cause]:
    if not value:
        shown = " ".join(quoted(word) for word in words)
        yield causes.required(path, f"valid values: [{shown}]")
    else:
        yield from one_of(value, words, path)


def _exit_codes(codes: Document, containers: set[object], path: str) -> Iterator[Cause]:
    operator, container, values = codes.get("operator") or "", codes.get("containerName"), codes.get("values")
    yield from _word(operator, _OPERATORS, f"{path}.operator")
    if container is not None and container not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        yield causes.invalid(f"{path}.containerName", container, text)
    if not values:
        yield causes.invalid(f"{path}.values", values, "at least one value is required")
        return
    if len(values) > _MOST_CODES:
        yield causes.too_many(f"{path}.values", len(values), _MOST_CODES)
    seen: set[int] = set()
    for index, code in enumerate(values):
        if operator == "In" and code == 0:
            yield causes.invalid(f"{path}.values[{index}]", code, "must not be 0 for the In operator")
        if code in seen:
            yield causes.duplicate(f"{path}.values[{index}]", code)
        seen.add(code)
    if values != sorted(values):
        yield causes.invalid(f"{path}.values", values, "must be ordered")


def _conditions(conditions: list[Document] | tuple[Document, ...], path: str) -> Iterator[Cause]:
    if len(conditions) > _MOST_RULES:
        yield causes.too_many(path, len(conditions), _MOST_RULES)
    for index, each in enumerate(conditions):
        kind = each.get("type") or ""
        yield from causes.each_invalid(f"{path}[{index}].type", kind, names.label_key(kind))
        yield from _word(each.get("status") or "", _STATES, f"{path}[{index}].status")


def success_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the rules for a job of numbered pods that has enough of them."""
    rules = (spec.get("successPolicy") or {}).get("rules") or ()
    if spec.get("completionMode") != "Indexed":
        shown = success_as_go(spec["successPolicy"])
        yield causes.invalid(path, shown, "requires indexed completion mode")
        return
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        yield causes.required(f"{path}.rules", text)
    if len(rules) > _MOST_RULES:
        yield causes.too_many(f"{path}.rules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        yield from _enough(rule, spec.get("completions") or 0, f"{path}.rules[{index}]")


def _enough(rule: Document, completions: int, path: str) -> Iterator[Cause]:
    count, indexes, total = rule.get("succeededCount"), rule.get("succeededIndexes"), 0
    if count is None and indexes is None:
        text = "at least one of succeededCount or succeededIndexes must be specified"
        yield causes.required(path, text)
    if indexes is not None:
        if len(indexes) > _LONGEST_INDEXES:
            yield causes.too_long(f"{path}.succeededIndexes", _LONGEST_INDEXES)
        try:
            total = _counted(indexes, completions)
        except ValueError as problem:
            text = f"error parsing succeededIndexes: {problem}"
            yield causes.invalid(f"{path}.succeededIndexes", indexes, text)
    if count is not None:
        yield from not_negative(rule, ["succeededCount"], path)
        if count > completions:
            text = f"must be less than or equal to {completions} (the number of specified completions)"
            yield causes.invalid(f"{path}.succeededCount", count, text)
        if indexes is not None and count > total:
            text = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            yield causes.invalid(f"{path}.succeededCount", count, text)


def _counted(indexes: str, completions: int) -> int:
    """How many indexes there are in a text like "1,3-5". Raises ValueError when it is none, or has one that there is not."""
    total, last = 0, None
    for interval in indexes.split(",") if indexes else ():
        ends = interval.split("-")
        if len(ends) > 2:
            shown = quoted(interval)
            raise ValueError(
                f"the fragment {shown} violates the requirement that an index interval can have at most two parts separated by '-'"
            )
        first, *rest = (_index(end, completions) for end in ends)
        if rest and first >= rest[0]:
            raise ValueError(f"non-increasing order, previous: {first}, current: {rest[0]}")
        if last is not None and last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        last = rest[0] if rest else first
        total += last - first + 1
    return total


def _index(text: str, completions: int) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"cannot convert string to integer for index: {quoted(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {quoted(text)}")
    return int(text)


def success_as_go(policy: Document) -> Document:
    """A success policy as messages show it."""
    rules = policy.get("rules")
    shown = [
        {"SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}
        for rule in rules or ()
    ]
    return {"Rules": None if rules is None else shown}


def failure_as_go(policy: Document) -> Document:
    """A failure policy as messages show it."""
    rules = policy.get("rules")
    shown = []
    for rule in rules or ():
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        asked = codes and {
            "ContainerName": codes.get("containerName"),
            "Operator": codes.get("operator") or "",
            "Values": codes.get("values"),
        }
        named = conditions and [
            {"Type": each.get("type") or "", "Status": each.get("status") or ""} for each in conditions
        ]
        shown.append({"Action": rule.get("action") or "", "OnExitCodes": asked, "OnPodConditions": named})
    return {"Rules": None if rules is None else shown}
