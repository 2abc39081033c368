"""Verbs over a real registry: what a client gets for each request, without a socket."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest
import trio.testing
from served import Client, document, header

from watchcache.http import Peer, Reply, Request, Stream
from watchcache.http.openapi_protobuf import ACCEPTED

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

DEPLOYMENT = {
    "metadata": {"name": "d"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
}


def configmap(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """A pod with one container."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec}}


# -- one object


async def test_an_object_is_read_as_it_was_created(client: Client):
    """GET gives what POST answered, byte for byte."""
    created = await client.ask("POST", MAPS, configmap("a", k="v"))
    read = await client.ask("GET", f"{MAPS}/a")
    assert (created.status, read.status) == (201, 200)
    assert read.body == created.body
    assert document(read)["data"] == {"k": "v"}


async def test_a_read_is_answered_at_once(client: Client):
    """A GET without resourceVersion gives a Reply, not something to wait for."""
    await client.create(MAPS, configmap("a"))
    headers = {"authorization": "Bearer good"}
    answer = client.api.handle(Request("GET", f"{MAPS}/a", headers, b"", "2", Peer("127.0.0.1", 1)))
    assert isinstance(answer, Reply)
    assert answer.status == 200


async def test_people_get_it_indented(client: Client):
    """Curl gets indented JSON, and so does `?pretty=1`."""
    await client.create(MAPS, configmap("a"))
    for reply in (
        await client.ask("GET", f"{MAPS}/a", user_agent="curl/8"),
        await client.ask("GET", f"{MAPS}/a?pretty=1"),
    ):
        assert isinstance(reply.body, bytes)
        assert reply.body.startswith(b'{\n  "kind": "ConfigMap",\n  "apiVersion": "v1",\n')


async def test_yaml_goes_in_and_out(client: Client):
    """A YAML body is read, a YAML answer written with sorted keys and literal blocks."""
    body = b"metadata: {name: a}\ndata:\n  text: |\n    one\n    two\n"
    created = await client.ask("POST", MAPS, body, content_type="application/yaml; charset=utf-8")
    assert created.status == 201
    reply = await client.ask("GET", f"{MAPS}/a", accept="application/yaml")
    assert header(reply, "Content-Type") == "application/yaml"
    assert isinstance(reply.body, bytes)
    assert reply.body.startswith(b"apiVersion: v1\ndata:\n  text: |\n    one\n    two\nkind: ConfigMap\n")


async def test_an_object_can_be_a_table_or_its_metadata(client: Client):
    """`as=` turns one object into a Table of one row, or into its metadata."""
    created = await client.create(MAPS, configmap("a", k="v"))
    made = await client.get(f"{MAPS}/a", accept=TABLE)
    assert (made["kind"], made["metadata"]["resourceVersion"]) == (
        "Table",
        created["metadata"]["resourceVersion"],
    )
    assert made["rows"][0]["cells"][:2] == ["a", 1]
    assert made["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    partial = await client.get(f"{MAPS}/a", accept=METADATA)
    assert partial == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": created["metadata"],
    }


async def test_the_form_of_a_list_is_refused_for_one_object_and_the_other_way_round(client: Client):
    """406 says which it is; a write in that form changes nothing."""
    one = await client.ask("POST", MAPS, configmap("a"), accept=METADATA_LIST)
    assert one.status == 406
    assert document(one)["message"] == (
        "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)"
    )
    assert (await client.ask("GET", f"{MAPS}/a")).status == 404
    many = await client.ask("GET", MAPS, accept=METADATA)
    assert document(many)["message"] == (
        "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)"
    )


async def test_a_get_never_watches(client: Client):
    """`?watch=1` on one object is a plain read (W17)."""
    await client.create(MAPS, configmap("a"))
    assert (await client.get(f"{MAPS}/a?watch=1"))["kind"] == "ConfigMap"


async def test_a_future_revision_is_waited_for(client: Client, autojump_clock: trio.testing.MockClock):
    """After three seconds the answer is 504 with Retry-After (L15)."""
    await client.create(MAPS, configmap("a"))
    reply = await client.ask("GET", f"{MAPS}/a?resourceVersion=999999")
    assert (reply.status, header(reply, "Retry-After")) == (504, "1")
    assert document(reply)["reason"] == "Timeout"


# -- lists


async def test_a_list_of_nothing_has_empty_items(client: Client):
    """`[]`, `rows: []`, and null for metadata (L19)."""
    assert (await client.get(MAPS))["items"] == []
    assert (await client.get(MAPS, accept=TABLE))["rows"] == []
    assert (await client.get(MAPS, accept=METADATA_LIST))["items"] is None


async def test_pages_carry_a_token_and_what_remains(client: Client):
    """`limit` cuts; the next page goes on where the last ended, at its revision."""
    for name in "abc":
        await client.create(MAPS, configmap(name))
    first = await client.get(f"{MAPS}?limit=2")
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    assert "kind" not in first["items"][0]
    last = await client.get(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in last["items"]] == ["c"]
    assert last["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_large_list_comes_in_blocks_and_is_whole(client: Client):
    """More than 512 objects are streamed; compressed when the client can."""
    for number in range(600):
        await client.create(MAPS, configmap(f"c{number:04}", text="x" * 200))
    answer = await client.start("GET", MAPS)
    assert isinstance(answer, Stream)
    await anext(answer.blocks)  # a client that leaves now leaves nothing behind
    listed = await client.get(MAPS)
    assert [item["metadata"]["name"] for item in listed["items"]] == [
        f"c{number:04}" for number in range(600)
    ]
    assert len((await client.get(MAPS, accept=TABLE))["rows"]) == 600
    assert len((await client.get(MAPS, accept=METADATA_LIST))["items"]) == 600
    packed = await client.ask("GET", MAPS, accept_encoding="gzip")
    assert (header(packed, "Content-Encoding"), header(packed, "Vary")) == ("gzip", "Accept-Encoding")
    assert isinstance(packed.body, bytes)
    assert msgspec.json.decode(gzip.decompress(packed.body)) == listed


@pytest.mark.parametrize(
    ("size", "encoding", "packed"),
    [
        (100, "gzip", False),
        (140_000, "gzip", True),
        (140_000, "deflate, gzip", True),
        (140_000, "gzip;q=0.5", False),
        (140_000, "*", False),
        (140_000, "", False),
    ],
)
async def test_only_large_answers_are_compressed(client: Client, size: int, encoding: str, packed: bool):
    """Above 131072 bytes, for any verb, when gzip is listed bare."""
    reply = await client.ask("POST", MAPS, configmap("big", text="x" * size), accept_encoding=encoding)
    assert reply.status == 201
    assert (header(reply, "Content-Encoding") == "gzip") is packed


# -- bodies


@pytest.mark.parametrize(
    ("content_type", "body", "code", "message"),
    [
        (
            "application/json",
            b"{not json",
            400,
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'n' looking for beginning of object key string ({not json)",
        ),
        (
            "application/json",
            b"",
            400,
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
        ),
        ("", b'{"metadata":{"name":"x"}}', 201, None),
        (
            "application/xml",
            b"a: b",
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ),
        (
            "application/json",
            b'{"kind":"Pod","apiVersion":"v1"}',
            400,
            'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
        ),
    ],
)
async def test_bodies_that_cannot_be_read_are_explained(
    client: Client, content_type: str, body: bytes, code: int, message: str | None
):
    """Each with kube-apiserver's words."""
    reply = await client.ask("POST", MAPS, body, content_type=content_type)
    assert reply.status == code, reply.body
    if message is not None:
        assert document(reply)["message"] == message


async def test_repeated_keys_are_named(client: Client):
    """A warning by default, a refusal when strict, nothing when ignored (M21)."""
    body = b'{"metadata":{"name":"a","name":"b"}}'
    warned = await client.ask("POST", f"{MAPS}?dryRun=All", body)
    assert header(warned, "Warning") == '299 - "duplicate field \\"metadata.name\\""'
    strict = await client.ask("POST", f"{MAPS}?dryRun=All&fieldValidation=Strict", body)
    assert document(strict)["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "metadata.name"'
    )
    ignored = await client.ask("POST", f"{MAPS}?dryRun=All&fieldValidation=Ignore", body)
    assert (ignored.status, header(ignored, "Warning")) == (201, None)


async def test_unknown_fields_are_warned_of(client: Client):
    """One Warning header for each."""
    reply = await client.ask("POST", f"{MAPS}?dryRun=All", configmap("a") | {"x": 1, "y": 2})
    assert [value for name, value in reply.headers if name == "Warning"] == [
        '299 - "unknown field \\"x\\""',
        '299 - "unknown field \\"y\\""',
    ]


# -- writes


async def test_update_and_patch_answer_with_the_new_object(client: Client):
    """PUT and the patch types change the object and answer 200."""
    created = await client.create(MAPS, configmap("a", k="1"))
    updated = await client.ask("PUT", f"{MAPS}/a", created | {"data": {"k": "2"}})
    assert document(updated)["data"] == {"k": "2"}
    for number, (kind, patch) in enumerate(
        [
            ("application/merge-patch+json", {"data": {"k": "3"}}),
            ("application/json-patch+json", [{"op": "replace", "path": "/data/k", "value": "4"}]),
            ("application/strategic-merge-patch+json; charset=utf-8", {"data": {"k": "5"}}),
        ]
    ):
        reply = await client.ask("PATCH", f"{MAPS}/a", patch, content_type=kind)
        assert document(reply)["data"] == {"k": str(3 + number)}, reply.body


@pytest.mark.parametrize("kind", ["", "application/json", "application/foo"])
async def test_a_patch_of_another_type_is_refused(client: Client, kind: str):
    """415 in the route's words, with empty details."""
    reply = await client.ask("PATCH", f"{MAPS}/a", {}, content_type=kind)
    assert (reply.status, document(reply)["message"]) == (415, "415: Unsupported Media Type")
    assert document(reply)["details"] == {}


@pytest.mark.parametrize(
    ("target", "body", "code", "message"),
    [
        (f"{MAPS}/a", b"{", 400, "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        (
            f"{MAPS}/a",
            b"[]",
            400,
            'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
        ),
        (
            f"{MAPS}/a",
            b'{"kind":"Pod","apiVersion":"v1"}',
            400,
            'no kind "Pod" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
        ),
        (f"{MAPS}/a?gracePeriodSeconds=a", b"", 400, 'strconv.ParseInt: parsing "a": invalid syntax'),
        (f"{MAPS}/a", b'{"bogus":1}', 200, None),
    ],
)
async def test_options_of_a_delete(client: Client, target: str, body: bytes, code: int, message: str | None):
    """The body is DeleteOptions; unknown members are taken, wrong ones refused."""
    await client.create(MAPS, configmap("a"))
    reply = await client.ask("DELETE", target, body)
    assert reply.status == code, reply.body
    if message is not None:
        assert document(reply)["message"] == message


async def test_a_collection_is_deleted_and_answered_as_it_was(client: Client):
    """DELETE of a collection gives the list as it was read (M20)."""
    for name in "ab":
        await client.create(MAPS, configmap(name))
    reply = await client.ask("DELETE", MAPS)
    assert [item["metadata"]["name"] for item in document(reply)["items"]] == ["a", "b"]
    assert (await client.get(MAPS))["items"] == []


# -- paths

NOT_FOUND = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"


@pytest.mark.parametrize(
    ("method", "target", "code", "message"),
    [
        ("GET", "/api/v1/bogus", 404, NOT_FOUND),
        ("GET", "/api/v2/pods", 404, NOT_FOUND),
        ("GET", "/apis/apps/v9/deployments", 404, NOT_FOUND),
        ("GET", f"{PODS}/a/bogus", 404, NOT_FOUND),
        ("GET", f"{MAPS}/a/status", 404, NOT_FOUND),
        ("GET", f"{MAPS}/a/b/c", 404, NOT_FOUND),
        ("GET", f"{MAPS}/a//c", 404, NOT_FOUND),
        ("DELETE", f"{MAPS}/a//c", 404, NOT_FOUND),
        ("GET", f"{MAPS}/a%2fb", 404, NOT_FOUND),
        ("GET", "/api/v1/pods/x", 404, NOT_FOUND),
        ("GET", "/api/v1/namespaces/default/nodes", 404, NOT_FOUND),
        ("GET", "/api/v1//pods", 404, NOT_FOUND),
        ("GET", "/api/v1/./pods", 404, NOT_FOUND),
        ("GET", "/api/v1/watch/namespaces/default/configmaps/z/z", 404, NOT_FOUND),
        ("GET", f"{MAPS}/..", 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("GET", f"{MAPS}/%25", 400, "Name parameter invalid: \"%\": may not contain '%'"),
        ("GET", "/api/v1/namespaces/../pods", 500, 'invalid key: "/pods/.."'),
        ("PUT", "/api/v1/pods", 405, NOT_ALLOWED),
        ("POST", "/api/v1/pods", 405, NOT_ALLOWED),
        ("DELETE", "/api/v1/pods", 405, NOT_ALLOWED),
        ("DELETE", "/api/v1/namespaces", 405, NOT_ALLOWED),
        ("POST", f"{MAPS}/a", 405, NOT_ALLOWED),
        ("POST", f"{PODS}/a/status", 405, NOT_ALLOWED),
        ("POST", "/api/v1/watch/pods", 405, NOT_ALLOWED),
        ("GET", "/api/v1/namespaces/default/finalize", 405, NOT_ALLOWED),
        ("HEAD", "/api/v1/pods", 405, NOT_ALLOWED),
        ("OPTIONS", f"{MAPS}/a", 405, NOT_ALLOWED),
        ("TRACE", "/api/v1/pods", 405, NOT_ALLOWED),
        ("FOO", "/api/v1/pods", 405, NOT_ALLOWED),
        ("POST", "/api", 405, NOT_ALLOWED),
        ("POST", "/version", 405, NOT_ALLOWED),
        ("HEAD", "/version", 405, NOT_ALLOWED),
    ],
)
async def test_what_is_not_there_or_not_allowed(
    client: Client, method: str, target: str, code: int, message: str
):
    """Each refusal is the one that kube-apiserver gives."""
    await client.create(MAPS, configmap("a"))
    reply = await client.ask(method, target)
    assert (reply.status, document(reply)["message"]) == (code, message)


@pytest.mark.parametrize(
    "target", ["/bogus", "/apis/nope/v1/x", "/API/v1/pods", "//api/v1/pods", "/healthz/", "/logs", "/openapi"]
)
async def test_paths_that_are_nothing(client: Client, target: str):
    """Plain text, as Go's mux says it."""
    reply = await client.ask("GET", target)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")
    assert header(reply, "X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "target",
    [
        f"{MAPS}/",
        "/api/v1/namespaces//configmaps",
        "/api/v1/namespaces/default%2fconfigmaps",
        "/api/v1/namespaces/x%20y/configmaps",
    ],
)
async def test_paths_that_are_lists_after_all(client: Client, target: str):
    """Trailing slashes, empty and odd namespaces list."""
    assert (await client.get(target))["kind"] == "ConfigMapList"


async def test_a_bad_escape_is_refused(client: Client):
    """A path that does not decode is 400 before anything looks at it."""
    assert (await client.ask("GET", f"{MAPS}/%zz")).status == 400


# -- connections to the outside


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        (f"{PODS}/p/exec?command=ls", 400, "pod p does not have a host assigned"),
        (f"{PODS}/p/portforward", 400, "pod p does not have a host assigned"),
        (f"{PODS}/p/log?container=zz", 400, "container zz is not valid for pod p"),
        (f"{PODS}/p/proxy/a/b", 400, "address not allowed"),
        (f"{PODS}/p:80/proxy/", 400, "address not allowed"),
        (f"{PODS}/on/log", 500, "no preferred addresses found; known addresses: []"),
        (f"{PODS}/on/attach", 500, "no preferred addresses found; known addresses: []"),
        (f"{PODS}/none/log", 404, 'pods "none" not found'),
        ("/api/v1/nodes/n/proxy/x", 500, "no preferred addresses found; known addresses: []"),
        ("/api/v1/nodes/none/proxy", 404, 'nodes "none" not found'),
        ("/api/v1/namespaces/default/services/none/proxy/x", 404, 'services "none" not found'),
        ("/api/v1/namespaces/default/services/s/proxy", 503, 'no endpoints available for service "s"'),
    ],
)
async def test_connections_end_where_kubelets_would_begin(
    client: Client, target: str, code: int, message: str
):
    """What kube-apiserver says without reaching a kubelet."""
    await client.create("/api/v1/nodes", {"metadata": {"name": "n"}})
    await client.create(
        "/api/v1/namespaces/default/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    )
    await client.create(PODS, pod("p"))
    await client.create(PODS, pod("on", nodeName="n"))
    reply = await client.ask("GET", target)
    assert (reply.status, document(reply)["message"]) == (code, message)


async def test_a_pod_on_no_node_has_no_log_yet(client: Client):
    """Its log is empty: 204."""
    await client.create(PODS, pod("p"))
    assert (await client.ask("GET", f"{PODS}/p/log")).status == 204


async def test_the_pods_of_a_node_asked_for_again_are_those_of_now(client: Client):
    """What an index answered is given again only until one of its objects comes, changes or goes."""
    target = "/api/v1/pods?fieldSelector=spec.nodeName%3Dn"

    async def listed() -> list[tuple[str, str | None]]:
        found = await client.get(target)
        again = await client.get(target)
        assert again == found
        return [(item["metadata"]["name"], item["metadata"].get("labels")) for item in found["items"]]

    await client.create(PODS, pod("b", nodeName="n"))
    await client.create(PODS, pod("elsewhere", nodeName="m"))
    assert await listed() == [("b", None)]
    await client.create(PODS, pod("a", nodeName="n"))
    assert await listed() == [("a", None), ("b", None)]
    patch = {"metadata": {"labels": {"x": "y"}}}
    await client.ask("PATCH", f"{PODS}/b", patch, content_type="application/merge-patch+json")
    assert await listed() == [("a", None), ("b", {"x": "y"})]
    await client.ask("DELETE", f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert await listed() == [("b", {"x": "y"})]
    other = await client.get("/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3Dn")
    assert other["items"] == []


# -- what describes the server


async def test_version_names_the_kubernetes_it_answers_as(client: Client):
    """Kubectl reads major, minor and gitVersion."""
    version = await client.get("/version", authorization="")
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")


async def test_the_root_lists_every_path(client: Client):
    """`/` names discovery, health checks and the rest, sorted."""
    paths = (await client.get("/"))["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps/v1", "/readyz/shutdown", "/metrics", "/openapi/v3", "/version"} <= set(
        paths
    )


async def test_large_documents_are_compressed_once(client: Client):
    """OpenAPI v2 comes compressed when the client can, and decompresses to what others get."""
    plain = await client.ask("GET", "/openapi/v2")
    packed = await client.ask("GET", "/openapi/v2", accept_encoding="gzip")
    assert header(packed, "Content-Encoding") == "gzip"
    assert isinstance(packed.body, bytes)
    assert gzip.decompress(packed.body) == plain.body
    assert (await client.ask("GET", "/openapi/v2", accept_encoding="gzip")).body is packed.body


async def test_each_form_of_a_document_is_compressed_on_its_own(client: Client):
    """JSON and protobuf of OpenAPI v2 have one ETag; who takes one is not given the other."""
    await client.ask("GET", "/openapi/v2", accept_encoding="gzip")
    plain = await client.ask("GET", "/openapi/v2", accept=ACCEPTED)
    packed = await client.ask("GET", "/openapi/v2", accept=ACCEPTED, accept_encoding="gzip")
    assert isinstance(packed.body, bytes)
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (MAPS, ""),
        (f"{MAPS}/a", ""),
        (f"{MAPS}/none", ""),
        (MAPS, TABLE),
        (f"{MAPS}/a", TABLE),
        (MAPS, METADATA_LIST),
        (f"{MAPS}?labelSelector=none", METADATA_LIST),
        (f"{MAPS}/a", METADATA),
        ("/apis/apps/v1/namespaces/default/deployments/d/scale", ""),
    ],
)
async def test_compact_json_ends_with_a_newline(client: Client, path: str, accept: str):
    """As Go's encoder writes it: what prints an answer as it comes, like `kubectl get --raw`, leaves the cursor at the line's beginning."""
    await client.create(MAPS, {"metadata": {"name": "a"}})
    await client.create("/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT)
    reply = await client.ask("GET", path, accept=accept)
    body = b"".join(reply.body) if isinstance(reply.body, list) else reply.body
    assert body.endswith(b"}\n")
    assert b"\n" not in body[:-1]


async def test_a_scale_has_columns_of_its_own(client: Client):
    """`kubectl get deployment d --subresource=scale` prints what the scale says, and the scale has a kind of its own."""
    await client.create("/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT)
    scale = "/apis/apps/v1/namespaces/default/deployments/d/scale"
    table = document(await client.ask("GET", f"{scale}?includeObject=Object", accept=TABLE))
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "Desired",
        "Available",
        "Age",
    ]
    assert table["rows"][0]["cells"][:3] == ["d", 1, 0]
    assert table["rows"][0]["object"]["kind"] == "Scale"
    refused = document(await client.ask("GET", scale, accept=METADATA_LIST))
    assert refused["message"].endswith("but the requested object is not a list (*autoscaling.Scale)")


async def test_metrics_tell_requests_apart(client: Client):
    """Counters carry verb, resource, scope and code under kube-apiserver's names."""
    stored = len((await client.get("/api/v1/configmaps"))["items"])  # what a fresh server has
    await client.create(MAPS, configmap("a"))
    await client.ask("GET", f"{MAPS}/a")
    text = (await client.ask("GET", "/metrics")).body
    assert isinstance(text, bytes)
    count = float(stored + 1)
    line = b'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1.0'
    assert line in text
    assert b"apiserver_request_duration_seconds_bucket" in text
    assert b'kubernetes_healthcheck{name="ping",type="livez"} 1.0' in text
    assert b"apiserver_current_inflight_requests" in text
    assert f'apiserver_storage_objects{{resource="configmaps"}} {count}'.encode() in text
    assert (
        f'apiserver_watch_cache_events_received_total{{group="",resource="configmaps"}} {count}'.encode()
        in text
    )


async def test_readiness_names_our_checks(client: Client):
    """The caches' state and the shutdown are checks of readyz."""
    reply = await client.ask("GET", "/readyz?verbose")
    assert reply.body == b"[+]ping ok\n[+]watchcache-sync ok\n[+]shutdown ok\nreadyz check passed\n"
    client.api.begin_shutdown()
    assert (await client.ask("GET", "/readyz")).status == 500
    assert (await client.ask("GET", "/livez")).status == 200


async def test_the_page_for_people(client: Client):
    """`/ui/` lists what is served, for users only."""
    page = await client.ask("GET", "/ui/")
    assert page.status == 200
    assert isinstance(page.body, bytes)
    assert b'<a href="/apis/apps/v1/deployments">deployments</a>' in page.body
    assert (await client.ask("GET", "/ui/", authorization="")).status == 401
