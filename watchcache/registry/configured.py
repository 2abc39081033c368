"""What others configure of admission, followed in the log: so it does not matter who wrote it, this server or another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from watchcache.api.catalog import Resource
from watchcache.api.codec import document_of
from watchcache.log import Event
from watchcache.registry.calls import Document
from watchcache.registry.store import Store

_logger = logging.getLogger(__name__)
Take = Callable[[str, Document | None], None]
"""Take in an object by its name; None when it is gone."""


class Configured:
    """The objects of some kinds, each with what takes them in. Nothing is taken in before `load`."""

    def __init__(self, store: Store, group: str, kinds: Mapping[str, Take]) -> None:
        self._store = store
        self._loaded = False
        self._taken: dict[str, tuple[Resource, Take]] = {
            f"{resource.storage_prefix}/": (resource, take)
            for kind, take in kinds.items()
            if (resource := store.catalog.of_kind(group, "v1", kind)) is not None
        }

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Where they are kept."""
        return tuple(self._taken)

    def load(self) -> None:
        """Take in what is stored, and what comes from now on."""
        self._loaded = True
        for prefix in self._taken:
            for key, head in self._store.log_of(prefix).heads(prefix):
                self._take(prefix, key, head.value)

    def seen(self, event: Event) -> None:
        """Take in what the log says of one. Never raises."""
        if self._loaded:
            prefix = event.key[: event.key.index("/") + 1]
            self._take(prefix, event.key, None if event.deleted else event.value)

    def _take(self, prefix: str, key: str, value: bytes | None) -> None:
        resource, take = self._taken[prefix]
        document = None if value is None else document_of(value, resource)
        try:
            take(key.removeprefix(prefix), document)
        except Exception:
            # Written by an older server, which did not look at it: it costs itself only.
            _logger.exception("%s cannot be asked", key)
