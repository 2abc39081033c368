"""Values: the canonical bytes of objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api import codec
from watchcache.api.catalog import Resource, load_catalog

NAMES = st.text(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(
    NAMES.filter(lambda name: name not in ("metadata", "kind", "apiVersion")), JSON, max_size=4
)
METADATA = st.dictionaries(NAMES | st.just("resourceVersion"), st.text(max_size=8), max_size=4)


@pytest.fixture(scope="module")
def pods() -> Resource:
    """Pods."""
    found = load_catalog().find("", "v1", "pods")
    assert found is not None
    return found


@given(OBJECTS, METADATA, st.integers(1, 2**64 - 1))
def test_a_stamped_value_is_the_object_with_its_revision(
    pods: Resource, rest: dict[str, Any], metadata: dict[str, Any], revision: int
):
    """Nothing but kind, apiVersion and the revision changes on the way through bytes."""
    document = {**rest, "apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    value = codec.stamp(codec.value_of(document), revision)
    expected = {**document, "metadata": {**metadata, "resourceVersion": str(revision)}}
    assert codec.document_of(value, pods) == expected
    assert codec.revision_of(value) == revision
    assert value.startswith(codec.VALUE_PREFIX)


@given(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1))
def test_a_stamp_replaces_another(first: int, second: int):
    """Only the last revision is in a value."""
    value = codec.value_of({"metadata": {"name": "x"}})
    stamped = codec.stamp(value, first)
    assert codec.stamp(stamped, second) == codec.stamp(value, second)


def test_the_form_of_a_value_is_fixed():
    """Metadata first, resourceVersion first in it, no spaces, no kind."""
    document = {
        "kind": "Pod",
        "apiVersion": "v1",
        "spec": {"a": 1},
        "metadata": {"name": "x", "resourceVersion": "9"},
    }
    assert codec.value_of(document) == b'{"metadata":{"resourceVersion":"","name":"x"},"spec":{"a":1}}'
    assert codec.value_of({}) == b'{"metadata":{"resourceVersion":""}}'
    assert codec.value_of({"metadata": None, "a": {}}) == b'{"metadata":{"resourceVersion":""},"a":{}}'


def test_an_unstamped_value_has_no_revision(pods: Resource):
    """A dry run's document carries no resourceVersion."""
    value = codec.value_of({"metadata": {"name": "x"}})
    assert codec.revision_of(value) == 0
    assert codec.document_of(value, pods) == {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}}


def test_objects_are_encoded_with_their_type_first():
    """kind, apiVersion and metadata, then the rest in its own order."""
    document = {"z": 1, "metadata": {}, "apiVersion": "v1", "a": 2, "kind": "Pod"}
    assert codec.encode(document) == b'{"kind":"Pod","apiVersion":"v1","metadata":{},"z":1,"a":2}'
    assert codec.encode([{"b": 1, "a": 2}]) == b'[{"b":1,"a":2}]'
