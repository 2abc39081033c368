"""DELETE of one object: preconditions, admission, and writing what `deletion.decide` says (M12-M15)."""

from __future__ import annotations

import msgspec

from watchcache.admission import Operation
from watchcache.api import status
from watchcache.api.codec import stamp
from watchcache.api.options import DeleteOptions
from watchcache.api.status import GroupKind, object_details
from watchcache.log import Conflict, Head
from watchcache.registry.admitting import review_of
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.deletion import Decision, DeletionWish, Verdict, decide
from watchcache.registry.kinds import strategy_of
from watchcache.registry.store import Store, head_of, not_found


async def delete(store: Store, call: Call, options: DeleteOptions, *, judged: bool = False) -> Outcome:
    """Delete the object of a call, or begin to. `judged`: admission is not asked, because it was about another request."""
    strategy = strategy_of(call.resource)
    wish = _wish(options)
    warn_of_default(call, options)
    while True:
        head = await head_of(store, call.key)
        if head is None:
            raise not_found(call)
        document = await _kept(store, call, head)
        try:
            check_preconditions(call, document, head.revision, options)
            if not judged:
                await _admit(store, call, document, options)
        except status.StatusError:
            if await store.log_of(call.key).confirm(call.key, head.revision):
                raise
            continue
        decision = decide(document, strategy.deletion, wish, store.clock())
        if store.chain.extended and not judged and decision.verdict is Verdict.MARK_AND_REMOVE:
            await _admit(store, call, decision.document, options)  # two deletions to kube-apiserver
        value = await _carry_out(store, call, head, decision)
        if value is not None:
            if call.resource.converted and decision.verdict in {Verdict.KEEP, Verdict.MARK}:
                value = await store.conversions.value(call.resource, value)
            return _answer(store, call, value, decision, options)


async def _kept(store: Store, call: Call, head: Head) -> Document:
    """The stored document; of a version that a webhook makes, in the version that is kept now."""
    if not call.resource.converted:
        return store.document(call.resource, head.value)
    stored = store.conversions.document(call.resource, head.value)
    return await store.conversions.kept(call.resource, stored)


def _wish(options: DeleteOptions) -> DeletionWish:
    return DeletionWish(
        grace=options.grace_period_seconds,
        policy=options.propagation_policy or "",
        orphan_dependents=options.orphan_dependents,
    )


def check_preconditions(call: Call, document: Document, revision: int, options: DeleteOptions) -> None:
    """409 naming both values when the object is not the one meant; uid first. These messages name the kind (M12)."""
    uid = document["metadata"].get("uid", "")
    if strategy_of(call.resource).deletion.namespace:
        _check_namespace(call, uid, revision, options)
    kind = GroupKind(call.resource.group, call.resource.kind)
    if options.uid is not None and options.uid != uid:
        message = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(kind, call.name, message)
    if options.resource_version is not None and options.resource_version != str(revision):
        message = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({revision}). The object might have been modified"
        )
        raise status.conflict(kind, call.name, message)


def _check_namespace(call: Call, uid: str, revision: int, options: DeleteOptions) -> None:
    """The same for a namespace, in the words of its own storage."""
    pairs = (("UID", options.uid, uid), ("ResourceVersion", options.resource_version, str(revision)))
    for what, wanted, held in pairs:
        if wanted is not None and wanted != held:
            raise status.conflict(call.resource.group_resource, call.name, status.unmet(what, wanted, held))


async def _admit(store: Store, call: Call, document: Document, options: DeleteOptions) -> None:
    if strategy_of(call.resource).deletion.namespace and options.uid is None:
        options = msgspec.structs.replace(options, uid=document["metadata"].get("uid"))
    if call.resource.converted and store.chain.extended:
        (document,) = await store.conversions.spoken(call.resource, [document])
    review = review_of(call, Operation.DELETE, None, document)
    review.subresource, review.options = "", options
    await store.chain.admit(review)
    if store.chain.extended:
        await store.chain.validate(review)


async def _carry_out(store: Store, call: Call, head: Head, decision: Decision) -> bytes | None:
    """Write the decision; the stamped value to answer with, None when another writer was faster."""
    if call.dry_run or decision.verdict is Verdict.KEEP:
        if not await store.log_of(call.key).confirm(call.key, head.revision):
            return None
        return stamp(store.conversions.kept_value(call.resource, decision.document), head.revision)
    try:
        if decision.verdict is Verdict.MARK_AND_REMOVE:
            marked = store.log_of(call.key).append_nowait(
                call.key,
                store.conversions.kept_value(call.resource, decision.document),
                expected=head.revision,
            )
            # Queued behind the mark without an await between: nobody comes in between, and one sync serves both.
            return (await store.log_of(call.key).append_nowait(call.key, None, expected=marked).wait()).value
        value = (
            store.conversions.kept_value(call.resource, decision.document)
            if decision.verdict is Verdict.MARK
            else None
        )
        return (await store.append(call.key, value, head)).value
    except Conflict:
        return None


def warn_of_default(call: Call, options: DeleteOptions) -> None:
    """Warn of what the kind does when the client does not say: once, and before anything is looked at."""
    warning = strategy_of(call.resource).orphan_warning
    unasked = options.propagation_policy is None and options.orphan_dependents is None
    if warning and unasked and warning not in call.warnings:
        call.warnings.append(warning)


def _answer(store: Store, call: Call, value: bytes, decision: Decision, options: DeleteOptions) -> Outcome:
    """The object where it stays or the kind returns it, else a Status that names it (M14)."""
    removed = decision.verdict in {Verdict.REMOVE, Verdict.MARK_AND_REMOVE}
    if not removed:
        return store.outcome(call, 202 if options.orphan_dependents is False else 200, value)
    if call.resource.returns_object_on_delete:
        return store.outcome(call, 200, value)
    uid = decision.document["metadata"].get("uid", "")
    details = object_details(call.resource.group, call.resource.plural, call.name, uid)
    return Outcome(200, document=status.success(details))
