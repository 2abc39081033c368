"""GET: one object, a list, or a watch.

One object without resourceVersion is answered at once, without a task switch: the hottest path of the server. (Not where
others write to the same store: then its newest revision has to be asked for.) So is a watch that has nothing to wait for: after a
restart, ninety thousand come within seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from watchcache.api import options as api_options
from watchcache.cacher import Representation as CacherRepresentation
from watchcache.cacher import Sink, Timed, WatchProblem
from watchcache.http.commit_times import CONFIRMED, timed
from watchcache.http.encoding import JSON_HEADER
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.lists import LARGE
from watchcache.http.messages import Answer, Reply, Running, WatchReply
from watchcache.http.negotiate import JSON, PROTOBUF, Medium
from watchcache.http.query import first, is_true
from watchcache.http.representation import JsonEvents, MetadataEvents, ProtobufEvents, TableEvents
from watchcache.http.respond import Form, list_answer, object_answer
from watchcache.http.route import Route
from watchcache.http.upgrade import accepted, is_asked, refusal
from watchcache.http.verbs.service import Service, call_of, check_watchable, form_of, include_of, watch_medium
from watchcache.registry import Call, NotConverted

_Start = Callable[[Sink], Running]
_STREAM_HEADERS = {JSON: JSON_HEADER, PROTOBUF: ("Content-Type", f"{PROTOBUF};stream=watch")}


def get(service: Service, exchange: Exchange, route: Route) -> Answering:
    """One object, or its status or scale (L18)."""
    form = form_of(exchange, route)
    call = call_of(exchange, route)
    revision = first(exchange.query, "resourceVersion") if exchange.query else ""
    if revision or service.registry.reads_wait:
        return _get_at(service, call, revision, form)
    try:
        return object_answer(route.resource, service.registry.get_nowait(call), form)
    except NotConverted:
        return _get_at(service, call, "", form)


async def _get_at(service: Service, call: Call, revision: str, form: Form) -> Answer:
    return object_answer(call.resource, await service.registry.get(call, revision), form)


def list_objects(service: Service, exchange: Exchange, route: Route) -> Answering:
    """A list (L1 to L21)."""
    form = form_of(exchange, route, collection=True)
    options = api_options.parse_list(exchange.query)
    return _list(service, exchange, call_of(exchange, route), options, form)


async def _list(
    service: Service, exchange: Exchange, call: Call, options: api_options.ListOptions, form: Form
) -> Answer:
    whole = not (options.limit or options.field_selector)
    if whole and service.registry.stored_bytes(call.resource) > LARGE:
        # Gathering is work of milliseconds too, and lists that took turns end, and begin anew, at the same time.
        await service.lists.turns.wait(exchange.user.name)
    listed = await service.registry.list(call, options)
    size = sum(map(len, listed.values))
    if size <= LARGE:
        return list_answer(listed, form)
    sending = await service.lists.admit(exchange, size)
    try:
        return sending.stream(list_answer(listed, form, sending.pause))
    except BaseException:
        sending.finish()
        raise


def watch(service: Service, exchange: Exchange, route: Route) -> Answering:
    """A watch (W1 to W21): of a collection, or of one object below the deprecated `/watch/` (W17, W18)."""
    medium = watch_medium(exchange, route)
    plain = representation_of(exchange, route, medium)
    representation = timed(exchange, plain, medium)
    # Below /watch/, which is a watch whatever `watch=` says, only that parameter makes the options those of a watch.
    as_watch = not exchange.info.watch_prefix or is_true(exchange.query, "watch")
    options = api_options.parse_list(exchange.query, watch=as_watch)
    start: _Start
    call = call_of(exchange, route)
    try:
        ready = service.registry.watch_nowait(call, options, representation)
    except WatchProblem as problem:
        return _watching(exchange, call, representation, medium, _Failing(representation, problem))
    if ready is None:
        return _watch_later(service, exchange, call, options, representation, medium)
    start = service.watch_lists.timed(exchange, options, ready)
    return _watching(exchange, call, representation, medium, start)


async def _watch_later(
    service: Service,
    exchange: Exchange,
    call: Call,
    options: api_options.ListOptions,
    representation: CacherRepresentation,
    medium: Medium,
) -> Answer:
    start: _Start
    try:
        ready = await service.registry.watch(call, options, representation)
        start = service.watch_lists.timed(exchange, options, ready)
    except WatchProblem as problem:
        start = _Failing(representation, problem)
    return _watching(exchange, call, representation, medium, start)


def _watching(
    exchange: Exchange, call: Call, representation: CacherRepresentation, medium: Medium, start: _Start
) -> Reply | WatchReply:
    check_watchable(medium, call.resource)
    if medium.transform == "PartialObjectMetadataList":
        start = _empty
    confirmed = [CONFIRMED] if isinstance(representation, Timed) else []
    request = exchange.request
    if request.method == "GET" and is_asked(request.headers):
        return refusal(request.headers) or WatchReply(
            accepted(request.headers) + confirmed,
            start,
            messages="binary" if medium.type == PROTOBUF else "text",
        )
    return WatchReply([_STREAM_HEADERS[medium.type], *confirmed], start)


def representation_of(exchange: Exchange, route: Route, medium: Medium) -> CacherRepresentation:
    """How the events of a watch are written."""
    if medium.transform == "Table":
        return TableEvents(route.resource, include_of(exchange), medium.version)
    plain = MetadataEvents(medium.version) if medium.transform else JsonEvents(route.resource)
    return ProtobufEvents(plain) if medium.type == PROTOBUF else plain


class _Over:
    """A watch that has ended before the client could leave."""

    def stop(self) -> None:
        """Nothing runs."""


def _empty(sink: Sink) -> Running:
    """PartialObjectMetadataList of a watch: kube-apiserver answers an empty stream that ends at once."""
    sink.finish()
    return _Over()


class _Failing:
    """Starts a watch that only says why it cannot be (W10)."""

    def __init__(self, representation: CacherRepresentation, problem: WatchProblem) -> None:
        self._frame = representation.error(problem)

    def __call__(self, sink: Sink) -> Running:
        sink.send(sink.framing(self._frame))
        sink.finish()
        return _Over()
