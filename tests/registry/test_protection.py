"""Claims and volumes that end wait for what uses them, and no longer."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from tests.registry.conftest import Restart
from tests.registry.scene import Client, Document, pod
from watchcache.registry.protection import uses

CLAIMS, VOLUMES, PODS = "v1/persistentvolumeclaims", "v1/persistentvolumes", "v1/pods"
CLASSES = "storage.k8s.io/v1/volumeattributesclasses"


def claim(name: str, **metadata: Any) -> Document:
    """A claim of a gigabyte."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name, **metadata}, "spec": spec}


def volume(name: str, **spec: Any) -> Document:
    """A volume on a host's disk."""
    source = {"hostPath": {"path": "/data"}, "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    return {"metadata": {"name": name}, "spec": {**source, **spec}}


def with_claim(name: str, claim: str, **spec: Any) -> Document:
    """A pod that mounts a claim."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return pod(name, volumes=volumes, **spec)


async def test_an_unused_claim_goes(client: Client, autojump_clock: MockClock):
    """Deleting a claim that no pod uses removes it without kube-controller-manager."""
    await client.create(CLAIMS, claim("a"))
    assert (await client.delete(CLAIMS, "a"))["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await trio.sleep(2)
    assert not client.exists(CLAIMS, "a")


async def test_a_pod_on_a_node_keeps_its_claim(client: Client, autojump_clock: MockClock):
    """A claim in use stays, marked, until the pod is gone."""
    await client.create(CLAIMS, claim("a"))
    await client.create(PODS, with_claim("p", "a", nodeName="n"))
    await client.delete(CLAIMS, "a")
    await trio.sleep(10)
    assert client.get(CLAIMS, "a")["metadata"]["deletionTimestamp"]
    await client.delete(PODS, "p", grace_period_seconds=0)
    await trio.sleep(2)
    assert not client.exists(CLAIMS, "a")


async def test_a_pod_without_a_node_does_not(client: Client, autojump_clock: MockClock):
    """No kubelet has seen the pod: it does not use the claim."""
    await client.create(CLAIMS, claim("a"))
    await client.create(PODS, with_claim("p", "a"))
    await client.delete(CLAIMS, "a")
    await trio.sleep(2)
    assert not client.exists(CLAIMS, "a")


async def test_a_class_of_attributes_waits_for_who_names_it(client: Client, autojump_clock: MockClock):
    """A claim that names it, and a volume, each until it is gone or names another."""
    made = {"metadata": {"name": "gold"}, "driverName": "d.io", "parameters": {"a": "b"}}
    held = await client.create(CLASSES, made, "")
    assert held["metadata"]["finalizers"] == ["kubernetes.io/vac-protection"]
    await client.create(
        CLAIMS, claim("a") | {"spec": {**claim("a")["spec"], "volumeAttributesClassName": "gold"}}
    )
    source = {"driver": "d.io", "volumeHandle": "h"}
    described = {"hostPath": None, "csi": source, "volumeAttributesClassName": "gold"}
    await client.create(VOLUMES, volume("v", **described), "")
    await client.delete(CLASSES, "gold", "")
    await client.delete(CLAIMS, "a")
    await trio.sleep(10)
    assert not client.exists(CLAIMS, "a")
    assert client.exists(CLASSES, "gold", "")
    await client.patch(VOLUMES, "v", {"spec": {"volumeAttributesClassName": "silver"}}, namespace="")
    await trio.sleep(2)
    assert not client.exists(CLASSES, "gold", "")


async def test_other_finalizers_stay(client: Client, autojump_clock: MockClock):
    """Only the protecting finalizer is taken."""
    await client.create(CLAIMS, claim("a", finalizers=["example.com/mine"]))
    await client.delete(CLAIMS, "a")
    await trio.sleep(10)
    assert client.get(CLAIMS, "a")["metadata"]["finalizers"] == ["example.com/mine"]


async def test_a_bound_volume_waits_for_its_claim(client: Client, autojump_clock: MockClock):
    """A volume is let go of when the claim it is bound to has gone."""
    await client.create(CLAIMS, claim("a"))
    bound = await client.create(VOLUMES, volume("v", claimRef={"namespace": "default", "name": "a"}), "")
    await client.put(VOLUMES, {**bound, "status": {"phase": "Bound"}}, namespace="", subresource="status")
    await client.delete(VOLUMES, "v", "")
    await trio.sleep(10)
    assert client.exists(VOLUMES, "v", "")
    await client.delete(CLAIMS, "a")
    await trio.sleep(4)
    assert not client.exists(VOLUMES, "v", "")


async def test_a_namespace_with_a_claim_ends(client: Client, autojump_clock: MockClock):
    """What is in the namespace is let go of, and it ends by itself."""
    await client.create("v1/namespaces", {"metadata": {"name": "shop"}}, "")
    await client.create(CLAIMS, claim("a"), "shop")
    await client.create(PODS, with_claim("p", "a", nodeName="gone"), "shop")
    await client.delete("v1/namespaces", "shop", "")
    await trio.sleep(10)
    assert not client.exists("v1/namespaces", "shop", "")


async def test_what_was_ending_ends_after_a_restart(
    client: Client, autojump_clock: MockClock, restarted: Restart
):
    """A server that finds a claim marked lets go of it."""
    await client.create(CLAIMS, claim("a"))
    await client.delete(CLAIMS, "a")
    again = await restarted()
    await trio.sleep(10)
    assert not again.exists(CLAIMS, "a")


def test_an_ephemeral_volume_uses_the_claim_that_its_pod_controls():
    """Name and owner must fit: another's claim of that name is not used."""
    pod = (
        b'{"metadata":{"name":"p","uid":"1"},"spec":{"nodeName":"n","volumes":[{"name":"v","ephemeral":{}}]}}'
    )
    assert uses(pod, "p-v", {"1"})
    assert not uses(pod, "p-v", {"2"})
    assert not uses(pod, "p-w", {"1"})
