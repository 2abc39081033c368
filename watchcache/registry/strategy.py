"""The plain life cycle of a document that is written, and where a kind may differ from it: no I/O.

The life cycle is the same for all kinds; a `Strategy` says where one differs. The order is fixed:

    create: the client's status is dropped (unless kept) -> defaults -> `prepare_create` -> generation 1
    update: the stored status comes back -> `prepare_update` -> generation + 1 when what it counts has changed
    status: everything but the status (and the metadata that the kind lets through) comes back

A prepare function changes the new document in place and never the old one. What needs more than the two
documents (uids, addresses) comes in as a `Preparation`. The rows of the kinds are in `kinds`.

Sources: docs/semantics.md M16 and M17 (measured), and k/k pkg/registry/*/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from watchcache.api.catalog import Resource
from watchcache.api.user import UserInfo
from watchcache.registry.addresses import Reservation
from watchcache.registry.calls import Document
from watchcache.registry.deletion import DeletionRule


class Preparation(msgspec.Struct):
    """One write on its way: the document as it will be stored, what is stored now, and what a strategy may use; `user` sends it."""

    document: Document
    old: Document | None
    now: float
    reservation: Reservation
    user: UserInfo


Prepare = Callable[[Preparation], None]


class Strategy(msgspec.Struct, frozen=True):
    """How a kind differs from the plain life cycle."""

    prepare_create: Prepare | None = None
    prepare_update: Prepare | None = None
    prepare_status: Prepare | None = None
    """Called with the stored object that has the status of the document."""
    keeps_status_on_create: bool = False
    status_keeps: frozenset[str] = frozenset()
    """Metadata that an update through /status leaves as it is."""
    counts_changes: bool = True
    """Whether the generation moves at all."""
    generation_counts: str = ""
    """A member of metadata whose change moves the generation, too."""
    deletion: DeletionRule = DeletionRule()
    finalizers: tuple[str, ...] = ()
    """Protection finalizers that every new object gets (kube-apiserver: the StorageObjectInUseProtection plugin)."""
    warn: Callable[[Document], list[str]] | None = None
    """What to say of a document that is fit to be stored."""
    orphan_warning: str = ""
    """What a DELETE that orphans by default warns of."""


def prepare_create(preparation: Preparation, resource: Resource, strategy: Strategy) -> None:
    """Make the document of a POST what will be stored, as far as the kind decides it."""
    metadata = preparation.document["metadata"]
    if resource.manages_generation:
        metadata["generation"] = 1
    for name in strategy.finalizers:
        held = metadata.setdefault("finalizers", [])
        if name not in held:
            held.append(name)
    if strategy.prepare_create is not None:
        strategy.prepare_create(preparation)


def prepare_update(preparation: Preparation, resource: Resource, strategy: Strategy) -> None:
    """Make the document of a PUT or PATCH of the object itself what will be stored."""
    assert preparation.old is not None
    if resource.has_status:
        restore(preparation.document, preparation.old, "status")
    if strategy.prepare_update is not None:
        strategy.prepare_update(preparation)
    moves = resource.manages_generation and strategy.counts_changes
    if moves and _counts(preparation.document, preparation.old, resource, strategy):
        preparation.document["metadata"]["generation"] = preparation.old["metadata"].get("generation", 0) + 1


def prepare_status(preparation: Preparation, strategy: Strategy) -> Document:
    """The stored object with the status, and the metadata the kind lets through, of the document."""
    assert preparation.old is not None
    new, old = preparation.document, preparation.old
    metadata = dict(new["metadata"])
    for name in strategy.status_keeps:
        restore(metadata, old["metadata"], name)
    merged = {**old, "metadata": metadata}
    restore(merged, new, "status")
    if strategy.prepare_status is not None:
        strategy.prepare_status(msgspec.structs.replace(preparation, document=merged))
    return merged


def restore(target: Document, source: Document, name: str) -> None:
    """Give `target` the member that `source` has, or has not."""
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)


def _counts(new: Document, old: Document, resource: Resource, strategy: Strategy) -> bool:
    """Whether the change is one that the generation counts (M16): anything but metadata and a separate status."""
    ignored = {"metadata", "kind", "apiVersion"} | ({"status"} if resource.has_status else set())
    for name in (new.keys() | old.keys()) - ignored:
        if new.get(name) != old.get(name):
            return True
    member = strategy.generation_counts
    return bool(member) and (new["metadata"].get(member) or {}) != (old["metadata"].get(member) or {})
