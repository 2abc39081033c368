"""DELETE of a collection: what a list gives is deleted one by one, and answered as it was (M20)."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError
from watchcache.cacher import Entry
from watchcache.registry.calls import Call, Listed
from watchcache.registry.delete import delete, warn_of_default
from watchcache.registry.reads import listed, name_of, namespace_of
from watchcache.registry.store import Store, Stored
from watchcache.registry.versions import outgoing

WORKERS = 16
"""Deletions on their way at once: enough to share the journal's syncs."""


async def delete_collection(
    store: Store, read: Stored, call: Call, list_options: ListOptions, delete_options: DeleteOptions
) -> Listed:
    """Delete what the list options select of what is read; of several refusals the first object's is the answer."""
    warn_of_default(call, delete_options)
    listing = await listed(read, call, list_options)
    refused = await _delete_all(store, call, iter(listing.entries), delete_options)
    if refused:
        raise refused[min(refused)]
    values = [outgoing(entry.value, call.resource, store.catalog) for entry in listing.entries]
    return Listed(call.resource, listing.revision, values, listing.continue_token, listing.remaining)


async def _delete_all(
    store: Store, call: Call, entries: Iterator[Entry], options: DeleteOptions
) -> dict[str, StatusError]:
    """Delete until nothing is left or something is refused; the refusals by key."""
    refused: dict[str, StatusError] = {}

    async def work() -> None:
        for entry in entries:
            if refused:
                return
            try:
                await delete(store, _one(call, entry), options)
            except StatusError as error:
                if error.code != 404:
                    refused[entry.key] = error

    async with trio.open_nursery() as nursery:
        for _ in range(WORKERS):
            nursery.start_soon(work)
    return refused


def _one(call: Call, entry: Entry) -> Call:
    """The call for one of the collection; its warnings are the collection's."""
    namespace = namespace_of(entry) if call.resource.namespaced else ""
    return Call(
        call.resource,
        call.user,
        "deletecollection",
        namespace,
        name_of(entry),
        dry_run=call.dry_run,
        warnings=call.warnings,
    )
