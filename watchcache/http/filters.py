"""What every request passes on its way to a verb, as one ordered list.

A filter may `enter` a request (an answer from there ends it: later filters never see it) and may see the answer `leave`, in reverse
order; whatever a filter took in `enter` it gives back in `leave`, which is called on every path, errors and cancellation included.
The order (`standard_filters`) and why:

    Headers          outermost: even a refusal has an Audit-Id
    AccessLog        from -v=3 on (`access_log`)
    Accounting       counts what the client gets, whoever answers
    RequestInfoFilter everything below asks what the request is for
    WaitGroup        before any work, so that a shutdown turns requests away cheaply and waits for the others
    Deadline         a request's time includes its authentication
    Strangers, Goaway what ends a connection; they look at the answer only
    Authentication   before InFlight, so that strangers cannot fill the server's places; impersonation is a part of it
    InFlight         watches do not count; reads and writes have seats of their own (`in_flight`)
    Authorization    last, with everything known; not there when everybody may do everything

Panic recovery is the pipeline itself (`pipeline`). Nothing here awaits, but for a seat on a busy server: a read passes all of it in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

from watchcache.api import status
from watchcache.api.durations import parse_duration
from watchcache.auth import (
    ANONYMOUS,
    AlwaysAllow,
    Authenticator,
    Authorizer,
    Credentials,
    Rejected,
)
from watchcache.http.access_log import access_log
from watchcache.http.authorization import Authorization
from watchcache.http.exchange import Exchange, Pending
from watchcache.http.in_flight import InFlight
from watchcache.http.lifecycle import Lifecycle, Phase
from watchcache.http.messages import Answer, Reply, WatchReply
from watchcache.http.paths import is_health, is_open
from watchcache.http.query import EMPTY, first, is_true, parse_query
from watchcache.http.request_info import parse, split_target
from watchcache.http.upgrade import take_token

if TYPE_CHECKING:
    from watchcache.api.user import UserInfo
    from watchcache.http.impersonation import Impersonation

FLOW_SCHEMA = "X-Kubernetes-Pf-Flowschema-Uid"
PRIORITY_LEVEL = "X-Kubernetes-Pf-Prioritylevel-Uid"

# kube-apiserver names the objects that classified a request. We have two pools and no such objects: constant uids keep clients happy.
FLOW_HEADERS = (
    (FLOW_SCHEMA, "00000000-0000-4000-8000-000000000001"),
    (PRIORITY_LEVEL, "00000000-0000-4000-8000-000000000002"),
)
CACHE_CONTROL = ("Cache-Control", "no-cache, private")

_IMPERSONATES = "impersonate-"
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READ_VERBS = frozenset({"get", "list", "watch"})
# Subresources that stay open for as long as both sides like, as a watch does.
LONG_RUNNING = frozenset({"attach", "exec", "portforward", "proxy", "log"})


class Entered(Protocol):
    """A step of the list that has a say on the way in."""

    def enter(self, exchange: Exchange) -> Answer | Pending | None:
        """Look at the request; an answer ends it here, `Pending` has it wait. May raise what the error table knows."""
        ...


class Left(Protocol):
    """A step of the list that has a say on the way out."""

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """See the answer off; may change its headers."""
        ...


Filter = Entered | Left
"""Many are both."""


class Headers:
    """The headers that every answer has."""

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """Put them before the answer's own."""
        standard = [("Audit-Id", exchange.audit_id), CACHE_CONTROL]
        if exchange.route is None and any(name == "Cache-Control" for name, _ in answer.headers):
            standard.pop()  # the aggregated discovery may be kept
        if exchange.user is not ANONYMOUS:
            standard.extend(FLOW_HEADERS)
        if exchange.warnings:
            standard.extend(("Warning", warning_header(text)) for text in exchange.warnings)
        answer.headers = standard + answer.headers


def warning_header(text: str) -> str:
    """A warning as RFC 7234 writes it: code 299, no agent, quoted text; control characters become spaces."""
    printable = "".join(" " if ord(c) < 0x20 or ord(c) == 0x7F else c for c in text)
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


class RequestInfoFilter:
    """Finds out what the request is for."""

    def enter(self, exchange: Exchange) -> None:
        """Fill in info, query and verb. Raises `BadPath` and `NoResource`."""
        request = exchange.request
        path, raw_query = split_target(request.target)
        exchange.raw_query = raw_query
        query = exchange.query = parse_query(raw_query) if raw_query else EMPTY
        info = exchange.info = parse(request.method, path)
        exchange.verb = verb = "watch" if info.verb == "list" and is_true(query, "watch") else info.verb
        exchange.long_running = verb == "watch" or info.subresource in LONG_RUNNING
        exchange.mutating = verb not in READ_VERBS if info.is_resource else request.method not in READ_METHODS


class WaitGroup:
    """Counts who is inside, and turns newcomers away when the server leaves."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def enter(self, exchange: Exchange) -> Answer | None:
        """Let the request in. Health checks are answered to the end."""
        if self._lifecycle.phase is Phase.REFUSING and not is_health(exchange.info.path):
            self._lifecycle.enter()
            return self._lifecycle.refusal()
        self._lifecycle.enter()
        return None

    def leave(self, exchange: Exchange, answer: Answer) -> None:  # noqa: ARG002
        """Let it go. An open watch is kept by the lifecycle by itself."""
        self._lifecycle.leave()


class Deadline:
    """Gives a request its time: `--request-timeout`, or less by `?timeout=`."""

    def __init__(self, request_timeout: float) -> None:
        self._timeout = request_timeout

    def enter(self, exchange: Exchange) -> None:
        """Set the time. Raises StatusError 400 for a timeout that is no duration."""
        if exchange.long_running:
            return
        exchange.timeout = self._timeout
        asked = first(exchange.query, "timeout") if exchange.query else ""
        if not asked:
            return
        try:
            seconds = parse_duration(asked)
        except ValueError as error:
            raise status.bad_request(f"invalid timeout specified in the request URL - {error}") from None
        if 0 < seconds < self._timeout:
            exchange.timeout = seconds


class Authentication:
    """Finds out who asks, or as whom. Strangers see health and version only."""

    def __init__(self, authenticator: Authenticator, authorizer: Authorizer) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._impersonation: Impersonation | None = None

    def enter(self, exchange: Exchange) -> None:
        """Set the user. Raises `Rejected`, and StatusError when he may not ask as somebody else."""
        request = exchange.request
        authorization = request.headers.get("authorization", "")
        if not authorization and (token := take_token(request.headers)):
            authorization = f"Bearer {token}"
        credentials = Credentials(request.peer.certificate, authorization)
        user = self._authenticator.authenticate(credentials)
        if user is not None:
            exchange.user = user
        elif not is_open(exchange.info.path):
            raise Rejected("no credentials")
        if _IMPERSONATES in "".join(request.headers):
            exchange.user = self._impersonated(exchange)

    def _impersonated(self, exchange: Exchange) -> UserInfo:
        if self._impersonation is None:
            from watchcache.http.impersonation import Impersonation  # noqa: PLC0415 - most servers never see it

            self._impersonation = Impersonation(self._authorizer)
        return self._impersonation.user_of(exchange)


class Strangers:
    """Ends an HTTP/2 connection that gets 401: what nobody vouches for must not flood us with streams.

    Source: apiserver's UnauthenticatedHTTP2DOSMitigation, on by default.
    """

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """Let the connection's running streams end, and take no more."""
        if exchange.request.version == "2" and isinstance(answer, Reply) and answer.status == 401:
            answer.close = True


class Goaway:
    """Sends an HTTP/2 connection away now and then (--goaway-chance), so that clients spread over the servers behind one address.

    Source: apiserver's WithProbabilisticGoaway. What runs on the connection goes on; the client's next request finds another one.
    """

    def __init__(self, chance: float, random: Callable[[], float] | None = None) -> None:
        self._chance = chance
        self._random = random or Random().random  # noqa: S311 - it spreads load

    def leave(self, exchange: Exchange, answer: Answer) -> None:
        """Draw."""
        if (
            exchange.request.version == "2"
            and isinstance(answer, (Reply, WatchReply))
            and self._random() < self._chance
        ):
            answer.close = True


def standard_filters(
    accounting: Filter,
    lifecycle: Lifecycle,
    request_timeout: float,
    authenticator: Authenticator,
    in_flight: InFlight,
    authorizer: Authorizer,
    goaway_chance: float = 0.0,
) -> Sequence[Filter]:
    """The list, outermost first."""
    return (
        Headers(),
        *access_log(),
        accounting,
        RequestInfoFilter(),
        WaitGroup(lifecycle),
        Deadline(request_timeout),
        Strangers(),
        *([Goaway(goaway_chance)] if goaway_chance else ()),
        Authentication(authenticator, authorizer),
        in_flight,
        *([] if isinstance(authorizer, AlwaysAllow) else [Authorization(authorizer)]),
    )
