"""Protobuf through the handler of a whole server: what Go clients send, and what those get that take nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from served import Client, document, header

from watchcache.api import protobuf
from watchcache.http import Reply, WatchReply
from watchcache.http.asgi_bridge import QueueSink
from watchcache.http.respond import BLOCK

PROTOBUF = "application/vnd.kubernetes.protobuf"
BOTH = f"{PROTOBUF},application/json"
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


def configmap(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def decoded(reply: Reply) -> dict[str, Any]:
    """The document of an answer in protobuf."""
    assert header(reply, "Content-Type") == PROTOBUF
    assert isinstance(reply.body, bytes)
    return protobuf.decode(reply.body)


async def test_a_body_may_be_protobuf(client: Client):
    """It creates what its JSON would, and is answered in JSON when that is acceptable."""
    body = protobuf.encode(configmap("a", k="v"))
    made = await client.ask("POST", MAPS, body, content_type=PROTOBUF, accept=BOTH)
    assert made.status == 201, made.body
    assert header(made, "Content-Type") == "application/json"
    assert document(made)["data"] == {"k": "v"}


async def test_both_bodies_are_stored_alike(client: Client):
    """Zero values that protobuf spells out are no part of the object, defaults are those of JSON."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "labels": {"a": ""}},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "i",
                    "ports": [{"containerPort": 80}],
                    "livenessProbe": {"httpGet": {"port": "http"}},
                    "resources": {"limits": {"cpu": "500m"}},
                }
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        },
    }
    stored = []
    for body, content_type in ((pod, "application/json"), (protobuf.encode(pod), PROTOBUF)):
        made = await client.ask("POST", PODS, body, content_type=content_type)
        assert made.status == 201, made.body
        found = document(made)
        for name in ("uid", "resourceVersion", "creationTimestamp"):
            del found["metadata"][name]
        stored.append(found)
        await client.ask("DELETE", f"{PODS}/x?gracePeriodSeconds=0")
    assert stored[0] == stored[1]


async def test_an_update_and_delete_options_may_be_protobuf(client: Client):
    """PUT takes an object, DELETE its options: a precondition that does not hold is a conflict."""
    await client.create(MAPS, configmap("a", k="v"))
    body = protobuf.encode(configmap("a", k="w"))
    updated = await client.ask("PUT", f"{MAPS}/a", body, content_type=PROTOBUF)
    assert (updated.status, document(updated)["data"]) == (200, {"k": "w"})
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}}
    refused = await client.ask("DELETE", f"{MAPS}/a", protobuf.encode(options), content_type=PROTOBUF)
    assert refused.status == 409


async def test_a_subresource_takes_its_own_kind(client: Client):
    """The body of a review or a scale is of the kind that its path takes."""
    review = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    made = await client.ask("POST", path, protobuf.encode(review), content_type=PROTOBUF, accept=PROTOBUF)
    assert made.status == 201
    assert "allowed" in decoded(made)["status"]


async def test_who_takes_nothing_else_gets_protobuf(client: Client):
    """Objects, lists, their metadata, discovery and errors."""
    created = await client.create(MAPS, configmap("a", k="v"))
    assert decoded(await client.ask("GET", f"{MAPS}/a", accept=PROTOBUF)) == created
    listed = decoded(await client.ask("GET", MAPS, accept=PROTOBUF))
    assert listed["kind"] == "ConfigMapList"
    assert "a" in [item["metadata"]["name"] for item in listed["items"]]
    as_metadata = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    metadata = decoded(await client.ask("GET", f"{MAPS}/a", accept=as_metadata))
    assert (metadata["kind"], metadata["metadata"]) == ("PartialObjectMetadata", created["metadata"])
    for path in ("/api", "/apis", "/apis/apps", "/apis/apps/v1"):
        assert decoded(await client.ask("GET", path, accept=PROTOBUF))["kind"].startswith("API")
    missing = await client.ask("GET", f"{MAPS}/none", accept=PROTOBUF)
    assert (missing.status, decoded(missing)["reason"]) == (404, "NotFound")


async def test_a_table_is_never_protobuf(client: Client):
    """It is refused when nothing else is acceptable."""
    refused = await client.ask("GET", MAPS, accept=f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1")
    assert refused.status == 406


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_large_list_comes_in_pieces(client: Client, encoding: str):
    """More objects than are encoded in one go are still one envelope."""
    import gzip

    for number in range(BLOCK + 1):
        await client.create(MAPS, configmap(f"m{number:04}"))
    reply = await client.ask("GET", MAPS, accept=PROTOBUF, accept_encoding=encoding)
    assert isinstance(reply.body, bytes)
    body = gzip.decompress(reply.body) if encoding else reply.body
    listed = protobuf.decode(body)
    assert len([item for item in listed["items"] if item["metadata"]["name"].startswith("m")]) == BLOCK + 1
    assert listed["metadata"]["resourceVersion"]


async def test_a_watch_may_be_protobuf(client: Client):
    """Each frame is its length and a WatchEvent with the object in an envelope."""
    created = await client.create(MAPS, configmap("a", k="v"))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    answer = await client.start("GET", f"{MAPS}?{query}&fieldSelector=metadata.name%3Da", accept=PROTOBUF)
    assert isinstance(answer, WatchReply)
    assert dict(answer.headers)["Content-Type"] == f"{PROTOBUF};stream=watch"
    sink = QueueSink()
    running = answer.start(sink)
    data = await anext(sink)
    while b"BOOKMARK" not in data:
        data += await anext(sink)
    running.stop()
    events = list(frames(data))
    assert events[0] == (b"ADDED", created)
    assert events[1][0] == b"BOOKMARK"
    assert events[1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def frames(data: bytes):
    """Type and object of each frame."""
    while data:
        size = int.from_bytes(data[:4])
        event, data = data[4 : 4 + size], data[4 + size :]
        yield event[2 : 2 + event[1]], protobuf.decode(event[event.index(b"k8s\x00") :])


async def test_damaged_bodies_leave_the_server_up(client: Client):
    """A 400 with kube-apiserver's text, nothing stored."""
    refused = await client.ask("POST", MAPS, b"k8s\x00\x0a\x05", content_type=PROTOBUF)
    assert refused.status == 400
    assert document(refused)["message"] == (
        "the object provided is unrecognized (must be of type ConfigMap): unexpected EOF (6b3873000a05)"
    )
