"""What nodes have to do with, as pods and volumes come and go; what is asked in requests stands in tests/rbac."""

from __future__ import annotations

import json
from typing import Any

from watchcache.auth.graph import Graph


def pod(node: str | None, *secrets: str, **metadata: Any) -> bytes:
    """A pod that names secrets."""
    spec: dict[str, Any] = {"imagePullSecrets": [{"name": each} for each in secrets]}
    if node is not None:
        spec["nodeName"] = node
    return json.dumps({"metadata": {"name": "p", "namespace": "d", **metadata}, "spec": spec}).encode()


def test_a_secret_of_two_pods_is_needed_until_both_are_gone():
    """On the same node; another node never needs it."""
    graph = Graph()
    graph.seen("pods/d/p", pod("n", "s"))
    graph.seen("pods/d/q", pod("n", "s", "t"))
    graph.seen("pods/d/p", None)
    assert graph.is_related("n", "secrets/d/s")
    assert not graph.is_related("m", "secrets/d/s")
    graph.seen("pods/d/q", None)
    assert not graph.is_related("n", "secrets/d/s")
    assert not graph.is_related("n", "pods/d/q")


def test_a_pod_that_is_bound_elsewhere_takes_its_secrets_along():
    """A pod of the same name on another node; unbound, nobody has to do with it."""
    graph = Graph()
    graph.seen("pods/d/p", pod(None, "s"))
    assert not graph.is_related("n", "secrets/d/s")
    graph.seen("pods/d/p", pod("n", "s"))
    graph.seen("pods/d/p", pod("m", "s"))
    assert [graph.is_related(node, "secrets/d/s") for node in ("n", "m")] == [False, True]


def test_a_mirror_pod_gives_its_node_nothing():
    """The node makes it itself."""
    graph = Graph()
    graph.seen("pods/d/p", pod("n", "s", annotations={"kubernetes.io/config.mirror": "x"}))
    assert graph.is_related("n", "pods/d/p")
    assert not graph.is_related("n", "secrets/d/s")


def test_a_volume_that_is_released_takes_its_secrets_along():
    """It is bound to a claim that a pod names, then to none."""
    claiming = {
        "metadata": {"name": "p", "namespace": "d"},
        "spec": {"nodeName": "n", "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
    }
    volume: dict[str, Any] = {
        "spec": {"rbd": {"secretRef": {"name": "s"}}, "claimRef": {"namespace": "d", "name": "c"}}
    }
    graph = Graph()
    graph.seen("persistentvolumes/v", json.dumps(volume).encode())
    assert not graph.is_related("n", "persistentvolumes/v")
    graph.seen("pods/d/p", json.dumps(claiming).encode())
    assert graph.is_related("n", "persistentvolumes/v")
    assert graph.is_related("n", "secrets/d/s")
    del volume["spec"]["claimRef"]
    graph.seen("persistentvolumes/v", json.dumps(volume).encode())
    assert not graph.is_related("n", "persistentvolumes/v")
    assert not graph.is_related("n", "secrets/d/s")
