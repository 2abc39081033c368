"""DELETE of one object and of a collection. Options come from the query and the body; where both speak, the body counts."""

from __future__ import annotations

from watchcache.api import options as api_options
from watchcache.http.bodies import read_options
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.messages import Answer
from watchcache.http.respond import Form, go_type, list_answer, object_answer
from watchcache.http.route import Route
from watchcache.http.verbs.service import Service, call_of, check_single, form_of
from watchcache.registry import Call


def delete(service: Service, exchange: Exchange, route: Route) -> Answering:
    """DELETE of one object (M12 to M15)."""
    form = form_of(exchange, route)
    check_single(form, go_type(route.resource))
    options = api_options.parse_delete(exchange.query, read_options(exchange, route.resource))
    call = call_of(exchange, route)
    call.dry_run = options.dry_run
    return _delete(service, call, options, form)


async def _delete(service: Service, call: Call, options: api_options.DeleteOptions, form: Form) -> Answer:
    return object_answer(call.resource, await service.registry.delete(call, options), form)


def delete_collection(service: Service, exchange: Exchange, route: Route) -> Answering:
    """DELETE of a collection: answers with the list as it was read before (M20)."""
    form = form_of(exchange, route)
    list_options = api_options.parse_list(exchange.query)
    delete_options = api_options.parse_delete(exchange.query, read_options(exchange, route.resource))
    call = call_of(exchange, route)
    call.dry_run = delete_options.dry_run
    return _delete_collection(service, call, list_options, delete_options, form)


async def _delete_collection(
    service: Service,
    call: Call,
    list_options: api_options.ListOptions,
    delete_options: api_options.DeleteOptions,
    form: Form,
) -> Answer:
    listed = await service.registry.delete_collection(call, list_options, delete_options)
    return list_answer(listed, form)
