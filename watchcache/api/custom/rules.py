"""The rules in CEL of a schema (`x-kubernetes-validations`): checked when a definition is written, evaluated when an instance is.

- A rule that names oldSelf speaks of changes: it is evaluated only where there was a value before, in lists only if they are maps.
- What did not change is not judged anew (ratcheting).
- While something is wrong with a document's shape its rules are not evaluated; that is said as a cause of its own.

The cost of rules is not estimated when a definition is written; when one is evaluated, the library bounds how many elements it goes through.

Source: apiextensions-apiserver pkg/apiserver/schema/cel; texts measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from watchcache.api import causes
from watchcache.api.custom.expressions import (
    BadExpression,
    Evaluate,
    EvaluationFailed,
    TooCostly,
    Unsupported,
    expression,
)
from watchcache.api.custom.structural import RULES, Document, Node, below
from watchcache.api.custom.values import NOWHERE, element_key, elements
from watchcache.api.status import Cause

_BLOCKING: Final = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
NOT_CHECKED: Final = causes.invalid(
    NOWHERE,
    None,
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
)
_TOO_COSTLY: Final = "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: "
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}
_KEYWORDS: Final = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace",
     "return", "var", "void", "while"}
)  # fmt: skip
_STEP: Final = re.compile(r"\.([A-Za-z-]+)(?:\[([^\]]*)\])?")
_LITERAL: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_CHAIN: Final = re.compile(r"(?<![\w.])(?:self|oldSelf)((?:\.[A-Za-z_]\w*+(?!\s*\())+)")
_FIELD: Final = re.compile(r"\.(\w+)")
_OF_EVERY_OBJECT: Final = frozenset({"apiVersion", "kind", "metadata"})
_OLD: Final = re.compile(r"\boldSelf\b")


def check_rules(schema: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the rules of a definition's schema."""
    for place, node, rule in _rules_in(schema, path):
        within = _uncorrelatable(schema, path, place) if _OLD.search(rule["rule"]) else ""
        if within:
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
            yield causes.invalid(f"{place}.rule", rule["rule"], text)
            continue
        if unknown := _undefined(rule["rule"], node, is_root=node is schema):
            yield causes.invalid(f"{place}.rule", _internal(rule), unknown)
            continue
        try:
            _compiled(rule["rule"], node, rule)
        except BadExpression as problem:
            yield causes.invalid(f"{place}.rule", _internal(rule), str(problem))
        except Unsupported:
            continue
        if rule.get("messageExpression"):
            try:
                _message(rule, node)
            except BadExpression as problem:
                yield causes.invalid(
                    f"{place}.messageExpression", _internal(rule), f"messageExpression {problem}"
                )
            except Unsupported:
                continue


def unsupported_rules(schema: Document) -> Iterator[str]:
    """One text for each rule that will not be evaluated here."""
    for place, node, rule in _rules_in(schema, ""):
        try:
            _compiled(rule["rule"], node, rule)
        except Unsupported as problem:
            yield f"{place.lstrip('.')}: the rule is not evaluated: {problem} is not supported"
        except BadExpression:
            continue


def _rules_in(schema: Document, path: str) -> Iterator[tuple[str, Document, Document]]:
    """The rules of a schema: their place, their node, and they."""
    for index, rule in enumerate(schema.get(RULES) or ()):
        yield f"{path}.{RULES}[{index}]", schema, rule
    for name, child in sorted((schema.get("properties") or {}).items()):
        yield from _rules_in(child, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _rules_in(schema[name], f"{path}.{name}")


def _undefined(text: str, node: Document, *, is_root: bool) -> str:
    """What is wrong with a rule that names a field which the schema does not have: paths from `self` are followed, no further."""
    bare = _LITERAL.sub(lambda match: " " * len(match[0]), text)
    for chain in _CHAIN.finditer(bare):
        place = node
        for step in _FIELD.finditer(chain[1]):
            fields: Document = place.get("properties") or {}
            is_object = place.get("x-kubernetes-embedded-resource") or (is_root and place is node)
            if not fields or (is_object and step[1] in _OF_EVERY_OBJECT):
                break  # anything may be there, or what is there is no business of the schema
            known = {_escaped(name): child for name, child in fields.items()} | fields
            if step[1] not in known:
                at = chain.start(1) + step.start()
                return f"compilation failed: ERROR: <input>:1:{at + 1}: undefined field '{step[1]}'\n | {text}\n | {'.' * at}^"
            place = known[step[1]]
    return ""


def _uncorrelatable(schema: Document, path: str, place: str) -> str:
    """The path of the outermost list around a rule that is no map, so that its elements have no values before; "" when there is none."""
    node = schema
    for name, key in _STEP.findall(place.removeprefix(path)):
        if name == "items":
            if node.get("x-kubernetes-list-type") != "map":
                return path
            node, path = node["items"], f"{path}.items"
        elif name == "properties":
            node, path = node["properties"][key], f"{path}.properties[{key}]"
        elif name == "additionalProperties":
            node, path = node["additionalProperties"], f"{path}.additionalProperties"
        else:
            break
    return ""


def _internal(rule: Document) -> Document:
    """A rule as Go prints its internal form."""
    return {
        "Rule": rule["rule"],
        "Message": rule.get("message") or "",
        "MessageExpression": rule.get("messageExpression") or "",
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath") or "",
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }


def _type_of(node: Document) -> str:
    return "" if node.get("x-kubernetes-int-or-string") or node.get("nullable") else node.get("type") or ""


def _compiled(text: str, node: Document, rule: Document) -> Evaluate:
    optional = bool(rule.get("optionalOldSelf"))
    return expression(text, _type_of(node), node.get("format") or "", optional, "BOOL")


def _message(rule: Document, node: Document) -> Evaluate:
    optional = bool(rule.get("optionalOldSelf"))
    return expression(rule["messageExpression"], _type_of(node), node.get("format") or "", optional, "STRING")


def evaluate(document: Document, old: Document | None, node: Node, found: list[Cause]) -> list[Cause]:
    """What the rules say of a document; `found` is what is wrong with it so far."""
    if not node.has_rules:
        return []
    if any(cause.reason in _BLOCKING for cause in found):
        return [NOT_CHECKED]
    return list(_evaluated(document, old, node, ""))


def _evaluated(value: Any, old: Any, node: Node, path: str) -> Iterator[Cause]:
    if value is None or not node.has_rules:
        return
    same = old is not None and value == old
    for rule in node.rules:
        transition = _OLD.search(rule["rule"]) is not None
        if transition and old is None and not rule.get("optionalOldSelf"):
            continue
        if same and not transition:
            continue
        cause = _judged(value, old, node, rule, path)
        if cause is not None:
            yield cause
    if isinstance(value, list) and node.items is not None:
        known = elements(old, node.raw)
        for index, item in enumerate(value):
            yield from _evaluated(
                item, known.get(element_key(item, node.raw)), node.items, f"{path}[{index}]"
            )
    elif isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name in sorted(value):
            child = node.child(name)
            if child is not None:
                yield from _evaluated(value[name], before.get(name), child, _below(path, name, node))


def _below(path: str, name: str, node: Node) -> str:
    if name not in node.properties:
        return f"{path}[{name}]"
    return below(path, name)


def _judged(value: Any, old: Any, node: Node, rule: Document, path: str) -> Cause | None:
    text = rule["rule"].strip()
    self, before = shown(value, node), None if old is None else shown(old, node)
    message = (rule.get("message") or "").strip()
    try:
        if _compiled(rule["rule"], node.raw, rule)(self, before) is True:
            return None
    except Unsupported:
        return None
    except EvaluationFailed as problem:
        said = (
            _TOO_COSTLY + text
            if isinstance(problem, TooCostly)
            else f"{problem} evaluating rule: {message or text}"
        )
        return causes.invalid(path or NOWHERE, node.type or _KINDS.get(type(value), "object"), said)
    if rule.get("messageExpression"):
        message = _said(rule, node, self, before) or message
    return _cause(rule, value, path, message or f"failed rule: {text}")


def _said(rule: Document, node: Node, value: Any, old: Any) -> str:
    """What the rule's own expression says; "" when it fails or says nothing that fits in a line."""
    try:
        said = _message(rule, node.raw)(value, old)
    except (EvaluationFailed, Unsupported):
        return ""
    return said.strip() if isinstance(said, str) and "\n" not in said else ""


def _cause(rule: Document, value: Any, path: str, message: str) -> Cause:
    field = f"{path}{rule.get('fieldPath') or ''}"
    field = field.removeprefix(".") or NOWHERE
    match rule.get("reason"):
        case "FieldValueForbidden":
            return causes.forbidden(field, message)
        case "FieldValueRequired":
            return causes.required(field, message)
        case "FieldValueDuplicate":
            return causes.duplicate(field, value)
    if isinstance(value, dict | list):
        return Cause("FieldValueInvalid", f"Invalid value: {message}", field)
    return causes.invalid(field, value, message)


def shown(value: Any, node: Node) -> Any:
    """A value as rules see it: numbers are what the schema says, fields can be named by their escaped names."""
    if isinstance(value, dict):
        made = {}
        for name, item in value.items():
            child = node.child(name)
            made[name] = item if child is None else shown(item, child)
            if name in node.properties and (escaped := _escaped(name)) != name:
                made[escaped] = made[name]
        return made
    if isinstance(value, list) and node.items is not None:
        return [shown(item, node.items) for item in value]
    if node.type == "number" and type(value) is int:
        return float(value)
    return value


@lru_cache(maxsize=1024)
def _escaped(name: str) -> str:
    if name in _KEYWORDS:
        return f"__{name}__"
    for character, word in (("__", "underscores"), (".", "dot"), ("-", "dash"), ("/", "slash")):
        name = name.replace(character, f"__{word}__") if character != "__" else name.replace("__", "\0")
    return name.replace("\0", "__underscores__")
