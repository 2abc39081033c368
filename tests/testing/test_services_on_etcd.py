"""Cluster IPs and node ports where several servers share an etcd: nothing is given out twice, and a kube-apiserver can read it."""

from __future__ import annotations

import base64
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests import etcds
from watchcache.log import OneKeyOnly
from watchcache.persist.etcd import EtcdLog
from watchcache.testing.server import TestServer

from .test_on_etcd import Client

pytestmark = etcds.needs_etcd

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


@pytest.fixture(params=["together", "one by one"])
def pair(etcd, tmp_path, request, monkeypatch):
    """Two servers on it, whose ranges are small; also as if it took one key in a step only, like kine."""
    if request.param == "one by one":
        monkeypatch.setattr(EtcdLog, "append_together", refuse)
    with ExitStack() as stack:
        yield [Client(stack.enter_context(server_on(etcd, tmp_path / name))) for name in ("one", "two")]


async def refuse(*_arguments, **_more):
    """What kine says."""
    raise OneKeyOnly("etcdserver: unsupported operations in txn request")


def server_on(etcd, directory, **settings):
    """A server that is not started yet, with 126 addresses."""
    directory.mkdir()
    settings = {"service_cluster_ip_range": "10.7.0.0/25", **settings}
    return TestServer(directory, storage_backend="etcd3", etcd_servers=(etcd.url,), **settings)


def service(name, kind="NodePort", **spec):
    """A service that asks for a cluster IP and, mostly, a node port."""
    return {"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}], **spec}}


def stored(etcd, key):
    """What etcd holds of a key below the prefix."""
    query = {"key": base64.b64encode(f"/registry/{key}".encode()).decode()}
    request = urllib.request.Request(f"{etcd.url}/v3/kv/range", json.dumps(query).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        found = json.load(answer).get("kvs")
    return json.loads(base64.b64decode(found[0]["value"])) if found else None


def put(etcd, key, value):
    """Write a key as somebody else does."""
    text = base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()
    body = {"key": base64.b64encode(f"/registry/{key}".encode()).decode(), "value": text}
    request = urllib.request.Request(f"{etcd.url}/v3/kv/put", json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request, timeout=5).close()


def ports_in(etcd):
    """The node ports that etcd's bits say are taken."""
    found = stored(etcd, "ranges/servicenodeports")
    if found is None:
        return set()
    assert (found["kind"], found["apiVersion"], found["range"]) == ("RangeAllocation", "v1", "30000-32767")
    bits = int.from_bytes(base64.b64decode(found.get("data", "")), "big")
    return {30_000 + offset for offset in range(bits.bit_length()) if bits >> offset & 1}


def test_no_address_and_no_port_is_given_twice(pair, etcd):
    """100 services at once through two servers, in a range of 126 addresses; then half of them go, through the other server."""
    made = {}

    def create(number):
        status, document = pair[number % 2].call("POST", SERVICES, service(f"s{number}"))
        assert status == 201, document
        made[f"s{number}"] = document["spec"]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(create, range(100)))
    addresses = [spec["clusterIP"] for spec in made.values()]
    ports = {spec["ports"][0]["nodePort"] for spec in made.values()}
    assert len(set(addresses)) == len(ports) == 100
    listed = pair[0].call("GET", ADDRESSES)[1]["items"]
    assert {item["metadata"]["name"] for item in listed} == {*addresses, "10.7.0.1"}
    assert ports_in(etcd) == ports

    def delete(number):
        assert pair[(number + 1) % 2].call("DELETE", f"{SERVICES}/s{number}")[0] == 200

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(delete, range(0, 100, 2)))
    left = {spec["clusterIP"] for name, spec in made.items() if int(name[1:]) % 2}
    listed = pair[1].call("GET", ADDRESSES)[1]["items"]
    assert {item["metadata"]["name"] for item in listed} == {*left, "10.7.0.1"}
    assert ports_in(etcd) == {
        spec["ports"][0]["nodePort"] for name, spec in made.items() if int(name[1:]) % 2
    }


def test_one_wished_address_goes_to_one_of_many(pair):
    """The same address and port asked for by many at once: one gets it, the others are told what kube-apiserver tells."""
    wish = {"clusterIP": "10.7.0.9", "ports": [{"port": 80, "nodePort": 31_000}]}
    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda n: pair[n % 2].call("POST", SERVICES, service(f"w{n}", **wish)), range(8))
            )
        won = [answer for status, answer in answers if status == 201]
        assert len(won) == 1
        refused = [answer["message"] for status, answer in answers if status == 422]
        assert len(refused) == 7
        assert all("is already allocated" in text for text in refused)
        # And at once again through the server that may not have heard of the deletion yet.
        assert pair[0].call("DELETE", f"{SERVICES}/{won[0]['metadata']['name']}")[0] == 200
        assert pair[1].call("POST", SERVICES, service("next", **wish))[0] == 201
        assert pair[0].call("DELETE", f"{SERVICES}/next")[0] == 200


def test_what_a_service_gains_and_loses_later_is_written_with_it(pair, etcd):
    """A change of type through another server than the one that made it, there and back."""
    one, two = pair
    plain = one.call("POST", SERVICES, service("s", "ClusterIP"))[1]
    assert ports_in(etcd) == set()
    address = stored(etcd, f"ipaddresses/{plain['spec']['clusterIP']}")
    assert address["kind"] == "IPAddress"
    assert address["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert address["spec"] == {"parentRef": {"resource": "services", "namespace": "default", "name": "s"}}
    merge = "application/merge-patch+json"
    _, exposed = two.call("PATCH", f"{SERVICES}/s", {"spec": {"type": "NodePort"}}, merge)
    assert ports_in(etcd) == {exposed["spec"]["ports"][0]["nodePort"]}
    gone = {"type": "ExternalName", "externalName": "x.example", "clusterIP": None, "clusterIPs": None}
    assert one.call("PATCH", f"{SERVICES}/s", {"spec": gone}, merge)[0] == 200
    assert ports_in(etcd) == set()
    assert stored(etcd, f"ipaddresses/{plain['spec']['clusterIP']}") is None


def test_what_others_hold_is_left_alone(pair, etcd):
    """An address object without a service, and a port whose bit is set: taken, though no service says so."""
    for number in range(2, 127):
        put(etcd, f"ipaddresses/10.7.0.{number}", foreign_address(f"10.7.0.{number}"))
    bits = (1 << 2768) - 1 - (1 << 77)
    data = base64.b64encode(bits.to_bytes(346, "big")).decode()
    put(
        etcd,
        "ranges/servicenodeports",
        {"kind": "RangeAllocation", "apiVersion": "v1", "metadata": {}, "range": "30000-32767", "data": data},
    )
    status, answer = pair[0].call("POST", SERVICES, service("s"))
    assert (status, "range is full" in answer["message"]) == (500, True)
    assert pair[1].call("DELETE", f"{ADDRESSES}/10.7.0.50")[0] == 200
    status, made = pair[0].call("POST", SERVICES, service("s"))
    assert (status, made["spec"]["clusterIP"]) == (201, "10.7.0.50")
    assert made["spec"]["ports"][0]["nodePort"] == 30_077
    status, answer = pair[1].call("POST", SERVICES, service("t", clusterIP="10.7.0.51"))
    assert (status, "provided IP is already allocated" in answer["message"]) == (422, True)


def foreign_address(name, parent="elsewhere", created="2020-01-01T00:00:00Z", **labels):
    """An IPAddress as a user makes it."""
    return {
        "kind": "IPAddress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": name, "uid": "u", "creationTimestamp": created, "labels": labels},
        "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": parent}},
    }


def test_a_start_writes_down_what_is_held_and_removes_what_nobody_holds(etcd, tmp_path):
    """Services of an older server have no address objects; a kube-apiserver that was killed leaves one without a service."""
    spec = {
        "type": "NodePort",
        "clusterIP": "10.7.0.5",
        "clusterIPs": ["10.7.0.5"],
        "ports": [{"port": 1, "nodePort": 30_500}],
    }
    old = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "old", "namespace": "default", "uid": "u"},
    }
    put(etcd, "services/specs/default/old", {**old, "spec": spec})
    managed = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    put(etcd, "ipaddresses/10.7.0.6", foreign_address("10.7.0.6", **managed))
    put(etcd, "ipaddresses/10.7.0.7", foreign_address("10.7.0.7", created="2126-01-01T00:00:00Z", **managed))
    put(etcd, "ipaddresses/10.7.0.8", foreign_address("10.7.0.8"))
    with server_on(etcd, tmp_path / "one"):
        found = [number for number in range(1, 10) if stored(etcd, f"ipaddresses/10.7.0.{number}")]
        assert found == [1, 5, 7, 8]
        assert ports_in(etcd) == {30_500}
