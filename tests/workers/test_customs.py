"""Custom resources where several processes serve: whoever takes the definition, all serve what it defines."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from pathlib import Path

from tests import etcds
from tests.workers.scene import Connection, each_of, one_of_each
from watchcache.testing.server import TestServer

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
DEFINITION = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
                "subresources": {"status": {}},
            }
        ],
    },
}


def widget(name: str) -> dict[str, object]:
    """An instance."""
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"a": 1}}


def wait_status(connection: Connection, path: str, wanted: int) -> None:
    """Ask until the answer has a status: another process may hear of a definition some milliseconds later."""
    deadline = time.monotonic() + 20
    while connection("GET", path)[0] != wanted:
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def go_through(connections: list[Connection]) -> None:
    """Define by the first, use by all, delete by the last."""
    first, last = connections[0], connections[-1]
    assert first("POST", DEFINITIONS, DEFINITION)[0] == 201
    for connection in connections:
        wait_status(connection, WIDGETS, 200)
    for number, connection in enumerate(connections):
        status, made = connection("POST", WIDGETS, widget(f"w{number}"))
        assert status == 201, made
        for other in connections:
            assert other("GET", f"{WIDGETS}/w{number}") == (200, made)
    first.watch(f"{WIDGETS}?watch=1&resourceVersion={made['metadata']['resourceVersion']}")
    assert last("DELETE", f"{WIDGETS}/w0")[0] == 200
    assert json.loads(first.line())["type"] == "DELETED"
    assert last("DELETE", f"{DEFINITIONS}/widgets.example.com")[0] == 200
    first.rest()  # what is deleted with the definition, and the end of the watch
    for connection in connections:
        wait_status(connection, WIDGETS, 404)
    assert last("GET", f"{DEFINITIONS}/widgets.example.com")[0] == 404


def test_two_workers(tmp_path: Path):
    """In memory."""
    with TestServer(tmp_path, workers=2) as server, each_of(server) as both:
        go_through(both)


@etcds.needs_etcd
def test_two_servers_on_one_etcd(tmp_path: Path, etcd: etcds.Etcd):
    """One of them with workers; what they store lies where kube-apiserver has it, as it writes it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    where = {"storage_backend": "etcd3", "etcd_servers": (etcd.url,)}
    with (
        TestServer(tmp_path / "one", **where) as single,
        TestServer(tmp_path / "two", workers=2, **where) as workers,
        one_of_each(single.url, single.ca_file, single.token, processes=1) as (one,),
        each_of(workers) as both,
    ):
        go_through([one, *both])
        assert both[0]("POST", DEFINITIONS, DEFINITION)[0] == 201
        wait_status(one, WIDGETS, 200)
        assert one("POST", WIDGETS, widget("kept"))[0] == 201
        stored = json.loads(read(etcd, "/registry/example.com/widgets/default/kept"))
    assert list(stored)[:3] == ["apiVersion", "kind", "metadata"]
    assert (stored["apiVersion"], stored["kind"], stored["spec"]) == ("example.com/v1", "Widget", {"a": 1})
    assert "resourceVersion" not in stored["metadata"]


@etcds.needs_etcd
def test_what_a_kube_apiserver_has_stored(tmp_path: Path, etcd: etcds.Etcd):
    """Instances that are there before their definition, in any order of their fields and in another version."""
    foreign = {
        "kind": "Widget",
        "spec": {"b": 2},
        "metadata": {"name": "old", "namespace": "default", "uid": "u"},
        "apiVersion": "example.com/v0",
    }
    write(etcd, "/registry/example.com/widgets/default/old", json.dumps(foreign) + "\n")
    write(etcd, "/registry/other.example.com/things/x", "no document")
    with (
        TestServer(tmp_path, storage_backend="etcd3", etcd_servers=(etcd.url,)) as server,
        one_of_each(server.url, server.ca_file, server.token, processes=1) as (client,),
    ):
        assert client("POST", DEFINITIONS, DEFINITION)[0] == 201
        wait_status(client, WIDGETS, 200)
        found = client("GET", f"{WIDGETS}/old")[1]
        assert (found["apiVersion"], found["spec"]) == ("example.com/v1", {"b": 2})


def write(etcd: etcds.Etcd, key: str, value: str) -> None:
    """Put a key past all servers."""
    call(etcd, "put", {"key": encoded(key), "value": encoded(value)})


def read(etcd: etcds.Etcd, key: str) -> bytes:
    """The value of a key."""
    return base64.b64decode(call(etcd, "range", {"key": encoded(key)})["kvs"][0]["value"])


def encoded(text: str) -> str:
    """As etcd's JSON has it."""
    return base64.b64encode(text.encode()).decode()


def call(etcd: etcds.Etcd, method: str, request: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """A call over etcd's gateway."""
    with urllib.request.urlopen(
        f"{etcd.url}/v3/kv/{method}", json.dumps(request).encode(), timeout=5
    ) as answer:
        return json.load(answer)
