"""GET, LIST and WATCH through the registry: selectors, revisions, versions, and the words of their refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from tests.registry.scene import Client, config_map, pod, refused
from watchcache.api.labels import LabelSelector
from watchcache.api.options import ListOptions
from watchcache.api.selectors import parse_fields, parse_labels
from watchcache.cacher import EventType, WatchProblem
from watchcache.cacher.continuation import Continuation, encode
from watchcache.registry.versions import representation_for


class Lines:
    """A representation that writes type and value, and an ERROR's text."""

    first_differs = False

    def event(self, type: EventType, value: bytes, _first: bool) -> bytes:
        return b"%s %s\n" % (type.name.encode(), value)

    def bookmark(self, revision: int, initial_events_end: bool, _first: bool) -> bytes:
        return b"BOOKMARK %d %d\n" % (revision, initial_events_end)

    def error(self, problem: WatchProblem) -> bytes:
        return b"ERROR %s\n" % str(problem).encode()

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lines)


class Page:
    """A sink that keeps what it is sent."""

    queued = 0
    connection = 0
    stalled = False

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ended = False

    @staticmethod
    def framing(frame: bytes) -> bytes:
        return frame

    def send(self, framed: bytes) -> bool:
        self.frames.append(framed)
        return True

    def on_drain(self, callback: Callable[[], None]) -> None:
        pass

    def finish(self) -> None:
        self.ended = True

    @property
    def text(self) -> str:
        return b"".join(self.frames).decode()

    @property
    def kinds(self) -> list[str]:
        """The types of the events, in order; what was sent together comes joined."""
        return [line.split(" ", 1)[0] for line in self.text.splitlines()]


async def watch(client: Client, path: str, **options: object) -> Page:
    """Start a watch in the namespace default."""
    page = Page()
    start = await client.registry.watch(
        client.call(path, "default"), ListOptions(watch=True, **options), Lines()
    )
    start(page)
    return page


@pytest.mark.parametrize(
    ("options", "at_once"),
    [
        ({"resource_version": "1"}, True),
        ({"resource_version": "1", "send_initial_events": False}, True),
        ({"resource_version": "999999"}, True),  # it is silent until then: the stream is there at once
        ({"resource_version": "0"}, True),
        ({}, True),
        ({"resource_version": "1", "send_initial_events": True}, True),
        ({"resource_version": "999999", "send_initial_events": True}, False),
    ],
)
async def test_a_watch_that_has_nothing_to_wait_for_is_ready_at_once(
    client: Client, options: dict, at_once: bool
):
    """Without a task of its own: after a restart they come in tens of thousands. Only a state that is not there yet is waited for."""
    await client.create("v1/configmaps", config_map("a"))
    call, asked = client.call("v1/configmaps", "default"), ListOptions(watch=True, **options)
    assert (client.registry.watch_nowait(call, asked, Lines()) is not None) is at_once


async def test_where_others_write_to_the_store_a_watch_without_a_revision_waits(client: Client):
    """It begins at the newest revision, which has to be asked for; one that resumes has its own."""

    async def newest() -> int:
        return client.registry.hub.revision

    client.registry.hub.read_revision = newest
    call = client.call("v1/configmaps", "default")
    assert client.registry.watch_nowait(call, ListOptions(watch=True), Lines()) is None
    assert (
        client.registry.watch_nowait(call, ListOptions(watch=True, resource_version="1"), Lines()) is not None
    )
    assert await client.registry.watch(call, ListOptions(watch=True), Lines()) is not None


async def test_selectors_choose(client: Client):
    """Labels and fields together, single objects, and the index of pods by node."""
    for name, node in (("a", "n1"), ("b", "n1"), ("c", "n2"), ("d", "")):
        made = pod(name, nodeName=node)
        made["metadata"]["labels"] = {"team": "x" if name in "ac" else "y"}
        await client.create("v1/pods", made)
    await client.patch("v1/pods", "b", {"status": {"phase": "Running"}}, subresource="status")
    for labels, fields, expected in (
        ("", "spec.nodeName=n1", "ab"),
        ("team=x", "spec.nodeName=n1", "a"),
        ("", "metadata.name=c", "c"),
        ("team=y", "metadata.name=c", ""),
        ("", "spec.nodeName=n1,spec.nodeName=n2", ""),
        ("", "status.phase!=Running,spec.nodeName=n1", "a"),
        ("", "spec.nodeName=", "d"),
        ("", "spec.hostNetwork=false,metadata.namespace=default", "abcd"),
        ("team in (x)", "metadata.name!=a", "c"),
    ):
        found = await client.names(
            "v1/pods",
            label_selector=parse_labels(labels) if labels else LabelSelector(),
            field_selector=parse_fields(fields),
        )
        assert "".join(found) == expected, (labels, fields)


async def test_an_unknown_field_is_refused(client: Client):
    """Golden 78."""
    error = await refused(client.list("v1/pods", field_selector=parse_fields("spec.bogus=1")), 400)
    assert error.message == "field label not supported: spec.bogus"


async def test_events_are_selected_in_either_groups_words(client: Client):
    """One stored object, two spellings of its fields."""
    sent = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}}
    await client.create("v1/events", sent)
    assert await client.names("v1/events", field_selector=parse_fields("involvedObject.name=p")) == ["e"]
    found = await client.list("events.k8s.io/v1/events", field_selector=parse_fields("regarding.name=p"))
    assert found[0]["regarding"]["name"] == "p"


async def test_pages_carry_the_first_ones_revision(client: Client):
    """L4 and the continue token: what is written between pages is not seen."""
    for name in "abc":
        await client.create("v1/configmaps", config_map(name))
    call = client.call("v1/configmaps", "default")
    first = await client.registry.list(call, ListOptions(limit=2))
    assert (len(first.values), first.remaining) == (2, 1)
    await client.delete("v1/configmaps", "c")
    second = await client.registry.list(call, ListOptions(limit=2, continue_token=first.continue_token))
    assert second.revision == first.revision
    assert b'"name":"c"' in second.values[0]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"resource_version": "abc"}, 400, 'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'),
        ({"continue_token": "zzz"}, 400, "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value"),
        ({"continue_token": encode(Continuation(7, "x")), "resource_version": "7"}, 400, "specifying resource version is not allowed when using continue"),
    ],
)  # fmt: skip
async def test_bad_lists(client: Client, options: dict[str, str], code: int, message: str):
    """L12-L14."""
    assert (await refused(client.list("v1/configmaps", **options), code)).message == message


async def test_a_future_revision_times_out(autojump_clock: MockClock, client: Client):
    """L15, L18: three seconds, then 504."""
    started = trio.current_time()
    error = await refused(client.list("v1/configmaps", resource_version="999999"), 504)
    assert trio.current_time() - started == 3
    assert error.message == f"Timeout: Too large resource version: 999999, current: {client.log.revision}"
    await refused(client.registry.get(client.call("v1/namespaces", "", "default"), "999999"), 504)
    error = await refused(client.registry.get(client.call("v1/namespaces", "", "default"), "abc"), 500)
    assert error.reason == ""


async def test_a_watch_begins_with_the_objects(client: Client):
    """W2: no revision means the state first, then what happens; an end bookmark only when asked for."""
    await client.create("v1/configmaps", config_map("a"))
    page = await watch(client, "v1/configmaps", allow_watch_bookmarks=True, send_initial_events=True)
    await trio.testing.wait_all_tasks_blocked()
    await client.create("v1/configmaps", config_map("b"))
    await trio.testing.wait_all_tasks_blocked()
    assert page.kinds == ["ADDED", "BOOKMARK", "ADDED"]


async def test_a_watch_from_a_revision_has_only_news(client: Client):
    """W1: events after it, the deletion with its own revision."""
    made = await client.create("v1/configmaps", config_map("a"))
    page = await watch(client, "v1/configmaps", resource_version=made["metadata"]["resourceVersion"])
    await client.patch("v1/configmaps", "a", {"data": {"x": "y"}})
    await client.delete("v1/configmaps", "a")
    await trio.testing.wait_all_tasks_blocked()
    assert page.kinds == ["MODIFIED", "DELETED"]
    assert f'"resourceVersion":"{client.log.revision}"' in page.text


async def test_a_watch_of_another_version_is_converted(client: Client):
    """Watchers of autoscaling/v1 see v1, whoever writes v2."""
    page = await watch(
        client,
        "autoscaling/v1/horizontalpodautoscalers",
        send_initial_events=False,
        resource_version_match="NotOlderThan",
    )
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    sent = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}
    await client.create("autoscaling/v2/horizontalpodautoscalers", sent)
    await trio.testing.wait_all_tasks_blocked()
    assert '"targetCPUUtilizationPercentage":80' in page.text


async def test_a_watch_ends_at_its_time(autojump_clock: MockClock, client: Client):
    """W14: at timeoutSeconds; without one between the least timeout and twice that."""
    page = await watch(client, "v1/configmaps", resource_version="5", timeout_seconds=7)
    endless = await watch(client, "v1/configmaps", resource_version="5")
    await trio.sleep(7.1)
    assert page.ended
    await trio.sleep(1790)
    assert not endless.ended
    await trio.sleep(1810)
    assert endless.ended


async def test_equal_representations_of_a_version_are_equal(client: Client):
    """So that watchers of one version share a group."""
    resource = client.catalog.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert resource is not None
    one, two = (representation_for(Lines(), resource, client.catalog) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
