"""Resources in an etcd of their own (--etcd-servers-overrides), over HTTP, on two servers that share both etcds."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack

import pytest

from tests import etcds
from watchcache.api.catalog import load_catalog
from watchcache.etcd_storage import overrides_of
from watchcache.settings import Settings, SettingsProblem
from watchcache.testing.server import TestServer

from .test_on_etcd import Client, config_map
from .test_services_on_etcd import stored

pytestmark = etcds.needs_etcd

EVENTS = "/api/v1/namespaces/default/events"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def members(tmp_path):
    """Two etcds that know nothing of each other: the first for most, the second for events and leases."""
    found = [etcds.Etcd(tmp_path / name).start() for name in ("first", "second")]
    yield found
    for member in found:
        member.stop()


def server_on(members, directory):
    """A server that is not started yet; in the same directory, the same server once more."""
    directory.mkdir(exist_ok=True)
    first, second = (member.url for member in members)
    overrides = (f"/events#{second}", f"coordination.k8s.io/leases#{second}")
    return TestServer(
        directory, storage_backend="etcd3", etcd_servers=(first,), etcd_servers_overrides=overrides
    )


@pytest.fixture
def pair(members, tmp_path):
    """Two servers."""
    with ExitStack() as stack:
        yield [Client(stack.enter_context(server_on(members, tmp_path / name))) for name in ("one", "two")]


def event(name, namespace="default"):
    """An event about a config map."""
    about = {"kind": "ConfigMap", "namespace": namespace, "name": "a"}
    return {"metadata": {"name": name}, "involvedObject": about, "reason": "Test", "message": name}


def watched(client, path, revision, seconds=1):
    """(type, name, revision) of what a watch after a revision shows."""
    stream = client.raw("GET", f"{path}?watch=1&resourceVersion={revision}&timeoutSeconds={seconds}")[2]
    read = [json.loads(line) for line in stream.splitlines()]
    return [
        (each["type"], each["object"]["metadata"]["name"], int(each["object"]["metadata"]["resourceVersion"]))
        for each in read
    ]


def test_they_are_kept_there_and_nowhere_else(pair, members):
    """Both versions of events show them, on both servers, with the other etcd's revisions; the rest stays where it was."""
    one, two = pair
    first, second = members
    before = int(two.call("GET", EVENTS)[1]["metadata"]["resourceVersion"])
    for number in range(3):
        assert one.call("POST", MAPS, config_map(f"m{number}"))[0] == 201
    assert one.call("POST", EVENTS, event("e"))[1]["metadata"]["resourceVersion"] == str(before + 1)
    listed = two.call("GET", EVENTS)[1]
    assert [each["metadata"]["name"] for each in listed["items"]] == ["e"]
    assert listed["metadata"]["resourceVersion"] == str(before + 1)
    newer = two.call("GET", "/apis/events.k8s.io/v1/namespaces/default/events/e")[1]
    assert newer["note"] == "e"
    assert stored(second, "events/default/e") is not None
    assert stored(first, "events/default/e") is None
    assert stored(first, "configmaps/default/m0") is not None
    assert stored(second, "configmaps/default/m0") is None
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    assert two.call("POST", leases, {"metadata": {"name": "l"}})[0] == 201
    assert one.call("GET", f"{leases}/l")[0] == 200
    assert stored(second, "leases/default/l") is not None
    assert stored(first, "leases/default/l") is None


def test_watches_go_on_after_a_restart(members, tmp_path):
    """From a revision of the other etcd, which this server has kept its changes of; those of the first are another count."""
    with server_on(members, tmp_path / "one") as server:
        client = Client(server)
        start = int(client.call("GET", EVENTS)[1]["metadata"]["resourceVersion"])
        maps = int(client.call("GET", MAPS)[1]["metadata"]["resourceVersion"])
        for number in range(3):
            client.call("POST", EVENTS, event(f"e{number}"))
            client.call("POST", MAPS, config_map(f"m{number}"))
        client.call("DELETE", f"{EVENTS}/e0")
        expected = [("ADDED", f"e{number}", start + 1 + number) for number in range(3)]
        expected.append(("DELETED", "e0", start + 4))
        assert watched(client, EVENTS, start) == expected
    with server_on(members, tmp_path / "one") as server:
        client = Client(server)
        assert watched(client, EVENTS, start) == expected
        assert [name for _, name, _ in watched(client, MAPS, maps)] == ["m0", "m1", "m2"]


def test_a_namespace_ends_with_what_it_has_elsewhere(pair):
    """Its events are deleted with it."""
    one, two = pair
    assert one.call("POST", "/api/v1/namespaces", {"metadata": {"name": "short"}})[0] == 201
    assert one.call("POST", "/api/v1/namespaces/short/events", event("e", "short"))[0] == 201
    assert two.call("POST", "/api/v1/namespaces/short/configmaps", config_map("m"))[0] == 201
    assert two.call("DELETE", "/api/v1/namespaces/short")[0] == 200
    until(lambda: one.call("GET", "/api/v1/namespaces/short")[0] == 404)
    assert one.call("GET", "/api/v1/namespaces/short/events")[1]["items"] == []


def test_the_other_etcd_may_be_away(pair, members):
    """Only what is kept there is refused, and the check that is named after it fails, as kube-apiserver's does."""
    one, _ = pair
    assert one.call("POST", EVENTS, event("before"))[0] == 201
    members[1].kill()
    until(lambda: one.raw("GET", "/readyz")[0] == 500)
    report = one.raw("GET", "/readyz?verbose")[2].decode()
    assert "[-]etcd-override-0 failed" in report
    assert "[+]etcd ok" in report
    assert one.call("POST", MAPS, config_map("m"))[0] == 201
    status, headers, _ = one.raw("POST", EVENTS, event("during"))
    assert status == 503
    assert headers["Retry-After"]
    members[1].start()
    until(lambda: one.raw("GET", "/readyz")[0] == 200)
    assert one.call("POST", EVENTS, event("after"))[0] == 201


def test_the_metrics_name_each_figure_once(pair):
    """Of what is kept in either etcd."""
    one, _ = pair
    one.call("POST", EVENTS, event("e"))
    one.call("POST", MAPS, config_map("m"))
    lines = one.raw("GET", "/metrics")[2].decode().splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    counted = [
        line for line in lines if line.startswith("etcd_requests_total{") and 'operation="create"' in line
    ]
    assert {'resource="events"', 'resource="configmaps"'} <= {
        part for line in counted for part in line[line.index("{") + 1 : line.index("}")].split(",")
    }
    assert any(line.startswith('apiserver_resource_objects{group="",resource="events"} 1') for line in lines)


def until(holds):
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/events", "is not group/resource#servers"),
        ("events#http://127.0.0.1:1", "is not group/resource#servers"),
        ("/events#", "is not group/resource#servers"),
        ("/event#http://127.0.0.1:1", 'no resource "event" is kept in the group ""'),
        ("events.k8s.io/events#http://127.0.0.1:1", "name the group that it is stored in"),
        ("/services#http://127.0.0.1:1", "services cannot be kept elsewhere"),
    ],
)
def test_what_cannot_be_kept_elsewhere_is_refused(text, line):
    """With one line, before anything is started."""
    with pytest.raises(SettingsProblem, match=line):
        overrides_of(Settings(etcd_servers_overrides=(text,)), load_catalog())


def test_one_resource_has_one_place():
    """Named twice, it is not clear where it is; several may share a list of servers."""
    catalog = load_catalog()
    twice = ("/events#http://a:1", "/events#http://b:1")
    with pytest.raises(SettingsProblem, match="/events is named twice"):
        overrides_of(Settings(etcd_servers_overrides=twice), catalog)
    shared = (
        "/events#http://a:1;http://b:1",
        "coordination.k8s.io/leases#http://a:1;http://b:1",
        "/pods#http://a:1",
    )
    assert overrides_of(Settings(etcd_servers_overrides=shared), catalog) == {
        ("http://a:1", "http://b:1"): {"events", "leases"},
        ("http://a:1",): {"pods"},
    }


def test_the_sizes_of_both_and_what_is_asked_of_either(pair):
    """In the metrics: a sample of the size for each etcd, and requests of resources wherever they are kept."""
    one, _ = pair
    assert one.call("POST", EVENTS, event("e"))[0] == 201
    assert one.call("POST", MAPS, config_map("m"))[0] == 201
    text = one.raw("GET", "/metrics")[2].decode()
    size = r'^apiserver_storage_size_bytes\{storage_cluster_id="[^"]+"\} ([1-9].*)$'
    assert len(re.findall(size, text, re.MULTILINE)) == 2
    for plural in ("configmaps", "events"):
        made = rf'^etcd_requests_total\{{group="",operation="create",resource="{plural}"\}} [1-9]'
        assert re.search(made, text, re.MULTILINE)
