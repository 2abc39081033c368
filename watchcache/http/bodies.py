"""Request bodies: which media types are read.

An absent or empty Content-Type means JSON, parameters after `;` do not count. Nothing is guessed from the body, and
Content-Encoding is not looked at: a compressed body is no JSON, and gets the 400 for that. Go clients send built-in kinds as protobuf;
custom resources have no messages.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from watchcache.api import codec, protobuf, status
from watchcache.api.catalog import Resource
from watchcache.api.json_text import TYPE_NAMES
from watchcache.http.exchange import Exchange
from watchcache.http.negotiate import JSON, PROTOBUF, YAML

_NO_OBJECT = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type "
    'struct {{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }}'
)
READ_TYPES = frozenset({JSON, YAML})


def media_type(exchange: Exchange) -> str:
    """The body's media type, without parameters."""
    return _bare(exchange.request.headers.get("content-type", ""))


@lru_cache(maxsize=64)
def _bare(stated: str) -> str:
    return stated.split(";", 1)[0].strip().lower() if stated.strip() else JSON


def read_type(exchange: Exchange, resource: Resource) -> str:
    """The body's media type, one of those that are read for the resource. Raises StatusError 415 for any other."""
    stated = media_type(exchange)
    if stated in READ_TYPES or (stated == PROTOBUF and resource.builtin):
        return stated
    raise status.unsupported_media_type((JSON, YAML, PROTOBUF) if resource.builtin else (JSON, YAML))


def read_object(exchange: Exchange, resource: Resource, subresource: str = "") -> dict[str, Any]:
    """The document in the body. Raises StatusError 415 and 400."""
    stated, body = read_type(exchange, resource), exchange.request.body
    if stated == PROTOBUF:
        return protobuf.decode_object(body, resource, subresource)
    acting = resource.subresources.get(subresource)
    if resource.custom is not None and subresource != "scale":
        return _read_untyped(body, resource.kind, yaml=stated == YAML)
    return codec.decode_object(body, acting.kind if acting else resource.kind, yaml=stated == YAML)


def _read_untyped(body: bytes, kind: str, *, yaml: bool) -> dict[str, Any]:
    """The document of a custom resource, which must say what kind it is."""
    document = codec.decode_object(body, kind, yaml=yaml)
    if not document.get("kind"):
        text = codec.encode(codec.decode_yaml(body)).decode() if yaml else body.decode("utf-8", "replace")
        raise codec.unrecognized(kind, f"Object 'Kind' is missing in '{text}'", body)
    return document


def read_options(exchange: Exchange, resource: Resource) -> dict[str, Any] | None:
    """The members of the body of a DELETE; None without a body. Raises StatusError 415 and 400."""
    body = exchange.request.body
    if not body:
        return None
    stated = read_type(exchange, resource)
    if stated == PROTOBUF:
        return protobuf.decode_options(body)
    try:
        document = codec.decode_yaml(body) if stated == YAML else codec.decode_json(body)
    except codec.DecodeError as error:
        raise status.bad_request(str(error)) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise status.bad_request(_NO_OBJECT.format(TYPE_NAMES.get(type(document), "number")))
    return document


def repeats(exchange: Exchange, document: dict[str, Any]) -> list[str]:
    """What is to be said of keys that are there twice: `duplicate field "..."` of JSON, `line 3: key ...` of YAML."""
    stated, body = media_type(exchange), exchange.request.body
    if stated == YAML:
        return codec.yaml_duplicates(body)
    if stated != JSON:
        return []
    return [f'duplicate field "{path}"' for path in codec.duplicate_fields(body, document)]


def merged(exchange: Exchange, document: dict[str, Any]) -> dict[str, Any]:
    """A JSON body with repeated keys, as Go reads it into a typed object."""
    if media_type(exchange) != JSON:
        return document
    result = codec.with_repeats(exchange.request.body, document)
    return result if isinstance(result, dict) else document
