"""Whole servers on one etcd, over HTTP: one state, and what clients are told when etcd is away."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import Any

import pytest

from tests import etcds
from watchcache.settings import SettingsProblem
from watchcache.testing.server import TestServer

pytestmark = etcds.needs_etcd


class Client:
    """Calls one server."""

    def __init__(self, server: TestServer) -> None:
        self._server = server
        self._context = ssl.create_default_context(cafile=str(server.ca_file))

    def call(
        self, method: str, path: str, document: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """The status and the document of an answer."""
        status, _, body = self.raw(method, path, document, kind)
        return status, json.loads(body)

    def raw(
        self, method: str, path: str, document: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any, bytes]:
        """The status, the headers and the bytes of an answer."""
        headers = {"Authorization": f"Bearer {self._server.token}", "Content-Type": kind}
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._server.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._context) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A config map."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture(params=etcds.BOTH)
def etcd(tmp_path, request):
    """A fresh etcd, of each version that is supported."""
    member = etcds.Etcd(tmp_path / "etcd", program=request.param()).start()
    yield member
    member.stop()


@pytest.fixture
def pair(etcd, tmp_path):
    """Two servers on it."""
    with ExitStack() as stack:
        clients = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            server = TestServer(tmp_path / name, storage_backend="etcd3", etcd_servers=(etcd.url,))
            clients.append(Client(stack.enter_context(server)))
        yield clients


def test_what_one_acknowledged_the_other_serves_at_once(pair):
    """Create, read, change, conflict and delete, each on the other server than the step before."""
    one, two = pair
    for number in range(30):
        path = f"{MAPS}/m{number}"
        status, made = one.call("POST", MAPS, config_map(f"m{number}", n="0"))
        assert status == 201
        assert two.call("GET", path) == (200, made)
        assert two.call("POST", MAPS, config_map(f"m{number}"))[0] == 409
        status, changed = two.call("PUT", path, {**made, "data": {"n": "1"}})
        assert status == 200
        assert one.call("PUT", path, {**made, "data": {"n": "2"}})[0] == 409
        assert one.call("PUT", path, {**changed, "data": {"n": "2"}})[0] == 200
        patched = two.call("PATCH", path, {"data": {"k": "v"}}, "application/merge-patch+json")
        assert patched[1]["data"] == {"n": "2", "k": "v"}
        assert one.call("GET", MAPS)[1]["items"][-1] == {
            key: value for key, value in patched[1].items() if key not in {"kind", "apiVersion"}
        }
        assert one.call("DELETE", path)[0] == 200
        assert two.call("GET", path)[0] == 404
        assert two.call("DELETE", path)[0] == 404


APPLY = "application/apply-patch+yaml"
# What a kube-apiserver 1.36 stored after `kubectl create configmap theirs --from-literal=a=1`: its owner is kubectl-create.
THEIRS = (
    "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEqkBCp4BCgZ0aGVpcnMSABoHZGVmYXVsdCIAKiQ0NWEyZDM3YS1jN2NmLTQyYzEtYWYwMi0xOWU4ZWQ1MmYyNWEyADgA"
    "QggI/tep2AYQAIoBUgoOa3ViZWN0bC1jcmVhdGUSBlVwZGF0ZRoCdjEiCAj+16nYBhAAMghGaWVsZHNWMToeChx7ImY6ZGF0YSI6eyIuIjp7fSwiZjphIjp7"
    "fX19QgASBgoBYRIBMRoAIgA="
)


def test_fields_have_the_same_owners_on_both(pair):
    """An apply through one is a conflict, and an update an owner, through the other."""
    one, two = pair
    path = f"{MAPS}/owned"
    assert one.call("PATCH", f"{path}?fieldManager=one", config_map("owned", a="1"), APPLY)[0] == 201
    status, refused = two.call("PATCH", f"{path}?fieldManager=two", config_map("owned", a="2"), APPLY)
    assert (status, refused["message"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "one": .data.a',
    )
    merge = {"data": {"a": "3"}}
    _, changed = two.call("PATCH", f"{path}?fieldManager=three", merge, "application/merge-patch+json")
    assert [each["manager"] for each in changed["metadata"]["managedFields"]] == ["three"]


def test_owners_that_a_kube_apiserver_has_stored_are_continued(pair, etcd):
    """Whatever writes here, named or not, is compared, for the object has owners."""
    one, two = pair
    key = base64.b64encode(b"/registry/configmaps/default/theirs").decode()
    put = json.dumps({"key": key, "value": THEIRS}).encode()
    urllib.request.urlopen(f"{etcd.url}/v3/kv/put", put, timeout=5).close()
    path = f"{MAPS}/theirs"
    status, made = one.call("PUT", path, config_map("theirs", a="1", b="2"))
    assert status == 200
    owners = {each["manager"]: each["fieldsV1"] for each in made["metadata"]["managedFields"]}
    assert owners.pop("kubectl-create") == {"f:data": {".": {}, "f:a": {}}}
    assert list(owners.values()) == [{"f:data": {"f:b": {}}}]
    status, refused = two.call("PATCH", f"{path}?fieldManager=two", config_map("theirs", a="2"), APPLY)
    assert (status, refused["message"]) == (
        409,
        'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.a',
    )


def test_a_namespace_made_on_one_can_be_used_on_the_other(pair):
    """Admission asks again before it refuses."""
    one, two = pair
    for number in range(10):
        name = f"ns{number}"
        assert one.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
        assert two.call("POST", f"/api/v1/namespaces/{name}/configmaps", config_map("x"))[0] == 201


def test_watches_of_all_servers_say_the_same(pair):
    """The same events, in the same order, with the same revisions; resumed at a revision that the other server gave."""
    one, two = pair
    start = one.call("GET", MAPS)[1]["metadata"]["resourceVersion"]
    for number in range(20):
        (one, two)[number % 2].call("POST", MAPS, config_map(f"m{number}"))
        (two, one)[number % 2].call("DELETE", f"{MAPS}/m{number}")
    streams = [
        client.raw("GET", f"{MAPS}?watch=1&resourceVersion={start}&timeoutSeconds=1")[2] for client in pair
    ]
    assert streams[0] == streams[1]
    assert streams[0].count(b'"ADDED"') == streams[0].count(b'"DELETED"') == 20


def test_while_etcd_is_away_what_may_be_old_is_served_and_the_rest_refused(pair, etcd):
    """Writes and consistent reads: 503 with Retry-After; `resourceVersion=0` is answered; /readyz fails; then all is well again."""
    one, _ = pair
    one.call("POST", MAPS, config_map("m"))
    assert one.raw("GET", "/readyz?verbose")[2].count(b"[+]etcd") == 2
    etcd.kill()
    status, headers, _ = one.raw("POST", MAPS, config_map("n"))
    assert (status, bool(headers["Retry-After"])) == (503, True)
    status, headers, _ = one.raw("GET", f"{MAPS}/m")
    assert (status, bool(headers["Retry-After"])) == (503, True)
    assert one.call("GET", f"{MAPS}/m?resourceVersion=0")[0] == 200
    assert len(one.call("GET", f"{MAPS}?resourceVersion=0")[1]["items"]) >= 1
    assert b"[-]etcd failed" in one.raw("GET", "/readyz")[2]
    etcd.start()
    deadline = time.monotonic() + 20
    while one.raw("GET", "/readyz")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert one.call("POST", MAPS, config_map("o"))[0] == 201


def test_an_object_that_etcd_does_not_take(pair):
    """As kube-apiserver says it."""
    one, _ = pair
    container = {"name": "c", "image": "i", "env": [{"name": "A", "value": "x" * 1_700_000}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    status, answer = one.call("POST", "/api/v1/namespaces/default/pods", pod)
    assert (status, answer["message"]) == (500, "etcdserver: request is too large")


def metric(client, line):
    """The value of one line of /metrics, 0 while there is none."""
    lines = client.raw("GET", "/metrics")[2].decode().splitlines()
    found = [text.rpartition(" ")[2] for text in lines if text.startswith(f"{line} ")]
    return float(found[0]) if found else 0.0


def test_lists_are_counted_where_they_are_served(pair):
    """From etcd at the start, from the cache ever after; by the index that served them."""
    one, two = pair
    namespaces = 'group="",resource="namespaces"'
    stored = f"apiserver_storage_list_fetched_objects_total{{{namespaces}}}"
    assert metric(one, stored) == 0  # they were made by it
    made = len(two.call("GET", "/api/v1/namespaces")[1]["items"])
    assert metric(two, stored) == made > 0
    assert metric(two, stored.replace("fetched", "returned")) == made
    assert metric(two, stored.replace("fetched", "evaluated")) == made
    assert metric(two, f"apiserver_storage_list_total{{{namespaces}}}") == 1

    def cached(name, index=""):
        return metric(two, f'apiserver_cache_list_{name}{{group="",index="{index}",resource="pods"}}')

    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}}
    for name in ("a", "b"):
        pod["metadata"]["name"] = name
        assert two.call("POST", "/api/v1/namespaces/default/pods", pod)[0] == 201
    pod["metadata"]["name"], pod["spec"]["nodeName"] = "c", "m"
    assert two.call("POST", "/api/v1/namespaces/default/pods", pod)[0] == 201
    before = cached("total")
    for query in ("", "?fieldSelector=metadata.name%3Db", "?fieldSelector=spec.nodeName%3Dn"):
        two.call("GET", f"/api/v1/namespaces/default/pods{query}")
    assert cached("total") == before + 2
    assert cached("total", "f:spec.nodeName") == 1
    assert cached("fetched_objects_total", "f:spec.nodeName") == 2
    assert metric(two, 'apiserver_cache_list_returned_objects_total{group="",resource="pods"}') == 3 + 1 + 2
    assert metric(two, f"apiserver_storage_list_total{{{namespaces}}}") == 1


def test_metrics_of_etcd(pair, etcd):
    """Names, labels and buckets are kube-apiserver's, and each counts what it says."""
    one, _ = pair

    def count(name, operation="create", resource="configmaps"):
        return metric(one, f'{name}{{group="",operation="{operation}",resource="{resource}"}}')

    reads = (
        'apiserver_watch_cache_consistent_read_total{fallback="false",group="",resource="configmaps",success='
    )
    before = metric(one, f'{reads}"true"}}')
    made, asked = count("etcd_requests_total"), count("etcd_requests_total", "get")
    one.call("POST", MAPS, config_map("m"))
    one.call("GET", MAPS)
    one.call("GET", f"{MAPS}?resourceVersion=0")
    one.call("POST", MAPS, config_map("m"))  # is there: asked for before it is refused
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "default"}}
    assert one.call("POST", "/api/v1/namespaces/default/events", event)[0] == 201
    assert metric(one, f'{reads}"true"}}') == before + 1
    waited = 'apiserver_watch_cache_read_wait_seconds_count{group="",resource="configmaps"}'
    waits = metric(one, waited)
    one.call("GET", MAPS)
    one.call("GET", f"{MAPS}/m")
    assert metric(one, waited) == waits + 2
    assert count("etcd_requests_total") == count("etcd_request_duration_seconds_count") == made + 1
    assert count("etcd_requests_total", "get") == asked + 1
    assert count("etcd_requests_total", "create", "events") == 1
    assert count("etcd_requests_total", "list", "") >= 1
    assert count("etcd_request_errors_total") == 0
    text = one.raw("GET", "/metrics")[2].decode()
    buckets = re.findall(r'etcd_request_duration_seconds_bucket{group="",le="([^"]+)".*"events"}', text)
    assert buckets == REQUEST_BUCKETS.split()
    assert re.findall(r'etcd_lease_object_counts_bucket{le="([^"]+)"}', text) == LEASE_BUCKETS.split()
    assert re.search(r'^etcd_bookmark_total{group="",resource=""} \d', text, re.MULTILINE)
    assert re.search(r'^apiserver_storage_size_bytes{storage_cluster_id="[^"]+"} [1-9]', text, re.MULTILINE)
    etcd.kill()
    assert one.call("POST", MAPS, config_map("n"))[0] == 503
    assert one.call("GET", MAPS)[0] == 503
    assert count("etcd_request_errors_total") == 1
    assert metric(one, f'{reads}"false"}}') == 1


REQUEST_BUCKETS = "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 +Inf"
LEASE_BUCKETS = "10 50 100 500 1000 2500 5000 +Inf"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "--etcd-servers names no server"),
        (
            {"etcd_servers": ("http://127.0.0.1:1",), "etcd_servers_overrides": ("/events#ftp://x",)},
            '--etcd-servers-overrides: "ftp://x"',
        ),
        ({"etcd_servers": ("http://127.0.0.1:1",), "etcd_credentials_file": "/nowhere"}, "credentials-file"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path, settings, said):
    """Before anything is served."""
    server = TestServer(tmp_path, storage_backend="etcd3", **settings)
    with pytest.RaisesGroup(pytest.RaisesExc(SettingsProblem, match=said), flatten_subgroups=True):
        server.start()


def test_foreign_data_that_cannot_be_read_stops_the_start(etcd, tmp_path):
    """One line with the key, the reason and the flag; nothing is written."""
    body = json.dumps({"key": "L3JlZ2lzdHJ5L3NlY3JldHMvZC94", "value": "azhzOmVuYzo="}).encode()
    urllib.request.urlopen(f"{etcd.url}/v3/kv/put", body, timeout=5).close()
    server = TestServer(tmp_path, storage_backend="etcd3", etcd_servers=(etcd.url,))
    said = "/registry/secrets/d/x cannot be read: it is encrypted.*--etcd-prefix"
    with pytest.RaisesGroup(pytest.RaisesExc(SettingsProblem, match=said), flatten_subgroups=True):
        server.start()
    query = urllib.request.urlopen(f"{etcd.url}/v3/kv/range", b'{"key": "AA=="}', timeout=5)
    with query as answer:
        assert json.load(answer)["header"]["revision"] == "2"  # that key, and nothing of ours


def watched(client: Client, revision: str) -> list[tuple[str, Any]]:
    """What a watch of a second brings: types, and names or codes."""
    path = f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={revision}"
    status, _, body = client.raw("GET", path)
    assert status == 200
    events = [json.loads(line) for line in body.splitlines()]
    return [
        (e["type"], e["object"]["code"] if e["type"] == "ERROR" else e["object"]["metadata"]["name"])
        for e in events
    ]


def compact(etcd: etcds.Etcd, revision: str) -> None:
    """Compact etcd as somebody else."""
    body = json.dumps({"revision": revision, "physical": True}).encode()
    urllib.request.urlopen(f"{etcd.url}/v3/kv/compaction", body, timeout=5).close()


def test_a_watch_resumes_across_a_restart_though_etcd_is_compacted(etcd, tmp_path):
    """The server has kept what etcd has not; another server, which has not seen it, says 410."""
    server = TestServer(tmp_path, storage_backend="etcd3", etcd_servers=(etcd.url,))
    with server:
        client = Client(server)
        _, first = client.call("POST", MAPS, config_map("one"))
        client.call("POST", MAPS, config_map("two"))
        _, gone = client.call("DELETE", f"{MAPS}/one")
        newest = client.call("GET", MAPS)[1]["metadata"]["resourceVersion"]
    assert gone["status"] == "Success"
    compact(etcd, newest)
    since = first["metadata"]["resourceVersion"]
    with server:
        assert watched(Client(server), since) == [("ADDED", "two"), ("DELETED", "one")]
    (tmp_path / "other").mkdir()
    with TestServer(tmp_path / "other", storage_backend="etcd3", etcd_servers=(etcd.url,)) as other:
        assert watched(Client(other), since) == [("ERROR", 410)]


def test_after_a_restored_backup_a_client_is_told_410_once(etcd, tmp_path):
    """The revision that it knows is not there yet, and another change will have it: it lists anew, and then all goes on."""
    server = TestServer(tmp_path, storage_backend="etcd3", etcd_servers=(etcd.url,))
    with server:
        Client(server).call("POST", MAPS, config_map("one"))
    backup = etcd.back_up(tmp_path / "backup")
    with server:
        client = Client(server)
        before = str(int(client.call("GET", MAPS)[1]["metadata"]["resourceVersion"]) - 1)
        made = [client.call("POST", MAPS, config_map(f"m{number}"))[1] for number in range(9)]
        known = made[-1]["metadata"]["resourceVersion"]
    etcd.restore(backup)
    with server:
        client = Client(server)
        assert watched(client, known) == [("ERROR", 410)]
        assert watched(client, before) == [("ERROR", 410)]
        listed = client.call("GET", MAPS)[1]
        assert "one" in {item["metadata"]["name"] for item in listed["items"]}
        client.call("POST", MAPS, config_map("new"))
        assert watched(client, listed["metadata"]["resourceVersion"]) == [("ADDED", "new")]
