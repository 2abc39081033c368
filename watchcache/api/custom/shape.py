"""Whether the schema of a definition is one that can be served: structural, and without what kube-apiserver forbids.

Two walks, as there: what OpenAPI constructs may be used at all, then whether the schema is structural. Within `allOf`, `anyOf`, `oneOf` and `not`
only restrictions of values may stand.

Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go, pkg/apiserver/schema/validation.go; texts measured on
kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final, NamedTuple

from watchcache.api import causes
from watchcache.api.custom.defaulting import set_defaults
from watchcache.api.custom.formats import is_known
from watchcache.api.custom.matching import fault
from watchcache.api.custom.pruning import DEEPEST, prune
from watchcache.api.custom.structural import RULES, Document, Node
from watchcache.api.custom.values import check
from watchcache.api.status import Cause

TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN: Final = ("id", "patternProperties", "definitions", "dependencies", "$ref")
_AT_ROOT_WITH_STATUS: Final = frozenset(
    {"description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems",
     "minItems", "uniqueItems", "multipleOf", "required", "items", "properties", "externalDocs", "example", "x-kubernetes-preserve-unknown-fields", RULES}
)  # fmt: skip
"""What a schema may have at its root when the status is a path of its own."""
_ONLY_OUTSIDE: Final = (
    ("additionalProperties", "undefined"),
    ("default", "undefined"),
    ("description", "empty"),
    ("nullable", "false"),
    ("title", "empty"),
    ("type", "empty"),
    ("x-kubernetes-embedded-resource", "false"),
    ("x-kubernetes-int-or-string", "false"),
    ("x-kubernetes-list-map-keys", "undefined"),
    ("x-kubernetes-list-type", "undefined"),
    ("x-kubernetes-map-type", "undefined"),
    ("x-kubernetes-preserve-unknown-fields", "false"),
)
"""What may not be said within allOf and its like, and what it has to be there."""
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_RULE_REASONS: Final = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)


class Place(NamedTuple):
    """Where a node stands: its path in messages, and what it is the schema of."""

    path: str
    of: str
    """`root`, `fields`, `items`, `value` within allOf and its like, or `either` there, where it may be said that a value is a number or a text."""


def check_schema(schema: Document, path: str, *, has_status: bool) -> Iterator[Cause]:
    """What is wrong with the schema of a version; `path` is that of `openAPIV3Schema`."""
    if _is_too_deep(schema):
        yield causes.forbidden(path, f"must not be nested in more than {DEEPEST} levels")
        return
    if has_status and schema.keys() - _AT_ROOT_WITH_STATUS:
        allowed = "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations"
        text = f"only [{allowed}] fields are allowed at the root of the schema if the status subresource is enabled"
        yield causes.invalid(path, schema, text)
        return
    if schema.get("nullable"):
        yield causes.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    found = [
        cause for place, node in _nodes(schema, Place(path, "root")) for cause in _constructs(node, place)
    ]
    yield from found
    if any(cause.reason == "FieldValueForbidden" for cause in found):
        return  # it cannot even be looked at as a structural one
    unfit = [
        cause for place, node in _nodes(schema, Place(path, "root")) for cause in _structure(node, place)
    ]
    yield from unfit
    if not (found or unfit):
        yield from _defaults(schema, path)


def _is_too_deep(schema: Document) -> bool:
    """Whether there are more levels than what walks through them can call itself."""
    level = [schema]
    for _ in range(DEEPEST):
        level = [child for node in level for _, child in _children(node, Place("", "root"))]
        if not level:
            return False
    return True


def unknown_formats(schema: Document) -> list[str]:
    """The formats in a schema that nobody checks, sorted."""
    formats = {node.get("format") or "" for _, node in _nodes(schema, Place("", "root"))}
    return sorted(name for name in formats if name and not is_known(name))


def _nodes(node: Document, place: Place) -> Iterator[tuple[Place, Document]]:
    """The node, and all below it."""
    yield place, node
    for below, child in _children(node, place):
        yield from _nodes(child, below)


def _children(node: Document, place: Place) -> Iterator[tuple[Place, Document]]:
    inner = place.of in {"value", "either"}
    branch = "either" if node.get("x-kubernetes-int-or-string") or place.of == "either" else "value"
    for name, child in sorted((node.get("properties") or {}).items()):
        yield Place(f"{place.path}.properties[{name}]", "value" if inner else "fields"), child
    if isinstance(node.get("items"), dict):
        yield Place(f"{place.path}.items", "value" if inner else "items"), node["items"]
    if isinstance(node.get("additionalProperties"), dict):
        yield (
            Place(f"{place.path}.additionalProperties", "value" if inner else "fields"),
            node["additionalProperties"],
        )
    for name in _JUNCTORS:
        for index, child in enumerate(node.get(name) or ()):
            yield Place(f"{place.path}.{name}[{index}]", branch), child
    if node.get("not") is not None:
        yield Place(f"{place.path}.not", "value"), node["not"]


def _constructs(node: Document, place: Place) -> Iterator[Cause]:
    path = place.path
    kind = node.get("type") or ""
    if node.get("uniqueItems"):
        yield causes.forbidden(
            f"{path}.uniqueItems",
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        )
    if node.get("additionalProperties") not in (None, False) and node.get("properties"):
        yield causes.forbidden(
            f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
        )
    for name in _FORBIDDEN:
        if node.get(name):
            yield causes.forbidden(f"{path}.{name}", f"{name} is not supported")
    if isinstance(node.get("items"), list):
        yield causes.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if kind and kind not in TYPES:
        yield causes.not_supported(f"{path}.type", kind, TYPES)
    if kind == "null":
        yield causes.forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if node.get("x-kubernetes-preserve-unknown-fields") is False:
        yield causes.invalid(
            f"{path}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined"
        )
    yield from _list_constructs(node, path)
    if (map_type := node.get("x-kubernetes-map-type")) and map_type not in {"atomic", "granular"}:
        yield causes.not_supported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular"))
    if (pattern := node.get("pattern")) and (problem := fault(pattern)):
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}"
        yield causes.invalid(f"{path}.pattern", pattern, text)
    for index, rule in enumerate(node.get(RULES) or ()):
        yield from _rule(rule, node, f"{path}.{RULES}[{index}]")


def _list_constructs(node: Document, path: str) -> Iterator[Cause]:
    list_type, kind = node.get("x-kubernetes-list-type"), node.get("type") or ""
    keys = node.get("x-kubernetes-list-map-keys") or []
    if list_type and kind != "array":
        field, text = f"{path}.type", "must be array if x-kubernetes-list-type is specified"
        yield causes.invalid(field, kind, text) if kind else causes.required(field, text)
    elif list_type and list_type not in {"atomic", "set", "map"}:
        yield causes.not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map"))
    if list_type == "map":
        yield from _list_map(node, keys, path)
    elif keys:
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        yield (
            causes.invalid(f"{path}.x-kubernetes-list-type", list_type, text)
            if list_type
            else causes.required(f"{path}.x-kubernetes-list-type", text)
        )
    items = node.get("items")
    if list_type == "set" and isinstance(items, dict):
        if items.get("nullable"):
            yield causes.forbidden(
                f"{path}.items.nullable", "cannot be nullable when x-kubernetes-list-type is set"
            )
        if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield causes.invalid(
                f"{path}.items.x-kubernetes-map-type", items.get("x-kubernetes-map-type"), text
            )
        if items.get("type") == "array" and items.get("x-kubernetes-list-type") not in {None, "atomic"}:
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield causes.invalid(
                f"{path}.items.x-kubernetes-list-type", items.get("x-kubernetes-list-type"), text
            )


def _list_map(node: Document, keys: list[str], path: str) -> Iterator[Cause]:
    field = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        yield causes.required(field, "must not be empty if x-kubernetes-list-type is map")
        return
    items = node.get("items")
    if not isinstance(items, dict):
        yield causes.required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
        return
    if items.get("type") != "object":
        yield causes.invalid(
            f"{path}.items.type",
            items.get("type") or "",
            "must be object if parent array's x-kubernetes-list-type is map",
        )
    properties = items.get("properties") or {}
    for key in keys:
        kind = (properties.get(key) or {}).get("type")
        if key in properties and kind not in _SCALARS:
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield causes.invalid(f"{path}.items.properties[{key}].type", kind or "", text)
    if any(key not in properties for key in keys):
        yield causes.invalid(field, keys, "entries must all be names of item properties")
    if len(set(keys)) != len(keys):
        yield causes.invalid(field, keys, "must not contain duplicate entries")
    for key in keys:
        if (
            key in properties
            and key not in (items.get("required") or ())
            and properties[key].get("default") is None
        ):
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            yield causes.required(f"{path}.items.properties[{key}].default", text)


def _rule(rule: Document, node: Document, path: str) -> Iterator[Cause]:
    if not (rule.get("rule") or "").strip():
        yield causes.required(f"{path}.rule", "rule is not specified")
    message = rule.get("message") or ""
    if message and not message.strip():
        yield causes.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif "\n" in message:
        yield causes.invalid(f"{path}.message", message, "must not contain line breaks")
    elif "\n" in (rule.get("rule") or "") and not message:
        yield causes.required(f"{path}.message", "message must be specified if rule contains line breaks")
    if (expression := rule.get("messageExpression")) and not expression.strip():
        yield causes.required(f"{path}.messageExpression", "must be non-empty if specified")
    if (reason := rule.get("reason")) and reason not in _RULE_REASONS:
        yield causes.not_supported(f"{path}.reason", reason, _RULE_REASONS)
    if (field := rule.get("fieldPath")) and not _leads_somewhere(field, node):
        yield causes.invalid(f"{path}.fieldPath", field, "must be a valid path")


_STEPS: Final = re.compile(r"\.([A-Za-z0-9_$-]+)|\['((?:[^'\\]|\\.)*)'\]")


def path_steps(text: str) -> list[str] | None:
    """The names in `.a.b['c']`; None when it is not of that form."""
    steps, end = [], 0
    for match in _STEPS.finditer(text):
        if match.start() != end:
            return None
        steps.append(match[1] if match[1] is not None else match[2].replace("\\'", "'"))
        end = match.end()
    return steps if steps and end == len(text) else None


def _leads_somewhere(field: str, node: Document) -> bool:
    steps = path_steps(field)
    if steps is None:
        return False
    for step in steps:
        properties = node.get("properties") or {}
        others = node.get("additionalProperties")
        if step in properties:
            node = properties[step]
        elif isinstance(others, dict):
            node = others
        else:
            return False
    return True


def _structure(node: Document, place: Place) -> Iterator[Cause]:
    if place.of in {"value", "either"}:
        yield from _value_only(node, place.path, either=place.of == "either")
        return
    path, kind = place.path, node.get("type") or ""
    preserves = bool(node.get("x-kubernetes-preserve-unknown-fields"))
    either = bool(node.get("x-kubernetes-int-or-string"))
    if place.of == "root":
        yield from _root(node, path, kind)
    elif not kind and not preserves and not either:
        yield causes.required(
            f"{path}.type",
            f"must not be empty for specified {'array items' if place.of == 'items' else 'object fields'}",
        )
    if node.get("x-kubernetes-embedded-resource"):
        yield from _embedded(node, path, kind, preserves=preserves, either=either)
    if kind == "array" and node.get("items") is None:
        yield causes.required(f"{path}.items", "must be specified")
    if place.of == "root" or node.get("x-kubernetes-embedded-resource"):
        yield from _type_and_metadata(node.get("properties") or {}, path)


def _root(node: Document, path: str, kind: str) -> Iterator[Cause]:
    if not kind:
        yield causes.required(f"{path}.type", "must not be empty at the root")
    elif kind in TYPES and kind != "object":
        yield causes.invalid(f"{path}.type", kind, "must be object at the root")
    if node.get("additionalProperties") not in (None, False):
        yield causes.forbidden(f"{path}.additionalProperties", "must not be used at the root")


def _embedded(node: Document, path: str, kind: str, *, preserves: bool, either: bool) -> Iterator[Cause]:
    if not preserves and not node.get("properties"):
        yield causes.required(
            f"{path}.properties",
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        )
    if kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield causes.invalid(f"{path}.type", kind, text) if kind else causes.required(f"{path}.type", text)
    if either:
        yield causes.invalid(
            f"{path}.x-kubernetes-embedded-resource",
            True,
            "must be false if x-kubernetes-int-or-string is true",
        )


def _type_and_metadata(properties: Document, path: str) -> Iterator[Cause]:
    for name, wanted in (("metadata", "object"), ("apiVersion", "string"), ("kind", "string")):
        kind = (properties.get(name) or {}).get("type")
        if name in properties and kind != wanted:
            yield causes.invalid(f"{path}.properties[{name}].type", kind or "", f"must be {wanted}")
    metadata = properties.get("metadata") or {}
    named = metadata.get("properties") or {}
    others = metadata.keys() - {"type", "properties", "description", "title"}
    if metadata and (others or named.keys() - {"name", "generateName"}):
        text = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield causes.forbidden(f"{path}.properties[metadata]", text)


def _value_only(node: Document, path: str, *, either: bool) -> Iterator[Cause]:
    for name, text in _ONLY_OUTSIDE:
        if node.get(name) and not (either and name == "type" and node[name] in {"integer", "string"}):
            yield causes.forbidden(f"{path}.{name}", f"must be {text} to be structural")


def _defaults(schema: Document, path: str) -> Iterator[Cause]:
    """Each default must itself be what the schema wants."""
    for place, node in _nodes(schema, Place(path, "root")):
        default: Any = node.get("default")
        if place.of in {"value", "either"} or default is None:
            continue
        field, compiled_node = f"{place.path}.default", Node(node)
        pruned = _pruned(default, node)
        if pruned != default:
            yield causes.invalid(field, default, "must not have unknown fields")
            continue
        set_defaults(pruned, compiled_node)
        for cause in check(pruned, node):
            name = "" if cause.field == "<nil>" else f".{cause.field}"
            yield Cause(cause.reason, cause.message, f"{field}{name}")


def _pruned(value: Any, node: Document) -> Any:
    """A copy of a value without what its schema does not have."""
    holder = {"value": deepcopy(value)}
    prune(holder, Node({"properties": {"value": node}}))
    return holder["value"]
