"""PUT and PATCH: rows M4-M10, M13, M16-M18 of docs/semantics.md."""

from __future__ import annotations

import pytest
import trio

from tests.registry.scene import Client, config_map, deployment, pod, refused

LOCKED = "the object has been modified; please apply your changes to the latest version and try again"


async def test_a_pod_keeps_its_quality_of_service(client: Client):
    """M17: a status that leaves the class out does not take it away; one that has another says it."""
    made = await client.create("v1/pods", pod("p"))
    assert made["status"]["qosClass"] == "BestEffort"
    changed = await client.put("v1/pods", {**made, "status": {"phase": "Running"}}, subresource="status")
    assert changed["status"] == {"phase": "Running", "qosClass": "BestEffort"}


async def test_a_stale_revision_is_a_conflict(client: Client):
    """M4: an old or a future revision is 409, "0" and none are unconditional, a malformed one is 500."""
    made = await client.create("v1/configmaps", config_map("a"))
    for revision in ("1", "999999"):
        error = await refused(client.put("v1/configmaps", config_map("a", resourceVersion=revision)), 409)
        assert error.message == f'Operation cannot be fulfilled on configmaps "a": {LOCKED}'
    error = await refused(client.put("v1/configmaps", config_map("a", resourceVersion="abc")), 500)
    assert error.message == 'strconv.ParseUint: parsing "abc": invalid syntax'
    await client.put("v1/configmaps", config_map("a", resourceVersion="0"))
    revision = made["metadata"]["resourceVersion"]
    await client.put("v1/configmaps", {**config_map("a", resourceVersion=revision), "data": {"k": "2"}})


async def test_some_kinds_must_state_the_revision(client: Client):
    """M5: a lease is not updated without one; the plural is named."""
    await client.create("coordination.k8s.io/v1/leases", {"metadata": {"name": "l"}})
    error = await refused(client.put("coordination.k8s.io/v1/leases", {"metadata": {"name": "l"}}), 422)
    assert error.message == (
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )
    assert error.details["kind"] == "leases"


async def test_a_put_to_nothing_is_404_or_a_creation(client: Client):
    """M6: the kinds that allow it are created, 201, whatever revision the body has."""
    await refused(client.put("v1/configmaps", config_map("a", resourceVersion="7")), 404)
    call = client.call("coordination.k8s.io/v1/leases", "default", "l")
    outcome = await client.registry.update(call, {"metadata": {"name": "l", "resourceVersion": "7"}})
    assert outcome.status == 201
    assert client.exists("coordination.k8s.io/v1/leases", "l")


async def test_names_must_be_those_of_the_path(client: Client):
    """M7: other names are 400, no name cannot be determined, another uid is 409 in the storage's words."""
    made = await client.create("v1/configmaps", config_map("a"))
    error = await refused(client.put("v1/configmaps", config_map("b"), name="a"), 400)
    assert error.message == "the name of the object (b) does not match the name on the URL (a)"
    error = await refused(client.put("v1/configmaps", {"metadata": {}}, name="a"), 400)
    assert (
        error.message == "the name of the object (a based on URL) was undeterminable: name must be provided"
    )
    error = await refused(client.put("v1/configmaps", config_map("a", uid="zz")), 409)
    uid = made["metadata"]["uid"]
    assert error.message.endswith(f"Precondition failed: UID in precondition: zz, UID in object meta: {uid}")


async def test_the_generation_of_a_priority_class_stays(client: Client):
    """M16: it is 1 for ever, whatever of it changes."""
    path = "scheduling.k8s.io/v1/priorityclasses"
    await client.create(path, {"metadata": {"name": "c"}, "value": 5}, "")
    changed = await client.patch(path, "c", {"description": "x"}, namespace="")
    assert changed["metadata"]["generation"] == 1


async def test_a_job_is_not_replaced_by_what_it_was_made_from(client: Client):
    """The selector and the labels that it was given are missed; each check is made twice."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    manifest = {"metadata": {"name": "j"}, "spec": {"template": template}}
    made = await client.create("batch/v1/jobs", manifest)
    error = await refused(client.put("batch/v1/jobs", manifest), 422)
    missed = ["spec.selector", "spec.template.metadata.labels"]
    assert [cause["field"] for cause in error.details["causes"]] == [
        *missed, *missed, "spec.selector", "spec.template",
    ]  # fmt: skip
    made["spec"]["parallelism"] = 3
    assert (await client.put("batch/v1/jobs", made))["spec"]["parallelism"] == 3


async def test_a_driver_has_a_generation_once_it_changes(client: Client):
    """M16: none when it is made, then one more for each change of its spec."""
    path = "storage.k8s.io/v1/csidrivers"
    made = await client.create(path, {"metadata": {"name": "d"}, "spec": {}}, "")
    assert "generation" not in made["metadata"]
    for mounts, generation in ((True, 1), (True, 1), (False, 2)):
        changed = await client.patch(path, "d", {"spec": {"podInfoOnMount": mounts}}, namespace="")
        assert changed["metadata"]["generation"] == generation


async def test_a_patch_cannot_change_the_uid(client: Client):
    """M7: 422, the cause listed twice."""
    await client.create("v1/configmaps", config_map("a"))
    error = await refused(client.patch("v1/configmaps", "a", {"metadata": {"uid": "zz"}}), 422)
    assert error.message == 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "zz": field is immutable'
    assert len(error.details["causes"]) == 2


async def test_unchanged_documents_are_not_written(client: Client):
    """M10: the same revision and no event, whatever the order of keys, with PUT and every patch."""
    made = await client.create("v1/pods", pod("p"))
    count = len(client.events)
    shuffled = {name: made[name] for name in reversed(made)}
    assert await client.put("v1/pods", shuffled) == made
    assert await client.put("v1/pods", pod("p")) | {"spec": 0} == made | {"spec": 0}
    assert await client.patch("v1/pods", "p", {}) == made
    assert await client.patch("v1/pods", "p", {"metadata": {"generation": 9, "selfLink": "x"}}) == made
    assert await client.patch("v1/pods", "p", [], kind="json") == made
    assert (
        await client.patch("v1/pods", "p", {"spec": {"containers": [{"name": "c"}]}}, kind="strategic-merge")
        == made
    )
    assert len(client.events) == count


async def test_racing_patches_all_succeed(client: Client):
    """M9: fifty writers of one object without a revision, none is refused and none is lost."""
    await client.create("v1/configmaps", config_map("a"))
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(client.patch, "v1/configmaps", "a", {"data": {f"k{number}": "1"}})
    assert len(client.get("v1/configmaps", "a")["data"]) == 51


async def test_a_revision_in_a_patch_is_a_precondition(client: Client):
    """M9: 409 when it is not the stored one."""
    await client.create("v1/configmaps", config_map("a"))
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"x": "y"}}
    error = await refused(client.patch("v1/configmaps", "a", patch), 409)
    assert LOCKED in error.message


@pytest.mark.parametrize(
    ("kind", "body", "code", "message"),
    [
        ("merge", b'{"a":5', 400, "error decoding patch: unexpected end of JSON input"),
        ("strategic-merge", b'{"a":5', 400, "unexpected end of JSON input"),
        ("merge", b"[]", 400, "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("json", b"{}", 400, "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ("json", b'[{"op":"test","path":"/data/k","value":"9"}]', 422, "the server rejected our request due to an error in our request"),
        ("merge", b'{"metadata":{"name":"zz"}}', 400, "the name of the object (zz) does not match the name on the URL (a)"),
        ("foo", b"{}", 415, "415: Unsupported Media Type"),
    ],
)  # fmt: skip
async def test_bad_patches(client: Client, kind: str, body: bytes, code: int, message: str):
    """M8: what cannot be read is 400, what does not apply 422, what is no patch type 415."""
    await client.create("v1/configmaps", config_map("a"))
    assert (await refused(client.patch("v1/configmaps", "a", body, kind=kind), code)).message == message


async def test_a_patch_to_a_wrong_type_quotes_the_result(client: Client):
    """M8: 422 with empty kind and name, the cause on the field `patch`."""
    await client.create("v1/configmaps", config_map("a"))
    error = await refused(client.patch("v1/configmaps", "a", {"data": 5}), 422)
    assert error.message.startswith(
        ' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"v1\\",\\"data\\":5,'
    )
    assert error.message.endswith(
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string"
    )
    error = await refused(
        client.patch("v1/configmaps", "a", {"bogus": 5}, kind="strategic-merge", field_validation="Strict"),
        422,
    )
    assert (
        error.message
        == ' "" is invalid: patch: Invalid value: "map[bogus:5]": strict decoding error: unknown field "bogus"'
    )


async def test_generation_counts_what_the_kind_says(client: Client):
    """M16: spec and annotations of a deployment, not labels, not status; scale too."""
    await client.create("apps/v1/deployments", deployment("d"))
    steps = [
        ({"metadata": {"labels": {"x": "y"}}}, "", 1),
        ({"metadata": {"annotations": {"x": "y"}}}, "", 2),
        ({"spec": {"replicas": 3}}, "", 3),
        ({"status": {"replicas": 3}}, "status", 3),
        ({"status": {"replicas": 3}}, "", 3),
        ({"spec": {"replicas": 4}}, "scale", 4),
    ]
    for patch, subresource, expected in steps:
        await client.patch("apps/v1/deployments", "d", patch, subresource=subresource)
        assert client.get("apps/v1/deployments", "d")["metadata"]["generation"] == expected


async def test_status_and_the_rest_are_apart(client: Client):
    """M17: the main path keeps the status, /status keeps the spec and the metadata that the kind keeps."""
    await client.create("apps/v1/deployments", deployment("d"))
    sent = {
        "metadata": {"labels": {"x": "y"}, "annotations": {"q": "r"}, "finalizers": ["e.com/f"]},
        "spec": {"replicas": 9},
        "status": {"replicas": 1},
    }
    made = await client.patch("apps/v1/deployments", "d", sent, subresource="status")
    assert made["spec"]["replicas"] == 1
    assert made["status"] == {"replicas": 1}
    assert "labels" not in made["metadata"]
    assert made["metadata"]["annotations"] == {"q": "r"}
    assert made["metadata"]["finalizers"] == ["e.com/f"]
    made = await client.patch("apps/v1/deployments", "d", {"status": {"replicas": 7}})
    assert made["status"] == {"replicas": 1}


async def test_system_metadata_is_restored_or_refused(client: Client):
    """M18: another creation time is restored, a deletion time is 422."""
    made = await client.create("v1/configmaps", config_map("a"))
    assert (
        await client.patch("v1/configmaps", "a", {"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}})
        == made
    )
    patch = {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}
    error = await refused(client.patch("v1/configmaps", "a", patch), 422)
    assert "metadata.deletionTimestamp" in error.message


async def test_a_dry_run_of_an_update_answers_the_stored_revision(client: Client):
    """M19: the changed document, the old revision, no event."""
    made = await client.create("v1/configmaps", config_map("a"))
    count = len(client.events)
    shown = await client.patch("v1/configmaps", "a", {"data": {"new": "1"}}, dry_run=True)
    assert shown["data"] == {"k": "v", "new": "1"}
    assert shown["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert len(client.events) == count


async def test_versions_of_one_object(client: Client):
    """A HorizontalPodAutoscaler written as v2 is read, listed and patched as v1, and the other way round."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    sent = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}
    await client.create("autoscaling/v2/horizontalpodautoscalers", sent)
    seen = client.get("autoscaling/v1/horizontalpodautoscalers", "h")
    assert seen["apiVersion"] == "autoscaling/v1"
    assert seen["spec"]["targetCPUUtilizationPercentage"] == 80
    await client.patch(
        "autoscaling/v1/horizontalpodautoscalers", "h", {"spec": {"targetCPUUtilizationPercentage": 50}}
    )
    metrics = client.get("autoscaling/v2/horizontalpodautoscalers", "h")["spec"]["metrics"]
    assert metrics[0]["resource"]["target"]["averageUtilization"] == 50
    assert len(await client.list("autoscaling/v1/horizontalpodautoscalers")) == 1
