"""POST: rows M1-M3, M16-M19 and M22 of docs/semantics.md."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from tests.registry.scene import Client, Document, config_map, deployment, pod, refused


async def test_a_new_object_gets_uid_time_and_revision(autojump_clock: MockClock, client: Client):
    """The server's own metadata is set, the data kept."""
    made = await client.create("v1/configmaps", config_map("a"))
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"].startswith("2027-01-15T08:00")
    assert int(made["metadata"]["resourceVersion"]) == client.log.revision
    assert made["data"] == {"k": "v"}
    assert client.get("v1/configmaps", "a") == made


async def test_a_taken_name_is_a_conflict(client: Client):
    """M1: 409 AlreadyExists, with dryRun too."""
    await client.create("v1/configmaps", config_map("a"))
    for dry_run in (False, True):
        error = await refused(client.create("v1/configmaps", config_map("a"), dry_run=dry_run), 409)
        assert error.message == 'configmaps "a" already exists'
        assert error.details == {"name": "a", "kind": "configmaps"}


async def test_a_gated_pod_says_why_it_is_not_scheduled(client: Client):
    """`kubectl get pods` prints SchedulingGated; another pod has no conditions yet."""
    gated = pod("p")
    gated["spec"]["schedulingGates"] = [{"name": "example.com/held"}]
    made = await client.create("v1/pods", gated)
    condition = made["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "PodScheduled",
        "False",
        "SchedulingGated",
    )
    assert condition["lastTransitionTime"] == made["metadata"]["creationTimestamp"]
    assert "conditions" not in (await client.create("v1/pods", pod("q")))["status"]


async def test_a_name_that_is_being_given_up_is_taken_still(client: Client):
    """The 409 says why it cannot be had yet."""
    await client.create("v1/configmaps", config_map("a", finalizers=["example.com/held"]))
    await client.delete("v1/configmaps", "a")
    error = await refused(client.create("v1/configmaps", config_map("a")), 409)
    assert error.message == 'object is being deleted: configmaps "a" already exists'


async def test_a_taken_name_beside_one_to_be_made(client: Client):
    """M1: who sends a name and also wants one made is told that none was."""
    await client.create("v1/configmaps", config_map("a"))
    error = await refused(client.create("v1/configmaps", config_map("a", generateName="a-")), 409)
    assert error.message == (
        'configmaps "a" already exists, the server was not able to generate a unique name for the object'
    )
    assert error.details == {"name": "a", "kind": "configmaps", "retryAfterSeconds": 1}


async def test_a_name_that_is_taken_by_what_speaks_of_deletion(client: Client):
    """Data that has a deletion's words in it does not end."""
    await client.create("v1/configmaps", {"metadata": {"name": "a"}, "data": {"deletionTimestamp": "x"}})
    error = await refused(client.create("v1/configmaps", config_map("a")), 409)
    assert error.message == 'configmaps "a" already exists'


async def test_a_revision_in_a_new_object_is_refused_if_it_is_one(client: Client):
    """M2: 500 for a number, ignored when 0 or no number."""
    error = await refused(client.create("v1/configmaps", config_map("a", resourceVersion="5")), 500)
    assert (error.reason, error.message) == ("", "resourceVersion should not be set on objects to be created")
    await client.create("v1/configmaps", config_map("b", resourceVersion="0"))
    await client.create("v1/configmaps", config_map("c", resourceVersion="abc"))


async def test_generate_name_makes_a_name(client: Client):
    """M3: five letters behind the base; a name wins; neither is 422."""
    made = await client.create("v1/configmaps", {"metadata": {"generateName": "gen-"}})
    assert len(made["metadata"]["name"]) == len("gen-") + 5
    both = await client.create("v1/configmaps", {"metadata": {"generateName": "gen-", "name": "mine"}})
    assert both["metadata"]["name"] == "mine"
    error = await refused(client.create("v1/configmaps", {"metadata": {}}), 422)
    assert "name or generateName is required" in error.message


async def test_what_only_the_server_sets_is_dropped(client: Client):
    """M18: uid, times and managedFields of the client are replaced or dropped, generation is kept where unmanaged."""
    sent = config_map(
        "a",
        uid="x",
        creationTimestamp="2020-01-01T00:00:00Z",
        selfLink="/x",
        generation=5,
        managedFields=[{}],
    )
    metadata = (await client.create("v1/configmaps", sent))["metadata"]
    assert metadata["uid"] != "x"
    assert not metadata["creationTimestamp"].startswith("2020")
    assert metadata["generation"] == 5
    assert not {"selfLink", "managedFields"} & metadata.keys()


async def test_dry_run_stores_nothing(client: Client):
    """M19: uid and time but no resourceVersion, no revision used."""
    before = client.log.revision
    made = await client.create("v1/configmaps", config_map("a"), dry_run=True)
    assert "resourceVersion" not in made["metadata"]
    assert made["metadata"]["uid"]
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert client.log.revision == before
    assert not client.exists("v1/configmaps", "a")


async def test_the_clients_status_is_dropped(client: Client):
    """M17: a deployment begins with an empty status, a pod pending, at generation 1."""
    made = await client.create("apps/v1/deployments", {**deployment("d"), "status": {"replicas": 4}})
    assert made["status"] == {}
    assert made["metadata"]["generation"] == 1
    born = await client.create("v1/pods", {**pod("p"), "status": {"phase": "Running"}})
    assert born["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_nothing_is_created_in_an_absent_namespace(client: Client):
    """M22: 404 for the namespace."""
    error = await refused(client.create("v1/configmaps", config_map("a"), namespace="nowhere"), 404)
    assert error.message == 'namespaces "nowhere" not found'


async def test_nothing_is_created_in_a_terminating_namespace(client: Client):
    """M22: 403 with its cause; updates are allowed."""
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")
    await client.create("v1/configmaps", config_map("held", finalizers=["e.com/f"]), namespace="x")
    await client.delete("v1/namespaces", "x", namespace="")
    error = await refused(client.create("v1/configmaps", config_map("late"), namespace="x"), 403)
    assert error.message == (
        'configmaps "late" is forbidden: unable to create new content in namespace x because it is being terminated'
    )
    assert error.details["causes"][0]["reason"] == "NamespaceTerminating"
    await client.patch("v1/configmaps", "held", {"data": {"new": "1"}}, namespace="x")


async def test_kind_version_and_namespace_must_be_those_of_the_path(client: Client):
    """M7, golden 57 and 64: other kinds and namespaces are 400, missing ones are filled in."""
    wrong = {"kind": "ConfigMap", "apiVersion": "v1", **pod("p")}
    error = await refused(client.create("v1/pods", wrong), 400)
    assert error.message == (
        'ConfigMap in version "v1" cannot be handled as a Pod: '
        "converting (v1.ConfigMap) to (core.Pod): unknown conversion"
    )
    error = await refused(client.create("v1/configmaps", {"kind": "Nope", "apiVersion": "nope/v1"}), 400)
    assert 'no kind "Nope" is registered for version "nope/v1"' in error.message
    error = await refused(client.create("v1/configmaps", config_map("a", namespace="other")), 400)
    assert "does not match the namespace sent on the request" in error.message


async def test_unknown_fields_follow_the_field_validation(client: Client):
    """M21: refused when strict, warned of by default, silent when ignored."""
    sent = {**config_map("a"), "bogus": 1}
    error = await refused(client.create("v1/configmaps", sent, field_validation="Strict"), 400)
    assert error.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"'
    )
    for validation, expected in (("Warn", ['unknown field "bogus"']), ("Ignore", [])):
        call = client.call("v1/configmaps", "default", field_validation=validation, dry_run=True)
        await client.registry.create(call, sent)
        assert call.warnings == expected


async def test_a_wrong_type_is_a_bad_request(client: Client):
    """A type mismatch is worded as Go's decoder words it."""
    error = await refused(client.create("v1/configmaps", {"metadata": {"name": "a"}, "data": 5}), 400)
    assert error.message.startswith(
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number'
    )


async def test_secrets_merge_their_string_data(client: Client):
    """StringData is written into data, encoded (golden 10)."""
    made = await client.create("v1/secrets", {"metadata": {"name": "s"}, "stringData": {"p": "w"}})
    assert made["data"] == {"p": "dw=="}
    assert "stringData" not in made


async def test_a_service_account_names_its_secrets(client: Client):
    """Of a reference only the name is kept: they are of its own namespace."""
    secrets = [{"name": "s", "namespace": "other", "kind": "Secret"}]
    made = await client.create("v1/serviceaccounts", {"metadata": {"name": "a"}, "secrets": secrets})
    assert made["secrets"] == [{"name": "s"}]


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ({"dataSource": {"kind": "Bogus", "name": "a"}}, set()),
        ({"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "n"}}, set()),
        ({"dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}}, {"dataSource", "dataSourceRef"}),
    ],
)
async def test_a_claim_says_what_it_can_come_from(client: Client, spec: Document, kept: set[str]):
    """A source of a kind that cannot be one, or of another namespace, is dropped without a word."""
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "c"}, "spec": {**asked, **spec}}
    made = await client.create("v1/persistentvolumeclaims", claim)
    assert {"dataSource", "dataSourceRef"} & made["spec"].keys() == kept


async def test_a_set_names_what_its_claims_come_from_once(client: Client):
    """Only a claim itself says it in two fields."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    source = {"kind": "X", "apiGroup": "g.io", "name": "a"}
    labels = {"a": "b"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
        "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {**claim, "dataSource": source}}],
    }
    made = await client.create("apps/v1/statefulsets", {"metadata": {"name": "s"}, "spec": spec})
    kept = made["spec"]["volumeClaimTemplates"][0]["spec"]
    assert kept["dataSource"] == source
    assert "dataSourceRef" not in kept


@pytest.mark.parametrize(
    ("path", "part", "value", "kept"),
    [
        ("coordination.k8s.io/v1/leases", "spec", {"strategy": "a/b", "preferredHolder": "x"}, {}),
        ("coordination.k8s.io/v1/leases", "spec", {"strategy": "a/b", "holderIdentity": "x"}, {"holderIdentity": "x"}),
        ("v1/nodes", "spec", {"configSource": {"configMap": {"name": "x"}}, "providerID": "p"}, {"providerID": "p"}),
        ("v1/nodes", "status", {"config": {"error": "x"}, "phase": "Running"}, {"phase": "Running"}),
    ],
)  # fmt: skip
async def test_fields_that_nobody_uses_are_dropped(
    client: Client, path: str, part: str, value: Document, kept: Document
):
    """Those of releases before and after this one, when an object is made and when it is changed."""
    namespace = "default" if client.call(path).resource.namespaced else ""
    bare = await client.create(path, {"metadata": {"name": "bare"}}, namespace)
    made = await client.create(path, {"metadata": {"name": "a"}, part: value}, namespace)
    subresource = "status" if part == "status" else ""
    changed = await client.put(path, {**bare, part: value}, namespace=namespace, subresource=subresource)
    for found in (made, changed):
        assert (found.get(part) or {}).items() >= kept.items()
        assert not (value.keys() - kept.keys()) & (found.get(part) or {}).keys()


async def test_a_volume_of_an_attachment_gets_no_defaults(client: Client):
    """It says what it says; a volume of its own is kept, and a file system."""
    inline = {"accessModes": ["ReadWriteOnce"], "csi": {"driver": "d.io", "volumeHandle": "h"}}
    spec = {"attacher": "d.io", "nodeName": "n", "source": {"inlineVolumeSpec": inline}}
    path = "storage.k8s.io/v1/volumeattachments"
    made = await client.create(path, {"metadata": {"name": "a"}, "spec": spec}, "")
    assert made["spec"]["source"]["inlineVolumeSpec"] == inline
    volume = {**inline, "capacity": {"storage": "1Gi"}}
    made = await client.create("v1/persistentvolumes", {"metadata": {"name": "v"}, "spec": volume}, "")
    assert made["spec"] == {
        **volume,
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
    }


async def test_a_pod_gets_a_second_at_least(client: Client):
    """A negative grace period is one second."""
    made = await client.create("v1/pods", pod("p", terminationGracePeriodSeconds=-5))
    assert made["spec"]["terminationGracePeriodSeconds"] == 1


async def test_finalizers_without_a_domain(client: Client):
    """Most kinds refuse those that Kubernetes does not have; leases and a few others take them."""
    await refused(client.create("v1/configmaps", config_map("a", finalizers=["plain"])), 422)
    lease = {"metadata": {"name": "l", "finalizers": ["plain"]}}
    made = await client.create("coordination.k8s.io/v1/leases", lease)
    assert made["metadata"]["finalizers"] == ["plain"]


async def test_a_job_selects_its_pods_by_its_uid(client: Client):
    """A job without a selector of its own gets one, and labels (golden 27)."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    made = await client.create("batch/v1/jobs", {"metadata": {"name": "j"}, "spec": {"template": template}})
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"] == made["metadata"]["labels"]


async def test_one_priority_class_is_the_default(client: Client):
    """Neither a new class nor an old one becomes a second; the one that is may change."""
    path = "scheduling.k8s.io/v1/priorityclasses"
    text = "PriorityClass a is already marked as default. Only one default can exist"
    for name, default in (("a", True), ("b", False)):
        await client.create(path, {"metadata": {"name": name}, "value": 5, "globalDefault": default}, "")
    second = {"metadata": {"name": "c"}, "value": 5, "globalDefault": True}
    error = await refused(client.create(path, second, ""), 403)
    assert error.message == f'priorityclasses.scheduling.k8s.io "c" is forbidden: {text}'
    error = await refused(client.patch(path, "b", {"globalDefault": True}, namespace=""), 403)
    assert error.message == f'priorityclasses.scheduling.k8s.io "b" is forbidden: {text}'
    await client.patch(path, "a", {"description": "x"}, namespace="")


async def test_a_pod_gets_the_priority_of_its_class(client: Client):
    """The Priority plugin: the class's number, 0 without one, 403 for an unknown class."""
    made = await client.create("v1/pods", pod("p", priorityClassName="system-node-critical"))
    assert made["spec"]["priority"] == 2000001000
    assert (await client.create("v1/pods", pod("q")))["spec"]["priority"] == 0
    error = await refused(client.create("v1/pods", pod("r", priorityClassName="nope")), 403)
    assert error.message == 'pods "r" is forbidden: no PriorityClass with name nope was found'
