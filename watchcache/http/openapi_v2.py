"""Swagger 2.0 out of OpenAPI v3 documents, by the differences between the two.

    v3                                       v2
    components.schemas                       definitions
    a reference within allOf                 the reference beside its siblings
    default, nullable, anyOf, not            not said
    properties where others are kept, too    not said
    oneOf (quantities, int-or-string)        type string
    requestBody                              a parameter in the body, `consumes`
    responses.<code>.content                 responses.<code>.schema, `produces`
    parameters.schema                        parameters' own type

Source: what kube-apiserver 1.36 publishes at /openapi/v2; all definitions are compared in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Node = dict[str, Any]

_V3_REFERENCES = "#/components/schemas/"
_V2_REFERENCES = "#/definitions/"
_UNSAID = frozenset({"anyOf", "default", "not", "nullable"})
_OPEN = frozenset({"type", "properties", "items"})
"""What is not said of a custom resource's field that may be null: there is no way to say so."""
_PRESERVES = "x-kubernetes-preserve-unknown-fields"


def swagger(documents: Iterable[Node], info: Node, security: Node) -> Node:
    """One Swagger document with the paths and schemas of all `documents`."""
    paths: Node = {}
    schemas: Node = {}
    for document in documents:
        paths |= document["paths"]
        schemas |= document["components"].get("schemas", {})
    return {
        "swagger": "2.0",
        "info": info,
        "paths": {path: _path(paths[path]) for path in sorted(paths)},
        "definitions": {name: definition(schemas[name]) for name in sorted(schemas)},
        "securityDefinitions": security,
        "security": [{name: [] for name in security}],
    }


def definition(node: Node) -> Node:
    """A schema."""
    unsaid = _UNSAID | _OPEN if node.get("nullable") else _UNSAID
    if node.get(_PRESERVES):  # clients refuse what is not among the properties
        unsaid = unsaid | {"properties", "items", _PRESERVES}
    made = {key: _member(key, value) for key, value in node.items() if key not in unsaid}
    members = made.pop("allOf", ())
    if len(members) == 1 and "$ref" in members[0]:
        made |= members[0]
    if made.pop("oneOf", None):
        made.setdefault("type", "string")
    return made


def _member(key: str, value: Any) -> Any:
    if key == "$ref":
        return _V2_REFERENCES + value.removeprefix(_V3_REFERENCES)
    if key == "properties":
        return {name: definition(child) for name, child in value.items()}
    if key in {"items", "additionalProperties"} and isinstance(value, dict):
        return definition(value)
    if key in {"allOf", "oneOf"}:
        return [definition(child) for child in value]
    return value


def _path(item: Node) -> Node:
    return {
        key: list(map(_parameter, value)) if key == "parameters" else _operation(value)
        for key, value in item.items()
    }


def _parameter(parameter: Node) -> Node:
    made = {key: value for key, value in parameter.items() if key != "schema"}
    made.update(parameter["schema"])
    return made


def _operation(operation: Node) -> Node:
    made = dict(operation)
    parameters = list(map(_parameter, made.pop("parameters", ())))
    if body := made.pop("requestBody", None):
        made["consumes"] = list(body["content"])
        parameters.insert(0, _body(body))
    produced = [medium for answer in operation["responses"].values() for medium in answer.get("content", ())]
    made["produces"] = list(dict.fromkeys(produced))
    made["schemes"] = ["https"]
    made["responses"] = {code: _response(answer) for code, answer in operation["responses"].items()}
    return made | ({"parameters": parameters} if parameters else {})


def _body(body: Node) -> Node:
    schema = definition(next(iter(body["content"].values()))["schema"])
    required = {"required": True} if body.get("required") else {}
    return {"name": "body", "in": "body", **required, "schema": schema}


def _response(answer: Node) -> Node:
    made = {"description": answer["description"]}
    for content in answer.get("content", {}).values():
        made["schema"] = definition(content["schema"])
    return made
