"""GET, LIST and WATCH: from options to a cacher, and from its problems to a Status (L1-L21, W1-W19).

Reads never touch the log and never decode an object, except to speak another version than the stored one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import cast

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.options import ListOptions
from watchcache.api.revisions import list_revision, watch_revision
from watchcache.cacher import (
    After,
    BadContinue,
    Cacher,
    Entry,
    Expired,
    FutureRevision,
    Hub,
    Initial,
    Listing,
    Match,
    NotReady,
    Now,
    Representation,
    Selection,
    Sink,
    Watcher,
    WatchRequest,
    plan_list,
)
from watchcache.registry.calls import Call, Listed, Outcome
from watchcache.registry.selection import select
from watchcache.registry.store import Stored
from watchcache.registry.versions import outgoing, representation_for

Start = Callable[[Sink], Watcher]


def get_nowait(store: Stored, call: Call) -> Outcome:
    """The object at the newest published state."""
    resource = call.resource
    entry = store.cacher(resource).get(call.key)
    if entry is None:
        raise status.not_found(resource.group_resource, call.name)
    if resource.verbatim:
        return Outcome(200, entry.value)
    return store.outcome(call, 200, entry.value)


async def wait_for(store: Stored, resource: Resource, resource_version: str) -> None:
    """Wait until the cache holds a revision that a GET asks for, the newest when it asks for none (L18)."""
    revision = watch_revision(resource_version)
    cacher = store.cacher(resource)
    try:
        if revision:
            await cacher.wait_revision(revision)
        elif not resource_version:
            await cacher.wait_newest()
    except FutureRevision as problem:
        raise status.too_large_revision(problem.requested, problem.current) from None
    except NotReady:
        raise status.reinitializing() from None


async def list_objects(store: Stored, call: Call, options: ListOptions) -> Listed:
    """A collection, or a page of one."""
    resource = call.resource
    if not resource.stored:
        return Listed(resource, store.hub.revision, ())
    listing = await listed(store, call, options)
    values = listing.values
    if not resource.verbatim:
        values = [outgoing(value, resource, store.catalog) for value in values]
    return Listed(resource, listing.revision, values, listing.continue_token, listing.remaining)


async def listed(store: Stored, call: Call, options: ListOptions) -> Listing:
    """The entries that a list gives. Raises StatusError as the table of list problems has it."""
    cacher = store.cacher(call.resource)
    selection = _selection(call, cacher, options)
    revision = options.resource_version
    try:
        plan = plan_list(
            None if options.continue_token else _revision_of_list(revision),
            cast("Match", options.resource_version_match),
            options.limit,
            options.continue_token,
        )
        if plan.resumed and revision not in {"", "0"}:
            raise status.bad_request("specifying resource version is not allowed when using continue")
        return await cacher.list(selection, plan)
    except BadContinue as problem:
        raise status.bad_request(f"invalid continue token: {problem}") from None
    except FutureRevision as problem:
        raise status.too_large_revision(problem.requested, problem.current) from None
    except Expired as problem:
        token = problem.continue_token
        raise (status.expired() if token is None else status.expired_continue(token)) from None
    except NotReady:
        raise status.reinitializing() from None


def _revision_of_list(text: str) -> int | None:
    """None for the newest: of the ways to write zero only "0" means any state, as kube-apiserver compares text."""
    return (list_revision(text) or None) if text != "0" else 0


def _selection(call: Call, cacher: Cacher, options: ListOptions) -> Selection:
    return select(
        call.resource,
        cacher.field_names,
        call.namespace,
        options.label_selector,
        options.field_selector,
        call.name,
    )


def watch_nowait(
    store: Stored, call: Call, options: ListOptions, representation: Representation, least_timeout: float
) -> Start | None:
    """Prepare a watch that can start at once; None: the protocol has it wait first (`watch`).

    `least_timeout` (seconds): a watch without a timeout of its own lasts between that and twice that (W14).
    """
    cacher = store.cacher(call.resource)
    selection = _selection(call, cacher, options)
    start = _start_of(options)
    if _waits(store.hub_of(call.resource), options, start):
        return None
    return _starting(store, call, options, representation, least_timeout, selection)


async def watch(
    store: Stored, call: Call, options: ListOptions, representation: Representation, least_timeout: float
) -> Start:
    """Prepare a watch as `watch_nowait` does, and wait as long as the protocol says."""
    start = watch_nowait(store, call, options, representation, least_timeout)
    if start is not None:
        return start
    if options.resource_version:
        # The cacher writes the one into the stream; `_starting` says the other.
        with suppress(FutureRevision, NotReady):
            await store.cacher(call.resource).wait_revision(watch_revision(options.resource_version))
    else:
        await wait_for(store, call.resource, "")
    selection = _selection(call, store.cacher(call.resource), options)
    return _starting(store, call, options, representation, least_timeout, selection)


def _starting(
    store: Stored,
    call: Call,
    options: ListOptions,
    representation: Representation,
    least_timeout: float,
    selection: Selection,
) -> Start:
    cacher = store.cacher(call.resource)
    request = WatchRequest(
        selection=selection,
        representation=representation_for(representation, call.resource, store.catalog),
        start=_start_of(options),
        bookmarks=options.allow_watch_bookmarks,
        timeout=_timeout(options.timeout_seconds, least_timeout, store.random),
    )

    def start(sink: Sink) -> Watcher:
        return cacher.watch(request, sink)

    if not cacher.ready:
        raise status.reinitializing()
    return start


def _start_of(options: ListOptions) -> After | Initial | Now:
    """Where a watch begins (W1-W4)."""
    revision = watch_revision(options.resource_version)
    if not wants_initial_events(options, revision):
        return After(revision) if revision else Now()
    # Without the parameter, and without the default for it, nobody waits for the end.
    return Initial(revision, options.allow_watch_bookmarks and options.send_initial_events is not None)


def _waits(hub: Hub, options: ListOptions, start: After | Initial | Now) -> bool:
    """Whether the caches may be behind the state that a watch is to begin with (W9)."""
    if not options.resource_version:
        return hub.read_revision is not None
    return isinstance(start, Initial) and start.not_older_than > hub.revision


def wants_initial_events(options: ListOptions, revision: int) -> bool:
    """Whether the state comes first: as asked, and by default when no revision to resume from is given (W2)."""
    return not revision if options.send_initial_events is None else options.send_initial_events


def _timeout(asked: int | None, least: float, random: Random) -> float:
    """Seconds: as asked, else a random time so that not all come back at once; without a least time there is no end."""
    if asked:
        return float(asked)
    return least * (1 + random.random()) if least > 0 else math.inf


def name_of(entry: Entry) -> str:
    """The object's name: the last part of its key."""
    return entry.key.rpartition("/")[2]


def namespace_of(entry: Entry) -> str:
    """The namespace in the key of a namespaced object."""
    return entry.key.rsplit("/", 2)[-2]
