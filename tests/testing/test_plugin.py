"""The pytest plugin, used as anyone would use it: with the official Python client."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from watchcache.testing.server import TestServer


@pytest.fixture
def api(watchcache_server: TestServer) -> Iterator[client.ApiClient]:
    """An API client of a fresh server."""
    with config.new_client_from_config(str(watchcache_server.kubeconfig)) as made:
        yield made


def config_map(name: str, **data: str) -> dict[str, object]:
    """A config map's document."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_objects_are_created_read_changed_and_deleted(api: client.ApiClient):
    """The life of an object through the official client."""
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map("default", config_map("a", x="1"))
    core.patch_namespaced_config_map("a", "default", {"data": {"y": "2"}})
    assert core.read_namespaced_config_map("a", "default").data == {"x": "1", "y": "2"}
    core.delete_namespaced_config_map("a", "default")
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_config_map("a", "default")
    assert caught.value.status == 404


def test_each_test_begins_empty(api: client.ApiClient):
    """Nothing of another test's objects is left, whatever the order."""
    core = client.CoreV1Api(api)
    assert [
        m.metadata.name for m in core.list_namespaced_config_map("default").items if m.metadata.name == "left"
    ] == []
    core.create_namespaced_config_map("default", config_map("left"))


def test_each_test_begins_empty_again(api: client.ApiClient):
    """The twin of the test above: one of them runs second."""
    test_each_test_begins_empty(api)


def test_a_watch_sees_changes(api: client.ApiClient):
    """The client's watch helper gets each event, in order."""
    core = client.CoreV1Api(api)
    revision = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", config_map("a"))
    core.patch_namespaced_config_map("a", "default", {"data": {"k": "v"}})
    core.delete_namespaced_config_map("a", "default")
    stream = watch.Watch().stream(
        core.list_namespaced_config_map, "default", resource_version=revision, timeout_seconds=2
    )
    assert [event["type"] for event in stream if event["object"].metadata.name == "a"] == [
        "ADDED",
        "MODIFIED",
        "DELETED",
    ]


def test_revisions_go_on_over_a_reset(watchcache_server: TestServer):
    """A reset must not show another object under a revision that a client knows."""
    before, url = watchcache_server.server.revision, watchcache_server.url
    watchcache_server.reset()
    assert watchcache_server.server.revision > before
    assert watchcache_server.url == url


def test_nothing_is_left_behind(tmp_path):
    """A stopped server leaves no thread."""
    with TestServer(tmp_path):
        assert any(thread.name == "watchcache" for thread in threading.enumerate())
    assert [t for t in threading.enumerate() if t.name == "watchcache" and not t.is_alive()] == []


def test_objects_of_many_kinds(api: client.ApiClient):
    """Typed clients of several groups take what we answer."""
    apps, batch = client.AppsV1Api(api), client.BatchV1Api(api)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    apps.create_namespaced_deployment("default", {"metadata": {"name": "d"}, "spec": {**spec, "replicas": 3}})
    job = {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}
    batch.create_namespaced_job("default", {"metadata": {"name": "j"}, "spec": {"template": job}})
    assert apps.read_namespaced_deployment("d", "default").spec.replicas == 3
    assert batch.list_job_for_all_namespaces().items[0].metadata.name == "j"
    assert client.VersionApi(api).get_code().minor == "36"
