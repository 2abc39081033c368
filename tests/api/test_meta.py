"""Metadata: what is refused against a real server's answers, and what is set and kept."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from answers import answers, refusal
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api import meta, names, status
from watchcache.api.catalog import Resource, load_catalog

CATALOG = load_catalog()


def resource(group: str, plural: str) -> Resource:
    """A built-in resource, in its first version."""
    return next(r for r in CATALOG.resources() if (r.group, r.plural) == (group, plural))


MAPS = resource("", "configmaps")


def check(metadata: dict[str, Any], causes: list[status.Cause]) -> None:
    """Refuse as a registry would."""
    if causes:
        raise status.invalid(status.GroupKind("", "ConfigMap"), metadata.get("name") or "", causes)


def prepared(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata of a config map that is created on 2026-01-02."""
    return meta.prepare_create(metadata, namespace="ns", now=1767312000.9, random=Random(1))


@pytest.mark.parametrize("row", answers("creates"), ids=lambda row: str(row[0])[:60])
def test_new_metadata_is_refused_as_kube_apiserver_does(row: Any):
    """Message and causes are those of a real server."""
    metadata, expected = row
    new = prepared(metadata)
    assert refusal(lambda: check(new, meta.check_create(new, MAPS))) == expected


@pytest.mark.parametrize("row", answers("updates"), ids=lambda row: f"{row[0]['name']} {row[1]}")
def test_changed_metadata_is_refused_as_kube_apiserver_does(row: Any):
    """Message and causes are those of a real server, as often as it repeats them."""
    stored, change, expected = row
    changed = {key: value for key, value in {**stored, **change}.items() if value is not None}
    new = meta.prepare_update(changed, stored)
    assert refusal(lambda: check(new, meta.check_update(new, stored, MAPS))) == expected


@pytest.mark.parametrize("row", answers("names"), ids=lambda row: f"{row[1]}.{row[0]} {row[2][:12]}")
def test_names_have_the_form_of_their_kind(row: Any):
    """Every kind accepts and refuses names as a real server does, but for rules that tie the name to the spec."""
    group, plural, name, expected = row
    expected = [message for message in expected if "spec." not in message]
    kind = resource(group, plural)
    if not expected and kind.name_rule == "path":
        return  # the generic check, which a fault in the rest of the object hides
    assert [f'Invalid value: "{name}": {text}' for text in names.RULES[kind.name_rule](name)] == expected


def test_the_server_sets_what_only_it_may():
    """uid, creation time and namespace are the server's; selfLink and the deletion's members are dropped."""
    sent = {
        "labels": {"a": "b"},
        "uid": "mine",
        "selfLink": "x",
        "creationTimestamp": "2000-01-01T00:00:00Z",
        "deletionTimestamp": "2000-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
        "namespace": "",
        "name": "n",
    }
    new = prepared(sent)
    assert list(new) == ["name", "namespace", "uid", "creationTimestamp", "labels"]
    assert new["creationTimestamp"] == "2026-01-02T00:00:00Z"
    assert new["uid"] != "mine"
    assert sent["uid"] == "mine"


def test_cluster_scoped_objects_lose_their_namespace():
    """A namespace in a body is dropped where kinds have none."""
    new = meta.prepare_create({"name": "n", "namespace": "x"}, namespace="", now=0, random=Random(1))
    assert "namespace" not in new


@given(st.text(alphabet="abc-", min_size=1, max_size=100), st.integers())
def test_generated_names_fit_and_begin_with_their_base(base: str, seed: int):
    """58 characters of the base and five letters without vowels."""
    name = meta.generated_name(base, Random(seed))
    assert name[:-5] == base[:58]
    assert set(name[-5:]) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_a_name_wins_over_a_base():
    """A generateName is kept but not used when there is a name."""
    assert prepared({"name": "n", "generateName": "g-"})["name"] == "n"
    assert prepared({"generateName": "g-"})["name"].startswith("g-")


def test_uids_are_random_version_four():
    """The variant and version bits are set."""
    random = Random(1)
    first, second = meta.new_uid(random), meta.new_uid(random)
    assert first != second
    assert (len(first), first[14]) == (36, "4")


def test_an_update_keeps_what_clients_leave_out():
    """uid, creation, deletion and generation come from the stored object."""
    old = {"name": "n", "uid": "u", "generation": 3, "creationTimestamp": "c", "deletionTimestamp": "d"}
    new = meta.prepare_update(
        {"name": "n", "generation": 9, "deletionTimestamp": "other", "labels": {"a": "b"}}, old
    )
    assert new == {**old, "labels": {"a": "b"}}


def test_custom_resources_may_have_plain_finalizers():
    """Only the built-in kinds insist on a domain in a finalizer's name."""
    metadata = prepared({"name": "a.b", "finalizers": ["plain"]})
    del metadata["namespace"]
    definitions = resource("apiextensions.k8s.io", "customresourcedefinitions")
    assert meta.check_create(metadata, definitions) == []
    assert meta.check_create(metadata, resource("", "nodes")) != []


def test_a_namespace_is_required_or_not_allowed():
    """Namespaced kinds must have one, others must not."""
    assert [c.message for c in meta.check_create({"name": "n"}, MAPS)] == ["Required value"]
    forbidden = meta.check_create({"name": "n", "namespace": "x"}, resource("", "nodes"))
    assert [c.message for c in forbidden] == ["Forbidden: not allowed on this type"]
