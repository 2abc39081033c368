"""What verbs work with, and what they all do with a request first."""

from __future__ import annotations

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.quoting import quoted
from watchcache.api.table import INCLUDES, Include
from watchcache.http.exchange import Exchange
from watchcache.http.lists import Lists
from watchcache.http.negotiate import (
    JSON,
    LIST_TYPES,
    OBJECT_TYPES,
    YAML,
    Medium,
    NotAcceptable,
    check_stream,
    is_pretty,
    negotiate,
)
from watchcache.http.pool import Pool
from watchcache.http.query import first
from watchcache.http.respond import PLAIN, Form
from watchcache.http.route import Route
from watchcache.http.routing import check_segments
from watchcache.http.watch_lists import WatchLists
from watchcache.registry import Call, Resources

PLAIN_FORM = Form()
# What routes produce, by (built-in kind, collection). Custom resources have no protobuf.
_PRODUCED: dict[tuple[bool, bool], tuple[str, ...]] = {
    (True, False): OBJECT_TYPES,
    (True, True): LIST_TYPES,
    (False, False): (JSON, YAML),
    (False, True): (JSON, YAML, f"{JSON};stream=watch"),
}


class Service(msgspec.Struct, frozen=True):
    """What answers requests on resources; `lists` is the gate of large lists, `watch_lists` times what watches begin with."""

    registry: Resources
    catalog: Catalog
    lists: Lists = msgspec.field(default_factory=lambda: Lists(Pool(0), 0))
    watch_lists: WatchLists = msgspec.field(default_factory=WatchLists)


def form_of(exchange: Exchange, route: Route, *, collection: bool = False) -> Form:
    """How the answer is to be written. Raises `NotAcceptable`, and StatusError 400 for a bad `includeObject`."""
    headers = exchange.request.headers
    tables = _has_rows(exchange, route)
    medium = _negotiated(headers.get("accept", ""), route.resource, collection=collection, tables=tables)
    pretty = is_pretty(
        first(exchange.query, "pretty") if exchange.query else "", headers.get("user-agent", "")
    )
    encodings = headers.get("accept-encoding", "")
    if not (pretty or encodings) and medium == PLAIN:
        return PLAIN_FORM
    if pretty and not medium.pretty:
        medium = medium._replace(pretty=True)
    include = include_of(exchange) if medium.transform == "Table" else "Metadata"
    return Form(medium, include, encodings)


def _negotiated(accept: str, resource: Resource, *, collection: bool, tables: bool = True) -> Medium:
    try:
        return negotiate(accept, _PRODUCED[resource.builtin, collection], tables=tables)
    except NotAcceptable:
        if resource.builtin:
            raise
        # Paths of custom resources are no routes: their serializer refuses, and names what it writes of other kinds.
        types = ", ".join(OBJECT_TYPES)
        message = f"only the following media types are accepted: {types}"
        raise NotAcceptable(message, by_route=False) from None


def _has_rows(exchange: Exchange, route: Route) -> bool:
    """Whether a Table can be made of the answer: not of reviews, nor of what binding and evicting answer."""
    return route.verb != "create" or (route.resource.stored and not exchange.info.subresource)


def watch_medium(exchange: Exchange, route: Route) -> Medium:
    """What a watch asks to be written in, which need not be a stream. Raises `NotAcceptable`."""
    return _negotiated(exchange.accept, route.resource, collection=True)


def check_watchable(medium: Medium, resource: Resource) -> None:
    """Refuse a watch whose medium is no stream. Raises `NotAcceptable`."""
    check_stream(medium, _PRODUCED[resource.builtin, True])


def include_of(exchange: Exchange) -> Include:
    """`?includeObject=` of a Table. Raises StatusError 400."""
    asked = first(exchange.query, "includeObject") or "Metadata"
    for include in INCLUDES:
        if asked == include:
            return include
    raise status.bad_request(
        f"Unable to convert to Table as requested: includeObject: Invalid value: {quoted(asked)}: "
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def check_single(form: Form, go_type: str) -> None:
    """Refuse the list's form for one object before anything is done."""
    if form.medium.transform == "PartialObjectMetadataList":
        message = (
            f"you requested PartialObjectMetadataList, but the requested object is not a list (*{go_type})"
        )
        raise NotAcceptable(message, by_route=False)


def call_of(exchange: Exchange, route: Route) -> Call:
    """The registry's view of a request; a writing verb fills in its options. Raises StatusError for bad names."""
    info = exchange.info
    check_segments(route.resource, info, route.verb)
    return Call(
        resource=route.resource,
        user=exchange.user,
        verb=route.verb,
        namespace=info.namespace if route.resource.namespaced else "",
        name=info.name,
        subresource=info.subresource,
        warnings=exchange.warnings,
    )
