"""What conforming makes of a document: pruned, without nulls, zero values printed, everything in one spelling."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.catalog import load_catalog
from watchcache.api.structure import TypeMismatch, conform, strict_error, zero

CATALOG = load_catalog()


def schema(kind: str, api_version: str = "v1"):
    """The schema of a built-in kind."""
    group, _, version = api_version.rpartition("/")
    found = CATALOG.schema_of(group, version, kind)
    assert found is not None
    return found


def pod(**spec):
    """A pod with one container and the given fields of its spec."""
    containers = [{"name": "c", "image": "i"}]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "x"},
        "spec": {"containers": containers, **spec},
    }


def test_unknown_fields_are_dropped_and_named_in_document_order():
    """Fields that the type lacks disappear, at every depth, and are reported by their path."""
    document = pod(foo=1, volumes=[{"name": "v", "emptyDir": {"x": 1}}])
    document = {
        "bogus": 1,
        **document,
        "metadata": {"wrong": 1, "name": "x"},
        "status": {"hostIPs": [{"q": 1, "ip": "::1"}]},
    }
    conformed = conform(document, schema("Pod"))
    assert conformed.problems == [
        'unknown field "bogus"',
        'unknown field "metadata.wrong"',
        'unknown field "spec.foo"',
        'unknown field "spec.volumes[0].emptyDir.x"',
        'unknown field "status.hostIPs[0].q"',
    ]
    assert conformed.document["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert "bogus" not in conformed.document


def test_names_are_case_sensitive():
    """`Name` is no spelling of `name`."""
    document = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"Name": "x"}, "Data": {}}
    assert conform(document, schema("ConfigMap")).problems == [
        'unknown field "metadata.Name"',
        'unknown field "Data"',
    ]


def test_keys_of_maps_are_part_of_the_path():
    """An unknown field below a map's value is named with the map's key."""
    status = {"subresources": {"status": {"x": 1}}}
    properties = {"a.b": {"bogus": 1, "default": {"any": ["thing"]}}}
    versions = [{**status, "schema": {"openAPIV3Schema": {"properties": properties}}}]
    document = {"kind": "X", "spec": {"versions": versions}}
    assert conform(document, schema("CustomResourceDefinition", "apiextensions.k8s.io/v1")).problems == [
        'unknown field "spec.versions[0].subresources.status.x"',
        'unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.b.bogus"',
    ]


def test_at_most_a_hundred_problems_are_named():
    """A document of nothing but unknown fields does not make a message as long as itself."""
    assert len(conform(pod(**{f"u{n}": 1 for n in range(200)}), schema("Pod")).problems) == 100


def test_strict_decoding_joins_the_problems():
    """The one error that strict field validation gives."""
    assert (
        strict_error(['unknown field "a"', 'duplicate field "b"'])
        == 'strict decoding error: unknown field "a", duplicate field "b"'
    )


def test_null_is_absent():
    """A null field is as if it had not been sent; unknown ones are still named."""
    conformed = conform(pod(hostNetwork=None, volumes=None, bogus=None), schema("Pod"))
    assert conformed.document["spec"] == {"containers": [{"name": "c", "image": "i", "resources": {}}]}
    assert conformed.problems == ['unknown field "spec.bogus"']


def test_null_in_lists_and_maps_is_a_zero_value():
    """Go reads null as the zero value of the element: an empty string, an empty struct."""
    document = {
        "kind": "ConfigMap",
        "metadata": {"labels": {"a": None}},
        "data": {"k": None},
        "binaryData": {"b": None},
    }
    conformed = conform(document, schema("ConfigMap")).document
    assert conformed == {
        "kind": "ConfigMap",
        "metadata": {"labels": {"a": ""}},
        "data": {"k": ""},
        "binaryData": {"b": ""},
    }
    containers = conform({"spec": {"containers": [None]}}, schema("Pod")).document["spec"]["containers"]
    assert containers == [{"name": "", "resources": {}}]


def test_empty_values_are_dropped_where_go_omits_them():
    """Empty strings, false, [] and {} stay only where the type is a pointer or always printed."""
    spec = {
        "hostNetwork": False,
        "nodeName": "",
        "nodeSelector": {},
        "tolerations": [],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "affinity": {},
        "securityContext": {"runAsUser": 0, "sysctls": []},
    }
    conformed = conform(pod(**spec), schema("Pod")).document["spec"]
    del conformed["containers"]
    assert conformed == {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "affinity": {},
        "securityContext": {"runAsUser": 0},
    }


def test_values_without_omitempty_are_always_printed():
    """Structs appear empty, other values as zero, lists and pointers as null."""
    event = conform({"kind": "Event", "apiVersion": "v1"}, schema("Event")).document
    assert event == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {},
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    role = schema("Role", "rbac.authorization.k8s.io/v1")
    assert conform({"kind": "Role", "rules": []}, role).document["rules"] is None


@pytest.mark.parametrize(
    ("kind", "api_version", "status"),
    [
        ("Pod", "v1", {}),
        ("ReplicaSet", "apps/v1", {"replicas": 0}),
        ("StatefulSet", "apps/v1", {"replicas": 0, "availableReplicas": 0}),
        ("Service", "v1", {"loadBalancer": {}}),
        ("HorizontalPodAutoscaler", "autoscaling/v2", {"desiredReplicas": 0, "currentMetrics": None}),
    ],
)
def test_the_zero_status_of_a_kind(kind, api_version, status):
    """What a status looks like that create has reset."""
    assert zero(schema(kind, api_version).properties["status"]) == status


def test_quantities_times_and_bytes_get_one_spelling():
    """The same amount, moment or data is stored and shown in the same way."""
    document = pod(containers=[{"name": "c", "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}])
    document["metadata"]["creationTimestamp"] = "2020-01-01T02:00:00.9+02:00"
    conformed = conform(document, schema("Pod")).document
    assert conformed["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m", "memory": "1Gi"}}
    assert conformed["metadata"]["creationTimestamp"] == "2020-01-01T00:00:00Z"
    data = {"kind": "Secret", "data": {"a": "YQ==\n", "b": "YR==", "c": [97]}}
    assert conform(data, schema("Secret")).document["data"] == {"a": "YQ==", "b": "YQ==", "c": "YQ=="}


def test_a_type_mismatch_wins_over_unknown_fields():
    """The first wrong type in document order is the only error."""
    with pytest.raises(TypeMismatch, match="hostNetwork of type bool"):
        conform(pod(bogus=1, hostNetwork="a", volumes="x"), schema("Pod"))


def test_the_argument_is_not_changed():
    """The document is made anew; changing the result does not reach into the argument."""
    document = pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1024"}}], bogus={"a": [1]})
    before = copy.deepcopy(document)
    conformed = conform(document, schema("Pod")).document
    conformed["spec"]["volumes"][0]["emptyDir"]["medium"] = "Memory"
    conformed["metadata"]["name"] = "y"
    assert document == before


def test_nesting_beyond_reason_is_refused():
    """A type that contains itself cannot be used to exhaust the interpreter; deep unknown fields are just dropped."""
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"not": deep}
    definition = {"spec": {"versions": [{"schema": {"openAPIV3Schema": deep}}]}}
    with pytest.raises(TypeMismatch, match="exceeded max depth"):
        conform(definition, schema("CustomResourceDefinition", "apiextensions.k8s.io/v1"))
    conformed = conform({"bogus": deep}, schema("Pod"))
    assert conformed.problems == ['unknown field "bogus"']


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "1", "2020-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = ["metadata", "spec", "name", "labels", "containers", "ports", "containerPort", "resources", "limits",
         "livenessProbe", "httpGet", "port", "volumes", "emptyDir", "sizeLimit", "status", "conditions", "bogus"]  # fmt: skip
DOCUMENTS = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
).filter(lambda value: isinstance(value, dict))


@given(DOCUMENTS)
def test_conforming_twice_changes_nothing(document):
    """Any JSON is refused or brought into a form that conforms."""
    try:
        once = conform(document, schema("Pod")).document
    except TypeMismatch:
        return
    again = conform(once, schema("Pod"))
    assert again.document == once
    assert again.problems == []
