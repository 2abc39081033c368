"""What admission is asked about a call, and the admission of what is no object of its resource: a Scale, a Binding, an Eviction, a review.

The server's own plugins do not look at the latter. So nothing is asked unless somebody has added others (`Chain.extended`).
"""

from __future__ import annotations

from watchcache.admission import Operation, Review
from watchcache.registry.calls import Call, Document
from watchcache.registry.store import Store


def review_of(
    call: Call, operation: Operation, document: Document | None, old: Document | None = None
) -> Review:
    """What plugins are shown of a call."""
    return Review(
        operation=operation,
        resource=call.resource,
        namespace=call.namespace,
        name=call.name,
        subresource=call.subresource,
        user=call.user,
        document=document,
        old=old,
        dry_run=call.dry_run,
        request=call,
    )


async def admitted(
    store: Store,
    call: Call,
    document: Document,
    kind: tuple[str, str, str] | None,
    old: Document | None = None,
    *,
    connects: bool = False,
) -> Document:
    """What admission makes of a document of a kind (group, version, kind; None: the resource's own). Raises StatusError.

    With `old` it replaces that, else it is new; `connects`: it is what a connection is asked for with.
    """
    if not store.chain.extended:
        return document
    if kind is not None:
        group, version, name = kind
        document = {"kind": name, "apiVersion": f"{group}/{version}" if group else version} | document
    operation = Operation.CREATE if old is None else Operation.UPDATE
    review = review_of(call, Operation.CONNECT if connects else operation, document, old)
    review.kind = kind
    await store.chain.admit(review)
    await store.chain.validate(review)
    assert review.document is not None
    return review.document
