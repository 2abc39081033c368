"""POST, PUT and PATCH: options from the query, the document from the body, the answer with the object as it is stored now."""

from __future__ import annotations

from watchcache.api import options as api_options
from watchcache.api import status
from watchcache.http.bodies import merged, read_object, read_type, repeats
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.messages import Answer
from watchcache.http.respond import Form, go_type, object_answer
from watchcache.http.route import Route
from watchcache.http.verbs.service import Service, call_of, check_single, form_of
from watchcache.registry import Call, Document

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = frozenset({JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH})
CUSTOM_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


def create(service: Service, exchange: Exchange, route: Route) -> Answering:
    """POST of an object, or through a subresource."""
    form, call = _prepare(exchange, route)
    read_type(exchange, route.resource)
    _with_options(exchange, call, api_options.parse_create(exchange.query))
    return _create(service, call, _document(exchange, call), form)


async def _create(service: Service, call: Call, document: Document, form: Form) -> Answer:
    return object_answer(call.resource, await service.registry.create(call, document), form)


def update(service: Service, exchange: Exchange, route: Route) -> Answering:
    """PUT."""
    form, call = _prepare(exchange, route)
    _with_options(exchange, call, api_options.parse_update(exchange.query))
    return _update(service, call, _document(exchange, call), form)


async def _update(service: Service, call: Call, document: Document, form: Form) -> Answer:
    return object_answer(call.resource, await service.registry.update(call, document), form)


def patch(service: Service, exchange: Exchange, route: Route) -> Answering:
    """PATCH. Which types are there is said before the options are looked at."""
    content_type = exchange.request.headers.get("content-type", "").split(";", 1)[0].strip()
    if content_type not in PATCH_TYPES:
        raise status.unsupported_patch_type()
    if content_type == STRATEGIC_PATCH and not route.resource.builtin:
        raise status.unsupported_media_type(CUSTOM_PATCH_TYPES)
    form, call = _prepare(exchange, route)
    options = api_options.parse_patch(exchange.query, apply=content_type == APPLY_PATCH)
    _with_options(exchange, call, options)
    return _patch(service, call, content_type, exchange.request.body, options.force, form)


async def _patch(
    service: Service, call: Call, content_type: str, body: bytes, force: bool, form: Form
) -> Answer:
    return object_answer(call.resource, await service.registry.patch(call, content_type, body, force), form)


def _prepare(exchange: Exchange, route: Route) -> tuple[Form, Call]:
    form = form_of(exchange, route)
    check_single(form, go_type(route.resource))
    return form, call_of(exchange, route)


def _with_options(exchange: Exchange, call: Call, options: api_options.WriteOptions) -> None:
    call.dry_run = options.dry_run
    call.field_validation = options.field_validation or "Warn"
    call.field_manager = options.field_manager or manager_of(exchange)
    call.tracks = bool(options.field_manager)


def manager_of(exchange: Exchange) -> str:
    """Who changes fields when the client does not say: its User-Agent up to the first slash, as far as that can be printed and named."""
    agent = exchange.request.headers.get("user-agent", "").split("/", 1)[0]
    if not agent.isprintable() or len(agent) > api_options.MANAGER_LIMIT // 4:
        agent = "".join(character for character in agent if character.isprintable())
        agent = agent.encode()[: api_options.MANAGER_LIMIT].decode(errors="ignore")
    return agent or "unknown"


def _document(exchange: Exchange, call: Call) -> Document:
    document = read_object(exchange, call.resource, call.subresource)
    call.repeated = repeats(exchange, document)
    if call.repeated and call.resource.builtin:
        return merged(exchange, document)
    return document
