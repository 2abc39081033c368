"""What describes the server: discovery, OpenAPI and version.

The documents come from `discovery` and `openapi`; here is only which path gives which, by which methods, and in which form.
"""

from __future__ import annotations

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog
from watchcache.http.encoding import reply_json
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.messages import Reply
from watchcache.http.negotiate import JSON, Medium, negotiate
from watchcache.http.version import version_document


class Description:
    """Answers the paths that describe the server."""

    def __init__(self, catalog: Catalog, server_address: str) -> None:
        self._catalog = catalog
        self._server_address = server_address
        # kube-apiserver's version is always indented
        self._version = msgspec.json.format(msgspec.json.encode(version_document()), indent=2)

    def answer(self, exchange: Exchange) -> Answering | None:
        """The answer; None when the path is not one of them."""
        if exchange.info.path.rstrip("/") == "/version":
            return self._answer_version(exchange)
        return None

    def _answer_version(self, exchange: Exchange) -> Reply:
        only_get(exchange)
        negotiate(exchange.accept, (JSON,))
        return reply_json(200, self._version, Medium(), "")


def only_get(exchange: Exchange) -> None:
    """Raises StatusError 405 for every other method, HEAD included."""
    if exchange.request.method != "GET":
        raise status.method_not_allowed()
