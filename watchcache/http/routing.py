"""From a parsed path to the resource and verb that answer it, or the refusal that kube-apiserver gives.

unknown path, unknown group                                  404 as text
unknown version, resource or subresource, wrong scope        404 Status
a method, or a verb that the resource lacks                  405 Status
an empty namespace before a name or a deletion               400 Status
no name before a subresource, or one that is no path segment 400 Status, once the answer's form is known
a namespace that cannot be part of a storage key             500 Status, without reason unless it is a creation
"""

from __future__ import annotations

from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.quoting import quoted
from watchcache.http.errors import PageNotFound
from watchcache.http.request_info import RequestInfo
from watchcache.http.route import Route

# Subresources below which any path is allowed: what follows belongs to the other side.
OPEN_ENDED = frozenset({"proxy"})
NAMELESS_VERBS = frozenset({"list", "watch", "create", "deletecollection"})
ACROSS_NAMESPACES = frozenset({"list", "watch"})


def resolve(catalog: Catalog, info: RequestInfo, verb: str) -> Route:
    """The route of a resource path. Raises `PageNotFound` and `StatusError`."""
    resource = catalog.find(info.group, info.version, info.resource)
    if resource is None:
        raise _unknown(catalog, info.group)
    if not _shape_fits(resource, info):
        raise status.unknown_resource() if resource.builtin else _unfit(resource, info)
    if not _verb_fits(resource, info, verb):
        raise status.method_not_allowed()
    if info.namespaced_path and not info.namespace and (info.name or verb == "deletecollection"):
        raise status.bad_request("Namespace parameter required.")
    return Route(resource, verb)


def _unknown(catalog: Catalog, group: str) -> Exception:
    if any(resource.group == group and resource.builtin for resource in catalog.resources()):
        return status.unknown_resource()
    return PageNotFound()


def _unfit(resource: Resource, info: RequestInfo) -> Exception:
    """What is not there of a custom resource: a subresource, or the whole path."""
    if info.subresource and info.name and info.subresource not in resource.subresources:
        return status.not_found(resource.group_resource, info.name)
    return PageNotFound()


def _shape_fits(resource: Resource, info: RequestInfo) -> bool:
    """Whether such a path exists for the resource, whatever the method."""
    if info.namespaced_path and not resource.namespaced:
        return False
    if (
        resource.namespaced
        and not info.namespaced_path
        and (info.name or not resource.verbs & ACROSS_NAMESPACES)
    ):
        return False
    if not info.subresource:
        return not any(info.rest)  # `/NAME//x` is not the object
    if info.subresource not in resource.subresources or info.watch_prefix:
        return False
    return not info.rest or info.subresource in OPEN_ENDED


def _verb_fits(resource: Resource, info: RequestInfo, verb: str) -> bool:
    if info.subresource:
        return verb in resource.subresources[info.subresource].verbs
    if verb not in resource.verbs:
        return False
    if info.name:
        return verb == "watch" or verb not in NAMELESS_VERBS
    return not resource.namespaced or info.namespaced_path or verb in ACROSS_NAMESPACES


def check_segments(resource: Resource, info: RequestInfo, verb: str) -> None:
    """Refuse missing names, and names and namespaces that would walk about in the storage. Raises `StatusError`."""
    name, namespace = info.name, info.namespace
    if info.subresource and not name:
        raise status.bad_request("name must be provided")
    if name in {".", ".."}:
        raise status.bad_request(f"Name parameter invalid: {quoted(name)}: may not be '{name}'")
    if "%" in name:
        raise status.bad_request(f"Name parameter invalid: {quoted(name)}: may not contain '%'")
    if not resource.namespaced:
        return
    if verb == "create" and (namespace in {".", ".."} or "%" in namespace):
        problem = "may not contain '%'" if "%" in namespace else f"may not be '{namespace}'"
        raise status.internal(f"invalid resource name {quoted(namespace)}: [{problem}]")
    if namespace in {".", ".."}:
        tail = f"/{name}" if name else ""
        raise status.untyped(f'invalid key: "/{resource.storage_prefix}/{namespace}{tail}"')
