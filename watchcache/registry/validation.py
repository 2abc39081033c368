"""The 422 of a write: everything that is wrong with the object's metadata, then with its content (`api.validation`)."""

from __future__ import annotations

from watchcache.api import meta, status
from watchcache.api.catalog import Resource
from watchcache.api.status import Cause, GroupKind
from watchcache.api.validation import content_causes
from watchcache.registry.calls import Document


def validate_new(resource: Resource, document: Document) -> None:
    """422 with everything that is wrong with a new object."""
    found = meta.check_create(document["metadata"], resource)
    _refuse(resource, document, [*found, *content_causes(resource, document, None)])


def validate_update(resource: Resource, new: Document, old: Document, subresource: str = "") -> None:
    """422 with everything that is wrong with a changed object; metadata that did not change is not looked at again."""
    found: list[Cause] = []
    if new["metadata"] != old["metadata"]:
        found = meta.check_update(new["metadata"], old["metadata"], resource)
    _refuse(resource, new, [*found, *content_causes(resource, new, old, subresource)])


def _refuse(resource: Resource, document: Document, found: list[Cause]) -> None:
    if found:
        name = document["metadata"].get("name") or ""
        raise status.invalid(GroupKind(resource.group, resource.kind), name, found)
