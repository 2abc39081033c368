"""The class of a claim or an ingress that names none, and claims that grow. The texts are kube-apiserver's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.scene import Client, Document, refused

STORAGE, INGRESSES = "storage.k8s.io/v1/storageclasses", "networking.k8s.io/v1/ingressclasses"
CLAIMS = "v1/persistentvolumeclaims"
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}
DEFAULT_INGRESS = {"ingressclass.kubernetes.io/is-default-class": "true"}


async def storage_class(client: Client, name: str, annotations: Document | None = None, **more: Any) -> None:
    """A class of storage."""
    metadata = {"name": name, "annotations": annotations or {}}
    await client.create(STORAGE, {"metadata": metadata, "provisioner": "p.io/x", **more}, "")


def claim(name: str, annotations: Document | None = None, **spec: Any) -> Document:
    """A claim of one gigabyte."""
    size = {"requests": {"storage": "1Gi"}}
    metadata = {"name": name, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"accessModes": ["ReadWriteOnce"], "resources": size, **spec}}


def ingress(name: str, annotations: Document | None = None, **spec: Any) -> Document:
    """An ingress to a service."""
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    metadata = {"name": name, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"defaultBackend": backend, **spec}}


async def test_a_claim_gets_the_newest_default(client: Client):
    """None without a default; of several that are as new the first by name."""
    made = await client.create(CLAIMS, claim("before"))
    assert "storageClassName" not in made["spec"]
    await storage_class(client, "b", DEFAULT)
    await storage_class(client, "a", DEFAULT)
    await storage_class(client, "plain")
    made = await client.create(CLAIMS, claim("c"))
    assert made["spec"]["storageClassName"] == "a"


@pytest.mark.parametrize(
    ("annotations", "spec", "expected"),
    [
        ({}, {"storageClassName": "other"}, "other"),
        ({}, {"storageClassName": ""}, ""),
        ({"volume.beta.kubernetes.io/storage-class": "old"}, {}, None),
    ],
)
async def test_a_claim_keeps_what_it_names(
    client: Client, annotations: Document, spec: Document, expected: str | None
):
    """No class at all, and one in the old way, count as well."""
    await storage_class(client, "default", DEFAULT)
    made = await client.create(CLAIMS, claim("c", annotations, **spec))
    assert made["spec"].get("storageClassName") == expected


async def test_an_ingress_gets_the_default(client: Client):
    """Unless it names one, in either way."""
    path = "networking.k8s.io/v1/ingresses"
    spec = {"controller": "a.io/b"}
    made = {"metadata": {"name": "d", "annotations": DEFAULT_INGRESS}, "spec": spec}
    await client.create(INGRESSES, made, "")
    assert (await client.create(path, ingress("a")))["spec"]["ingressClassName"] == "d"
    named = await client.create(path, ingress("b", ingressClassName="other"))
    assert named["spec"]["ingressClassName"] == "other"
    annotated = await client.create(path, ingress("c", {"kubernetes.io/ingress.class": "x"}))
    assert "ingressClassName" not in annotated["spec"]


async def bound(client: Client, name: str, **spec: Any) -> None:
    """A claim that has its volume."""
    await client.create(CLAIMS, claim(name, **spec))
    state = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    await client.patch(CLAIMS, name, state, subresource="status")


GROWN = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}


async def test_a_claim_grows_when_its_class_lets_it(client: Client):
    """A bound one only."""
    await storage_class(client, "grows", allowVolumeExpansion=True)
    await storage_class(client, "stays")
    for name in ("grows", "stays", "none"):
        await bound(client, name, storageClassName=name)
    made = await client.patch(CLAIMS, "grows", GROWN)
    assert made["spec"]["resources"]["requests"]["storage"] == "2Gi"
    for name in ("stays", "none"):
        error = await refused(client.patch(CLAIMS, name, GROWN), 403)
        assert error.message.endswith(
            "is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
        )
    await client.create(CLAIMS, claim("pending", storageClassName="grows"))
    error = await refused(client.patch(CLAIMS, "pending", GROWN), 422)
    assert "spec is immutable after creation" in error.message
