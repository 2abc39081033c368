"""`/debug/watchers`, commit times in events, and the figures of load at `/metrics`."""

from __future__ import annotations

from typing import Any

import pytest
import trio.testing
from served import Client, document, running_api

from watchcache.http import Options, WatchReply
from watchcache.http.commit_times import HEADER, MEMBER, annotate

CONFIG = "/api/v1/namespaces/default/configmaps"
NEWEST = f"{CONFIG}?watch=1&resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"


class Full:
    """A sink that is full from the first byte."""

    queued = 0
    connection = 0
    stalled = False

    @staticmethod
    def framing(frame: bytes) -> bytes:
        return frame

    def send(self, framed: bytes) -> bool:
        self.queued += len(framed)
        return False

    def on_drain(self, callback: Any) -> None:
        """It never drains."""

    def finish(self) -> None:
        """Nothing to end."""


async def create(client: Client, *names: str) -> None:
    """Write config maps."""
    for name in names:
        await client.create(CONFIG, {"metadata": {"name": name}})


def ageless(event: dict[str, Any]) -> dict[str, Any]:
    """Without the age of a table's row, which is counted when the row is made."""
    columns = [column["name"] for column in event["object"].get("columnDefinitions", ())]
    for row in event["object"].get("rows", ()):
        del row["cells"][columns.index("Age")]
    return event


async def watchers(client: Client, query: str = "") -> dict[str, Any]:
    """The page."""
    return await client.get(f"/debug/watchers{query}")


async def test_it_says_who_watches_what(client: Client):
    """User, address and agent; resource, selectors and representation; since when, and that nothing is owed."""
    query = "&labelSelector=app%3Dx&fieldSelector=metadata.name%3Da"
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    async with client.watch(NEWEST + query, user_agent="kubelet/1", accept=accept):
        await trio.testing.wait_all_tasks_blocked()
        page = await watchers(client)
    (row,) = page["watchers"]
    assert page["total"] == {"watchers": 1, "states": {"live": 1}, "queuedBytes": 0, "lagMilliseconds": 0.0}
    wanted = {
        "user": "alice",
        "address": "127.0.0.1:1",
        "userAgent": "kubelet/1",
        "group": "",
        "resource": "configmaps",
        "namespace": "default",
        "labelSelector": "app=x",
        "fieldSelector": "metadata.name=a",
        "representation": "application/json;as=Table",
        "state": "live",
        "lagRevisions": 0,
        "lagMilliseconds": 0.0,
        "queuedBytes": 0,
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["ageSeconds"] >= 0
    assert row["cursor"] <= page["revision"]
    assert (await watchers(client))["watchers"] == []


async def test_a_reader_that_does_not_read_comes_first(client: Client):
    """It is parked, so many revisions and milliseconds behind, with so many bytes queued."""
    async with client.watch(NEWEST) as reader:
        answer = await client.start("GET", NEWEST)
        assert isinstance(answer, WatchReply)
        running = answer.start(Full())
        await trio.testing.wait_all_tasks_blocked()
        await create(client, "a", "b", "c")
        for _ in range(3):
            await reader.next()
        page = await watchers(client, "?top=1")
        (row,) = page["watchers"]
        assert page["total"]["states"] == {"live": 1, "parked": 1}
        assert (row["state"], row["lagRevisions"] > 0, row["lagMilliseconds"] > 0) == ("parked", True, True)
        assert row["queuedBytes"] > 0
        by_bytes = await watchers(client, "?sort=bytes&top=0")
        assert [row["state"] for row in by_bytes["watchers"]] == ["parked", "live"]
        running.stop()


@pytest.mark.parametrize("query", ["?top=many", "?sort=name", "?top=-1"])
async def test_questions_that_make_no_sense_are_refused(client: Client, query: str):
    """400 with what would be right."""
    assert (await client.ask("GET", f"/debug/watchers{query}")).status == 400


async def test_strangers_do_not_see_it(client: Client):
    """As everything but health and version."""
    assert (await client.ask("GET", "/debug/watchers", authorization="")).status == 401


async def test_without_profiling_there_is_no_such_page():
    """`--profiling=false`, as for kube-apiserver's own debug pages."""
    async with running_api(Options(profiling=False)) as api:
        assert (await Client(api).ask("GET", "/debug/watchers")).status == 404


# -- commit times


@pytest.mark.parametrize("accept", ["application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"])
async def test_events_carry_their_commit_time_when_asked_for(client: Client, accept: str):
    """Beside the object, which is as without; the watcher next to it gets none."""
    headers = {HEADER.lower(): "true", "accept": accept}
    async with client.watch(NEWEST, **headers) as timed, client.watch(NEWEST, accept=accept) as plain:
        await create(client, "a")
        event, other = await timed.next(), await plain.next()
    log = client.api.registry.log
    (committed,) = [
        e.time async for batch in log.history(0) for e in batch if e.key == "configmaps/default/a"
    ]
    assert event.pop(MEMBER) == pytest.approx(committed, abs=1e-5)
    assert ageless(event) == ageless(other)
    assert timed.headers[HEADER] == "true"
    assert HEADER not in plain.headers


async def test_a_converted_version_carries_it_too(client: Client):
    """Events of a version that is not the stored one."""
    path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    spec = {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}
    async with client.watch(f"{path}?watch=1", **{HEADER.lower(): "true"}) as watching:
        await create(client, "before")
        await client.create(path, {"metadata": {"name": "h"}, "spec": spec})
        event = await watching.next()
    assert event["object"]["apiVersion"] == "autoscaling/v1"
    assert event[MEMBER] > 0


async def test_a_state_has_no_commit_times(client: Client):
    """What a watch begins with happened some time."""
    await create(client, "a")
    async with client.watch(f"{CONFIG}?watch=1", **{HEADER.lower(): "true"}) as watching:
        assert MEMBER not in await watching.next()


async def test_protobuf_cannot_carry_them(client: Client):
    """The client is warned, nothing is silently ignored."""
    accept = "application/vnd.kubernetes.protobuf;stream=watch"
    async with client.watch(NEWEST, **{HEADER.lower(): "true", "accept": accept}) as watching:
        assert HEADER not in watching.headers
        assert "no effect on a watch in protobuf" in watching.headers["Warning"]


def test_a_commit_time_has_microseconds():
    """A float's shortest text would be longer or shorter."""
    assert annotate(b'{"type":"ADDED","object":{"a":{}}}\n', 1.5) == (
        b'{"type":"ADDED","object":{"a":{}},"watchcache.dev/commit-time":1.500000}\n'
    )


# -- figures


async def test_the_figures_of_load_are_at_metrics(client: Client):
    """Dispatch by stage, seats, lists and queues."""
    async with client.watch(NEWEST) as watching:
        await create(client, "a")
        await watching.next()
        await trio.testing.wait_all_tasks_blocked()
        reply = await client.ask("GET", "/metrics")
    assert isinstance(reply.body, bytes)
    lines = reply.body.decode().splitlines()
    dispatch = "apiserver_watch_events_dispatch_duration_seconds"
    for stage in ("journal", "deliver", "total"):
        labels = f'group="",resource="configmaps",stage="{stage}"'
        (count,) = [line for line in lines if line.startswith(f"{dispatch}_count{{{labels}}}")]
        assert float(count.split()[-1]) >= 1
    assert 'watchcache_watchers_live{group="",resource="configmaps"} 1.0' in lines
    seats = 'flow_schema="watchcache",priority_level="readOnly"'
    assert f"apiserver_flowcontrol_current_executing_requests{{{seats}}} 1.0" in lines
    assert f'apiserver_flowcontrol_rejected_requests_total{{{seats},reason="time-out"}} 0.0' in lines
    for name in ("watchcache_list_bytes", "watchcache_list_rejected_total", "watchcache_watch_held"):
        assert f"{name} 0.0" in lines
    assert document(await client.ask("GET", "/debug/watchers"))["watchers"] == []
