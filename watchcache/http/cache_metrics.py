"""The watch cache's figures under the names that dashboards of Kubernetes query, read at the scrape.

Events are counted where they are delivered, for a resource and not for each of its served versions: `version` is the one it is kept in.
Sizes of single events are not counted: making a histogram of them would cost a delivery a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from watchcache.api.catalog import Catalog, Resource
from watchcache.cacher import CacherStats, Hub
from watchcache.http.exposition import Family

Value = Callable[[Resource, CacherStats], int]
Labels = Callable[[Resource], Sequence[str]]


def _group_resource(resource: Resource) -> Sequence[str]:
    return resource.group, resource.plural


def _group_version_resource(resource: Resource) -> Sequence[str]:
    return resource.group, resource.version, resource.plural


GROUP_RESOURCE = ("group", "resource")

# type, name, help, label names, label values, value
FAMILIES: tuple[tuple[str, str, str, Sequence[str], Labels, Value], ...] = (
    (
        "gauge",
        "apiserver_storage_objects",
        "Number of stored objects.",
        ("resource",),
        lambda resource: (resource.group_resource,),
        lambda _, stats: stats.objects,
    ),
    (
        "gauge",
        "apiserver_resource_objects",
        "Number of stored objects.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.objects,
    ),
    (
        "counter",
        "apiserver_storage_events_received_total",
        "Events received from the log.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.events,
    ),
    (
        "counter",
        "apiserver_watch_cache_events_received_total",
        "Events received by the watch cache.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.events,
    ),
    (
        "counter",
        "apiserver_watch_cache_events_dispatched_total",
        "Events given to watchers.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.dispatched,
    ),
    (
        "counter",
        "apiserver_watch_events_total",
        "Events sent to watch clients, initial ones included.",
        ("group", "version", "resource"),
        _group_version_resource,
        lambda _, stats: stats.dispatched + stats.initial_events,
    ),
    (
        "counter",
        "apiserver_init_events_total",
        "Initial events sent to watchers.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.initial_events,
    ),
    (
        "gauge",
        "apiserver_watch_cache_resource_version",
        "Newest revision of the resource.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.revision,
    ),
    (
        "counter",
        "apiserver_watch_cache_initializations_total",
        "Times that the watch cache's state and history began anew.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.loads.done,
    ),
    (
        "counter",
        "apiserver_terminated_watchers_total",
        "Watches ended because their clients did not keep up.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.terminated,
    ),
    (
        "gauge",
        "watchcache_watchers",
        "Open watches of the cache.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.watchers,
    ),
    (
        "gauge",
        "watchcache_watchers_live",
        "Open watches that have been given everything; the others are catching up.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.live,
    ),
    (
        "gauge",
        "watchcache_watch_groups",
        "Groups that open watches share payloads in.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.groups,
    ),
    (
        "gauge",
        "watchcache_window_events",
        "Recent events kept in memory.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.window_changes,
    ),
    (
        "gauge",
        "watchcache_window_bytes",
        "Bytes of recent events kept in memory.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.window_bytes,
    ),
    (
        "gauge",
        "watchcache_object_bytes",
        "Bytes of the stored objects.",
        GROUP_RESOURCE,
        _group_resource,
        lambda _, stats: stats.bytes,
    ),
)


def cache_families(hubs: Sequence[Hub], catalog: Catalog) -> Iterable[Family]:
    """The families of all cached resources."""
    rows = [row for hub in hubs for row in stored(hub, catalog)]
    for kind, name, text, label_names, labels, value in FAMILIES:
        family = Family(kind, name, text, label_names)
        family.samples.extend((labels(resource), value(resource, stats)) for resource, stats in rows)
        yield family
    yield from _lists(rows)
    yield from _reads(rows)
    yield from _loads(hubs, catalog)


def _lists(rows: Iterable[tuple[Resource, CacherStats]]) -> Iterator[Family]:
    """Lists that clients had, all from the cache; an index is named as kube-apiserver names it."""
    labels = ("group", "resource", "index")
    lists = Family("counter", "apiserver_cache_list_total", "Lists served from the cache.", labels)
    name, text = "apiserver_cache_list_fetched_objects_total", "Objects that lists looked at."
    fetched = Family("counter", name, text, labels)
    name, text = "apiserver_cache_list_returned_objects_total", "Objects that lists returned."
    returned = Family("counter", name, text, GROUP_RESOURCE)
    for resource, stats in rows:
        for field, counts in sorted(stats.reads.lists.items()):
            values = (resource.group, resource.plural, f"f:{field}" if field else "")
            lists.samples.append((values, counts.lists))
            fetched.samples.append((values, counts.fetched))
        if stats.reads.lists:
            total = sum(counts.returned for counts in stats.reads.lists.values())
            returned.samples.append((_group_resource(resource), total))
    yield from (lists, fetched, returned)


def _reads(rows: Iterable[tuple[Resource, CacherStats]]) -> Iterator[Family]:
    """Reads that ask for a state; none falls back to the store, as kube-apiserver's may. Only what was read is shown."""
    name, text = "apiserver_watch_cache_consistent_read_total", "Consistent reads served from the cache."
    consistent = Family("counter", name, text, ("group", "resource", "success", "fallback"))
    name, text = "apiserver_watch_cache_read_wait_seconds", "Time that reads waited for the cache."
    waits = Family("histogram", name, text, GROUP_RESOURCE)
    for resource, stats in rows:
        reads = stats.reads
        for success, count in (("true", reads.consistent), ("false", reads.failed)):
            if count:
                consistent.samples.append(((resource.group, resource.plural, success, "false"), count))
        if reads.waits:
            waits.samples.append((_group_resource(resource), reads.waits))
    yield from (consistent, waits)


def _loads(hubs: Sequence[Hub], catalog: Catalog) -> Iterator[Family]:
    """What loading took, of resources that had objects then; and resources that could not be loaded, which are not served."""
    name, text = "apiserver_watch_cache_initialization_errors_total", "Failures to load the watch cache."
    errors = Family("counter", name, text, GROUP_RESOURCE)
    name, text = "apiserver_watch_cache_initialization_duration_seconds", "Time that loading took."
    durations = Family("histogram", name, text, GROUP_RESOURCE)
    by_prefix = {resource.storage_prefix: resource for resource in catalog.stored()}
    for cacher in chain(*hubs):
        resource, loads = by_prefix.get(cacher.prefix), cacher.loads
        if resource is None:
            continue
        if loads.failed:
            errors.samples.append((_group_resource(resource), loads.failed))
        if loads.seconds:
            durations.samples.append((_group_resource(resource), loads.seconds))
    yield from (errors, durations)


def stored(hub: Hub, catalog: Catalog) -> Iterator[tuple[Resource, CacherStats]]:
    """Each cached resource, in the version it is kept in, with its figures."""
    by_prefix = {resource.storage_prefix: resource for resource in catalog.stored()}
    for stats in hub.stats():
        resource = by_prefix.get(stats.prefix)
        if resource is not None:
            yield resource, stats
