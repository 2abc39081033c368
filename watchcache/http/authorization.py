"""Whether the user of a request may make it.

What is asked of the authorizer follows kube-apiserver's RequestInfo: a list or watch that `metadata.name` restricts to one object is asked with that name,
so that a rule with resourceNames allows it. Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from typing import Final

from watchcache.api.selectors import parse_fields
from watchcache.api.status import StatusError
from watchcache.auth import Attributes, Authorizer, check
from watchcache.http.exchange import Exchange
from watchcache.http.query import first

_SELECTING: Final = frozenset({"list", "watch", "deletecollection"})
_NOT_IN_NAMES: Final = frozenset("/%")


class Authorization:
    """The filter: asks whether the user may."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def enter(self, exchange: Exchange) -> None:
        """Raises StatusError 403."""
        check(self._authorizer, attributes_of(exchange))


def attributes_of(exchange: Exchange) -> Attributes:
    """What the exchange wants to do."""
    info, verb, name = exchange.info, exchange.verb, exchange.info.name
    if info.is_resource and not verb and exchange.request.method == "HEAD":
        verb = "get" if name else "list"
    selected: tuple[tuple[str, str], ...] = ()
    if verb in _SELECTING and exchange.query and (text := first(exchange.query, "fieldSelector")):
        selected = _selected(text)
        wanted = dict(selected).get("metadata.name", "")
        if (
            not name
            and verb != "deletecollection"
            and wanted not in {".", ".."}
            and _NOT_IN_NAMES.isdisjoint(wanted)
        ):
            name = wanted
    return Attributes(
        exchange.user,
        verb,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace,
        name,
        info.path,
        selected,
    )


def _selected(text: str) -> tuple[tuple[str, str], ...]:
    """The terms that name one value; a selector that cannot be read restricts nothing, and is refused later."""
    try:
        return tuple((term.field, term.value) for term in parse_fields(text).terms if term.equal)
    except StatusError:
        return ()
