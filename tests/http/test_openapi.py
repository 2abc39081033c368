"""OpenAPI: what kubectl and generators of clients look for in it."""

import dataclasses
import json
from email.utils import parsedate_to_datetime

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.schema import Schema
from watchcache.http.openapi import OpenApi
from watchcache.http.openapi_v2 import definition

NOW = 1_800_000_000.0
CATALOG = load_catalog()
KEYS = OpenApi(CATALOG).keys()


@pytest.fixture(scope="module")
def shared():
    """One of them for all tests that do not change the catalog."""
    return OpenApi(CATALOG, clock=lambda: NOW)


def document(openapi, path):
    """The document at a path."""
    return json.loads(openapi.answer(path, {}).body)


def references(node):
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(references(value) for value in node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_the_root_names_a_document_for_each_path_of_discovery(shared):
    """Every group and version has a document, named by its hash."""
    paths = document(shared, "/openapi/v3")["paths"]
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "apis/autoscaling/v2", "version"} <= set(
        paths
    )
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    assert url == f"/openapi/v3/apis/apps/v1?hash={shared.v3('apis/apps/v1').hash}"


@pytest.mark.parametrize("key", KEYS)
def test_documents_are_complete(shared, key):
    """Each document contains every schema it refers to, and no other."""
    made = document(shared, f"/openapi/v3/{key}")
    names = {reference.removeprefix("#/components/schemas/") for reference in references(made)}
    assert made["openapi"] == "3.0.0"
    assert names == set(made["components"]["schemas"])


@pytest.mark.parametrize("key", KEYS)
def test_documents_say_nothing_empty(shared, key):
    """A list without elements is left out: a client in Go that reads and writes a document gets the same one."""
    made = document(shared, f"/openapi/v3/{key}")
    operations = [each for item in made["paths"].values() for each in item.values() if isinstance(each, dict)]
    assert [each["operationId"] for each in operations if each.get("parameters", [1]) == []] == []


@pytest.mark.parametrize("resource", list(CATALOG.resources()), ids=lambda r: f"{r.api_version}/{r.plural}")
def test_every_verb_of_every_resource_has_an_operation(shared, resource):
    """The operations of a resource's paths are its verbs and name its kind."""
    root = f"/apis/{resource.api_version}" if resource.group else "/api/v1"
    paths = document(shared, f"/openapi/v3{root}")["paths"]
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{root}{scope}/{resource.plural}"
    actions = set()
    for path in (collection, f"{collection}/{{name}}"):
        for method, operation in paths.get(path, {}).items():
            if method != "parameters":
                kind = operation["x-kubernetes-group-version-kind"]
                assert kind == {"group": resource.group, "version": resource.version, "kind": resource.kind}
                actions.add(operation["x-kubernetes-action"])
    verbs = {"post": "create", "put": "update"}
    assert {verbs.get(action, action) for action in actions} == resource.verbs - {"watch"}
    assert all(f"{collection}/{{name}}/{name}" in paths for name in resource.subresources)


def test_operation_ids_are_unique_and_those_of_generated_clients(shared):
    """No two operations share an id; well-known ones have the names that generated clients carry."""
    ids = [
        operation["operationId"]
        for key in KEYS
        for item in document(shared, f"/openapi/v3/{key}")["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))
    assert {
        "listCoreV1PodForAllNamespaces",
        "listCoreV1NamespacedPod",
        "readCoreV1Node",
        "deleteAppsV1CollectionNamespacedDeployment",
        "replaceAppsV1NamespacedDeploymentScale",
        "patchRbacAuthorizationV1ClusterRole",
        "createCoreV1NamespacedPodEviction",
        "getFlowcontrolApiserverV1APIResources",
        "getAppsAPIGroup",
    } <= set(ids)


@pytest.mark.parametrize("parameter", ["fieldValidation", "dryRun", "fieldManager", "force"])
def test_patch_shows_what_the_server_takes(shared, parameter):
    """Kubectl finds on the kind's PATCH whether the server validates fields and knows dry runs."""
    path = "/api/v1/namespaces/{namespace}/configmaps/{name}"
    patch = document(shared, "/openapi/v3/api/v1")["paths"][path]["patch"]
    assert parameter in {row["name"] for row in patch["parameters"]}


def test_what_a_delete_answers(shared):
    """Deleting a pod answers with the pod, deleting a config map with a Status."""
    paths = document(shared, "/openapi/v3/api/v1")["paths"]

    def answer(plural):
        operation = paths[f"/api/v1/namespaces/{{namespace}}/{plural}/{{name}}"]["delete"]
        return operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition(".")[
            2
        ]

    assert (answer("pods"), answer("configmaps")) == ("Pod", "Status")


def test_a_document_by_its_hash_lasts(shared):
    """With the right hash a document may be kept for a year; with another the client is sent to the right one."""
    kept = shared.v3("apis/apps/v1")
    path = "/openapi/v3/apis/apps/v1"
    headers = dict(shared.answer(path, {}, hash=kept.hash).headers)
    assert headers["Cache-Control"] == "public, immutable"
    assert parsedate_to_datetime(headers["Expires"]).timestamp() == NOW + 365 * 24 * 3600
    assert "Cache-Control" not in dict(shared.answer(path, {}).headers)
    moved = shared.answer(path, {}, hash="OLD")
    assert (moved.status, dict(moved.headers)["Location"]) == (301, f"{path}?hash={kept.hash}")


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3/api/v1"])
def test_an_etag_that_matches_is_not_modified(shared, path):
    """A client that has the document gets 304."""
    etag = dict(shared.answer(path, {}).headers)["ETag"]
    assert shared.answer(path, {"if-none-match": etag}).status == 304
    assert shared.answer(path, {"if-none-match": '"x"'}).status == 200


def test_a_weak_tag_is_known_again():
    """A proxy that compresses makes ETags weak; they stand for the same document. So does any tag in a list, and `*`."""
    openapi = OpenApi(load_catalog())
    path = "/openapi/v3/apis/node.k8s.io/v1"
    etag = dict(openapi.answer(path, {}).headers)["ETag"]
    for tags, status in ((f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304), ('W/"x"', 200), ("", 200)):
        assert openapi.answer(path, {"if-none-match": tags}).status == status


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", 200),
        ("application/json, */*", 200),
        ("application/*", 200),
        ("application/json;as=Table;v=v1;g=meta.k8s.io", 200),
        ("text/html", 406),
        ("application/com.github.proto-openapi.spec.v3@v1.0+protobuf", 406),
        ("application/com.github.proto-openapi.spec.v3@v1.0+protobuf,application/json", 200),
    ],
)
def test_v3_is_json(shared, accept, expected):
    """JSON is served to whoever takes it, by whatever name; others get 406 without a body."""
    reply = shared.answer("/openapi/v3/api/v1", {"accept": accept})
    assert reply.status == expected
    assert bool(reply.body) == (expected == 200)


def test_the_root_is_served_whatever_is_accepted(shared):
    """The root document does not negotiate."""
    assert shared.answer("/openapi/v3", {"accept": "text/html"}).status == 200


@pytest.mark.parametrize(
    "path", ["/openapi", "/openapi/v3/", "/openapi/v3/apis/nope/v1", "/openapi/v1", "/openapi/v2/"]
)
def test_unknown_documents(shared, path):
    """There is nothing at other paths."""
    assert shared.answer(path, {}) is None


def test_large_documents_are_compressed(shared):
    """A client that reads gzip gets a large document compressed."""
    reply = shared.answer("/openapi/v3/api/v1", {"accept-encoding": "gzip"})
    assert dict(reply.headers)["Content-Encoding"] == "gzip"


def test_v2_is_complete(shared):
    """The Swagger document has every path and contains every definition it refers to."""
    made = document(shared, "/openapi/v2")
    names = {reference.removeprefix("#/definitions/") for reference in references(made)}
    assert made["swagger"] == "2.0"
    assert names == set(made["definitions"])
    create = made["paths"]["/api/v1/namespaces/{namespace}/configmaps"]["post"]
    assert create["parameters"][0] == {
        "name": "body",
        "in": "body",
        "required": True,
        "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.ConfigMap"},
    }
    assert create["responses"]["201"]["schema"] == {"$ref": "#/definitions/io.k8s.api.core.v1.ConfigMap"}


@pytest.mark.parametrize(
    ("v3", "v2"),
    [
        ({"allOf": [{"$ref": "#/components/schemas/a.B"}], "default": {}}, {"$ref": "#/definitions/a.B"}),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"type": "string"}),
        (
            {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
            {"format": "int-or-string", "type": "string"},
        ),
        (
            {"type": "object", "additionalProperties": {"default": "", "type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"type": "integer", "oneOf": [{"minimum": 1}], "anyOf": [{"maximum": 2}], "not": {"enum": [3]}},
            {"type": "integer"},
        ),
        (
            {"properties": {"default": {"type": "string", "default": "x"}}, "required": ["default"]},
            {"properties": {"default": {"type": "string"}}, "required": ["default"]},
        ),
    ],
)
def test_schemas_in_v2(v3, v2):
    """References lose their wrapping, defaults are not said, what has two types is text."""
    assert definition(v3) == v2


def test_custom_resources_have_a_document():
    """A custom resource is described with the schema it came with, and the other documents stay as they are."""
    catalog = load_catalog()
    openapi = OpenApi(catalog)
    core, root = openapi.v3("api/v1"), openapi.root()
    node = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    thing = dataclasses.replace(
        catalog.find("apps", "v1", "controllerrevisions"),
        group="disc.example.com",
        kind="Thing",
        plural="things",
        schema=Schema(node, catalog.definitions),
        builtin=False,
    )
    catalog.add(thing)
    made = document(openapi, "/openapi/v3/apis/disc.example.com/v1")
    schema = made["components"]["schemas"]["com.example.disc.v1.Thing"]
    assert schema["properties"]["spec"] == node["properties"]["spec"]
    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": "disc.example.com", "kind": "Thing", "version": "v1"}
    ]
    assert "com.example.disc.v1.ThingList" in made["components"]["schemas"]
    created = made["paths"]["/apis/disc.example.com/v1/namespaces/{namespace}/things"]["post"]
    assert created["operationId"] == "createDiscExampleComV1NamespacedThing"
    assert created["tags"] == ["discExampleCom_v1"]
    assert openapi.v3("api/v1") is core
    assert openapi.root() != root
