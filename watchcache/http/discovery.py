"""Discovery: which groups, versions and resources there are.

Pure functions make the documents out of the catalog; `Discovery` keeps their bytes until the catalog changes.

- Legacy documents, one for each path (`/api`, `/apis`, `/apis/<group>`, `/api/v1`, `/apis/<group>/<version>`): no ETag.
- The aggregated document (`as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2` on `/api` and `/apis`) says it all at once and
  has an ETag; client-go 1.26 and later asks for it first and lists `application/json` behind it as what it takes instead.
  v2beta1 is gone in 1.36 and is not offered.
- `/apis` and `/apis/<group>` take any method and refuse only what no serializer writes; the others are GET only and refuse
  `application/*` as every route does (see `negotiate`).

Source: recorded from kube-apiserver 1.36; types in meta/v1 (APIGroup, APIResource) and apidiscovery/v2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog, Group, Resource, Subresource
from watchcache.api.custom.resources import VERBS_WHILE_ENDING
from watchcache.http.documents import Documents, Kept
from watchcache.http.encoding import reply_json
from watchcache.http.errors import PageNotFound
from watchcache.http.messages import Reply
from watchcache.http.negotiate import (
    JSON,
    OBJECT_TYPES,
    PROTOBUF,
    YAML,
    Medium,
    NotAcceptable,
    negotiate,
    parse_accept,
)

AGGREGATED: Final = {"g": "apidiscovery.k8s.io", "v": "v2", "as": "APIGroupDiscoveryList"}
AGGREGATED_PARAMETERS: Final = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Document = dict[str, Any]

_VERBS_OF_CUSTOM_RESOURCES = (
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
)


def core_versions(catalog: Catalog, address: str) -> Document:
    """`/api`: APIVersions. `address` (host:port) is where clients find this server."""
    return {
        "kind": "APIVersions",
        "versions": [version for group in catalog.groups() if not group.name for version in group.versions],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(catalog: Catalog) -> Document:
    """`/apis`: APIGroupList, every group but the core one."""
    groups = [_group(group) for group in catalog.groups() if group.name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_document(group: Group) -> Document:
    """`/apis/<group>`: APIGroup."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}


def resource_list(catalog: Catalog, group: str, version: str) -> Document:
    """`/api/v1`, `/apis/<group>/<version>`: APIResourceList, subresources behind their resource."""
    # the core group's lists have no apiVersion: clients of Kubernetes 1.0 choke on it
    head = {"kind": "APIResourceList"} | ({"apiVersion": "v1"} if group else {})
    rows = [row for resource in _resources(catalog, group, version) for row in _legacy_rows(resource)]
    return {**head, "groupVersion": f"{group}/{version}" if group else version, "resources": rows}


def aggregated(catalog: Catalog, *, core: bool) -> Document:
    """`/api` (core) or `/apis` (the others) as APIGroupDiscoveryList."""
    items = [_discovered_group(catalog, group) for group in catalog.groups() if (not group.name) == core]
    return {
        "kind": AGGREGATED["as"],
        "apiVersion": f"{AGGREGATED['g']}/{AGGREGATED['v']}",
        "metadata": {},
        "items": items,
    }


def root_paths(catalog: Catalog, others: Iterable[str] = ()) -> Document:
    """`/`: every path, those of discovery and `others`, sorted."""
    paths = {"/api", "/apis", "/apis/", *others}
    for group in catalog.groups():
        root = f"/apis/{group.name}" if group.name else "/api"
        paths |= {root, *(f"{root}/{version}" for version in group.versions)}
    return {"paths": sorted(paths)}


def _group(group: Group) -> Document:
    versions = [{"groupVersion": f"{group.name}/{version}", "version": version} for version in group.versions]
    return {"name": group.name, "versions": versions, "preferredVersion": versions[0]}


def _resources(catalog: Catalog, group: str, version: str) -> list[Resource]:
    found = [r for r in catalog.resources() if (r.group, r.version) == (group, version)]
    return sorted(found, key=lambda resource: resource.plural)


def _verbs(resource: Resource) -> list[str]:
    if resource.builtin:
        return sorted(resource.verbs)
    ending = resource.custom is not None and resource.custom.ending
    offered = resource.verbs & VERBS_WHILE_ENDING if ending else resource.verbs
    return [verb for verb in _VERBS_OF_CUSTOM_RESOURCES if verb in offered]


def _names(resource: Resource) -> Document:
    """Short names and categories, each only when there are any."""
    names = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {key: value for key, value in names.items() if value}


def _legacy_rows(resource: Resource) -> Iterator[Document]:
    row = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
        **_names(resource),
    }
    if resource.storage_version_hash:
        row["storageVersionHash"] = resource.storage_version_hash
    yield row
    for subresource in _subresources(resource):
        foreign = {"group": subresource.group, "version": subresource.version}
        yield {
            "name": f"{resource.plural}/{subresource.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            **(foreign if subresource.version else {}),
            "kind": subresource.kind,
            "verbs": sorted(subresource.verbs),
        }


def _subresources(resource: Resource) -> list[Subresource]:
    """Sorted, except that a custom resource's status comes before its scale."""
    named = sorted(resource.subresources.values(), key=lambda subresource: subresource.name)
    return named if resource.builtin else named[::-1]


def _discovered_group(catalog: Catalog, group: Group) -> Document:
    versions = [
        {
            "version": version,
            "resources": [_discovered(resource) for resource in _resources(catalog, group.name, version)],
            "freshness": "Current",
        }
        for version in group.versions
    ]
    return {"metadata": {"name": group.name} if group.name else {}, "versions": versions}


def _discovered(resource: Resource) -> Document:
    made = {
        "resource": resource.plural,
        "responseKind": _response_kind(resource, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
        **_names(resource),
    }
    subresources = [
        {
            "subresource": subresource.name,
            "responseKind": _response_kind(resource, subresource.kind, subresource),
            "verbs": sorted(subresource.verbs),
        }
        for subresource in _subresources(resource)
    ]
    return made | ({"subresources": subresources} if subresources else {})


def _response_kind(resource: Resource, kind: str, subresource: Subresource | None = None) -> Document:
    """Group and version are empty when they are those of the built-in resource itself."""
    group, version = ("", "") if resource.builtin else resource.group_version
    if subresource is not None and subresource.version:
        group, version = subresource.group, subresource.version
    return {"group": group, "version": version, "kind": kind}


class Discovery:
    """Answers the paths of discovery. Bytes are kept until a resource comes or goes."""

    def __init__(self, catalog: Catalog, address: Callable[[], str]) -> None:
        """`address` gives host:port for `/api`, which is known only once the server listens."""
        self._catalog = catalog
        self._address = address
        self._documents = Documents()

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], *, pretty: bool = False
    ) -> Reply | None:
        """The answer for a decoded path, None when it is none of discovery's.

        Raises `PageNotFound` for an unknown group, `StatusError` (404) for an unknown version of a known one and (405) for
        other methods than GET, `NotAcceptable`. `headers` are the request's, in lower case.
        """
        parts = path.strip("/").split("/")
        depth = len(parts)
        if parts[0] not in {"api", "apis"} or depth > (2 if parts[0] == "api" else 3):
            return None
        routed = parts[0] == "api" or depth == 3
        make = self._maker(parts)
        if routed and method != "GET":
            raise status.method_not_allowed()
        accept = headers.get("accept", "")
        if depth == 1 and (medium := aggregated_medium(accept)):
            return self._aggregated(parts[0], medium._replace(pretty=medium.pretty or pretty), headers)
        medium = negotiate(accept, OBJECT_TYPES, transforms=False) if routed else _unrouted(accept)
        body = self._document("/".join(parts), make).body
        return reply_json(
            200, body, medium._replace(pretty=medium.pretty or pretty), headers.get("accept-encoding", "")
        )

    def _maker(self, parts: list[str]) -> Callable[[], Document]:
        """What makes the legacy document of a path."""
        if parts == ["api"]:
            return lambda: core_versions(self._catalog, self._address())
        if parts == ["apis"]:
            return lambda: group_list(self._catalog)
        name = "" if parts[0] == "api" else parts[1]
        group = next((group for group in self._catalog.groups() if group.name == name), None)
        if group is None:
            raise PageNotFound
        if len(parts) == 2 and name:
            return lambda: group_document(group)
        version = parts[-1]
        if version not in group.versions:
            own = any(each.group == name and each.builtin for each in self._catalog.resources())
            raise status.unknown_resource() if own else PageNotFound
        return lambda: resource_list(self._catalog, name, version)

    def _aggregated(self, root: str, medium: Medium, headers: Mapping[str, str]) -> Reply:
        key = root + AGGREGATED_PARAMETERS
        document = self._document(key, lambda: aggregated(self._catalog, core=root == "api"))
        extra = [("Cache-Control", "public"), ("ETag", document.etag), ("Vary", "Accept")]
        if headers.get("if-none-match") == document.etag:
            return Reply(304, extra)
        reply = reply_json(200, document.body, medium, headers.get("accept-encoding", ""))
        others = [header for header in reply.headers if header[0] != "Content-Type"]
        reply.headers = [("Content-Type", medium.type + AGGREGATED_PARAMETERS), *others, *extra]
        return reply

    def _document(self, key: str, make: Callable[[], Document]) -> Kept:
        served = tuple(self._catalog.resources())
        return self._documents.get(key, served, lambda: msgspec.json.encode(make()) + b"\n")


def aggregated_medium(accept: str) -> Medium | None:
    """The medium when the best type that can be served is the aggregated document; None when it is a legacy one, or none is."""
    for clause in parse_accept(accept):
        if clause.type not in {JSON, YAML, "*/*", "application/*"}:
            continue
        asked = {key: clause.parameters.get(key) for key in AGGREGATED}
        pretty = clause.parameters.get("pretty") == "1"
        if asked == AGGREGATED:
            return Medium(type=YAML if clause.type == YAML else JSON, pretty=pretty)
        if not asked["as"]:
            return None
    return None


def _unrouted(accept: str) -> Medium:
    """The medium where no route stands before the serializer."""
    clauses = parse_accept(accept) if accept else []
    for clause in clauses:
        if clause.type in {JSON, YAML, "*/*", "application/*"} and not clause.parameters.get("as"):
            pretty = clause.parameters.get("pretty") == "1"
            return Medium(type=YAML if clause.type == YAML else JSON, pretty=pretty)
    if any(clause.type == PROTOBUF and not clause.parameters.get("as") for clause in clauses):
        return Medium(type=PROTOBUF)
    if accept:
        types = ", ".join(OBJECT_TYPES)
        raise NotAcceptable(f"only the following media types are accepted: {types}", by_route=False)
    return Medium()
