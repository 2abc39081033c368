"""Who owns the fields of the objects that are written: `metadata.managedFields` (M8, M18; docs/decisions/0018).

What a write changes is compared as kube-apiserver compares it: the document as it was decoded and defaulted, before admission and the
kind's strategy have their say. What these set nobody owns.

An object is kept track of from its creation when who creates it names a field manager (as kubectl does), else from its first apply
patch. Until then a write costs one look into two dictionaries. All rules of the owners are in `watchcache.api.fields`.
"""

from __future__ import annotations

from typing import Any

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.conversion import convert
from watchcache.api.fields import Shape, Tracker, same_but_times
from watchcache.api.meta import now_text
from watchcache.api.structure import zero
from watchcache.registry.calls import Call, Document
from watchcache.registry.resets import reset_by
from watchcache.registry.store import Store
from watchcache.registry.versions import spoken

Entries = list[dict[str, Any]]


class ServedVersions:
    """The versions of a kind's documents that the catalog has, found by where the objects are kept."""

    def __init__(self, catalog: Catalog, resource: Resource) -> None:
        self._catalog = catalog
        self._resource = resource

    def shape(self, version: str) -> Shape | None:
        """The shape of a version; None when the kind is not served in it."""
        if version == self._resource.api_version:
            return Shape.of(self._resource.schema)
        group, _, short = version.rpartition("/")
        other = self._catalog.of_kind(group, short, self._resource.kind)
        if other is None or other.storage_prefix != self._resource.storage_prefix:
            return None
        return Shape.of(other.schema)

    def convert(self, document: Document, source: str, target: str) -> Document:
        """Between two served versions, through the one that is kept when nothing leads there directly."""
        if self._resource.custom is not None:
            return {**document, "apiVersion": target}
        kept = str(self._resource.storage)
        if kept in (source, target):
            return convert(document, source, target)
        return convert(convert(document, source, kept), kept, target)


def tracker_of(catalog: Catalog, call: Call) -> Tracker:
    """What keeps track of the owners for writes like this call."""
    versions = ServedVersions(catalog, call.resource)
    reset = reset_by(call.resource, call.subresource)
    return Tracker(versions, call.resource.api_version, call.subresource, reset)


def of_new(store: Store, call: Call, document: Document) -> None:
    """Give a new object (accepted, in the storage version) its managedFields, or take away what a client says without right."""
    metadata = document["metadata"]
    sent = metadata.pop("managedFields", None)
    if not sent and not call.tracks:
        return
    tracker = tracker_of(store.catalog, call)
    entries = tracker.updated(
        empty(call.resource),
        spoken(document, call.resource),
        call.field_manager,
        now_text(store.clock()),
        entries=None,
        sent=sent,
        track=call.tracks,
    )
    if entries:
        metadata["managedFields"] = entries


def of_changed(store: Store, call: Call, old: Document, wanted: Document) -> Entries:
    """The managedFields of an object after a PUT or a patch that is no apply; both documents are in the storage version."""
    stored, sent = old["metadata"].get("managedFields"), wanted["metadata"].get("managedFields")
    if not stored and not sent:
        return []
    resource = call.resource
    return tracker_of(store.catalog, call).updated(
        spoken(old, resource),
        spoken(wanted, resource),
        call.field_manager,
        now_text(store.clock()),
        entries=stored,
        sent=sent,
        track=False,
    )


def keep_reset(document: Document, accepted: Document) -> None:
    """Keep in the accepted document that a client's own resets the owners by an empty list, which Go's types do not print."""
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") == []:
        accepted["metadata"]["managedFields"] = []


def settled(new: Document, old: Document, entries: Entries) -> Document:
    """The new document with its managedFields; with the old ones when nothing but their times would change (M10)."""
    metadata = new["metadata"]
    metadata.pop("managedFields", None)
    if not entries:
        return new
    stored = old["metadata"].get("managedFields") or []
    if same_but_times(entries, stored):
        unmoved = {**new, "metadata": {**metadata, "managedFields": stored}}
        if unmoved == old:
            return unmoved
    return {**new, "metadata": {**metadata, "managedFields": entries}}


def empty(resource: Resource) -> Document:
    """An object with nothing in it, as Go makes one."""
    return {"metadata": {}} if resource.custom is not None else zero(resource.schema)
