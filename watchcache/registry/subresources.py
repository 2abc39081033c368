"""Paths below an object that take other documents than the object itself, and kinds that are only asked.

What has the object's own kind (status, finalize, approval, resize, ...) is an update: see `parts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from watchcache.api import status
from watchcache.api.options import parse_delete
from watchcache.registry import pods, tokens
from watchcache.registry.admitting import admitted
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.incoming import SCHEME, BodyWording, body_wording, settle_namespace, shaped
from watchcache.registry.store import Store, head_of, not_found

_BINDING: Final = ("", "v1", "Binding")
_TOKEN_REQUEST: Final = ("authentication.k8s.io", "v1", "TokenRequest")
_EVICTION: Final = ("policy", "v1", "Eviction")

Act = Callable[[Store, Call, Document], Awaitable[Outcome]]


async def act(store: Store, call: Call, document: Document) -> Outcome:
    """A POST to a subresource, or to a kind that acts on another; 405 for what has no POST."""
    row = _ACTIONS.get((call.resource.plural, call.subresource)) if call.resource.builtin else None
    if row is None:
        raise status.method_not_allowed()
    return await row(store, call, document)


def acts(call: Call) -> bool:
    """Whether a POST of this call is an act and not the creation of an object."""
    return bool(call.subresource) or (call.resource.group, call.resource.plural) == ("", "bindings")


async def _bind(store: Store, call: Call, document: Document) -> Outcome:
    binding = _shaped(store, call, document, _BINDING)
    if not call.name:
        call.name = (binding.get("metadata") or {}).get("name") or ""
    binding = await admitted(store, call, binding, _BINDING)
    resource = store.catalog.of_kind("", "v1", "Pod")
    assert resource is not None, "the catalog has pods"
    return await pods.bind(
        store, Call(resource, call.user, "create", call.namespace, call.name, dry_run=call.dry_run), binding
    )


async def _evict(store: Store, call: Call, document: Document) -> Outcome:
    eviction = await admitted(store, call, _shaped(store, call, document, _EVICTION), _EVICTION)
    options = parse_delete({}, eviction.get("deleteOptions") or {})
    call.dry_run = call.dry_run or options.dry_run
    return await pods.evict(store, call, eviction, options)


async def _token(store: Store, call: Call, document: Document) -> Outcome:
    """Without a signing key there are no tokens, as there are none in a kube-apiserver without one."""
    if store.issuer is None:
        if await head_of(store, call.key) is None:
            raise not_found(call)
        raise status.unknown_resource()
    wanted = "authentication.k8s.io/v1"
    kind, version = document.get("kind") or "TokenRequest", document.get("apiVersion") or wanted
    if kind == "TokenRequest" and version != wanted:
        text = f'no kind "{kind}" is registered for version "{version}" {SCHEME}'
        raise BodyWording(kind, version.rpartition("/")[2], kind).refuse(text, text)
    shaped = await admitted(store, call, _shaped(store, call, document, _TOKEN_REQUEST), _TOKEN_REQUEST)
    return await tokens.request(store, store.issuer, call, shaped)


def _shaped(store: Store, call: Call, document: Document, kind: tuple[str, str, str]) -> Document:
    """The document in the form of another kind than the resource's."""
    schema = store.catalog.schema_of(*kind)
    assert schema is not None, f"the catalog has {kind[2]}"
    wanted = {**document, "kind": document.get("kind") or kind[2]}
    wording = BodyWording(wanted["kind"], body_wording(call, wanted).version, kind[2])
    if wanted["kind"] != kind[2]:
        text = f"converting ({kind[1]}.{wanted['kind']}) to ({kind[0].partition('.')[0] or 'core'}.{kind[2]}): unknown conversion"
        raise wording.refuse(text, text)
    formed = shaped(call, document, schema, wording)
    settle_namespace(call, formed)
    return formed


_ACTIONS: Final[dict[tuple[str, str], Act]] = {
    ("pods", "binding"): _bind,
    ("bindings", ""): _bind,
    ("pods", "eviction"): _evict,
    ("serviceaccounts", "token"): _token,
}
