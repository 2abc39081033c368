"""What the definitions of custom resources serve.

`Definitions` follows the log of the definitions, in every process that answers requests, and has the catalog and the caches say what they say.
Who wrote a definition does not matter: it may have been another server on the same etcd. What is done with definitions is `establishing`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from watchcache.api.catalog import Resource
from watchcache.api.codec import document_of
from watchcache.api.custom.resources import definitions_of, holds, resources_of
from watchcache.log import Event, Head

if TYPE_CHECKING:
    from watchcache.registry.calls import Document
    from watchcache.registry.resources import Resources

_logger = logging.getLogger(__name__)


class _Served(msgspec.Struct):
    """What a definition has served since `since`, the revision of its present spec."""

    resources: list[Resource]
    said: Document
    since: int


class Definitions:
    """Has the catalog and the caches follow the definitions."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._served: dict[str, _Served] = {}
        self.resource = definitions_of(resources.catalog)
        self.prefix = f"{self.resource.storage_prefix}/"

    def load(self, heads: Iterable[tuple[str, Head]]) -> None:
        """Take in the definitions that are stored."""
        for key, head in heads:
            self._take(key, head.value, head.revision)

    def seen(self, events: Sequence[Event]) -> None:
        """Take in what the log says about definitions. Never raises."""
        for event in events:
            if event.key.startswith(self.prefix):
                self._take(event.key, None if event.deleted else event.value, event.revision)

    def _take(self, key: str, value: bytes | None, revision: int) -> None:
        try:
            self._follow(key, value, revision)
        except Exception:
            # Written by another server: one definition that cannot be read costs its own resources only.
            _logger.exception("%s cannot be served", key)

    def _follow(self, key: str, value: bytes | None, revision: int) -> None:
        known = self._served.get(key)
        definition = {} if value is None else document_of(value, self.resource)
        said = _said(definition)
        if known is not None and known.said == said:
            return
        stays = known is not None and known.said.get("spec") == said.get("spec")
        since = known.since if known is not None and stays else revision
        resources = (
            [each for each in self._defined(definition, since) if self._is_free(each, known)]
            if definition
            else []
        )
        if known is not None:
            self._withdraw(known, keep_cache=bool(resources) and stays)
            del self._served[key]
        if resources:
            self._serve(resources, keep_cache=known is not None and stays)
            self._served[key] = _Served(resources, said, since)

    def _defined(self, definition: Document, since: int) -> list[Resource]:
        known = self._resources.catalog.definitions
        return resources_of(definition, since, known, marks=self._resources.marks_versions)

    def _is_free(self, resource: Resource, known: _Served | None) -> bool:
        """Whether the place is not a built-in kind's, or another definition's."""
        found = self._resources.catalog.find(resource.group, resource.version, resource.plural)
        return found is None or (known is not None and found in known.resources)

    def _withdraw(self, known: _Served, *, keep_cache: bool) -> None:
        for resource in known.resources:
            self._resources.catalog.remove(resource)
            if resource.converted:
                self._resources.views.end(resource)
        if not keep_cache:
            self._resources.withdraw(known.resources[0])

    def _serve(self, resources: list[Resource], *, keep_cache: bool) -> None:
        for resource in resources:
            self._resources.catalog.add(resource)
        if not keep_cache:
            fields = dict.fromkeys(label for resource in resources for label in resource.field_labels)
            self._resources.serve(resources[0], tuple(fields))


def _said(definition: Document) -> dict[str, Any]:
    """What of a definition matters to what it serves."""
    if not definition:
        return {}
    state = definition.get("status") or {}
    return {
        "spec": definition["spec"],
        "uid": definition["metadata"].get("uid"),
        "names": state.get("acceptedNames"),
        "stored": state.get("storedVersions"),
        "established": holds(definition, "Established"),
        "ending": holds(definition, "Terminating") or "deletionTimestamp" in definition["metadata"],
    }
