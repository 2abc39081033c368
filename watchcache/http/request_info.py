"""What a method and a path ask for: pure, as a table of positions in the path.

    /api/<version>/...                       the core group
    /apis/<group>/<version>/...              every other
    .../namespaces/<ns>/<resource>/<name>/<subresource>[/...]
    .../<resource>/<name>/<subresource>[/...]
    .../watch/...                            deprecated: the same, forced to be a watch (W18)

The rules, as a kube-apiserver 1.36 shows them:

- The path is percent-decoded before it is split, so `%2f` separates as `/` does; `.` and `..` are not resolved.
- Slashes at the end do not count, empty segments in the middle do (`namespaces//pods` is "all namespaces").
- `namespaces/<name>/status` and `/finalize` are subresources of the namespace, all other
  `namespaces/<name>/<word>` a resource in it. Below `watch/`, `namespaces/<name>` alone is that one namespace.
- A path below `/api/` or `/apis/` too short to name a resource is discovery, which is not ours to judge.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})

COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
ITEM_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class BadPath(Exception):
    """The path cannot be decoded; Go's HTTP server refuses such a request before kube-apiserver sees it."""


class NoResource(Exception):
    """`/api/v1/watch` names nothing to watch: kube-apiserver's own 500, as plain text."""


class RequestInfo(msgspec.Struct, frozen=True, gc=False):
    """A parsed path. Without `is_resource` it is discovery or lies outside the API, and only `path` counts.

    `verb` is what the method means there ("" when it means nothing); what turns a list into a watch is
    in the query, which is not looked at here. `rest` is what follows the subresource (a proxy's path).
    """

    path: str  # percent-decoded
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()
    namespaced_path: bool = False  # the path has a `namespaces/<ns>` part, even an empty one
    watch_prefix: bool = False


def split_target(target: str) -> tuple[str, str]:
    """The raw path and the raw query of a request target, which may be in absolute form."""
    if not target.startswith("/") and "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    path, _, query = target.partition("?")
    return path, query


@lru_cache(maxsize=8192)
def parse(method: str, raw_path: str) -> RequestInfo:
    """What a request asks for. Raises `BadPath` and `NoResource`. Pure; kept by (method, path)."""
    path = decode_path(raw_path)
    if path.startswith("//"):
        return RequestInfo(path=path, verb=method.lower())
    parts = path.strip("/").split("/")
    if path.startswith("/api/") and len(parts) >= 2:
        return _below_version(method, path, "", parts[1], parts[2:])
    if path.startswith("/apis/") and len(parts) >= 3 and parts[1]:
        return _below_version(method, path, parts[1], parts[2], parts[3:])
    return RequestInfo(path=path, verb=method.lower())


def decode_path(raw_path: str) -> str:
    """Percent-decode; bytes that are no UTF-8 become U+FFFD. Raises `BadPath` for a bad escape."""
    if "%" not in raw_path:
        if raw_path.isascii():
            return raw_path
        raise BadPath(raw_path)
    for escape in raw_path.split("%")[1:]:
        if len(escape) < 2 or not all(c in "0123456789abcdefABCDEF" for c in escape[:2]):
            raise BadPath(raw_path)
    return unquote_to_bytes(raw_path).decode("utf-8", "replace")


def _below_version(method: str, path: str, group: str, version: str, parts: list[str]) -> RequestInfo:
    if not parts:
        return RequestInfo(path=path, verb=method.lower(), group=group, version=version)
    watching = parts[0] == "watch"
    if watching:
        parts = parts[1:]
        if not parts:
            raise NoResource(path)
    namespace, namespaced = "", False
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace, namespaced = parts[1], True
        if len(parts) > 2 and parts[2] not in NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    resource, *beyond = parts
    name = beyond[0] if beyond else ""
    return RequestInfo(
        path=path,
        verb=verb_of(method, named=bool(name) or len(beyond) > 1, watch_prefix=watching),
        is_resource=True,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        name=name,
        subresource=beyond[1] if len(beyond) > 1 else "",
        rest=tuple(beyond[2:]),
        namespaced_path=namespaced and resource != "namespaces",
        watch_prefix=watching,
    )


def verb_of(method: str, *, named: bool, watch_prefix: bool) -> str:
    """The verb a method means on a collection or an object, "" for none (405)."""
    if watch_prefix:
        return "watch" if method == "GET" else ""
    return (ITEM_VERBS if named else COLLECTION_VERBS).get(method, "")
