"""A registry over a real log, journal in memory and hub: everything but HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random

import pytest
import trio

from tests.registry.scene import Client, Clock
from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp
from watchcache.cacher import Hub
from watchcache.log import Log
from watchcache.persist import MemoryJournal
from watchcache.registry import Registry, Settings

Restart = Callable[[], Awaitable[Client]]


async def started(nursery: trio.Nursery, log: Log, settings: Settings, clock: Clock) -> Client:
    """A server on an open, running log."""
    catalog = load_catalog()
    hub = Hub(log, stamp=stamp)
    registry = Registry(log, hub, catalog, settings, clock=clock, random=Random(7))
    await nursery.start(hub.run)
    await registry.prepare()
    await nursery.start(registry.run)
    return Client(registry, catalog, log, clock)


@pytest.fixture
def settings() -> Settings:
    """Short-lived events, a small service range."""
    return Settings(event_ttl=60.0, service_cluster_ip_range="10.0.0.0/24")


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    """A client of a fresh server."""
    clock = Clock()
    log = Log(MemoryJournal(), stamp=stamp, clock=clock)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        yield await started(nursery, log, settings, clock)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def restarted(client: Client) -> AsyncIterator[Restart]:
    """Starts another server on what the client's has stored."""
    async with trio.open_nursery() as nursery:

        async def restart() -> Client:
            registry = client.registry
            return await started(nursery, client.log, registry.settings, client.clock)

        yield restart
        nursery.cancel_scope.cancel()
