"""DELETE: rows M12-M15, M19 and M20 of docs/semantics.md."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from tests.registry.scene import Client, config_map, deployment, pod, refused
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError


async def test_a_plain_deletion_answers_a_status(client: Client):
    """M14: details with plural and uid, no code; the event carries the deletion's revision."""
    made = await client.create("apps/v1/deployments", deployment("d"))
    answer = await client.delete("apps/v1/deployments", "d")
    details = {"name": "d", "group": "apps", "kind": "deployments", "uid": made["metadata"]["uid"]}
    assert answer == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
    last = client.events[-1]
    assert last.deleted
    assert f'"resourceVersion":"{last.revision}"'.encode() in last.value
    await refused(client.delete("apps/v1/deployments", "d"), 404)


async def test_some_kinds_answer_the_object(client: Client):
    """M14: a service account, with the deletion's revision."""
    await client.create("v1/serviceaccounts", {"metadata": {"name": "s"}})
    answer = await client.delete("v1/serviceaccounts", "s")
    assert answer["kind"] == "ServiceAccount"
    assert int(answer["metadata"]["resourceVersion"]) == client.log.revision


@pytest.mark.parametrize(
    ("options", "what"), [({"uid": "bad"}, "UID"), ({"resource_version": "1"}, "ResourceVersion")]
)
async def test_preconditions(client: Client, options: dict[str, str], what: str):
    """M12: 409 naming both values and the kind."""
    await client.create("v1/configmaps", config_map("a"))
    error = await refused(client.delete("v1/configmaps", "a", **options), 409)
    assert error.message.startswith(
        f'Operation cannot be fulfilled on ConfigMap "a": the {what} in the precondition ('
    )
    assert error.details == {"name": "a", "kind": "ConfigMap"}
    assert client.exists("v1/configmaps", "a")


@pytest.mark.parametrize(
    ("options", "what"), [({"uid": "bad"}, "UID"), ({"resource_version": "1"}, "ResourceVersion")]
)
async def test_preconditions_of_a_namespace(client: Client, options: dict[str, str], what: str):
    """M12: its storage has words of its own, and names the plural."""
    await client.create("v1/namespaces", {"metadata": {"name": "n"}}, namespace="")
    error = await refused(client.delete("v1/namespaces", "n", namespace="", **options), 409)
    said = f"Precondition failed: {what} in precondition: {next(iter(options.values()))}, {what} in object meta: "
    assert error.message.startswith(f'Operation cannot be fulfilled on namespaces "n": {said}')
    assert error.details == {"name": "n", "kind": "namespaces"}


async def test_a_namespace_keeps_how_it_was_first_told_to_end(client: Client):
    """M13: without orphans it goes in the foreground, and later wishes change nothing while it is held."""
    await client.create("v1/namespaces", {"metadata": {"name": "n", "finalizers": ["e.com/f"]}}, namespace="")
    marked = await client.delete("v1/namespaces", "n", namespace="", orphan_dependents=False)
    assert marked["metadata"]["finalizers"] == ["e.com/f", "foregroundDeletion"]
    again = await client.delete("v1/namespaces", "n", namespace="", propagation_policy="Orphan")
    assert again["metadata"]["finalizers"] == ["e.com/f", "foregroundDeletion"]


async def test_finalizers_hold_an_object(client: Client):
    """M13: marked once, the same on every later DELETE, gone with the last finalizer, answered with the old revision."""
    await client.create("v1/configmaps", config_map("a", finalizers=["e.com/f"]))
    marked = await client.delete("v1/configmaps", "a")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert await client.delete("v1/configmaps", "a") == marked
    error = await refused(
        client.patch("v1/configmaps", "a", {"metadata": {"finalizers": ["e.com/f", "e.com/g"]}}), 422
    )
    assert "no new finalizers can be added if the object is being deleted" in error.message
    changed = await client.patch("v1/configmaps", "a", {"metadata": {"labels": {"a": "b"}}})
    freed = await client.patch("v1/configmaps", "a", {"metadata": {"finalizers": None}})
    assert freed["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    assert "finalizers" not in freed["metadata"]
    assert client.events[-1].deleted
    assert not client.exists("v1/configmaps", "a")


async def test_losing_finalizers_without_a_deletion_removes_nothing(client: Client):
    """M13."""
    await client.create("v1/configmaps", config_map("a", finalizers=["e.com/f"]))
    await client.patch("v1/configmaps", "a", {"metadata": {"finalizers": None}})
    assert client.exists("v1/configmaps", "a")


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_propagation_policies_hold_the_object(client: Client, policy: str, finalizer: str):
    """M13: even a config map waits for the garbage collector; Background lets go."""
    await client.create("v1/configmaps", config_map("a"))
    held = await client.delete("v1/configmaps", "a", propagation_policy=policy)
    assert held["metadata"]["finalizers"] == [finalizer]
    await client.delete("v1/configmaps", "a", propagation_policy="Background")
    assert not client.exists("v1/configmaps", "a")


async def test_the_code_is_202_for_an_unorphaned_object_that_stays(client: Client):
    """M14: orphanDependents=false and not deleted yet."""
    await client.create("v1/configmaps", config_map("a", finalizers=["e.com/f"]))
    call = client.call("v1/configmaps", "default", "a")
    assert (await client.registry.delete(call, DeleteOptions(orphan_dependents=False))).status == 202


async def test_jobs_orphan_by_default_and_say_so(client: Client):
    """M14: the finalizer and a warning; a policy silences it."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    await client.create("batch/v1/jobs", {"metadata": {"name": "j"}, "spec": {"template": template}})
    call = client.call("batch/v1/jobs", "default", "j")
    await client.registry.delete(call, DeleteOptions())
    assert call.warnings[0].startswith("child pods are preserved by default when jobs are deleted")
    made = client.get("batch/v1/jobs", "j")
    assert made["metadata"]["finalizers"] == ["orphan"]
    assert made["metadata"]["generation"] == 2


async def test_the_warning_of_jobs_is_about_the_request(client: Client):
    """M14: of a job that is not there, and once for a collection; only who says how does not hear it."""
    call = client.call("batch/v1/jobs", "default", "none")
    with pytest.raises(StatusError):
        await client.registry.delete(call, DeleteOptions())
    assert len(call.warnings) == 1
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    for name in ("a", "b"):
        await client.create("batch/v1/jobs", {"metadata": {"name": name}, "spec": {"template": template}})
    for options, warnings in ((DeleteOptions(), 1), (DeleteOptions(orphan_dependents=False), 0)):
        call = client.call("batch/v1/jobs", "default")
        await client.registry.delete_collection(call, ListOptions(), options)
        assert len(call.warnings) == warnings


async def test_a_pod_on_a_node_is_graceful(autojump_clock: MockClock, client: Client):
    """M15: the time lies ahead, only less grace changes it, 0 is two revisions."""
    await client.create("v1/pods", pod("p", nodeName="n1"))
    marked = await client.delete("v1/pods", "p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert marked["metadata"]["deletionTimestamp"].endswith(":30Z")
    assert marked["metadata"]["generation"] == 2
    for grace in (None, 60):
        assert await client.delete("v1/pods", "p", grace_period_seconds=grace) == marked
    shorter = await client.delete("v1/pods", "p", grace_period_seconds=-5)
    assert shorter["metadata"]["deletionTimestamp"].endswith(":01Z")
    before = client.log.revision
    gone = await client.delete("v1/pods", "p", grace_period_seconds=0)
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
    assert int(gone["metadata"]["resourceVersion"]) == client.log.revision == before + 2
    assert [event.deleted for event in client.events[-2:]] == [False, True]


@pytest.mark.parametrize("spec", [{}, {"nodeName": "n1", "terminationGracePeriodSeconds": 0}])
async def test_a_pod_nobody_has_to_stop_goes_at_once(client: Client, spec: dict[str, object]):
    """M15: unscheduled, or without grace; in two revisions all the same."""
    await client.create("v1/pods", pod("p", **spec))
    before = client.log.revision
    gone = await client.delete("v1/pods", "p")
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
    assert client.log.revision == before + 2
    assert not client.exists("v1/pods", "p")


async def test_a_finished_pod_goes_at_once(client: Client):
    """M15."""
    await client.create("v1/pods", pod("p", nodeName="n1"))
    await client.patch("v1/pods", "p", {"status": {"phase": "Succeeded"}}, subresource="status")
    await client.delete("v1/pods", "p")
    assert not client.exists("v1/pods", "p")


async def test_a_dry_run_deletes_nothing(client: Client):
    """M19: the answer of the real one."""
    await client.create("v1/configmaps", config_map("a"))
    answer = await client.delete("v1/configmaps", "a", dry_run=True)
    assert answer["status"] == "Success"
    assert client.exists("v1/configmaps", "a")


async def test_a_collection_is_answered_as_it_was(client: Client):
    """M20: the list as read, a page at a time, with the first refusal as the answer."""
    for name in "abcd":
        await client.create("v1/configmaps", config_map(name))
    listed = await client.delete_all("v1/configmaps", limit=1)
    assert len(listed.values) == 1
    assert listed.continue_token
    assert b"deletionTimestamp" not in listed.values[0]
    error = await refused(client.delete_all("v1/configmaps", uid="x"), 409)
    assert 'ConfigMap "b"' in error.message
    await client.delete_all("v1/configmaps")
    assert await client.names("v1/configmaps") == []
    assert (await client.delete_all("v1/configmaps", namespace="nowhere")).values == []


async def test_immortal_namespaces(client: Client):
    """The namespaces that a cluster needs are not deleted."""
    error = await refused(client.delete("v1/namespaces", "kube-system", namespace=""), 403)
    assert error.message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'
