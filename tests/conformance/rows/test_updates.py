"""PUT and status: rows M4 to M7, M10, M16 to M18 of the specification of writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rows.asking import Client, config_map, deployment, pod

LEASES = "coordination.k8s.io/v1:leases"
DEPLOYMENTS = "apps/v1:deployments"
STALE = "the object has been modified; please apply your changes to the latest version and try again"
UNCONDITIONAL_IS_REFUSED = [
    "coordination.k8s.io/v1:leases",
    "policy/v1:poddisruptionbudgets",
    "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
]
CREATED_BY_UPDATE: dict[str, dict[str, Any]] = {
    "coordination.k8s.io/v1:leases": {},
    "rbac.authorization.k8s.io/v1:roles": {},
    "rbac.authorization.k8s.io/v1:rolebindings": {"roleRef": {"kind": "Role", "name": "r"}},
    "/apis/rbac.authorization.k8s.io/v1/clusterroles": {},
    "/apis/node.k8s.io/v1/runtimeclasses": {"handler": "h"},
    "limitranges": {},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "endpoints": {},
}
NOT_CREATED_BY_UPDATE = ["configmaps", "secrets", "pods", DEPLOYMENTS, "/apis/storage.k8s.io/v1/csidrivers"]


def at(path: str, revision: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document, with a revision as precondition."""
    return {**document, "metadata": {**document["metadata"], "resourceVersion": revision}}


@pytest.mark.parametrize("revision", ["1", "99999999"])
def test_another_revision_is_a_conflict(ask: Client, revision: str):
    """M4: older or newer makes no difference."""
    ask.create("configmaps", config_map("x"))
    answer = ask("PUT", "configmaps/x", at("x", revision, config_map("x")))
    answer.says(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on configmaps "x": {STALE}',
        {"name": "x", "kind": "configmaps"},
    )


def test_the_revision_that_was_read_is_right_once(ask: Client):
    """M4: a second writer with the same one is late."""
    old = ask.create("configmaps", config_map("x"))
    assert ask("PUT", "configmaps/x", {**old, "data": {"a": "2"}}).status == 200
    assert ask("PUT", "configmaps/x", {**old, "data": {"a": "3"}}).status == 409


@pytest.mark.parametrize("revision", ["abc", "-1"])
def test_rubbish_is_no_revision(ask: Client, revision: str):
    """M4: 500 without a reason."""
    ask.create("configmaps", config_map("x"))
    answer = ask("PUT", "configmaps/x", at("x", revision, config_map("x")))
    assert (answer.status, answer.document.get("reason")) == (500, None)
    assert f'"{revision}"' in answer.message


@pytest.mark.parametrize("revision", ["0", ""])
def test_the_last_write_wins_without_a_revision(ask: Client, revision: str):
    """M4, M5: zero and none are no precondition."""
    ask.create("configmaps", config_map("x"))
    answer = ask("PUT", "configmaps/x", at("x", revision, config_map("x", {"a": "2"})))
    assert (answer.status, answer.document["data"]) == (200, {"a": "2"})


def test_some_kinds_want_a_revision(ask: Client):
    """M5: the 422 names the plural in its details."""
    ask.create(LEASES, {"metadata": {"name": "l"}})
    text = "Invalid value: 0: must be specified for an update"
    ask("PUT", f"{LEASES}/l", {"metadata": {"name": "l"}}).says(
        422,
        "Invalid",
        f'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: {text}',
        {
            "name": "l",
            "group": "coordination.k8s.io",
            "kind": "leases",
            "causes": [{"reason": "FieldValueInvalid", "message": text, "field": "metadata.resourceVersion"}],
        },
    )


@pytest.mark.parametrize("path", UNCONDITIONAL_IS_REFUSED)
def test_kinds_that_want_a_revision(ask: Client, path: str):
    """M5: the list of those that can be made without further ado."""
    name = f"{ask.namespace}-o"
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "spec": {
            "failurePolicy": "Fail",
            "validations": [{"expression": "true"}],
            "matchConstraints": {"resourceRules": [pods]},
        }
    }
    extra = spec if path.endswith("policies") else {"spec": {"drivers": []}} if path.endswith("nodes") else {}
    ask.create(path, {"metadata": {"name": name}, **extra})
    answer = ask("PUT", f"{path}/{name}", {"metadata": {"name": name}, **extra})
    assert answer.causes() == [
        ("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
    ]


@pytest.mark.parametrize("path", CREATED_BY_UPDATE)
def test_some_kinds_are_created_by_a_put(ask: Client, path: str):
    """M6: with or without a revision in the body."""
    name = f"{ask.namespace}-o"
    document = {"metadata": {"name": name, "resourceVersion": "5"}, **CREATED_BY_UPDATE[path]}
    assert ask("PUT", f"{path}/{name}", document).status == 201


@pytest.mark.parametrize("path", NOT_CREATED_BY_UPDATE)
def test_the_others_must_be_there(ask: Client, path: str):
    """M6: 404, whatever the body says of revisions."""
    for metadata in ({"name": "missing"}, {"name": "missing", "resourceVersion": "5"}):
        answer = ask("PUT", f"{path}/missing", {"metadata": metadata})
        assert (answer.status, answer.document["reason"]) == (404, "NotFound")
        assert answer.message.endswith('"missing" not found')


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (config_map("y"), "the name of the object (y) does not match the name on the URL (x)"),
        (
            {"data": {}},
            "the name of the object (x based on URL) was undeterminable: name must be provided",
        ),
        (
            config_map("x", namespace="other"),
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
)
def test_the_body_is_about_what_the_url_names(ask: Client, document: dict[str, Any], text: str):
    """M7: name and namespace."""
    ask.create("configmaps", config_map("x"))
    ask("PUT", "configmaps/x", document).says(400, "BadRequest", text)


def test_a_uid_says_which_object_is_meant(ask: Client):
    """M7: a PUT is a conflict in the storage's words, a PATCH an immutable field."""
    uid = ask.create("configmaps", config_map("x"))["metadata"]["uid"]
    text = (
        f"StorageError: invalid object, Code: 4, Key: /registry/configmaps/{ask.namespace}/x, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: {uid}"
    )
    answer = ask("PUT", "configmaps/x", config_map("x", uid="other"))
    answer.says(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on configmaps "x": {text}',
        {"name": "x", "kind": "configmaps"},
    )
    patched = ask.patch("configmaps/x", {"metadata": {"uid": "other"}})
    assert set(patched.causes()) == {("metadata.uid", 'Invalid value: "other": field is immutable')}


def test_a_put_that_changes_nothing_is_no_event(ask: Client):
    """M10: the same revision comes back, and a watch sees nothing."""
    old = ask.create("configmaps", config_map("x"))
    before = ask.newest()
    assert ask("PUT", "configmaps/x", old).revision == old["metadata"]["resourceVersion"]
    assert ask("PUT", "configmaps/x?fieldManager=other", config_map("x")).status == 200
    assert ask.patch("configmaps/x", {}).revision == old["metadata"]["resourceVersion"]
    assert ask.newest() == before
    assert list(ask.events("configmaps", f"resourceVersion={old['metadata']['resourceVersion']}")) == []


def test_what_moves_the_generation(ask: Client):
    """M16: spec and annotations of a deployment do, labels and status do not, scaling does."""
    path = f"{DEPLOYMENTS}/d"
    ask.create(DEPLOYMENTS, deployment("d"))
    steps: list[tuple[str, dict[str, Any], int]] = [
        (path, {"metadata": {"labels": {"a": "b"}}}, 1),
        (f"{path}/status", {"status": {"replicas": 1}}, 1),
        (path, {"metadata": {"annotations": {"a": "b"}}}, 2),
        (path, {"spec": {"paused": True}}, 3),
        (f"{path}/scale", {"spec": {"replicas": 4}}, 4),
        (path, {"metadata": {"generation": 9}}, 4),
    ]
    for target, body, generation in steps:
        assert ask.patch(target, body).status == 200
        assert ask.get(path)["metadata"]["generation"] == generation, (target, body)


def test_binding_a_pod_is_no_generation(ask: Client):
    """M16: nor are its labels and status."""
    ask.create("pods", pod("p"))
    ask("POST", "pods/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}})
    ask.patch("pods/p", {"metadata": {"labels": {"a": "b"}}})
    ask.patch("pods/p/status", {"status": {"phase": "Running"}})
    assert ask.get("pods/p")["metadata"]["generation"] == 1


def test_the_first_deletion_moves_the_generation(ask: Client):
    """M16: once."""
    ask.create("pods", {**pod("p"), "metadata": {"name": "p", "finalizers": ["a/b"]}})
    assert ask("DELETE", "pods/p").document["metadata"]["generation"] == 2
    assert ask("DELETE", "pods/p").document["metadata"]["generation"] == 2
    ask.patch("pods/p", {"metadata": {"finalizers": None}})


def test_spec_and_status_are_written_apart(ask: Client):
    """M17: a PUT of the object keeps the status, one of the status keeps the spec."""
    ask.create(DEPLOYMENTS, deployment("d", replicas=2))
    ask("PUT", f"{DEPLOYMENTS}/d/status", {**deployment("d", replicas=9), "status": {"replicas": 3}})
    assert ask.get(f"{DEPLOYMENTS}/d")["spec"]["replicas"] == 2
    ask("PUT", f"{DEPLOYMENTS}/d", {**deployment("d", replicas=5), "status": {"replicas": 7}})
    found = ask.get(f"{DEPLOYMENTS}/d")
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (5, 3)


def test_metadata_through_the_status_of_a_deployment(ask: Client):
    """M17: labels are kept, annotations and finalizers are taken."""
    ask.create(DEPLOYMENTS, deployment("d"))
    document = deployment("d")
    document["metadata"] |= {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["e/f"]}
    metadata = ask("PUT", f"{DEPLOYMENTS}/d/status", document).document["metadata"]
    assert "labels" not in metadata
    assert (metadata["annotations"], metadata["finalizers"]) == ({"c": "d"}, ["e/f"])


def test_metadata_through_the_status_of_a_pod(ask: Client):
    """M17: labels and annotations are taken."""
    ask.create("pods", pod("p"))
    document = pod("p")
    document["metadata"] |= {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    metadata = ask("PUT", "pods/p/status", document).document["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"a": "b"}, {"c": "d"})


def test_the_time_of_creation_cannot_be_changed(ask: Client):
    """M18: it is silently restored; a time of deletion is refused, its cause listed twice."""
    made = ask.create("configmaps", config_map("x"))
    old = "2001-01-01T00:00:00Z"
    answer = ask("PUT", "configmaps/x", config_map("x", creationTimestamp=old))
    assert answer.document["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    causes = ask("PUT", "configmaps/x", config_map("x", deletionTimestamp=old)).causes()
    assert causes == [("metadata.deletionTimestamp", f'Invalid value: "{old}": field is immutable')] * 2


def test_a_dry_run_of_an_update_shows_the_stored_revision(ask: Client):
    """M19: and changes nothing."""
    made = ask.create("configmaps", config_map("x"))
    answer = ask("PUT", "configmaps/x?dryRun=All", config_map("x", {"a": "2"}))
    assert (answer.revision, answer.document["data"]) == (made["metadata"]["resourceVersion"], {"a": "2"})
    assert ask.get("configmaps/x") == made


def test_a_scale_is_another_kind(ask: Client):
    """The scale of a workload takes Scales only, and none below zero."""
    ask.create(DEPLOYMENTS, deployment("d"))
    answer = ask("PUT", f"{DEPLOYMENTS}/d/scale", {**deployment("d"), "kind": "Deployment"})
    assert answer.status == 400
    below = {"metadata": {"name": "d"}, "spec": {"replicas": -3}}
    assert ask("PUT", f"{DEPLOYMENTS}/d/scale", below).causes() == [
        ("spec.replicas", "Invalid value: -3: must be greater than or equal to 0")
    ]
