"""PUT: replace an object, its status, or another part of it that has a path of its own (M4-M7, M16-M18)."""

from __future__ import annotations

from copy import deepcopy

from watchcache.admission import Operation, Review
from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.revisions import body_revision
from watchcache.api.status import Cause, GroupKind
from watchcache.registry import create, incoming, metadata, owners, validation
from watchcache.registry.addresses import Reservation
from watchcache.registry.admitting import review_of
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.owners import Entries
from watchcache.registry.parts import part_of
from watchcache.registry.permission import check_creation
from watchcache.registry.services import Unfit
from watchcache.registry.store import Store, head_of, read_modify_write
from watchcache.registry.strategy import Preparation


async def update(store: Store, call: Call, document: Document) -> Outcome:
    """Replace the object that the call names, or create it where the kind allows that (M6)."""
    accepted = incoming.accept(store.catalog, call, document)
    owners.keep_reset(document, accepted)
    precondition = accepted["metadata"].get("uid") or ""
    if call.resource.create_on_update and not call.subresource and await head_of(store, call.key) is None:
        check_creation(store, call)
        metadata.check_uid_precondition(call, {"metadata": {}}, precondition)
        owners.of_new(store, call, accepted)
        return await create.store_new(store, call, accepted)
    with Reservation(store.allocator) as reservation:

        async def modify(old: Document, revision: int) -> Document:
            metadata.check_uid_precondition(call, old, precondition)
            return await change(store, call, old, revision, accepted, reservation)

        value = await read_modify_write(store, call, modify)
    return store.outcome(call, 200, value)


async def change(
    store: Store,
    call: Call,
    old: Document,
    revision: int,
    wanted: Document,
    reservation: Reservation,
    entries: Entries | None = None,
    *,
    judged: bool = False,
) -> Document:
    """What becomes of `old` when a client wants it to be `wanted`: the same for PUT and PATCH.

    `wanted` is in the storage version and is not changed. `entries` are the managedFields that it shall have; None for those that follow
    from the change. `judged`: admission has seen what the client sent, in another form. Raises StatusError.
    """
    check_revision(call.resource, call.name, wanted, revision)
    if entries is None:
        entries = owners.of_changed(store, call, old, wanted)
    review = review_of(call, Operation.UPDATE, wanted, old)
    if store.chain.extended and not judged:
        await _admit(store, call, review, entries, revision)
    elif not judged:
        await store.chain.admit(review)
    admitted = review.document
    assert admitted is not None
    try:
        new = _changed(store, call, old, admitted, reservation)
    except Unfit as unfit:
        if not await store.is_outdated():
            raise unfit.refusal(call.resource, call.name) from None
        try:
            new = _changed(store, call, old, admitted, reservation)
        except Unfit as still:
            raise still.refusal(call.resource, call.name) from None
    new = owners.settled(new, old, entries)
    validation.validate_update(call.resource, new, old, call.subresource)
    if not judged:
        review.document = new
        await store.chain.validate(review)
    return new


async def _admit(store: Store, call: Call, review: Review, entries: Entries, revision: int) -> None:
    """Have others change the document, too: they see who owns what, and what they make of it is looked at once more."""
    wanted = review.document
    assert wanted is not None
    metadata = {name: value for name, value in wanted["metadata"].items() if name != "managedFields"}
    review.document = {**wanted, "metadata": {**metadata, "managedFields": entries} if entries else metadata}
    await store.chain.admit(review)
    incoming.settle_namespace(call, review.document)
    check_revision(call.resource, call.name, review.document, revision)


def _changed(
    store: Store, call: Call, old: Document, admitted: Document, reservation: Reservation
) -> Document:
    """One attempt: with what the kind adds. Raises Unfit, StatusError."""
    reservation.give_back()
    own = deepcopy(admitted) if store.chooses(call.resource) else admitted  # choices are filled in
    new = {**own, "metadata": metadata.carried_over(own["metadata"], old["metadata"])}
    return part_of(call)(Preparation(new, old, store.clock(), reservation, call.user), call.resource)


def check_revision(resource: Resource, name: str, wanted: Document, revision: int) -> None:
    """The resourceVersion in a document is a precondition; "" and "0" are none, which some kinds do not accept (M4, M5)."""
    asked = body_revision(wanted["metadata"].get("resourceVersion") or "")
    if asked == 0:
        if not resource.unconditional_update:
            cause = Cause(
                "FieldValueInvalid",
                "Invalid value: 0: must be specified for an update",
                "metadata.resourceVersion",
            )
            raise status.invalid(GroupKind(resource.group, resource.plural), name, [cause])
    elif asked != revision:
        raise status.conflict(resource.group_resource, name)
