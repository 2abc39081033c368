"""OpenAPI: the types and paths of what is served, as `/openapi/v3` (one document for each version of a group) and `/openapi/v2`.

kubectl reads v3: `explain` looks for the kind that a path serves and follows its schema, `create`, `apply` and `edit` look whether the kind's PATCH takes
`fieldValidation`. The root names each document with the hash of its content; a request with that hash may be kept for ever,
one with another is sent on (301) to the current one. Documents are made when they are first asked for and kept until the catalog changes.

Types only: fields have no descriptions. v2 is JSON or the protobuf form that older clients take (see `openapi_protobuf`); v3 is JSON.

Source: recorded from kube-apiserver 1.36; kube-openapi/pkg/handler3.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final

import msgspec

from watchcache.api.catalog import Catalog, Resource
from watchcache.http.documents import Documents, Kept
from watchcache.http.encoding import reply_json
from watchcache.http.messages import Reply
from watchcache.http.negotiate import JSON, Medium, parse_accept
from watchcache.http.openapi_paths import META, Node, document_operation, reference, version_paths
from watchcache.http.openapi_protobuf import ACCEPTED, MEDIA_TYPE, encode
from watchcache.http.openapi_v2 import swagger

INFO: Final = {"title": "Kubernetes", "version": "1.36"}
SECURITY: Final = {
    "BearerToken": {
        "type": "apiKey",
        "description": "Bearer Token authentication",
        "name": "authorization",
        "in": "header",
    }
}
ROOT: Final = "/openapi/v3"
# what a client asks for to what it gets; parameters do not count here
V3_MEDIA: Final = {JSON: JSON, "application/*": JSON, "*/*": JSON}
V2_MEDIA: Final = {**V3_MEDIA, ACCEPTED: MEDIA_TYPE, MEDIA_TYPE: MEDIA_TYPE}
YEAR: Final = 365 * 24 * 3600

_REFERENCE = re.compile(rb'"#/components/schemas/([^"]+)"')


class Components:
    """The schemas of a document: what its paths refer to, and what those refer to."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._made: dict[str, Node] = {}  # schemas of custom resources, which no definition names

    def name(self, group: str, version: str, kind: str) -> str:
        """The name of a kind's schema, for references to it."""
        schema = self._catalog.schema_of(group, version, kind)
        if schema is not None and schema.name:
            return schema.name
        name = ".".join((*reversed(group.split(".")), version, kind))
        resource = self._catalog.of_kind(group, version, kind)
        if resource is None:
            item = self.name(group, version, kind.removesuffix("List"))
            self._made[name] = _list_schema(group, version, kind, item)
        else:
            self._made[name] = _custom_schema(resource)
        return name

    def reached_from(self, document: bytes) -> dict[str, msgspec.Raw]:
        """Every schema that the JSON refers to, directly or through others, sorted by name."""
        found: dict[str, bytes] = {}
        waiting = _references(document)
        while waiting:
            name = waiting.pop()
            found[name] = self._node(name)
            waiting |= _references(found[name]) - found.keys()
        return {name: msgspec.Raw(found[name]) for name in sorted(found)}

    def _node(self, name: str) -> bytes:
        made = self._made.get(name)
        return self._catalog.definitions.raw(name) if made is None else msgspec.json.encode(made)


def _references(document: bytes) -> set[str]:
    return {name.decode() for name in _REFERENCE.findall(document)}


def _custom_schema(resource: Resource) -> Node:
    node = dict(resource.schema.node)
    if resource.field_labels:
        node["x-kubernetes-selectable-fields"] = [{"fieldPath": label} for label in resource.field_labels]
    return node | _identity(resource.group, resource.version, resource.kind)


def _list_schema(group: str, version: str, kind: str, item: str) -> Node:
    properties = {
        "apiVersion": {"type": "string"},
        "items": {"type": "array", "items": reference(item)},
        "kind": {"type": "string"},
        "metadata": _all_of("ListMeta"),
    }
    node = {"type": "object", "required": ["items"], "properties": properties}
    return node | _identity(group, version, kind)


def _all_of(name: str) -> Node:
    return {"allOf": [reference(META + name)]}


def _identity(group: str, version: str, kind: str) -> Node:
    return {"x-kubernetes-group-version-kind": [{"group": group, "kind": kind, "version": version}]}


def openapi_document(paths: Node, components: Components) -> bytes:
    """An OpenAPI v3 document of the paths with the schemas they need."""
    encoded = msgspec.json.encode(paths)
    made: dict[str, Any] = {"openapi": "3.0.0", "info": INFO, "paths": msgspec.Raw(encoded)}
    schemas = components.reached_from(encoded)
    made["components"] = ({"schemas": schemas} if schemas else {}) | {"securitySchemes": SECURITY}
    return msgspec.json.encode(made)


class OpenApi:
    """Answers `/openapi/v2` and the paths of `/openapi/v3`."""

    def __init__(self, catalog: Catalog, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives unix seconds, for the Expires header."""
        self._catalog = catalog
        self._clock = clock
        self._documents = Documents()

    def answer(self, path: str, headers: Mapping[str, str], *, hash: str = "") -> Reply | None:
        """The answer for a decoded path, None when there is no such document. Any method reads.

        `headers` are the request's, in lower case; `hash` the query parameter of that name, "" without one.
        """
        if path == "/openapi/v2":
            return self._v2_reply(headers)
        if path == ROOT:
            # text/plain is what kube-apiserver says of its root; any Accept is served
            return Reply(200, [("Content-Type", "text/plain; charset=utf-8")], self.root().body)
        key = path.removeprefix(f"{ROOT}/")
        if key == path or key not in self.keys():
            return None
        document = self.v3(key)
        if hash and hash != document.hash:
            location = f"{ROOT}/{key}?hash={document.hash}"
            return Reply(301, [("Location", location), ("ETag", document.etag), ("Vary", "Accept")])
        media_type = best(headers.get("accept", ""), V3_MEDIA)
        return self._reply(document.body, document.etag, media_type, headers, lasting=bool(hash))

    def keys(self) -> list[str]:
        """The v3 documents, as the root names them: `api`, `api/v1`, `apis`, `apis/apps`, `apis/apps/v1`, ..., `version`."""
        keys = {"api", "apis", "version"}
        for group in self._catalog.groups():
            root = f"apis/{group.name}" if group.name else "api"
            keys |= {root, *(f"{root}/{version}" for version in group.versions)}
        return sorted(keys)

    def root(self) -> Kept:
        """The document that names the others."""
        served = tuple(self._catalog.resources())
        return self._documents.get(ROOT, served, lambda: msgspec.json.encode({"paths": self._urls()}))

    def v3(self, key: str) -> Kept:
        """A v3 document by its key."""
        parts = key.split("/")
        if len(parts) == 3:
            return self._version_document(key, parts[1], parts[2])
        if parts[0] == "api" and len(parts) == 2:
            return self._version_document(key, "", parts[1])
        return self._documents.get(key, (), lambda: self._entrance(parts))

    def v2(self) -> Kept:
        """The Swagger 2.0 document of everything."""
        served = tuple(self._catalog.resources())
        return self._documents.get("v2", served, self._make_v2)

    def _version_document(self, key: str, group: str, version: str) -> Kept:
        served = tuple(r for r in self._catalog.resources() if (r.group, r.version) == (group, version))
        components = Components(self._catalog)
        return self._documents.get(
            key,
            served,
            lambda: openapi_document(version_paths(group, version, served, components.name), components),
        )

    def _entrance(self, parts: list[str]) -> bytes:
        paths = {f"/{'/'.join(parts)}/": {"get": _reading(parts)}}
        return openapi_document(paths, Components(self._catalog))

    def _make_v2(self) -> bytes:
        documents = [msgspec.json.decode(self.v3(key).body) for key in self.keys()]
        return msgspec.json.encode(swagger(documents, INFO, SECURITY))

    def _urls(self) -> Node:
        return {key: {"serverRelativeURL": f"{ROOT}/{key}?hash={self.v3(key).hash}"} for key in self.keys()}

    def _v2_reply(self, headers: Mapping[str, str]) -> Reply:
        """One ETag for both forms, as kube-apiserver has it; `Vary` tells them apart."""
        media_type = best(headers.get("accept", ""), V2_MEDIA)
        document = self.v2()
        body = self._v2_protobuf() if media_type == MEDIA_TYPE else document.body
        return self._reply(body, document.etag, media_type, headers)

    def _v2_protobuf(self) -> bytes:
        document = self.v2()
        made = self._documents.get("v2.pb", (document,), lambda: encode(msgspec.json.decode(document.body)))
        return made.body

    def _reply(
        self, body: bytes, etag: str, media_type: str, headers: Mapping[str, str], *, lasting: bool = False
    ) -> Reply:
        vary = ("Vary", "Accept")
        if not media_type:
            return Reply(406, [vary])
        extra = [("ETag", etag), vary]
        if lasting:
            expires = formatdate(self._clock() + YEAR, usegmt=True)
            extra += [("Cache-Control", "public, immutable"), ("Expires", expires)]
        if _is_known(headers.get("if-none-match", ""), etag):
            return Reply(304, extra)
        reply = reply_json(200, body, Medium(), headers.get("accept-encoding", ""))
        others = [header for header in reply.headers if header[0] != "Content-Type"]
        reply.headers = [("Content-Type", media_type), *others, *extra]
        return reply


def _is_known(if_none_match: str, etag: str) -> bool:
    """Whether the client has the document: weak tags count, which proxies that compress make of ours (RFC 9110, 13.1.2)."""
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in if_none_match.split(","))


def _reading(parts: list[str]) -> Node:
    """The operation that reads the document of discovery at a path."""
    if parts == ["version"]:
        name, kind = "getCodeVersion", "io.k8s.apimachinery.pkg.version.Info"
        return document_operation("version", name, kind)
    if len(parts) == 2:
        stem, *rest = parts[1].removesuffix(".k8s.io").split(".")
        tag = stem + "".join(word.capitalize() for word in rest)
        return document_operation(tag, f"get{tag[:1].upper()}{tag[1:]}APIGroup", META + "APIGroup")
    if parts == ["api"]:
        return document_operation("core", "getCoreAPIVersions", META + "APIVersions")
    return document_operation("apis", "getAPIVersions", META + "APIGroupList")


def best(accept: str, offered: Mapping[str, str]) -> str:
    """The media type for an Accept header, out of what is offered; "" when there is none."""
    if not accept:
        return JSON
    return next((offered[clause.type] for clause in parse_accept(accept) if clause.type in offered), "")
