"""What the watch cache, its reads and its watches count, asked at `/metrics`: kube-apiserver's names, labels and buckets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from served import Client, Tokens

from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp
from watchcache.cacher import Hub
from watchcache.http import Api, WatchReply
from watchcache.http.asgi_bridge import QueueSink
from watchcache.log import Log
from watchcache.persist import MemoryJournal
from watchcache.registry import Registry

ALL = "/api/v1/configmaps"
MAPS = "/api/v1/namespaces/default/configmaps"
INITIAL = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
READ_BUCKETS = "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 +Inf"
WATCH_LIST_BUCKETS = "0.05 0.1 0.2 0.4 0.6 0.8 1 2 4 6 8 10 15 20 30 45 60 +Inf"


class Scrape:
    """One reading of `/metrics`."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    @classmethod
    async def of(cls, client: Client) -> Scrape:
        """What the server says now."""
        body = (await client.ask("GET", "/metrics")).body
        assert isinstance(body, bytes)
        return cls(body.decode())

    def value(self, name: str, **labels: str) -> float:
        """The sample with exactly these labels; 0 when there is none."""
        written = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
        start = f"{name}{{{written}}} " if labels else f"{name} "
        found = [line for line in self._lines if line.startswith(start)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    def buckets(self, name: str) -> str:
        """The bounds of a histogram, in the order of its first series."""
        bounds = [
            match[1]
            for line in self._lines
            if line.startswith(f"{name}_bucket{{") and (match := re.search(r'le="([^"]+)"', line))
        ]
        return " ".join(bounds[: bounds.index("+Inf") + 1])

    def series(self, name: str) -> int:
        """How many samples there are under the name."""
        return sum(line.startswith((f"{name}{{", f"{name} ")) for line in self._lines)


def of(resource: str, group: str = "", **more: str) -> dict[str, str]:
    """The labels of a resource."""
    return {"group": group, "resource": resource, **more}


async def create(client: Client, name: str) -> str:
    """Make a config map; its revision."""
    made = await client.create(MAPS, {"metadata": {"name": name}})
    revision: str = made["metadata"]["resourceVersion"]
    return revision


# -- reads


async def test_lists_without_a_revision_are_consistent_reads(client: Client):
    """From the cache, none from the store; "0" asks for nothing, and a revision is not the newest."""
    name = "apiserver_watch_cache_consistent_read_total"
    assert (await Scrape.of(client)).series(name) == 0
    revision = await create(client, "a")
    for query in ("", "?limit=1", "?resourceVersion=0", f"?resourceVersion={revision}"):
        await client.get(f"{MAPS}{query}")
    scrape = await Scrape.of(client)
    assert scrape.value(name, **of("configmaps", success="true", fallback="false")) == 2
    assert scrape.series(name) == 1


async def test_reads_that_name_a_state_tell_how_long_they_waited(
    client: Client, autojump_clock: trio.testing.MockClock
):
    """No time when the state is there, three seconds when it never comes; "0" does not ask, and a plain GET has nothing to wait for."""
    revision = await create(client, "a")
    for target in (
        MAPS,
        f"{MAPS}?resourceVersion={revision}",
        f"{MAPS}/a?resourceVersion={revision}",
        f"{MAPS}/a?resourceVersion=0",
        f"{MAPS}/a",
    ):
        await client.get(target)
    for target in (f"{MAPS}?resourceVersion=999999", f"{MAPS}/a?resourceVersion=999999"):
        assert (await client.ask("GET", target)).status == 504
    scrape = await Scrape.of(client)
    name, labels = "apiserver_watch_cache_read_wait_seconds", of("configmaps")
    assert scrape.buckets(name) == READ_BUCKETS
    assert scrape.value(f"{name}_bucket", **labels, le="0.005") == 3
    assert scrape.value(f"{name}_count", **labels) == 5
    assert scrape.value(f"{name}_sum", **labels) == pytest.approx(6, abs=0.2)


@asynccontextmanager
async def behind_others(newest: int) -> AsyncIterator[Client]:
    """A server whose log has other writers, that have come to this revision; it follows them only so far as it writes itself."""
    log = Log(MemoryJournal(), stamp=stamp)
    await log.open()

    async def read_revision() -> int:
        return newest

    catalog, hub = load_catalog(), Hub(log, stamp=stamp, read_revision=read_revision)
    registry = Registry(log, hub, catalog)
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        await nursery.start(hub.run)
        yield Client(Api(registry, catalog, Tokens()))
        nursery.cancel_scope.cancel()


async def test_consistent_reads_in_vain_are_told_apart(autojump_clock: trio.testing.MockClock):
    """The newest revision is known and does not arrive: 504, counted as no success; a GET waits and is no list."""
    async with behind_others(newest=5) as client:
        assert (await client.ask("GET", MAPS)).status == 504
        assert (await client.ask("GET", f"{MAPS}/a")).status == 504
        scrape = await Scrape.of(client)
    name = "apiserver_watch_cache_consistent_read_total"
    assert scrape.value(name, **of("configmaps", success="false", fallback="false")) == 1
    assert scrape.series(name) == 1
    assert scrape.value("apiserver_watch_cache_read_wait_seconds_count", **of("configmaps")) == 2


# -- watches


async def test_watch_lists_are_timed_until_their_bookmark(client: Client):
    """By scope, once each, also when the bookmark is there by default; a watch that is told no end of its initial events does not count."""
    revision = await create(client, "a")
    for target in (
        f"{ALL}?{INITIAL}&allowWatchBookmarks=true",
        f"{MAPS}?{INITIAL}&allowWatchBookmarks=true",
        f"{MAPS}?{INITIAL}&allowWatchBookmarks=true&resourceVersion={revision}",
        f"{MAPS}?{INITIAL}",
        f"{MAPS}?watch=1&allowWatchBookmarks=true",
        f"{MAPS}?{INITIAL}&allowWatchBookmarks=true&fieldSelector=metadata.name%3Da",
        f"{ALL}?{INITIAL}&allowWatchBookmarks=true&fieldSelector=metadata.name%3Da",
        f"{MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={int(revision) - 1}",
    ):
        async with client.watch(target) as watch:
            assert (await watch.next())["type"] == "ADDED"
    scrape = await Scrape.of(client)
    name = "apiserver_watch_list_duration_seconds"
    assert scrape.buckets(name) == WATCH_LIST_BUCKETS
    assert scrape.series(f"{name}_count") == 3
    for scope, times in (("cluster", 1), ("namespace", 3), ("resource", 2)):
        assert scrape.value(f"{name}_count", **of("configmaps", version="v1", scope=scope)) == times


async def test_a_watch_list_that_has_not_been_told_the_end_is_not_counted(client: Client):
    """Its client left before: nobody knows how long it would have taken."""
    answer = await client.start("GET", f"{MAPS}?{INITIAL}&allowWatchBookmarks=true")
    assert isinstance(answer, WatchReply)
    answer.start(QueueSink()).stop()
    await trio.testing.wait_all_tasks_blocked()
    assert (await Scrape.of(client)).series("apiserver_watch_list_duration_seconds_count") == 0


class Cut(QueueSink):
    """A stream that its host has cut off, because its client took nothing."""

    stalled = True


@pytest.mark.parametrize(("sink", "counted"), [(Cut, 1), (QueueSink, 0)])
async def test_watchers_that_were_cut_off_are_counted(client: Client, sink: type[QueueSink], counted: int):
    """Those whose clients left by themselves are not."""
    answer = await client.start("GET", f"{MAPS}?watch=1")
    assert isinstance(answer, WatchReply)
    running = answer.start(sink())
    running.stop()
    running.stop()
    scrape = await Scrape.of(client)
    assert scrape.value("apiserver_terminated_watchers_total", **of("configmaps")) == counted


# -- beginnings


async def loaded(values: dict[str, bytes]) -> Scrape:
    """What a server says that finds these values in its log."""
    log = Log(MemoryJournal(), stamp=lambda value, _revision: value)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for key, value in values.items():
            await log.append(key, value)
        catalog, hub = load_catalog(), Hub(log, stamp=stamp)
        registry = Registry(log, hub, catalog)
        await nursery.start(hub.run)
        scrape = await Scrape.of(Client(Api(registry, catalog, Tokens())))
        nursery.cancel_scope.cancel()
    return scrape


async def test_loading_is_counted_and_timed():
    """Each resource once; how long it took of those that had something to load, and the errors of those that could not be."""
    value = b'{"metadata":{"resourceVersion":"1","name":"a","namespace":"default"}}'
    scrape = await loaded({"configmaps/default/a": value, "secrets/default/a": b"[]"})
    total = "apiserver_watch_cache_initializations_total"
    assert scrape.value(total, **of("configmaps")) == 1
    assert scrape.value(total, **of("deployments", "apps")) == 1
    assert scrape.value(total, **of("secrets")) == 0
    errors = "apiserver_watch_cache_initialization_errors_total"
    assert (scrape.value(errors, **of("secrets")), scrape.series(errors)) == (1, 1)
    took = "apiserver_watch_cache_initialization_duration_seconds"
    assert (scrape.value(f"{took}_count", **of("configmaps")), scrape.series(f"{took}_count")) == (1, 1)
    assert scrape.buckets(took) == "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 180 600 +Inf"


# -- requests


async def test_deprecated_apis_that_were_asked_for_are_named(client: Client):
    """As kube-apiserver: any request counts, and the sample stays."""
    name = "apiserver_requested_deprecated_apis"
    assert (await Scrape.of(client)).series(name) == 0
    await client.get("/api/v1/componentstatuses")
    async with client.watch("/api/v1/endpoints?watch=1"):
        pass
    scrape = await Scrape.of(client)
    assert scrape.series(name) == 2
    for plural in ("componentstatuses", "endpoints"):
        labels: dict[str, Any] = of(plural, version="v1", subresource="", removed_release="")
        assert scrape.value(name, **labels) == 1


async def test_requests_that_found_a_seat_count_with_all_their_time(client: Client):
    """Dry runs and others together; the buckets are kube-apiserver's, coarser than those of the duration."""
    await create(client, "a")
    reply = await client.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "b"}})
    assert reply.status == 201
    scrape = await Scrape.of(client)
    name = "apiserver_request_sli_duration_seconds"
    labels = of(
        "configmaps", version="v1", subresource="", scope="resource", verb="POST", component="apiserver"
    )
    assert scrape.value(f"{name}_count", **labels) == 2
    assert scrape.buckets(name).split() == ["0.05", "0.1", "0.2", "0.4", "0.6", "0.8", "1", "1.25", "1.5", "2", "3", "4", "5", "6", "8", "10", "15", "20", "30", "45", "60", "+Inf"]  # fmt: skip
    both = [
        scrape.value("apiserver_request_duration_seconds_sum", **labels, dry_run=run) for run in ("", "All")
    ]
    assert scrape.value(f"{name}_sum", **labels) == pytest.approx(sum(both))
