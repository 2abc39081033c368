"""Certificate signing requests; compared with kube-apiserver 1.36.3."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.registry.scene import Client, Document, refused

PATH = "certificates.k8s.io/v1/certificatesigningrequests"
PEM = b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n").decode()
APPROVED = {"type": "Approved", "status": "True", "reason": "r"}


def request(**spec: Any) -> Document:
    """A request for a client's certificate."""
    asked = {"request": PEM, "signerName": "e.com/s", "usages": ["client auth"], **spec}
    return {"metadata": {"name": "t"}, "spec": asked}


async def put_conditions(client: Client, path: str, *conditions: Document) -> Document:
    """Write the conditions through a subresource."""
    patch = {"status": {"conditions": list(conditions)}}
    return await client.patch(PATH, "t", patch, namespace="", subresource=path)


async def test_who_asks_is_what_the_server_knows(client: Client):
    """Names and groups that are sent are replaced, a status is dropped, and the request never changes."""
    sent = request(username="evil", groups=["system:masters"], uid="0", extra={"a": ["b"]})
    made = await client.create(PATH, {**sent, "status": {"conditions": [APPROVED]}}, namespace="")
    known = {"username": "admin", "uid": "admin", "groups": ["system:masters", "system:authenticated"]}
    assert made["spec"] == {**request()["spec"], **known}
    assert made["status"] == {}
    changed = {**made, "spec": {**made["spec"], "username": "other", "signerName": "e.com/other"}}
    changed["metadata"]["labels"] = {"a": "b"}
    stored = await client.put(PATH, changed, namespace="")
    assert (stored["spec"], stored["metadata"]["labels"]) == (made["spec"], {"a": "b"})


async def test_an_approval_has_its_times_and_stays(client: Client):
    """Only /approval decides, once; /status adds conditions of its own and keeps decisions as they are."""
    await client.create(PATH, request(), namespace="")
    error = await refused(put_conditions(client, "status", APPROVED), 422)
    assert 'updates may not add a condition of type "Approved"' in error.message
    [approved] = (await put_conditions(client, "approval", APPROVED))["status"]["conditions"]
    assert approved["lastUpdateTime"] == approved["lastTransitionTime"] == "2027-01-15T08:00:00Z"
    other = {"type": "e.com/Other", "status": "False"}
    after = await put_conditions(client, "status", {**APPROVED, "reason": "changed"}, other)
    kept, added = after["status"]["conditions"]
    assert kept == approved
    assert added["lastTransitionTime"] == "2027-01-15T08:00:00Z"
    for path in ("approval", "status"):
        error = await refused(put_conditions(client, path), 422)
        assert 'updates may not remove a condition of type "Approved"' in error.message


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        (
            [APPROVED, {"type": "Denied", "status": "True"}],
            'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
        ),
        (
            [{"type": "Approved", "status": "False"}],
            'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
        ),
        ([{"type": "x"}], "status.conditions[0].status: Required value"),
    ],
)
async def test_conditions_that_contradict(client: Client, conditions: list[Document], problem: str):
    """422 in the words of kube-apiserver."""
    await client.create(PATH, request(), namespace="")
    error = await refused(put_conditions(client, "approval", *conditions), 422)
    assert error.message == f'CertificateSigningRequest.certificates.k8s.io "t" is invalid: {problem}'


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"request": b64encode(b"hello").decode()}, "spec.request"),
        ({"usages": []}, "spec.usages"),
        ({"usages": ["bogus"]}, "spec.usages[0]"),
        ({"usages": ["any", "any"]}, "spec.usages[1]"),
        ({"signerName": "s"}, "spec.signerName"),
        ({"expirationSeconds": 599}, "spec.expirationSeconds"),
    ],
)
async def test_what_cannot_be_asked_for(client: Client, spec: Document, field: str):
    """422 that names the field."""
    error = await refused(client.create(PATH, request(**spec), namespace=""), 422)
    assert [cause["field"] for cause in (error.details or {})["causes"]] == [field]
