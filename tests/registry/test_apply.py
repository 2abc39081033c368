"""Apply patches beside other writers, and when owners are kept: rows M8, M10, M23 and M24 of docs/semantics.md.

What an apply makes of an object and its owners is compared with a kube-apiserver in tests/apply.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.registry.scene import Client, config_map, deployment, pod, refused
from watchcache.registry import Outcome

MAPS = "v1/configmaps"


async def apply(client: Client, path: str, document: Any, manager: str = "one", **more: Any) -> Outcome:
    """An apply patch of a manager; `force` and the fields of a call may be given."""
    force = more.pop("force", False)
    call = client.call(path, "default", document["metadata"]["name"], field_manager=manager, **more)
    body = json.dumps(
        {"apiVersion": call.resource.api_version, "kind": call.resource.kind} | document
    ).encode()
    return await client.registry.patch(call, "application/apply-patch+yaml", body, force)


def owners(document: Any) -> set[tuple[str, str]]:
    """(manager, operation) of each entry."""
    return {(each["manager"], each["operation"]) for each in document["metadata"].get("managedFields", [])}


async def test_owners_are_kept_when_somebody_asks(client: Client):
    """M24: from a create that names a manager, else from the first apply."""
    named = await client.create(MAPS, config_map("a"), field_manager="maker", tracks=True)
    unnamed = await client.create(MAPS, config_map("b"), field_manager="agent")
    assert (owners(named), owners(unnamed)) == ({("maker", "Update")}, set())
    await client.patch(MAPS, "a", {"data": {"x": "y"}}, field_manager="agent")
    await client.patch(MAPS, "b", {"data": {"x": "y"}}, field_manager="agent", tracks=True)
    assert owners(client.get(MAPS, "a")) == {("maker", "Update"), ("agent", "Update")}
    assert owners(client.get(MAPS, "b")) == set()
    await apply(client, MAPS, {"metadata": {"name": "b"}, "data": {"z": "1"}})
    await client.patch(MAPS, "b", {"data": {"x": "z"}}, field_manager="agent")
    assert owners(client.get(MAPS, "b")) == {
        ("one", "Apply"),
        ("before-first-apply", "Update"),
        ("agent", "Update"),
    }


async def test_what_the_server_does_itself_nobody_owns(client: Client):
    """M24: a binding, a deletion and what admission adds leave the owners as they are."""
    await apply(client, "v1/pods", pod("p"))
    before = client.get("v1/pods", "p")["metadata"]["managedFields"]
    assert "f:tolerations" not in before[0]["fieldsV1"]["f:spec"]
    target = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await client.registry.create(client.call("v1/pods", "default", "p", "binding"), target)
    assert client.get("v1/pods", "p")["spec"]["nodeName"] == "n1"
    await client.delete("v1/pods", "p")
    assert client.get("v1/pods", "p")["metadata"]["managedFields"] == before


async def test_applying_again_is_no_event(autojump_clock: MockClock, client: Client):
    """M10: later, too, when the time in the owners would be another."""
    await apply(client, MAPS, config_map("a"))
    stored, count = client.get(MAPS, "a"), len(client.events)
    await trio.sleep(5)
    outcome = await apply(client, MAPS, config_map("a"))
    await client.put(MAPS, {**stored, "metadata": {"name": "a"}}, field_manager="other")
    assert outcome.status == 200
    assert client.get(MAPS, "a") == stored
    assert len(client.events) == count


async def test_many_apply_at_once_where_nothing_is(client: Client):
    """M23: one of them creates, and none is lost or refused."""
    statuses = []

    async def one(number: int) -> None:
        document = {"metadata": {"name": "a"}, "data": {f"k{number}": "x"}}
        statuses.append((await apply(client, MAPS, document, f"m{number}")).status)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(one, number)
    made = client.get(MAPS, "a")
    assert sorted(statuses) == [200] * 19 + [201]
    assert len(made["data"]) == len(owners(made)) == 20


async def test_appliers_beside_updaters_and_deletions(client: Client):
    """M9, M23: an apply is made again on what it finds, and creates what has just gone."""
    done = []

    async def applier(number: int) -> None:
        for turn in range(10):
            document = {"metadata": {"name": "a"}, "data": {f"k{number}": str(turn)}}
            done.append((await apply(client, MAPS, document, f"m{number}")).status)

    async def deleter() -> None:
        for _ in range(20):
            if client.exists(MAPS, "a"):
                await client.delete(MAPS, "a")
            await trio.lowlevel.checkpoint()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(applier, number)
            nursery.start_soon(deleter)
    assert len(done) == 40
    assert set(done) == {200, 201}
    for number in range(4):
        await applier(number)
    assert client.get(MAPS, "a")["data"] == {f"k{number}": "9" for number in range(4)}


async def test_a_revision_in_the_patch_is_a_condition(client: Client):
    """M23: 409 when another write came first."""
    await apply(client, MAPS, config_map("a"))
    revision = client.get(MAPS, "a")["metadata"]["resourceVersion"]
    await apply(client, MAPS, {"metadata": {"name": "a", "resourceVersion": revision}, "data": {"k": "w"}})
    stale = {"metadata": {"name": "a", "resourceVersion": revision}, "data": {"k": "x"}}
    error = await refused(apply(client, MAPS, stale), 409)
    assert "the object has been modified" in error.message


async def test_managed_fields_that_mean_nothing(client: Client):
    """M24: an object that is stored with such refuses to be applied to, as in kube-apiserver, and other writes drop them."""
    await client.create(MAPS, config_map("a"), field_manager="maker", tracks=True)
    stored = client.get(MAPS, "a")
    stored["metadata"]["managedFields"][0]["fieldsV1"] = {"k:nothing": {}}
    changed = await client.put(MAPS, stored)
    assert owners(changed) == {("maker", "Update")}  # those of the stored object stay


async def test_bodies_that_are_json_or_yaml(client: Client):
    """M8: both are read, and mean the same; what nests too deep is refused, and what is no JSON may be YAML."""

    async def send(body: str) -> Outcome:
        call = client.call("apps/v1/deployments", "default", "w", field_manager="one")
        return await client.registry.patch(call, "application/apply-patch+yaml", body.encode())

    document = deployment("w")
    document |= {"kind": "Deployment", "apiVersion": "apps/v1"}
    document["spec"]["replicas"] = 3.0
    assert (await send(json.dumps(document))).status == 201
    stored = client.get("apps/v1/deployments", "w")
    assert stored["spec"]["replicas"] == 3
    await send(f"# a comment\n{json.dumps(document)}")
    await send(json.dumps(document).replace('"', "'"))
    assert client.get("apps/v1/deployments", "w") == stored
    nested = '{"a":' * 5000 + "1" + "}" * 5000
    error = await refused(send(f'{{"apiVersion":"apps/v1","kind":"Deployment","spec":{nested}}}'), 400)
    assert "exceeded max depth" in error.message


@pytest.mark.parametrize("path", ["apps/v1/deployments", "apps/v1/statefulsets", "apps/v1/daemonsets"])
async def test_workloads_take_and_lose_fields(client: Client, path: str):
    """M23: what is stated no more goes back to its default."""
    document = deployment("w")
    document["spec"]["minReadySeconds"] = 5
    if path.endswith("statefulsets"):
        document["spec"]["serviceName"] = "s"
    await apply(client, path, document)
    del document["spec"]["minReadySeconds"]
    await apply(client, path, document)
    assert "minReadySeconds" not in client.get(path, "w")["spec"]
