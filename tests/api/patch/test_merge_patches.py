"""Merge patch and strategic merge patch: properties that hold for any document."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.catalog import load_catalog
from watchcache.api.patch import DirectiveError, MalformedPatch, merge_patch, strategic
from watchcache.api.schema import Definitions

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PATCHES = st.recursive(
    st.none() | SCALARS,
    lambda inner: st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)
OBJECT_PATCHES = st.dictionaries(NAMES, PATCHES, max_size=3)

POD = load_catalog().schema_of("", "v1", "Pod")
NO_SCHEMA = Definitions({}).resolve({})
CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": NAMES}, optional={"image": st.sampled_from(["i", "j"])}),
    max_size=3,
    unique_by=lambda container: container["name"],
)


def rfc7386(target, patch):
    """The RFC's own algorithm."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = rfc7386(target.get(name), value)
    return target


@given(OBJECTS, OBJECT_PATCHES)
def test_merge_patch_is_the_rfc(document, patch):
    """Every patch gives what the RFC's pseudocode gives; neither argument changes."""
    before = copy.deepcopy((document, patch))
    assert merge_patch(document, patch) == rfc7386(document, patch)
    assert (document, patch) == before


@pytest.mark.parametrize("patch", [[], "x", 1, None, True])
def test_a_merge_patch_is_an_object(patch):
    """The RFC would replace the document; the server refuses."""
    with pytest.raises(MalformedPatch, match="cannot unmarshal"):
        merge_patch({"a": 1}, patch)


@given(OBJECTS, OBJECT_PATCHES)
def test_without_a_schema_a_strategic_patch_is_a_merge_patch(document, patch):
    """Directives and schemas make the difference, nothing else."""
    assert strategic(document, patch, NO_SCHEMA) == merge_patch(document, patch)


@given(CONTAINERS, CONTAINERS)
def test_merging_lists_keep_every_element_once(current, patch):
    """Each key is there once, with the patch's fields over the old ones; the others keep their order."""
    document = {"spec": {"containers": current}}
    before = copy.deepcopy(document)
    merged = strategic(document, {"spec": {"containers": patch}}, POD)["spec"]["containers"]
    fields = {container["name"]: container for container in current}
    for container in patch:
        fields[container["name"]] = {**fields.get(container["name"], {}), **container}
    assert {container["name"]: container for container in merged} == fields
    assert len(merged) == len(fields)
    names, patched = [container["name"] for container in merged], [container["name"] for container in patch]
    others = [container["name"] for container in current if container["name"] not in patched]
    assert [name for name in names if name in others] == others
    assert [name for name in names if name in patched] == patched
    assert document == before


@given(CONTAINERS, st.permutations(["a", "b", "c"]))
def test_set_element_order_orders(current, order):
    """A directive that names all elements decides their order alone."""
    patch = {"spec": {"$setElementOrder/containers": [{"name": name} for name in order]}}
    merged = strategic({"spec": {"containers": current}}, patch, POD)["spec"]["containers"]
    present = {container["name"] for container in current}
    assert [container["name"] for container in merged] == [name for name in order if name in present]


def test_an_empty_set_element_order_forbids_nothing():
    """Only an order that names elements is held against those of the patch."""
    patch = {"spec": {"$setElementOrder/containers": [], "containers": [{"name": "a", "image": "j"}]}}
    document = {"spec": {"containers": [{"name": "a", "image": "i"}]}}
    assert strategic(document, patch, POD) == {"spec": {"containers": [{"name": "a", "image": "j"}]}}


@given(CONTAINERS, CONTAINERS)
def test_applying_a_strategic_patch_twice_changes_nothing_more(current, patch):
    """A patch without directives says what shall be, not what to do."""
    change = {"spec": {"containers": patch}}
    once = strategic({"spec": {"containers": current}}, change, POD)
    assert strategic(once, change, POD) == once


def test_what_a_patch_does_not_touch_is_shared():
    """A status patch does not copy the spec."""
    document = {"spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Pending"}}
    merged = strategic(document, {"status": {"phase": "Running"}}, POD)
    assert merged["spec"] is document["spec"]
    assert document["status"] == {"phase": "Pending"}


def test_lists_of_maps_need_their_key():
    """An element without the merge key cannot be placed."""
    document = {"spec": {"containers": [{"name": "a"}]}}
    with pytest.raises(
        DirectiveError, match=r"map: map\[image:z\] does not contain declared merge key: name"
    ):
        strategic(document, {"spec": {"containers": [{"image": "z"}]}}, POD)


def nested(levels):
    """An object with as many levels."""
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def test_nesting_beyond_reason_is_malformed():
    """A patch that nests deeper than the interpreter follows is refused, not a crash."""
    for patch in (merge_patch, lambda document, change: strategic(document, change, POD)):
        with pytest.raises(MalformedPatch, match="exceeded max depth"):
            patch(nested(5_000), nested(5_000))
