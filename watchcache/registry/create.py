"""POST: a new object (M1-M3, M18, M19, M22)."""

from __future__ import annotations

from collections.abc import Awaitable
from copy import deepcopy
from typing import Final

from watchcache.admission import Operation, Review
from watchcache.api import meta, status
from watchcache.api.status import StatusError
from watchcache.log import Conflict
from watchcache.registry import incoming, metadata, owners, validation
from watchcache.registry.addresses import Reservation
from watchcache.registry.admitting import review_of
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.kinds import strategy_of
from watchcache.registry.services import Unfit
from watchcache.registry.store import Store, head_of
from watchcache.registry.strategy import Preparation, prepare_create
from watchcache.registry.versions import complete, spoken

UNNAMED: Final = "Unknown"
"""What admission calls an object that has no name yet and none to make one from."""
GENERATED_NAME_TRIES: Final = 8
"""How often a generated name that is taken is exchanged for another (M3)."""


def create(store: Store, call: Call, document: Document) -> Awaitable[Outcome]:
    """Store the document of a POST as a new object. What is wrong with it is raised at once."""
    accepted = incoming.accept(store.catalog, call, document, new=True)
    if call.resource.custom is not None and call.resource.custom.ending:
        text = "create not allowed while custom resource definition is terminating"
        name = accepted["metadata"].get("name") or ""
        raise status.forbidden(call.resource.group_resource, name, text)
    if not call.dry_run:
        metadata.check_no_revision(accepted)
    owners.of_new(store, call, accepted)
    return store_new(store, call, accepted)


async def store_new(store: Store, call: Call, document: Document) -> Outcome:
    """Store an accepted document (storage version) where nothing is yet.

    `call.name` is set to the new object's name. Raises StatusError 409 when the name is taken.
    """
    review = _review(store, call, document)
    await store.chain.admit(review)
    admitted = review.document
    assert admitted is not None
    if admitted is not document:
        _check_again(call, admitted)
    generated = not admitted["metadata"].get("name")
    for _ in range(GENERATED_NAME_TRIES if generated else 1):
        outcome = await _store_once(store, call, admitted, review)
        if outcome is not None:
            return outcome
    raise await _taken(store, call, document)


def _review(store: Store, call: Call, document: Document) -> Review:
    metadata = document["metadata"]
    if store.chain.extended:  # others see only what the client may say
        document = {**document, "metadata": meta.without_servers_own(metadata)}
    review = review_of(call, Operation.CREATE, document)
    review.name, review.subresource = metadata.get("name") or metadata.get("generateName") or UNNAMED, ""
    return review


def _check_again(call: Call, document: Document) -> None:
    """Look once more at what admission may have changed."""
    incoming.settle_namespace(call, document)
    if not call.dry_run:
        metadata.check_no_revision(document)


async def _taken(store: Store, call: Call, document: Document) -> StatusError:
    """The 409 of a name that is taken; it says so when a name was to be made, and when what has the name is on its way out."""
    asks = document["metadata"].get("generateName")
    refusal = status.generated_name_taken if asks else status.already_exists
    error = refusal(call.resource.group_resource, call.name)
    head = await head_of(store, call.key)
    if head is not None and _is_ending(store, call, head.value):
        error.message = f"object is being deleted: {error.message}"
    return error


def _is_ending(store: Store, call: Call, value: bytes) -> bool:
    if b'"deletionTimestamp"' not in value:  # most are not, and need no decoding
        return False
    return "deletionTimestamp" in store.document(call.resource, value)["metadata"]


async def _store_once(store: Store, call: Call, document: Document, review: Review) -> Outcome | None:
    """Store it under one name; None when that is taken. Where servers share a log, what it is to hold is chosen until nobody was faster."""
    asked = store.ledger is None
    judged = False
    while True:
        with Reservation(store.allocator) as reservation:
            try:
                own = (
                    deepcopy(document) if store.chooses(call.resource) else document
                )  # choices are filled in
                new = _prepare(store, call, own, reservation)
                key = call.key
                taken = await _is_taken(store, key)
                if taken and not store.chain.extended:
                    return None
                if not judged:
                    review.document = new
                    await store.chain.validate(review)
                    judged = True
                if taken:
                    return None
                revision = document["metadata"].get("resourceVersion") or ""
                return await _insert(store, call, key, new, revision)
            except Unfit as unfit:
                if asked or not await store.is_outdated():
                    raise unfit.refusal(call.resource, call.name) from None
                asked = True
            except Conflict:
                pass


def _prepare(store: Store, call: Call, document: Document, reservation: Reservation) -> Document:
    """The document as it will be stored: its own metadata, what the kind adds, and valid. Raises Unfit, StatusError."""
    resource = call.resource
    now = store.clock()
    new = {**document, "metadata": metadata.of_new(document["metadata"], call, now, store.random)}
    call.name = new["metadata"].get("name") or ""
    prepare_create(Preparation(new, None, now, reservation, call.user), resource, strategy_of(resource))
    validation.validate_new(resource, new)
    return new


async def _is_taken(store: Store, key: str) -> bool:
    """Whether there is an object of that key, which is durable then."""
    log = store.log_of(key)
    head = log.head(key)
    while head is not None:
        if await log.confirm(key, head.revision):
            return True
        head = log.head(key)
    return False


async def _insert(store: Store, call: Call, key: str, document: Document, revision: str) -> Outcome | None:
    """Append it, or answer a dry run, with the revision that was sent; None when the name was taken meanwhile, which is durable by then.

    Raises Conflict when what it is to hold is taken.
    """
    resource = call.resource
    kept = await store.conversions.kept(resource, document) if resource.converted else document
    if call.dry_run:
        shown = (await store.conversions.spoken(resource, [kept]))[0] if resource.converted else document
        return Outcome(201, document=_complete(call, shown, revision))
    value = store.conversions.kept_value(resource, kept)
    try:
        event = await store.append(key, value, None)
    except Conflict as conflict:
        if conflict.key != key:
            raise
        if conflict.head is not None:
            await store.log_of(key).wait_published(conflict.head.revision)
        return None
    if resource.converted:
        return store.outcome(call, 201, await store.conversions.value(resource, event.value))
    return store.outcome(call, 201, event.value)


def _complete(call: Call, document: Document, revision: str) -> Document:
    """A document that was never stored, with kind and apiVersion in front."""
    answered = spoken(document, call.resource)
    if revision:
        answered = {**answered, "metadata": {**answered["metadata"], "resourceVersion": revision}}
    return complete(answered, call.resource)
