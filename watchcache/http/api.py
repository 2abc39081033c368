"""The whole HTTP surface of a server as one handler: the filters around three kinds of paths.

    resources of the API            routing and verbs/
    what describes the server       discovery, OpenAPI, version, health, metrics
    what people look at             the Quart application (`app`), loaded when the first of them comes

`Api` also is where a server steers what requests see of its life: readiness checks, shutdown, metrics sources.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Catalog
from watchcache.auth import AlwaysAllow, Authenticator, Authorizer
from watchcache.http.accounting import Accounting
from watchcache.http.cache_metrics import cache_families
from watchcache.http.deprecations import deprecation_of
from watchcache.http.description import Description
from watchcache.http.encoding import JSON_HEADER
from watchcache.http.errors import PageNotFound, StatusRow, reply_status
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.exposition import Family, exposition
from watchcache.http.filters import standard_filters
from watchcache.http.health import ENDPOINTS, Check, Health
from watchcache.http.in_flight import InFlight
from watchcache.http.lifecycle import Lifecycle
from watchcache.http.lists import Lists
from watchcache.http.load_metrics import dispatch_family, load_families
from watchcache.http.messages import Reply, Request
from watchcache.http.metrics import Metrics, Source, healthcheck_families, inflight_family
from watchcache.http.openid import OpenId, OpenIdPages
from watchcache.http.pages import Pages
from watchcache.http.paths import is_health
from watchcache.http.pipeline import Pipeline
from watchcache.http.query import EMPTY, Query
from watchcache.http.routing import resolve
from watchcache.http.verbs import Service, verb_for
from watchcache.http.watchers import PATH as WATCHERS_PATH
from watchcache.http.watchers import check_query, watchers_reply
from watchcache.registry import Resources


class Options(msgspec.Struct, frozen=True):
    """What an operator chooses; names and defaults are kube-apiserver's flags. Times in seconds; 0 in flight means no bound."""

    request_timeout: float = 60.0
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    profiling: bool = True
    """Whether `/debug/watchers` is served."""
    max_list_bytes: int = 2 << 30
    """Bytes of large lists that are being sent at once; 0 means no bound."""
    goaway_chance: float = 0.0
    """How likely an HTTP/2 request sends its connection away."""
    server_address: str = ""
    """`host:port` that discovery names to clients."""


class Api:
    """Builds the handler that hosts call: `api.handle(request)`."""

    def __init__(
        self,
        registry: Resources,
        catalog: Catalog,
        authenticator: Authenticator,
        *,
        authorizer: Authorizer | None = None,
        options: Options | None = None,
        checks: Iterable[Check] = (),
        metrics_sources: Iterable[Source] = (),
        failures: Sequence[StatusRow] = (),
        gather: Callable[[str, bytes], Awaitable[bytes]] | None = None,
        openid: OpenId | None = None,
    ) -> None:
        """`checks` come after `ping` in the health endpoints; `metrics_sources` yield more families for `/metrics`.

        `failures` say how exceptions are answered that writes may raise beside `StatusError` (the journal's).
        `gather`, when this is one process of several, asks for what all of them have: "metrics" for the text of `/metrics`,
        "watchers" with a raw query for the page of `/debug/watchers`. `openid`: who signs tokens, and with which keys.
        """
        self.options = options or Options()
        self.lifecycle = Lifecycle()
        self.registry = registry
        own = [
            Check("watchcache-sync", self._behind, ("readyz",)),
            Check("shutdown", self.lifecycle.probe, ("readyz",)),
        ]
        self.health = Health([*checks, *own])
        self.metrics = Metrics()
        self.in_flight = InFlight(
            self.options.max_requests_inflight, self.options.max_mutating_requests_inflight
        )
        self._gather = gather
        self._pages = Pages(self)
        self.catalog = catalog
        self.lists = Lists(self.in_flight.pools[False], self.options.max_list_bytes)
        self._service = Service(registry, catalog, self.lists)
        self._openid = OpenIdPages(openid, self._address) if openid is not None else None
        paths = self._openid.paths if self._openid is not None else ()
        self._description = Description(catalog, self._address, self.health, paths)
        for source in (self._own_families, *metrics_sources):
            self.metrics.add_source(source)
        filters = standard_filters(
            Accounting(self.metrics, self.lifecycle),
            self.lifecycle,
            self.options.request_timeout,
            authenticator,
            self.in_flight,
            authorizer or AlwaysAllow(),
            self.options.goaway_chance,
        )
        self.handle = Pipeline(filters, self._answer, failures=failures)
        """The `messages.Handler`."""

    def too_large(self, request: Request) -> Reply:
        """The answer to a body over the limit, which the host does not read: 413."""
        return reply_status(status.too_large(), request.headers, EMPTY)

    def counts(self) -> dict[str, int]:
        """How many objects there are, by storage prefix."""
        return {stats.prefix: stats.objects for hub in self.registry.hubs for stats in hub.stats()}

    def begin_shutdown(self) -> None:
        """Fail /readyz; all else is answered as before."""
        self.lifecycle.begin_shutdown()

    def refuse(self) -> None:
        """Turn new requests away with 429 (`--shutdown-send-retry-after`)."""
        self.lifecycle.refuse()

    def end_watches(self) -> int:
        """End all watches cleanly; returns how many there were."""
        return self.lifecycle.end_watches()

    async def wait_idle(self) -> None:
        """Return when no request runs; watches do not count."""
        await self.lifecycle.wait_idle()

    def _answer(self, exchange: Exchange) -> Answering:
        info = exchange.info
        if info.is_resource:
            route = exchange.route = resolve(self.catalog, info, exchange.verb)
            if (deprecation := deprecation_of(route.resource)) is not None:
                exchange.warnings.append(deprecation)
            return verb_for(route, info.subresource)(self._service, exchange, route)
        return self._answer_path(exchange)

    def _answer_path(self, exchange: Exchange) -> Answering:
        path = exchange.info.path
        if "//" in path.rstrip("/"):
            raise PageNotFound  # an empty segment is none of ours
        if is_health(path):
            answer: Answering | None = self.health.answer(path, exchange.query)
        elif path == "/metrics":
            answer = (
                self._metrics_reply(self.metrics.text()) if self._gather is None else self._gathered_metrics()
            )
        elif path == "/metrics/slis":
            answer = self._slis_reply()
        elif path == WATCHERS_PATH and self.options.profiling:
            answer = self._watchers(exchange)
        elif path == "/ui" or path.startswith("/ui/"):
            answer = self._pages(exchange.request)
        else:
            answer = self._describe(exchange)
        if answer is None:
            raise PageNotFound
        return answer

    def _describe(self, exchange: Exchange) -> Answering | None:
        """What describes the server; None when there is no such path."""
        if self._openid is not None and exchange.info.path.startswith(self._openid.paths):
            return self._openid.answer(exchange)
        return self._description.answer(exchange)

    async def _gathered_metrics(self) -> Reply:
        assert self._gather is not None
        return self._metrics_reply(await self._gather("metrics", b""))

    def _watchers(self, exchange: Exchange) -> Awaitable[Reply]:
        check_query(exchange.query)
        return (
            self._gathered_watchers(exchange.raw_query)
            if self._gather is not None
            else self.own_watchers(exchange.query)
        )

    async def _gathered_watchers(self, raw_query: str) -> Reply:
        assert self._gather is not None
        return Reply(200, [JSON_HEADER], await self._gather("watchers", raw_query.encode()))

    async def own_watchers(self, query: Query) -> Reply:
        """`/debug/watchers` of this process alone. Raises StatusError 400."""
        return await watchers_reply(self.lifecycle.open_watches(), self.registry.hub.revision, query)

    def _metrics_reply(self, text: bytes) -> Reply:
        headers = [
            ("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
            ("Process-Start-Time-Unix", str(int(self.metrics.started))),
        ]
        return Reply(200, headers, text)

    def _slis_reply(self) -> Reply:
        headers = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")]
        return Reply(200, headers, exposition(self._health_families(), process=False))

    def _address(self) -> str:
        return self.options.server_address

    def _behind(self) -> str | None:
        """Check `watchcache-sync`: the cachers hold all that the log has published."""
        for hub in self.registry.hubs:
            held, published = hub.revision, hub.log.published
            if held < published:
                return f"the cache is at revision {held}, the log at {published}"
        return None

    def _own_families(self) -> Iterable[Family]:
        current = self.in_flight.current
        yield inflight_family(current[False], current[True])
        yield from self._health_families()
        yield from cache_families(self.registry.hubs, self.catalog)
        yield dispatch_family(self.registry.hubs, self.catalog)
        yield self._service.watch_lists.family()
        yield from load_families(self.in_flight, self.lists, self.registry.hubs)

    def _health_families(self) -> list[Family]:
        current = {
            (check.name, endpoint): self.health.is_well(check)
            for endpoint in ENDPOINTS
            for check in self.health.checks(endpoint)
        }
        return healthcheck_families(self.health.results, current)
