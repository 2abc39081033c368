"""The controller of definitions: accepts their names, establishes them, and empties those that are being deleted.

kube-apiserver's controllers do the same; both may run, because every step is a read-modify-write that finds its work done. A definition is established
as soon as its names are accepted: kube-apiserver waits five seconds more where it has peers, so that these have seen it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import trio

from watchcache.api.codec import document_of
from watchcache.api.custom.resources import definitions_of, holds, resources_of
from watchcache.api.options import DeleteOptions
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.log import Event, JournalError
from watchcache.registry.calls import Call, Document
from watchcache.registry.conditions import accepted, approved, condition, with_condition
from watchcache.registry.delete import delete
from watchcache.registry.deletion import CLEANUP
from watchcache.registry.store import Store, read_modify_write

_logger = logging.getLogger(__name__)

USER: Final = UserInfo("system:apiserver", groups=("system:masters",))
WORKERS: Final = 16
"""Deletions on their way at once: enough to share the journal's syncs."""
PATIENCE: Final = 1.0
"""Seconds that the writer of a definition waits for its resources to be served."""
RETRY: Final = 5.0
"""Seconds until a definition that something holds is looked at again though no instance went."""
Change = Callable[[Document], Document]

_IN_PROGRESS: Final = condition(
    "Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress"
)
_COMPLETED: Final = condition("Terminating", "False", "InstanceDeletionCompleted", "removed all instances")
_NEVER: Final = condition("Terminating", "False", "NeverEstablished", "resource was never established")


class DefinitionController:
    """Works whenever a definition changes, or an instance of one that ends goes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resource = definitions_of(store.catalog)
        self.prefix = f"{self._resource.storage_prefix}/"
        self._waiting: set[str] = set()
        self._settling: dict[str, trio.Event] = {}
        self._ending: dict[str, str] = {}  # the instances' prefix to the definition's key
        self._changed = trio.Event()

    def load(self) -> None:
        """Look at every definition that is stored."""
        self._waiting.update(key for key, _ in self._store.log_of(self.prefix).heads(self.prefix))
        self._changed.set()

    def seen(self, event: Event) -> None:
        """Take in the log's event about a definition."""
        if event.deleted:
            self.load()  # its names are free for others of its group
        else:
            self._wake(event.key)

    def content_seen(self, event: Event) -> None:
        """Something was deleted: perhaps the last instance of a definition that ends."""
        if self._ending:
            group, _, rest = event.key.partition("/")
            key = self._ending.get(f"{group}/{rest.partition('/')[0]}")
            if key is not None:
                self._wake(key)

    def _wake(self, key: str) -> None:
        self._waiting.add(key)
        self._changed.set()

    async def settle(self, name: str) -> None:
        """Wait until a definition that was just written has been looked at, so that whoever wrote it finds it served; not for long."""
        key = f"{self.prefix}{name}"
        settled = self._settling.setdefault(key, trio.Event())
        self._wake(key)
        with trio.move_on_after(PATIENCE):
            await settled.wait()

    async def run(self) -> None:
        """Work; ends only when cancelled."""
        while True:
            with trio.move_on_after(RETRY if self._ending else float("inf")):
                await self._changed.wait()
            self._changed = trio.Event()
            keys, self._waiting = sorted(self._waiting | set(self._ending.values())), set()
            for key in keys:
                await self._try(key)
                settled = self._settling.pop(key, None)
                if settled is not None:
                    settled.set()

    async def _try(self, key: str) -> None:
        try:
            await self._look_at(key)
        except* StatusError:
            _logger.info("%s was changed by another", key)
        except* JournalError:
            _logger.info("%s could not be written yet", key)
            await trio.sleep(RETRY)
            self._wake(key)
        except* (KeyError, TypeError, ValueError):
            # Written by another server, past validation: it is left as it is.
            _logger.exception("%s cannot be looked after", key)

    async def _look_at(self, key: str) -> None:
        head = self._store.log_of(key).head(key)
        if head is None:
            self._ending = {prefix: other for prefix, other in self._ending.items() if other != key}
            return
        definition = document_of(head.value, self._resource)
        metadata = definition["metadata"]
        if "deletionTimestamp" not in metadata:
            await self._change(key, definition, self._settled)
        elif CLEANUP in (metadata.get("finalizers") or ()):
            await self._empty(key, definition)

    def _settled(self, definition: Document) -> Document:
        group, name = definition["spec"]["group"], definition["metadata"]["name"]
        others = [
            other
            for other in self._stored()
            if (other.get("spec") or {}).get("group") == group and other["metadata"]["name"] != name
        ]
        now = self._store.clock()
        return approved(accepted(definition, others, now), now)

    def _stored(self) -> Iterator[Document]:
        for _, head in self._store.log_of(self.prefix).heads(self.prefix):
            yield document_of(head.value, self._resource)

    async def _change(self, key: str, definition: Document, change: Change) -> None:
        """Write what a change makes of a definition's status or finalizers, if it makes anything of it."""
        if change(definition) == definition:
            return
        call = Call(self._resource, USER, "update", name=key.removeprefix(self.prefix))

        async def modify(stored: Document, _revision: int) -> Document:
            return change(stored)

        await read_modify_write(self._store, call, modify)

    async def _empty(self, key: str, definition: Document) -> None:
        """Delete the instances; let go of the definition when none is left."""
        if not holds(definition, "Established"):
            await self._change(key, definition, self._without_finalizer(_NEVER))
            return
        prefix = f"{definition['spec']['group']}/{definition['status']['acceptedNames']['plural']}"
        self._ending[prefix] = key
        await self._change(
            key, definition, lambda stored: with_condition(stored, _IN_PROGRESS, self._store.clock())
        )
        calls = self._instances(definition)
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(self._delete_all, calls)
        if next(self._instances(definition), None) is None:
            await self._change(key, definition, self._without_finalizer(_COMPLETED))

    def _without_finalizer(self, ended: Document) -> Change:
        def without(stored: Document) -> Document:
            metadata = dict(stored["metadata"])
            left = [held for held in metadata.pop("finalizers", None) or () if held != CLEANUP]
            if left:
                metadata["finalizers"] = left
            return {**with_condition(stored, ended, self._store.clock()), "metadata": metadata}

        return without

    async def _delete_all(self, calls: Iterator[Call]) -> None:
        for call in calls:
            # It is gone already, or held: what is left is looked at again.
            with suppress(StatusError):
                await delete(self._store, call, DeleteOptions(propagation_policy="Background"), judged=True)

    def _instances(self, definition: Document) -> Iterator[Call]:
        """What is left, also when no version is served any more."""
        resource = resources_of(definition, 0, self._store.catalog.definitions, all_versions=True)[0]
        prefix = f"{resource.storage_prefix}/"
        for key, _ in list(self._store.log_of(prefix).heads(prefix)):
            namespace, _, name = key.removeprefix(prefix).rpartition("/")
            yield Call(resource, USER, "delete", namespace, name)
