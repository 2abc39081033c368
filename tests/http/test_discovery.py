"""Discovery against the documents of a kube-apiserver (hashes recorded by scripts/record_discovery.py)."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from watchcache.api.catalog import Subresource, load_catalog
from watchcache.api.status import StatusError
from watchcache.http.discovery import AGGREGATED_PARAMETERS, Discovery, root_paths
from watchcache.http.errors import PageNotFound
from watchcache.http.negotiate import NotAcceptable

RECORDED = json.loads(Path(__file__).with_name("discovery_hashes.json").read_bytes())
AGGREGATED = "application/json" + AGGREGATED_PARAMETERS
KUBECTL = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


@pytest.fixture
def catalog():
    """A catalog of the test's own."""
    return load_catalog()


@pytest.fixture
def discovery(catalog):
    """Discovery of that catalog, at the recorded address."""
    return Discovery(catalog, lambda: RECORDED["address"])


def get(discovery, path, accept="", **headers):
    """The answer to a GET."""
    return discovery.answer("GET", path, {"accept": accept, **headers})


def custom(catalog):
    """A resource that is not built in."""
    return dataclasses.replace(
        catalog.find("apps", "v1", "deployments"),
        group="example.com",
        version="v1beta1",
        kind="Thing",
        plural="things",
        singular="thing",
        short_names=("th",),
        categories=(),
        storage_version_hash="abc=",
        subresources={
            "scale": Subresource(
                "scale", "Scale", frozenset({"get", "patch", "update"}), "autoscaling", "v1"
            ),
            "status": Subresource("status", "Thing", frozenset({"get", "patch", "update"})),
        },
        builtin=False,
    )


@pytest.mark.parametrize("key", sorted(RECORDED["hashes"]))
def test_documents_are_those_of_kube_apiserver(discovery, key):
    """Each document is the recorded one to the byte."""
    path, _, aggregated = key.partition(" ")
    reply = get(discovery, path, AGGREGATED if aggregated else "application/json")
    assert hashlib.sha256(reply.body).hexdigest() == RECORDED["hashes"][key]


@pytest.mark.parametrize(
    "path", ["/api/", "/apis/", "/apis/apps/", "/api/v1/", "/api/v1//", "/apis/apps/v1/"]
)
def test_slashes_at_the_end_do_not_count(discovery, path):
    """A path with slashes behind it gives the same document."""
    assert get(discovery, path).body == get(discovery, path.rstrip("/")).body


@pytest.mark.parametrize("path", ["/", "/apix", "/api/v1/pods", "/apis/apps/v1/deployments", "/version"])
def test_other_paths_are_not_answered(discovery, path):
    """What is not discovery is left to others."""
    assert get(discovery, path) is None


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/nope/v1"])
def test_unknown_groups_are_text(discovery, path):
    """An unknown group is a page that is not found."""
    with pytest.raises(PageNotFound):
        get(discovery, path)


@pytest.mark.parametrize("path", ["/api/v2", "/apis/apps/v9"])
def test_unknown_versions_are_a_status(discovery, path):
    """An unknown version of a known group is a NotFound Status."""
    with pytest.raises(StatusError) as caught:
        get(discovery, path)
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api", False), ("/api/v1", False), ("/apis/apps/v1", False), ("/apis", True), ("/apis/apps", True)],
)
@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT"])
def test_methods(discovery, path, allowed, method):
    """The documents behind routes are only read; those of groups take any method."""
    if allowed:
        assert discovery.answer(method, path, {}).status == 200
    else:
        with pytest.raises(StatusError) as caught:
            discovery.answer(method, path, {})
        assert caught.value.code == 405


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_clients_get_the_aggregated_document_with_an_etag(discovery, path):
    """Kubectl's Accept gives the aggregated document, and 304 without a body when it has it already."""
    reply = get(discovery, path, KUBECTL)
    headers = dict(reply.headers)
    assert headers["Content-Type"] == AGGREGATED
    assert (headers["Cache-Control"], headers["Vary"]) == ("public", "Accept")
    again = get(discovery, path, KUBECTL, **{"if-none-match": headers["ETag"]})
    assert (again.status, again.body, dict(again.headers)["ETag"]) == (304, b"", headers["ETag"])
    assert get(discovery, path, KUBECTL, **{"if-none-match": '"other"'}).status == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/json," + AGGREGATED, "application/json"),
        ("application/json;q=0.5," + AGGREGATED, AGGREGATED),
        (AGGREGATED.replace("json", "yaml"), AGGREGATED.replace("json", "yaml")),
        (AGGREGATED.replace("v=v2", "v=v2beta1") + ",application/json", "application/json"),
        (AGGREGATED + ";profile=nopeer", AGGREGATED),
    ],
)
def test_the_best_type_decides_between_the_forms(discovery, accept, content_type):
    """Legacy or aggregated, JSON or YAML: the first type by quality that can be served."""
    assert dict(get(discovery, "/apis", accept).headers)["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("path", "accept", "by_route"),
    [
        ("/api", "text/html", True),
        ("/api", "application/*", True),
        ("/api/v1", "text/html", True),
        ("/apis", "text/html", False),
        ("/apis/apps", "text/html", False),
        ("/apis/apps", AGGREGATED, False),
        ("/api/v1", AGGREGATED, False),
        ("/apis", AGGREGATED.replace("v=v2", "v=v2beta1"), False),
        ("/apis", "application/json;as=Table;v=v1;g=meta.k8s.io", False),
    ],
)
def test_what_cannot_be_served_is_not_acceptable(discovery, path, accept, by_route):
    """406 comes from the route or from the serializer, as kube-apiserver's does."""
    with pytest.raises(NotAcceptable) as caught:
        get(discovery, path, accept)
    assert caught.value.by_route == by_route


def test_groups_take_any_application_type(discovery):
    """`application/*` passes where no route stands before the serializer."""
    assert get(discovery, "/apis", "application/*").status == 200


def test_yaml_says_the_same(discovery):
    """The YAML form is the same document."""
    as_yaml = yaml.safe_load(get(discovery, "/apis/apps/v1", "application/yaml").body)
    assert as_yaml == json.loads(get(discovery, "/apis/apps/v1").body)


def test_custom_resources_appear_and_go(catalog, discovery):
    """A resource that is added at run time is in every document at once, with a new ETag, and gone when it is removed."""
    before = dict(get(discovery, "/apis", AGGREGATED).headers)["ETag"]
    resource = custom(catalog)
    catalog.add(resource)
    aggregated = get(discovery, "/apis", AGGREGATED)
    assert dict(aggregated.headers)["ETag"] != before
    found = json.loads(aggregated.body)["items"][-1]
    thing = found["versions"][0]["resources"][0]
    assert found["metadata"] == {"name": "example.com"}
    assert thing["responseKind"] == {"group": "example.com", "version": "v1beta1", "kind": "Thing"}
    assert [s["subresource"] for s in thing["subresources"]] == ["status", "scale"]
    assert thing["subresources"][1]["responseKind"]["group"] == "autoscaling"
    listed = json.loads(get(discovery, "/apis/example.com/v1beta1").body)["resources"]
    assert [row["name"] for row in listed] == ["things", "things/status", "things/scale"]
    assert listed[0]["verbs"][:2] == ["delete", "deletecollection"]
    catalog.remove(resource)
    assert dict(get(discovery, "/apis", AGGREGATED).headers)["ETag"] == before


def test_the_root_lists_every_path(catalog):
    """`/` lists groups, versions and what else there is, sorted."""
    paths = root_paths(catalog, ["/healthz", "/version"])["paths"]
    assert paths == sorted(paths)
    assert {"/api", "/api/v1", "/apis", "/apis/", "/apis/apps", "/apis/autoscaling/v1", "/healthz"} <= set(
        paths
    )
