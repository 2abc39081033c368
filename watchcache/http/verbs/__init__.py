"""What each verb does between a resolved route and an answer: read options and body, call the registry, write the answer.

A verb is a function `(service, exchange, route) -> Answer | Awaitable[Answer]`. It negotiates before it does anything else, so that a client
that cannot read the answer changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from watchcache.http.exchange import Answering, Exchange
from watchcache.http.route import Route
from watchcache.http.verbs.connecting import CONNECTIONS, connect
from watchcache.http.verbs.deleting import delete, delete_collection
from watchcache.http.verbs.reading import get, list_objects, watch
from watchcache.http.verbs.service import Service
from watchcache.http.verbs.writing import create, patch, update

Verb = Callable[[Service, Exchange, Route], Answering]

VERBS: Mapping[str, Verb] = {
    "get": get,
    "list": list_objects,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}


def verb_for(route: Route, subresource: str) -> Verb:
    """The verb that answers a route. Connections to the outside take every method."""
    if (route.resource.group_resource, subresource) in CONNECTIONS:
        return connect
    return VERBS[route.verb]


__all__ = ["Service", "Verb", "verb_for"]
