"""Two versions of one stored object: conversion at the registry's edge.

Objects are kept in one version. Writes are converted when they come in; values are converted when they
go out to a client that speaks another version (HorizontalPodAutoscaler v1, events.k8s.io). For the
storage version, which is nearly every call, nothing is done at all. Custom resources differ in their apiVersion only, or come as a webhook has made them (`views`); values
that are older than the definition's present schema are brought into its shape.
"""

from __future__ import annotations

import msgspec

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import document_of, revision_of, stamp, value_of
from watchcache.api.conversion import convert
from watchcache.cacher import EventType, Representation, Timed, WatchProblem
from watchcache.registry.calls import Document


def incoming(document: Document, resource: Resource) -> Document:
    """A client's document of `resource`, in the version it is kept in."""
    if resource.is_storage_version:
        return document
    return convert(document, resource.group_version, resource.storage)


def spoken(document: Document, resource: Resource) -> Document:
    """A stored document in the version of `resource`."""
    if resource.is_storage_version:
        return document
    return convert(document, resource.storage, resource.group_version)


def outgoing(value: bytes, resource: Resource, catalog: Catalog) -> bytes:
    """A stored value in the version of `resource`."""
    if resource.verbatim:
        return value
    if resource.custom is not None:
        return value if resource.converted else resource.custom.reshaped(value)
    document = spoken(document_of(value, catalog.storage_of(resource)), resource)
    return stamp(value_of(document), revision_of(value))


def complete(document: Document, resource: Resource) -> Document:
    """A document of a resource's version with kind and apiVersion in front."""
    head = {"kind": resource.kind, "apiVersion": resource.api_version}
    return head | {name: value for name, value in document.items() if name not in head}


class Converted(msgspec.Struct, frozen=True):
    """A representation for watchers of another version: converts, then lets the inner one write.

    Equal for equal parts, so that its watchers form groups as others do.
    """

    inner: Representation
    resource: Resource
    catalog: Catalog

    def __hash__(self) -> int:
        return hash((self.inner, id(self.resource)))

    @property
    def first_differs(self) -> bool:
        """As the inner one."""
        return self.inner.first_differs

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:
        """The frame of the converted value."""
        return self.inner.event(type, outgoing(value, self.resource, self.catalog), first)

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:
        """As the inner one: a bookmark has no version of its own."""
        return self.inner.bookmark(revision, initial_events_end, first)

    def error(self, problem: WatchProblem) -> bytes:
        """As the inner one."""
        return self.inner.error(problem)


def representation_for(inner: Representation, resource: Resource, catalog: Catalog) -> Representation:
    """The representation that a watch of `resource` is given."""
    if resource.verbatim or resource.converted:
        return inner
    if isinstance(inner, Timed):
        return Timed(Converted(inner.inner, resource, catalog), inner.annotate)
    return Converted(inner, resource, catalog)
