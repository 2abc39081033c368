"""The pure parts: what a deletion does, which finalizers it leaves, quality of service, pools, selectors, attributes."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.catalog import load_catalog
from watchcache.api.label_selector import selector_text
from watchcache.api.quality import quality_of_service
from watchcache.api.quantities import quantity
from watchcache.registry.addresses import Exhausted, Pool, ServiceAllocator, address_pool, claims_of
from watchcache.registry.attributes import attributes_of
from watchcache.registry.deletion import DeletionRule, DeletionWish, Verdict, decide, finalizers_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("held", "wish", "rule", "left"),
    [
        ([], {}, {}, []),
        ([], {}, {"orphans_by_default": True}, ["orphan"]),
        ([], {"policy": "Background"}, {"orphans_by_default": True}, []),
        ([], {"policy": "Foreground"}, {}, ["foregroundDeletion"]),
        (["e.com/f"], {"policy": "Orphan"}, {}, ["e.com/f", "orphan"]),
        (["orphan"], {"policy": "Foreground"}, {}, ["foregroundDeletion"]),
        (["foregroundDeletion"], {}, {"orphans_by_default": True}, ["foregroundDeletion"]),
        (["orphan"], {"orphan_dependents": False}, {}, []),
        ([], {"orphan_dependents": True}, {}, ["orphan"]),
        ([], {"policy": "Foreground"}, {"collected": False}, []),
    ],
)
def test_finalizers_after_a_deletion(held: list[str], wish: Any, rule: Any, left: list[str]):
    """The garbage collector's finalizers follow the wish, then the object, then the kind."""
    assert finalizers_after(held, DeletionRule(**rule), DeletionWish(**wish)) == left


@given(st.integers(-5, 100), st.integers(-5, 100), st.booleans())
def test_later_deletions_of_a_pod_only_shorten(first: int, second: int, held: bool):
    """Whatever is asked, the time of a pod's end never moves away, and a second decision never asks for more."""
    pod: dict[str, Any] = {
        "metadata": {"generation": 1},
        "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30},
    }
    if held:
        pod["metadata"]["finalizers"] = ["e.com/f"]
    rule = DeletionRule(graceful=True)
    once = decide(pod, rule, DeletionWish(grace=first), NOW)
    twice = decide(once.document, rule, DeletionWish(grace=second), NOW + 1)
    before, after = once.document["metadata"], twice.document["metadata"]
    assert after["deletionGracePeriodSeconds"] <= before["deletionGracePeriodSeconds"]
    assert after["deletionTimestamp"] <= before["deletionTimestamp"]
    assert after["generation"] == 2
    if held:
        assert twice.verdict in {Verdict.KEEP, Verdict.MARK}
    assert "deletionTimestamp" not in pod["metadata"]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"requests": {"nvidia.com/gpu": "1"}}], "BestEffort"),
    ],
)  # fmt: skip
def test_quality_of_service(resources: list[dict[str, Any]], expected: str):
    """The class of a pod follows from requests and limits of cpu and memory, compared as numbers."""
    containers = [{"name": str(index), "resources": each} for index, each in enumerate(resources)]
    assert quality_of_service({"containers": containers}) == expected


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("1500m", 1.5), ("1Ki", 1024), ("2e3", 2000), ("1E", 10**18)]
)
def test_quantities(text: str, number: float):
    """Suffixes of tens and of twos, exponents."""
    assert float(quantity(text)) == number


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_a_pool_never_gives_a_number_twice(steps: list[bool], reserved: int):
    """Taken numbers are not given until released; all of the range is given before it is exhausted."""
    pool = Pool(100, 10, reserved, Random(1))
    held: list[int] = []
    for take in steps:
        if take:
            try:
                number = pool.choose()
            except Exhausted:
                assert len(held) == 10
                continue
            assert number not in held
            assert number in pool
            pool.take(number)
            held.append(number)
        elif held:
            pool.release(held.pop())


def test_a_service_range_leaves_out_its_ends():
    """Neither the network's address nor the broadcast address is given."""
    pool = address_pool("10.0.0.0/24", Random(1))
    assert (pool.first, pool.size) == (0x0A000001, 254)


def test_what_services_hold_follows_their_events():
    """A replaced service holds what its new state says; None is a headless one."""
    allocator = ServiceAllocator(["10.0.0.0/24"], "30000-32767", Random(1))
    before = b'{"metadata":{},"spec":{"clusterIPs":["10.0.0.9"],"ports":[{"port":1,"nodePort":30001}]}}'
    after = b'{"metadata":{},"spec":{"clusterIPs":["None"]}}'
    allocator.replaced(None, before)
    assert allocator.addresses["IPv4"].is_taken(0x0A000009)
    assert allocator.ports.is_taken(30001)
    allocator.replaced(before, after)
    assert not allocator.addresses["IPv4"].is_taken(0x0A000009)
    assert not allocator.ports.is_taken(30001)
    assert claims_of(after).addresses == ()


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"a": "b", "c": "d"}, "a=b,c=d"),
        ({"matchLabels": {"a": "b"}}, "a=b"),
        ({"matchExpressions": [{"key": "k", "operator": "In", "values": ["y", "x"]}, {"key": "b", "operator": "DoesNotExist"}]}, "!b,k in (x,y)"),
        ({"matchExpressions": [{"key": "k", "operator": "Exists"}], "matchLabels": {"z": ""}}, "k,z="),
    ],
)  # fmt: skip
def test_selectors_as_text(selector: dict[str, Any], text: str):
    """What a scale shows of a selector."""
    assert selector_text(selector) == text


def test_attributes_are_read_from_bytes():
    """Labels and field values, with what a missing field compares as; equal label sets are one object."""
    pods = load_catalog().find("", "v1", "pods")
    assert pods is not None
    read = attributes_of(pods)
    value = b'{"metadata":{"resourceVersion":"1","labels":{"a":"b"}},"spec":{"nodeName":"n","hostNetwork":true},"status":{"podIPs":[{"ip":"1"}]}}'
    labels, fields = read("k", value)
    seen = dict(zip(pods.field_labels, fields, strict=True))
    assert labels == {"a": "b"}
    assert (seen["spec.nodeName"], seen["spec.hostNetwork"], seen["status.phase"]) == ("n", "true", "")
    assert read("l", value)[0] is labels
    assert read("k", b'{"metadata":{"labels":null},"spec":null}')[0] is None


def test_a_null_field_compares_as_a_missing_one():
    """Whether the null is the field itself or something on the way to it, of text, numbers and truth values."""
    catalog = load_catalog()
    pods, jobs = catalog.find("", "v1", "pods"), catalog.find("batch", "v1", "jobs")
    assert pods is not None
    assert jobs is not None
    missing = attributes_of(pods)("k", b'{"metadata":{}}')[1]
    for value in (
        b'{"metadata":{},"spec":{"nodeName":null,"hostNetwork":null}}',
        b'{"metadata":{},"spec":null}',
    ):
        assert attributes_of(pods)("k", value)[1] == missing
    assert attributes_of(jobs)("k", b'{"metadata":{},"status":{"succeeded":null}}')[1][-1:] == ("0",)
    assert attributes_of(jobs)("k", b'{"metadata":{},"status":{"succeeded":3}}')[1][-1:] == ("3",)


def test_every_stored_kind_has_attributes():
    """No kind's selectable fields trip the reader, whatever is missing."""
    for resource in load_catalog().stored():
        labels, fields = attributes_of(resource)("k", b'{"metadata":{"resourceVersion":"1"}}')
        assert labels is None
        assert len(fields) == len(resource.field_labels)


def test_texts_of_objects_are_shared_but_not_interned():
    """Equal field values are one string; none stays for good, as interned ones do on Python 3.12."""
    pods = load_catalog().find("", "v1", "pods")
    assert pods is not None
    read, node = attributes_of(pods), pods.field_labels.index("spec.nodeName")
    labels, fields = read(
        "k", b'{"metadata":{"labels":{"hash":"once-only"}},"spec":{"nodeName":"never-again"}}'
    )
    _, others = read("l", b'{"metadata":{"name":"other"},"spec":{"nodeName":"never-again"}}')
    assert labels is not None
    assert fields[node] is others[node]
    for text in (labels["hash"], fields[node]):
        copy = text.encode().decode()
        assert sys.intern(copy) is copy, "an earlier string of this text was interned"
