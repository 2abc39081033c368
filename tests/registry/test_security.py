"""PodSecurity, as a kube-apiserver answered (tests/api/measured/security*.json): pods under each standard, and what else it looks at."""

from __future__ import annotations

from typing import Any

from tests.api.answers import answers
from tests.api.measured.security import STANDARDS, namespace_of, pod_of, secured
from tests.registry.conftest import Restart
from tests.registry.scene import Client, Document, pod, refused
from watchcache.admission.standards import Standard, warnings_about
from watchcache.api.status import StatusError


async def made(client: Client, name: str, labels: Document) -> None:
    """A namespace."""
    await client.create("v1/namespaces", {"metadata": {"name": name, "labels": labels}}, "")


async def test_standards(client: Client):
    """What each refuses, in its words."""
    for standard in STANDARDS:
        await made(client, *namespace_of(standard))
    different = []
    for noted, spec, container, told in answers("security"):
        found = {}
        for standard in STANDARDS:
            try:
                asked = pod_of(noted, spec, container)
                await client.create("v1/pods", asked, namespace_of(standard)[0], dry_run=True)
            except StatusError as error:
                found[standard] = error.message
        if found != told:
            different.append((noted, spec, container, found, told))
    assert not different


def answer(error: StatusError) -> list[Any]:
    """As the recordings have it."""
    causes = (error.details or {}).get("causes") or []
    told = [[each["reason"], each["message"], each.get("field", "")] for each in causes]
    return [error.code, error.reason, error.message, told]


async def test_requests(client: Client):
    """One after the other: labels of namespaces, pods that are there, what makes pods, and what changes them."""
    different = []
    for method, kind, place, target, body, refusal, told in answers("security_requests"):
        warnings: list[str] = []
        found: list[Any] | None = None
        name, _, subresource = target.partition("/")
        try:
            if method == "POST":
                await client.create(kind, body, place, warnings=warnings)
            else:
                await client.patch(
                    kind, name, body, namespace=place, subresource=subresource, warnings=warnings
                )
        except StatusError as error:
            found = answer(error)
        if (found, warnings) != (refusal, told):
            different.append((method, kind, target, body, found, refusal, warnings, told))
    assert not different


def test_of_very_many_pods_not_all_are_looked_at():
    """One of each controller is, before the others."""
    owned = {"ownerReferences": [{"uid": "u", "controller": True}]}
    pods = [{"metadata": {"name": f"a{number}", **owned}, "spec": {}} for number in range(3000)]
    pods.append({"metadata": {"name": "last"}, "spec": {"hostPID": True}})
    assert warnings_about("n", pods, Standard("baseline", 7)) == [
        "new PodSecurity enforce level only checked against the first 3000 of 3001 existing pods",
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:v1.7"',
        "last: host namespaces",
    ]


async def test_a_generated_name_is_the_refused_one(client: Client):
    """It is made before the pod is judged."""
    await made(client, "a", secured(enforce="restricted"))
    asked = {"metadata": {"generateName": "gen-"}, "spec": pod("x")["spec"]}
    error = await refused(client.create("v1/pods", asked, "a"), 403)
    name = (error.details or {})["name"]
    assert name != "gen-"
    assert name.startswith("gen-")
    assert error.message.startswith(f'pods "{name}" is forbidden: violates PodSecurity "restricted:latest": ')


async def test_what_a_namespace_enforces_outlives_a_restart_and_not_the_namespace(
    client: Client, restarted: Restart
):
    """It is read from what is stored, and goes with it or with its labels."""
    await made(client, "a", secured(enforce="baseline"))
    again = await restarted()
    asked = pod("x", hostNetwork=True)
    await refused(again.create("v1/pods", asked, "a"), 403)
    gone = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}
    await again.patch("v1/namespaces", "a", gone, namespace="")
    await again.create("v1/pods", asked, "a")
