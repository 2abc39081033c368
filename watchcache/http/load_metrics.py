"""How loaded the server is: time from commit to delivery, seats, large lists, and what waits for watches; read at the scrape.

kube-apiserver's names where it has the figure. It tells requests apart by flow schemas and priority levels; we have two pools, so the priority
level is the pool's name and there is one flow schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from watchcache.api.catalog import Catalog
from watchcache.cacher import Hub
from watchcache.http.exposition import Family
from watchcache.http.in_flight import InFlight
from watchcache.http.lists import Lists

FLOW = ("flow_schema", "priority_level")
SCHEMA = "watchcache"


def dispatch_family(hubs: Sequence[Hub], catalog: Catalog) -> Family:
    """`apiserver_watch_events_dispatch_duration_seconds`; the stages are those of `cacher.latency`."""
    family = Family(
        "histogram",
        "apiserver_watch_events_dispatch_duration_seconds",
        "Time of events from their commit to their watchers, by stage.",
        ("group", "resource", "stage"),
    )
    by_prefix = {resource.storage_prefix: resource for resource in catalog.stored()}
    for cacher in chain(*hubs):
        resource = by_prefix.get(cacher.prefix)
        if resource is None or not cacher.events:
            continue  # 15 buckets for each of 60 resources that nobody uses would be most of the page
        for stage, distribution in cacher.latency.stages.items():
            family.samples.append(((resource.group, resource.plural, stage), distribution))
    return family


def load_families(in_flight: InFlight, lists: Lists, hubs: Sequence[Hub]) -> Iterator[Family]:
    """The families of seats, lists and queues."""
    prefix = "apiserver_flowcontrol_"
    executing = Family("gauge", f"{prefix}current_executing_requests", "Seats taken.", FLOW)
    inqueue = Family("gauge", f"{prefix}current_inqueue_requests", "Requests that wait for a seat.", FLOW)
    rejected = Family(
        "counter", f"{prefix}rejected_requests_total", "Requests that found no seat.", (*FLOW, "reason")
    )
    name, text = f"{prefix}request_wait_duration_seconds", "Time in line of those who found no seat."
    waits = Family("histogram", name, text, (*FLOW, "execute"))
    for mutating, name in ((False, "readOnly"), (True, "mutating")):
        pool = in_flight.pools[mutating]
        executing.samples.append(((SCHEMA, name), pool.taken))
        inqueue.samples.append(((SCHEMA, name), pool.waiting))
        rejected.samples.append(((SCHEMA, name, "time-out"), pool.rejected))
        for granted, wait in pool.waits.items():
            waits.samples.append(((SCHEMA, name, str(granted).lower()), wait))
    yield from (executing, inqueue, rejected, waits)
    pressures = [hub.pressure for hub in hubs]
    for kind, name, text, value in (
        ("gauge", "watchcache_list_bytes", "Bytes of large lists that are being sent.", lists.bytes.taken),
        ("counter", "watchcache_list_rejected_total", "Large lists refused for want of room.", lists.rejected),
        ("gauge", "watchcache_watch_queued_bytes", "Bytes waiting for all watches, when last measured.", sum(each.budget.queued for each in pressures)),
        ("gauge", "watchcache_watch_held", "Watches held because too much waits.", sum(each.held for each in pressures)),
        ("counter", "watchcache_watch_holds_total", "How often a watch was held.", sum(each.budget.holds for each in pressures)),
        ("counter", "watchcache_watch_given_bytes_total", "Bytes handed to watches.", sum(each.budget.given for each in pressures)),
    ):  # fmt: skip
        yield Family(kind, name, text, samples=[((), value)])
