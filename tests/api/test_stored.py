"""Objects as kube-apiserver lays them out in etcd, to and from our values."""

import json

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.codec import revision_of, stamp, value_of
from watchcache.api.stored import StoredForm, Unreadable


@pytest.fixture(scope="module")
def form():
    """The form of the built-in kinds."""
    return StoredForm(load_catalog())


def document(**metadata):
    """A config map."""
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"a": "<b>"}}


@pytest.mark.parametrize("metadata", [{"name": "x", "namespace": "d"}, {}])
def test_what_is_stored_has_kind_first_and_no_revision(form, metadata):
    """The bytes that a kube-apiserver with the JSON media type writes, but for its last newline; and back."""
    value = value_of(document(**metadata))
    for given in (value, stamp(value, 7)):
        stored = form.encode("configmaps/d/x", given)
        assert stored == json.dumps(document(**metadata), separators=(",", ":")).encode()
        assert form.decode("configmaps/d/x", stored, 12) == stamp(value, 12)
        assert form.decode("configmaps/d/x", stored + b"\n", 12) == stamp(value, 12)


@pytest.mark.parametrize(
    "text",
    [
        '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"<b>"},"metadata":{"name":"x"}}',
        '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"3","name":"x"},"data":{"a":"<b>"}}',
        ' {"kind" : "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}, "data": {"a": "\\u003cb\\u003e"}}\n',
    ],
    ids=["another order", "a revision in it", "spaces"],
)
def test_other_ways_to_write_it_are_read(form, text):
    """Anything that is the object, whoever wrote it."""
    value = form.decode("configmaps/d/x", text.encode(), 9)
    assert value == stamp(value_of(document(name="x")), 9)
    assert revision_of(value) == 9


def test_another_version_is_converted(form):
    """An autoscaler that was stored before version 2."""
    stored = {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": "x", "namespace": "d"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "w"},
            "maxReplicas": 3,
            "targetCPUUtilizationPercentage": 70,
        },
    }
    value = form.decode("horizontalpodautoscalers/d/x", json.dumps(stored).encode(), 4)
    metric = json.loads(value)["spec"]["metrics"][0]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}


def test_protobuf_of_a_default_kube_apiserver_is_read(form):
    """A namespace as `--storage-media-type=application/vnd.kubernetes.protobuf` stores it."""
    metadata = b"\n\x01x"
    message = b"\n" + bytes([len(metadata)]) + metadata
    kind = b"\n\x02v1\x12\tNamespace"
    unknown = b"\n" + bytes([len(kind)]) + kind + b"\x12" + bytes([len(message)]) + message
    value = form.decode("namespaces/x", b"k8s\x00" + unknown, 5)
    assert json.loads(value)["metadata"]["name"] == "x"


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (b"k8s:enc:aescbc:v1:key1:xyz", "encrypted"),
        (b"k8s\x00\xff", "protobuf"),
        (b"\xff", "no JSON"),
        (b"[]", "no object"),
        (b'{"kind":"Pod","apiVersion":"v1","metadata":{}}', "not a ConfigMap"),
        (b'{"kind":"ConfigMap","apiVersion":"v9","metadata":{}}', "v9"),
    ],
)
def test_what_cannot_be_served_says_why(form, stored, why):
    """Foreign data is refused with its reason."""
    with pytest.raises(Unreadable, match=why):
        form.decode("configmaps/d/x", stored, 1)


@pytest.mark.parametrize(
    "key", ["masterleases/10.0.0.1", "ranges/serviceips", "nonsense", "example.com/things/x"]
)
def test_what_lies_beside_is_not_ours(form, key):
    """Keys of no kind that is served are left alone."""
    assert form.decode(key, b"anything", 1) is None
    assert form.place(key) == ""
    with pytest.raises(ValueError, match="no key"):
        form.encode(key, b"")


@pytest.mark.parametrize(
    ("key", "place"),
    [("minions/n", "minions"), ("services/specs/d/x", "services/specs"), ("events/d/x", "events")],
)
def test_places_have_one_segment_or_two(form, key, place):
    """As the storage prefixes of kube-apiserver."""
    assert form.place(key) == place
