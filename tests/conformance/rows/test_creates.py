"""POST: rows M1 to M3, M7, M18, M19, M21 and M22 of the specification of writes."""

from __future__ import annotations

import re

import pytest

from tests.conformance.rows.asking import Client, config_map, deployment, pod

LEASES = "coordination.k8s.io/v1:leases"
TRUNCATED = 58


@pytest.mark.parametrize("query", ["", "?dryRun=All"])
def test_a_name_is_taken_once(ask: Client, query: str):
    """M1: creating it again is a conflict, also in a dry run."""
    ask.create("configmaps", config_map("x"))
    again = ask("POST", f"configmaps{query}", config_map("x"))
    again.says(409, "AlreadyExists", 'configmaps "x" already exists', {"name": "x", "kind": "configmaps"})


def test_a_new_object_has_no_revision_yet(ask: Client):
    """M2: one that says it has is a fault without a reason."""
    answer = ask("POST", "configmaps", config_map("x", resourceVersion="5"))
    answer.says(500, None, "resourceVersion should not be set on objects to be created")


@pytest.mark.parametrize("revision", ["0", "abc"])
def test_what_is_no_revision_is_not_seen_as_one(ask: Client, revision: str):
    """M2: zero and rubbish are accepted and replaced."""
    made = ask.create("configmaps", config_map("x", resourceVersion=revision))
    assert made["metadata"]["resourceVersion"] not in {revision, ""}


def test_a_dry_run_echoes_the_revision(ask: Client):
    """M2: nothing is stored, so that any will do."""
    assert ask("POST", "configmaps?dryRun=All", config_map("x", resourceVersion="5")).revision == "5"


def test_create_on_update_takes_any_revision_but_no_uid(ask: Client):
    """M2, M6: what a PUT creates may carry a revision; a uid says that another object was meant."""
    assert ask("PUT", f"{LEASES}/l", {"metadata": {"name": "l", "resourceVersion": "77"}}).status == 201
    answer = ask("PUT", f"{LEASES}/m", {"metadata": {"name": "m", "uid": "abc"}})
    text = (
        f"StorageError: invalid object, Code: 4, Key: /registry/leases/{ask.namespace}/m, ResourceVersion: 0, "
        "AdditionalErrorMsg: Precondition failed: UID in precondition: abc, UID in object meta: "
    )
    answer.says(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on leases.coordination.k8s.io "m": {text}',
        {"name": "m", "group": "coordination.k8s.io", "kind": "leases"},
    )


@pytest.mark.parametrize("query", ["", "?dryRun=All"])
def test_a_name_is_generated(ask: Client, query: str):
    """M3: five characters that cannot be misread behind the base, which is cut when it is long."""
    base = "g" * 70
    answer = ask("POST", f"configmaps{query}", {"metadata": {"generateName": base}})
    name = answer.document["metadata"]["name"]
    assert re.fullmatch(f"g{{{TRUNCATED}}}[bcdfghjklmnpqrstvwxz2456789]{{5}}", name)


def test_a_given_name_wins(ask: Client):
    """M3: over one to be generated."""
    made = ask.create("configmaps", {"metadata": {"name": "mine", "generateName": "not-"}})
    assert made["metadata"]["name"] == "mine"


def test_no_name_at_all(ask: Client):
    """M3: neither a name nor a base for one."""
    text = "Required value: name or generateName is required"
    answer = ask("POST", "configmaps", {"metadata": {}})
    answer.says(
        422,
        "Invalid",
        f'ConfigMap "" is invalid: metadata.name: {text}',
        {
            "kind": "ConfigMap",
            "causes": [{"reason": "FieldValueRequired", "message": text, "field": "metadata.name"}],
        },
    )


def test_a_bad_base_is_two_faults(ask: Client):
    """M3: the base and the name that came of it."""
    causes = ask("POST", "configmaps", {"metadata": {"generateName": "Bad_"}}).causes()
    assert [field for field, _ in causes] == ["metadata.generateName", "metadata.name"]


def test_names_are_checked(ask: Client):
    """A name that is no DNS subdomain is refused with the rule."""
    [(field, message)] = ask("POST", "configmaps", config_map("Bad_Name")).causes()
    assert field == "metadata.name"
    assert message.startswith('Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of')


def test_the_namespace_in_the_body_is_the_one_in_the_url(ask: Client):
    """M7: or there is none in it."""
    text = "the namespace of the provided object does not match the namespace sent on the request"
    ask("POST", "configmaps", config_map("x", namespace="other")).says(400, "BadRequest", text)
    assert ask.create("configmaps", config_map("x", namespace=ask.namespace))


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (
            {"kind": "Secret", "apiVersion": "v1"},
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
        ),
        (
            {"kind": "Nope"},
            (
                'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" '
                'in scheme "pkg/runtime/scheme.go:111"'
            ),
        ),
        (
            {"apiVersion": "v2"},
            (
                'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" '
                'in scheme "pkg/runtime/scheme.go:111"'
            ),
        ),
    ],
)
def test_the_wrong_kind_is_refused(ask: Client, head: dict[str, str], text: str):
    """M7: kind and version may be missing, but not be another's."""
    ask("POST", "configmaps", {**head, **config_map("x")}).says(400, "BadRequest", text)
    assert ask("GET", "configmaps/x").status == 404


def test_another_version_of_the_kind_is_refused(ask: Client):
    """M7: a body in a version that is served elsewhere names both."""
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}
    text = "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    ask("POST", "autoscaling/v2:horizontalpodautoscalers", body).says(400, "BadRequest", text)


def test_the_server_sets_its_metadata_itself(ask: Client):
    """M18: what a client says about it is silently replaced or dropped."""
    sent = {
        "uid": "mine",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 4,
        "selfLink": "/x",
    }
    metadata = ask.create("configmaps", config_map("x", **sent))["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] > "2020"
    assert not {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"} & metadata.keys()


def test_an_owner_named_twice_counts_once(ask: Client):
    """Equal owner references are one, and the client is told."""
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u1"}
    answer = ask("POST", "configmaps", config_map("x", ownerReferences=[owner, owner]))
    assert answer.document["metadata"]["ownerReferences"] == [owner]
    assert answer.warnings == [
        (
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject "
            "such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: u1"
        )
    ]


def test_a_dry_run_stores_nothing(ask: Client):
    """M19: the answer has uid and time but no revision, and none is used."""
    before = ask.newest()
    answer = ask("POST", "configmaps?dryRun=All&dryRun=All", config_map("x"))
    assert answer.status == 201
    metadata = answer.document["metadata"]
    assert metadata["uid"]
    assert metadata["creationTimestamp"]
    assert "resourceVersion" not in metadata
    assert ask("GET", "configmaps/x").status == 404
    assert ask.newest() == before


@pytest.mark.parametrize("value", ["Some", ""])
def test_a_dry_run_is_of_all(ask: Client, value: str):
    """M19: other words are refused, also the empty one."""
    answer = ask("POST", f"configmaps?dryRun={value}", config_map("x"))
    assert answer.causes() == [("dryRun", f'Unsupported value: ["{value}"]: supported values: "All"')]


def test_strict_validation_names_every_fault(ask: Client):
    """M21: unknown and repeated fields in the order of the body, as one 400."""
    body = '{"metadata":{"name":"x","wrong":1},"bogus":2,"data":{"a":"1"},"data":{"b":"2"}}'
    text = (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "metadata.wrong", unknown field "bogus", duplicate field "data"'
    )
    ask("POST", "configmaps?fieldValidation=Strict", body).says(400, "BadRequest", text)
    assert ask("GET", "configmaps/x").status == 404


@pytest.mark.parametrize("query", ["", "?fieldValidation=", "?fieldValidation=Warn"])
def test_warnings_name_every_fault(ask: Client, query: str):
    """M21: by default the object is made, one warning for each field; a repeated map is merged as Go does."""
    body = '{"metadata":{"name":"x","wrong":1},"bogus":2,"data":{"a":"1"},"data":{"b":"2"}}'
    answer = ask("POST", f"configmaps{query}", body)
    assert answer.status == 201
    assert answer.warnings == [
        'unknown field "metadata.wrong"',
        'unknown field "bogus"',
        'duplicate field "data"',
    ]
    assert answer.document["data"] == {"a": "1", "b": "2"}


def test_faults_can_be_ignored(ask: Client):
    """M21: without a word."""
    answer = ask("POST", "configmaps?fieldValidation=Ignore", {**config_map("x"), "bogus": 1})
    assert (answer.status, answer.warnings) == (201, [])
    assert "bogus" not in answer.document


def test_keys_of_yaml_are_repeated_by_line(ask: Client):
    """M21: YAML bodies are told the line, before the unknown fields."""
    body = "metadata:\n  name: x\n  name: x\nbogus: 1\n"
    line = 'line 3: key "name" already set in map'
    answer = ask("POST", "configmaps?fieldValidation=Strict", body, "application/yaml")
    answer.says(
        400,
        "BadRequest",
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        f'yaml: unmarshal errors:\n  {line}, unknown field "bogus"',
    )
    assert ask("POST", "configmaps", body, "application/yaml").warnings == [line, 'unknown field "bogus"']


def test_field_names_have_one_case(ask: Client):
    """M21: `Data` is not `data`."""
    answer = ask("POST", "configmaps", {"metadata": {"name": "x"}, "Data": {"a": "1"}})
    assert answer.warnings == ['unknown field "Data"']
    assert "data" not in answer.document


def test_other_validations_are_not_known(ask: Client):
    """M21: the three words are listed."""
    answer = ask("POST", "configmaps?fieldValidation=Foo", config_map("x"))
    assert answer.causes() == [
        (
            "fieldValidation",
            'Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"',
        )
    ]


def test_nothing_is_created_in_an_absent_namespace(ask: Client):
    """M22: it is what is not found; to list there is no fault."""
    answer = ask("POST", "/api/v1/namespaces/absent/configmaps", config_map("x"))
    answer.says(404, "NotFound", 'namespaces "absent" not found', {"name": "absent", "kind": "namespaces"})
    assert ask("GET", "/api/v1/namespaces/absent/configmaps").document["items"] == []


@pytest.mark.parametrize(
    ("metadata", "name"),
    [({"name": "late"}, "late"), ({"generateName": "late-"}, "late-"), ({}, "Unknown")],
)
def test_nothing_is_created_in_a_namespace_that_ends(ask: Client, metadata: dict[str, str], name: str):
    """M22: what is there may still change; the refusal names the object as far as it has a name."""
    ask.create("configmaps", config_map("held", finalizers=["a/b"]))
    ask("DELETE", f"/api/v1/namespaces/{ask.namespace}")
    answer = ask("POST", "configmaps", {"metadata": metadata})
    ends = f"namespace {ask.namespace} is being terminated"
    text = f"unable to create new content in namespace {ask.namespace} because it is being terminated"
    answer.says(
        403,
        "Forbidden",
        f'configmaps "{name}" is forbidden: {text}',
        {
            "name": name,
            "kind": "configmaps",
            "causes": [{"reason": "NamespaceTerminating", "message": ends, "field": "metadata.namespace"}],
        },
    )
    assert ask("PUT", f"{LEASES}/l", {"metadata": {"name": "l"}}).status == 403
    assert ask.patch("configmaps/held", {"data": {"still": "mine"}}).status == 200
    ask.patch("configmaps/held", {"metadata": {"finalizers": None}})


def test_generations_begin_at_one_where_there_are_any(ask: Client):
    """M16: what manages its generation ignores the client's, what does not stores it."""
    assert ask.create("apps/v1:deployments", deployment("d"))["metadata"]["generation"] == 1
    assert ask.create("pods", pod("p"))["metadata"]["generation"] == 1
    assert ask.create("secrets", {"metadata": {"name": "s", "generation": 7}})["metadata"]["generation"] == 7
    assert "generation" not in ask.create("secrets", {"metadata": {"name": "t"}})["metadata"]


def test_a_new_object_has_no_status_of_its_own(ask: Client):
    """M17: the client's is dropped."""
    assert ask.create("apps/v1:deployments", {**deployment("d"), "status": {"replicas": 4}})["status"] == {}


def test_new_pods_get_what_the_default_plugins_give(ask: Client):
    """Priority and DefaultTolerationSeconds run in every kube-apiserver."""
    spec = ask.create("pods", pod("p"))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert [(each["key"], each["tolerationSeconds"]) for each in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"priorityClassName": "nope"}, "no PriorityClass with name nope was found"),
        (
            {"priority": 5},
            (
                "the integer value of priority (5) must not be provided in pod spec; "
                "priority admission controller computed 0 from the given PriorityClass name"
            ),
        ),
        (
            {"preemptionPolicy": "Never"},
            (
                "the string value of PreemptionPolicy (Never) must not be provided in pod spec; "
                "priority admission controller computed PreemptLowerPriority from the given PriorityClass name"
            ),
        ),
    ],
)
def test_priorities_come_from_classes(ask: Client, spec: dict[str, object], text: str):
    """A pod names a class that there is, and no number or policy that is not the class's."""
    answer = ask("POST", "pods", pod("p", **spec))
    answer.says(403, "Forbidden", f'pods "p" is forbidden: {text}', {"name": "p", "kind": "pods"})


def test_deprecated_kinds_say_so(ask: Client):
    """Every request on them is warned, also one that finds nothing."""
    assert ask("GET", "endpoints/x").warnings == [
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    ]
