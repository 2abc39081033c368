"""What describes the server: the paths of discovery, OpenAPI and version, and the list of all paths.

The documents come from `discovery` and `openapi`; here is only which path gives which, and in which form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog
from watchcache.http.discovery import Discovery, root_paths
from watchcache.http.encoding import COMPRESS_ABOVE, COMPRESSED_HEADERS, gzip_blocks, reply_json, takes_gzip
from watchcache.http.exchange import Exchange
from watchcache.http.health import ENDPOINTS, Health
from watchcache.http.messages import Reply
from watchcache.http.negotiate import JSON, Medium, is_pretty, negotiate
from watchcache.http.openapi import OpenApi
from watchcache.http.query import first
from watchcache.http.version import version_document

OTHER_PATHS = ("/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/version")

KEPT_COMPRESSED = 64  # documents; there are some forty at a time


class Description:
    """Answers the paths that describe the server."""

    def __init__(
        self, catalog: Catalog, address: Callable[[], str], health: Health, more_paths: Sequence[str] = ()
    ) -> None:
        """`address` gives host:port as clients reach the server; `more_paths` are others' to answer, and only listed here."""
        self._more_paths = more_paths
        self._catalog = catalog
        self._health = health
        self._discovery = Discovery(catalog, address)
        self._openapi = OpenApi(catalog)
        # by ETag and media type, because the forms of a document share an ETag: megabytes that every kubectl fetches
        self._compressed: dict[tuple[str, str], bytes] = {}
        # kube-apiserver's version and list of paths are always indented
        self._version = msgspec.json.format(msgspec.json.encode(version_document()), indent=2)

    def answer(self, exchange: Exchange) -> Reply | None:
        """The answer; None when the path is not one of them. Raises what the error table knows."""
        path, headers = exchange.info.path, exchange.request.headers
        if path == "/":
            return reply_json(200, self._paths(), Medium(), headers.get("accept-encoding", ""))
        if path in {"/version", "/version/"}:
            return self._answer_version(exchange)
        if path.startswith("/openapi/"):
            plain = {name: value for name, value in headers.items() if name != "accept-encoding"}
            reply = self._openapi.answer(path, plain, hash=first(exchange.query, "hash"))
            return reply if reply is None else self._compress(reply, headers.get("accept-encoding", ""))
        pretty = is_pretty(first(exchange.query, "pretty"), headers.get("user-agent", ""))
        return self._discovery.answer(exchange.request.method, path, headers, pretty=pretty)

    def _compress(self, reply: Reply, accept_encoding: str) -> Reply:
        """The reply, compressed when that pays; a document that has an ETag is compressed once."""
        body = reply.body
        if not isinstance(body, bytes) or len(body) <= COMPRESS_ABOVE or not takes_gzip(accept_encoding):
            return reply
        named = dict(reply.headers)
        key = named.get("ETag", ""), named["Content-Type"]
        compressed = self._compressed.get(key)
        if compressed is None:
            compressed = b"".join(gzip_blocks(iter((body,))))
            if len(self._compressed) >= KEPT_COMPRESSED:
                self._compressed.clear()
            if key[0]:
                self._compressed[key] = compressed
        return Reply(reply.status, [*reply.headers, *COMPRESSED_HEADERS], compressed)

    def _paths(self) -> bytes:
        checks = [f"/{endpoint}/{c.name}" for endpoint in ENDPOINTS for c in self._health.checks(endpoint)]
        others = [*OTHER_PATHS, *self._more_paths, *(f"/{endpoint}" for endpoint in ENDPOINTS), *checks]
        return msgspec.json.format(msgspec.json.encode(root_paths(self._catalog, others)), indent=2)

    def _answer_version(self, exchange: Exchange) -> Reply:
        if exchange.request.method != "GET":
            raise status.method_not_allowed()
        negotiate(exchange.accept, (JSON,))
        return reply_json(200, self._version, Medium(), "")
