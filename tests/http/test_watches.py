"""Watches through the handler: forms, bookmarks, errors, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
import trio.testing
from served import Client, document

from watchcache.api.catalog import load_catalog
from watchcache.cacher import EventType, FutureRevision, TooOld
from watchcache.http import Reply, WatchReply
from watchcache.http.representation import JsonEvents, MetadataEvents, TableEvents, metadata_of

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
INITIAL = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def configmap(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name}, "data": data}


async def test_a_watch_sees_what_happens(client: Client):
    """Events come in order, each with the whole object."""
    revision = (await client.get(MAPS))["metadata"]["resourceVersion"]
    async with client.watch(f"{MAPS}?watch=1&resourceVersion={revision}") as watch:
        assert watch.headers["Content-Type"] == "application/json"
        created = await client.create(MAPS, configmap("a", k="1"))
        assert await watch.next() == {"type": "ADDED", "object": created}
        changed = await client.ask("PUT", f"{MAPS}/a", configmap("a", k="2"))
        assert await watch.next() == {"type": "MODIFIED", "object": document(changed)}
        await client.ask("DELETE", f"{MAPS}/a")
        assert (await watch.next())["type"] == "DELETED"


async def test_a_bookmark_says_that_it_ends_the_initial_events_in_any_table(client: Client):
    """Its row holds the annotation also with `includeObject=None`: clients of watch lists wait for it."""
    async with client.watch(f"{MAPS}?{INITIAL}&includeObject=None", accept=TABLE) as watch:
        bookmark = await watch.next()
        await client.create(MAPS, configmap("a"))
        added = await watch.next()
    annotations = bookmark["object"]["rows"][0]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}
    assert added["object"]["rows"][0]["object"] is None


async def test_as_table_only_the_first_event_has_columns(client: Client):
    """W21: columnDefinitions once, then null; a bookmark is a row of the empty object."""
    await client.create(MAPS, configmap("a"))
    async with client.watch(f"{MAPS}?{INITIAL}", accept=TABLE) as watch:
        first, bookmark = await watch.next(), await watch.next()
    assert first["object"]["kind"] == "Table"
    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    assert first["object"]["rows"][0]["cells"][:2] == ["a", 0]
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["columnDefinitions"] is None
    assert bookmark["object"]["rows"][0]["cells"] == ["", 0, "<unknown>"]
    assert bookmark["object"]["rows"][0]["object"]["metadata"]["annotations"] == {
        "k8s.io/initial-events-end": "true"
    }


async def test_as_metadata_events_and_bookmarks_are_partial_objects(client: Client):
    """W12: also the bookmark is of that kind."""
    created = await client.create(MAPS, configmap("a"))
    async with client.watch(f"{MAPS}?{INITIAL}", accept=METADATA) as watch:
        assert (await watch.next())["object"] == {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": created["metadata"],
        }
        assert (await watch.next())["object"]["kind"] == "PartialObjectMetadata"


async def test_the_metadata_list_of_a_watch_is_an_empty_stream(client: Client):
    """kube-apiserver answers 200 and ends at once."""
    async with client.watch(f"{MAPS}?watch=1", accept=METADATA_LIST) as watch:
        assert await watch.ended()


async def test_a_watch_ends_at_its_timeout(client: Client, autojump_clock: trio.testing.MockClock):
    """`timeoutSeconds` ends the stream cleanly, and it no longer counts as open."""
    async with client.watch(
        f"{MAPS}?watch=1&timeoutSeconds=7&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    ) as watch:
        assert client.api.lifecycle.watches == 1
        started = trio.current_time()
        assert await watch.ended()
        assert trio.current_time() - started == pytest.approx(7, abs=1.5)
    assert client.api.lifecycle.watches == 0


async def test_a_request_without_a_timeout_gets_a_random_one(
    client: Client, autojump_clock: trio.testing.MockClock
):
    """Between min-request-timeout and twice that (W14)."""
    async with client.watch(f"{MAPS}?watch=1&resourceVersion=1") as watch:
        await trio.sleep(1790)
        assert client.api.lifecycle.watches == 1
        await trio.sleep(1820)
        assert await watch.ended()


async def test_a_server_that_ends_ends_its_watches(client: Client):
    """`end_watches` finishes every stream after what is queued."""
    async with (
        client.watch(f"{MAPS}?watch=1&resourceVersion=0") as one,
        client.watch("/api/v1/nodes?watch=1") as other,
    ):
        assert client.api.end_watches() == 2
        assert await one.ended()
        assert await other.ended()
    assert client.api.end_watches() == 0


async def test_the_gauge_of_open_watches_falls_when_the_client_leaves(client: Client):
    """A watch counts as long-running from its start to its end by either side."""
    wanted = b'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"} 1.0'
    async with client.watch(f"{MAPS}?watch=1"):
        text = (await client.ask("GET", "/metrics")).body
        assert isinstance(text, bytes)
        assert wanted in text
    text = (await client.ask("GET", "/metrics")).body
    assert isinstance(text, bytes)
    assert b"apiserver_longrunning_requests{" not in text


@pytest.mark.parametrize(
    ("query", "accept", "code"),
    [
        ("watch=1", "application/yaml", 406),
        ("watch=1", "text/html", 406),
        ("watch=1&resourceVersion=abc", "", 500),
        ("watch=1&limit=x", "", 400),
        ("watch=1&labelSelector=a=(", "", 400),
        ("watch=1&fieldSelector=spec.x%3D1", "", 400),
        ("watch=1&resourceVersionMatch=Exact", "", 422),
        ("watch=1&includeObject=Foo", TABLE, 400),
    ],
)
async def test_a_watch_that_cannot_be_is_refused_with_a_status(
    client: Client, query: str, accept: str, code: int
):
    """Before the stream begins, errors are HTTP errors (W10)."""
    answer = await client.start("GET", f"{MAPS}?{query}", accept=accept)
    assert isinstance(answer, Reply)
    assert answer.status == code


async def test_the_old_watch_path_watches_one_object(client: Client):
    """W17, W18: `/watch/.../{name}` is a watch, whatever `watch=` says, of that object alone."""
    for name in ("a", "b"):
        await client.create(MAPS, configmap(name))
    async with client.watch("/api/v1/watch/namespaces/default/configmaps/b?watch=false") as watch:
        assert (await watch.next())["object"]["metadata"]["name"] == "b"
    reply = await client.ask(
        "GET", "/api/v1/watch/namespaces/default/configmaps/b?fieldSelector=metadata.name%3Da"
    )
    assert document(reply)["message"] == "fieldSelector metadata.name doesn't match requested name"


async def test_a_revision_from_the_future_is_an_error_in_the_stream(
    client: Client, autojump_clock: trio.testing.MockClock
):
    """With initial events it waits three seconds and says so in the stream (W9)."""
    async with client.watch(f"{MAPS}?{INITIAL}&resourceVersion=999999") as watch:
        event = await watch.next()
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == (
            "ERROR",
            504,
            "Timeout",
        )
        assert await watch.ended()


# -- the frames themselves

CATALOG = load_catalog()


def resource(plural: str, group: str = "") -> Any:
    """A built-in resource of v1."""
    return CATALOG.find(group, "v1", plural)


@pytest.mark.parametrize(
    ("plural", "group", "tail"),
    [
        ("pods", "", b',"spec":{"containers":null},"status":{}}}\n'),
        ("configmaps", "", b"}}\n"),
        (
            "deployments",
            "apps",
            b',"spec":{"replicas":0,"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"strategy":{}},"status":{}}}\n',
        ),
    ],
)
def test_a_bookmark_carries_what_go_writes_of_an_empty_object(plural: str, group: str, tail: bytes):
    """Typed kinds have zero-valued required fields beside the metadata (W12)."""
    frame = JsonEvents(resource(plural, group)).bookmark(7, False, False)
    assert frame.startswith(b'{"type":"BOOKMARK","object":{"kind":"')
    assert frame.endswith(b'"metadata":{"resourceVersion":"7"}' + tail)


def test_the_stored_bytes_go_into_a_frame_untouched():
    """A plain event is type, kind and the value as it is."""
    value = b'{"metadata":{"resourceVersion":"5","name":"x"},"data":{"k":"\\u003c"}}'
    frame = JsonEvents(resource("configmaps")).event(EventType.ADDED, value, False)
    assert frame == b'{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1",' + value[1:] + b"}\n"


def test_metadata_is_cut_out_of_the_bytes():
    """Braces and quotes inside of it do not matter."""
    value = b'{"metadata":{"resourceVersion":"5","annotations":{"a":"}\\"{"}},"spec":{}}'
    assert metadata_of(value) == b'{"resourceVersion":"5","annotations":{"a":"}\\"{"}}'


@pytest.mark.parametrize(
    "representation", [JsonEvents(resource("pods")), MetadataEvents(), TableEvents(resource("pods"))]
)
def test_errors_are_plain_statuses_in_every_form(representation: Any):
    """W8: 410 Expired with both revisions, as an ERROR event."""
    assert representation.error(TooOld(3, 10)) == (
        b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
        b'"message":"too old resource version: 3 (10)","reason":"Expired","code":410}}\n'
    )
    assert b'"code":504' in representation.error(FutureRevision(9, 3))


def test_equal_forms_are_equal():
    """Watchers share frames when their representations compare equal."""
    pods = resource("pods")
    assert JsonEvents(pods) == JsonEvents(pods)
    assert hash(TableEvents(pods, "None")) == hash(TableEvents(pods, "None"))
    assert JsonEvents(pods) != JsonEvents(resource("nodes"))
    assert TableEvents(pods, "None") != TableEvents(pods, "Object")
    assert MetadataEvents("v1") != MetadataEvents("v1beta1")


async def test_a_watch_reply_needs_no_deadline(client: Client, autojump_clock: trio.testing.MockClock):
    """`?timeout=` is ignored on a watch (W14)."""
    answer = await client.start("GET", f"{MAPS}?watch=1&timeout=1ns")
    assert isinstance(answer, WatchReply)
