"""Rows that take minutes, or a cache that is not ready: the whole server behind its handler, on a clock that jumps (L21, W9 to W14)."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

sys.path.insert(0, str(Path(__file__).parents[3] / "http"))

from served import Client, Watching, document, header, running_api

MAPS = "/api/v1/namespaces/default/configmaps"
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a fresh server; the clock is the test's own."""
    async with running_api() as api:
        yield Client(api)


async def write(client: Client, name: str, where: str = MAPS) -> int:
    """Create a ConfigMap; returns its revision."""
    created = await client.create(where, {"metadata": {"name": name}})
    return int(created["metadata"]["resourceVersion"])


async def bookmarks(watch: Watching, seconds: float) -> list[tuple[float, dict[str, Any]]]:
    """What comes in so many seconds: when, and the object of each event."""
    begun = trio.current_time()
    found: list[tuple[float, dict[str, Any]]] = []
    with trio.move_on_after(seconds):
        while True:
            try:
                event = await watch.next()
            except trio.TooSlowError:
                continue
            except StopAsyncIteration:
                break
            assert event["type"] == "BOOKMARK"
            found.append((trio.current_time() - begun, event["object"]))
    return found


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, []),
        (2, []),
        (3, [1.5]),
        (5, [3.5]),
        (10, [8.5]),
        (20, [18.5]),
        (75, [60, 73.5]),
        (200, [60, 120, 180, 198.5]),
    ],
)
async def test_w12_when_bookmarks_come(
    autojump_clock: MockClock, client: Client, seconds: int, expected: list[float]
):
    """Every minute, and once 0.9 to 1.9 s before the end, if something newer than the start has happened."""
    start = await write(client, "before")
    path = f"{MAPS}?watch=1&allowWatchBookmarks=1&timeoutSeconds={seconds}&resourceVersion={start}"
    async with client.watch(path + "&labelSelector=none") as watch:
        last = await write(client, "after")
        found = await bookmarks(watch, seconds + 5)
    assert [when for when, _ in found] == pytest.approx(expected, abs=0.4)
    wanted = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"resourceVersion": str(last)}}
    assert all(bookmark == wanted for _, bookmark in found)


async def test_w12_no_bookmark_without_news(autojump_clock: MockClock, client: Client):
    """Neither what is replayed at the start nor other resources are news."""
    start = await write(client, "a")
    await write(client, "b")
    async with client.watch(
        f"{MAPS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=200&resourceVersion={start}"
    ) as watch:
        assert (await watch.next())["object"]["metadata"]["name"] == "b"
        await write(client, "elsewhere", "/api/v1/namespaces/default/secrets")
        assert await bookmarks(watch, 300) == []


async def test_w12_other_namespaces_are_news(autojump_clock: MockClock, client: Client):
    """The revision is that of the resource's last event, wherever it was."""
    await client.create("/api/v1/namespaces", {"metadata": {"name": "other"}})
    start = await write(client, "a")
    async with client.watch(
        f"{MAPS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=70&resourceVersion={start}"
    ) as watch:
        last = await write(client, "x", "/api/v1/namespaces/other/configmaps")
        found = await bookmarks(watch, 80)
    assert {bookmark["metadata"]["resourceVersion"] for _, bookmark in found} == {str(last)}
    assert len(found) == 2


async def test_w3_a_plain_bookmark_soon_after_the_burst(autojump_clock: MockClock, client: Client):
    """Within about a second, when anything newer happened."""
    await write(client, "a")
    async with client.watch(f"{MAPS}?watch=1&{INITIAL}&allowWatchBookmarks=1&labelSelector=none") as watch:
        end = (await watch.next())["object"]["metadata"]
        assert end["annotations"] == {"k8s.io/initial-events-end": "true"}
        last = await write(client, "b")
        ((when, bookmark),) = await bookmarks(watch, 30)
    assert when == pytest.approx(1, abs=0.5)
    assert bookmark["metadata"] == {"resourceVersion": str(last)}


async def test_w13_hours_without_bookmarks(autojump_clock: MockClock, client: Client):
    """Nobody who did not ask gets one."""
    start = await write(client, "a")
    async with client.watch(
        f"{MAPS}?watch=1&timeoutSeconds=7200&resourceVersion={start}&labelSelector=none"
    ) as watch:
        await write(client, "b")
        assert await bookmarks(watch, 7300) == []


async def test_w14_the_time_of_a_watch_that_asks_for_none(autojump_clock: MockClock, client: Client):
    """Between 1800 and 3600 seconds, not the same for all; 0 is none."""
    lasted: list[float] = []
    for asked in ("", "&timeoutSeconds=0") * 3:
        async with client.watch(f"{MAPS}?watch=1&resourceVersion=1&labelSelector=none{asked}") as watch:
            begun = trio.current_time()
            assert await bookmarks(watch, 4000) == []
            lasted.append(trio.current_time() - begun)
    assert all(1799 < seconds < 3601 for seconds in lasted)
    assert len(set(lasted)) > 1
    assert client.api.lifecycle.watches == 0


async def test_l15_a_revision_that_comes_in_time(autojump_clock: MockClock, client: Client):
    """A list or GET that waits is answered as soon as its revision is there."""
    now = await write(client, "a")
    answers: list[Any] = []

    async def ask(path: str) -> None:
        answers.append(await client.ask("GET", path))

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, f"{MAPS}?resourceVersion={now + 1}")
        nursery.start_soon(ask, f"{MAPS}?resourceVersion={now + 1}&resourceVersionMatch=Exact")
        nursery.start_soon(ask, f"{MAPS}/a?resourceVersion={now + 1}")
        await trio.sleep(2)
        assert answers == []
        await write(client, "b")
    assert [answer.status for answer in answers] == [200] * 3
    assert trio.current_time() - begun < 2.5


@pytest.mark.parametrize("query", ["?resourceVersion=0", "?limit=1", "?watch=1", ""])
async def test_l21_a_cache_that_is_not_ready(autojump_clock: MockClock, client: Client, query: str):
    """429 with the time to come again."""
    next(cacher for cacher in client.api.registry.hub if cacher.prefix == "configmaps").unload()
    reply = await client.ask("GET", MAPS + query)
    assert reply.status == 429
    said = document(reply)
    assert (said["reason"], said["message"]) == ("TooManyRequests", "storage is (re)initializing")
    assert said["details"] == {"retryAfterSeconds": 1}
    assert header(reply, "Retry-After") == "1"
