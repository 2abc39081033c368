"""Specs of new pods are worked out once for all that are alike; nobody must be able to tell."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry.scene import ADMIN, Client, Document, pod
from watchcache.api import templates
from watchcache.api.catalog import Catalog, load_catalog
from watchcache.api.status import StatusError
from watchcache.api.validation import content_causes
from watchcache.registry import Call, incoming, pod_specs

CATALOG: Catalog = load_catalog()
PODS = CATALOG.find("", "v1", "pods")

odd = st.sampled_from([None, "", "x", 0, 1, 2**40, 2**70, 1.5, True, [], ["a"], {}, {"a": "b"}, "\ud800"])
ports = st.lists(
    st.dictionaries(st.sampled_from(["containerPort", "protocol", "name", "bogus"]), st.sampled_from([80, "TCP", "web", None])),
    max_size=2,
)  # fmt: skip
resources = st.dictionaries(
    st.sampled_from(["limits", "requests", "claims"]),
    st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", "64Mi", 2, "x"]), max_size=2),
)
containers = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["c", "d", "", "Bad_Name"]),
            "image": st.sampled_from(["nginx", "nginx:1", "", "a@b"]),
            "ports": ports,
            "resources": resources,
            "imagePullPolicy": odd,
            "bogus": odd,
        },
    ),
    max_size=2,
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.one_of(containers, odd),
        "initContainers": containers,
        "restartPolicy": st.sampled_from(["Always", "Sometimes", None]),
        "nodeSelector": st.one_of(st.dictionaries(st.sampled_from(["a", "!"]), st.sampled_from(["b", "-"])), odd),
        "nodeName": st.sampled_from(["n1", "No Node"]),
        "hostNetwork": st.booleans(),
        "serviceAccount": st.sampled_from(["s", ""]),
        "terminationGracePeriodSeconds": odd,
        "tolerations": st.lists(st.dictionaries(st.sampled_from(["key", "operator"]), st.sampled_from(["k", "Exists"])), max_size=1),
        "volumes": st.lists(st.dictionaries(st.sampled_from(["name", "emptyDir"]), st.sampled_from(["v", {}])), max_size=1),
        "bogus": odd,
    },
)  # fmt: skip


def accepted(document: Document) -> tuple[str, list[str]]:
    """What becomes of a new pod, written out in its order, and the warnings; or its refusal."""
    assert PODS is not None
    call = Call(PODS, ADMIN, "", "default", "", "", field_validation="Warn")
    try:
        made = incoming.accept(CATALOG, call, deepcopy(document), new=True)
    except StatusError as refusal:
        return refusal.message, call.warnings
    return json.dumps([made, [repr(cause) for cause in content_causes(PODS, made, None)]]), call.warnings


@given(spec=specs, where=st.integers(0, 2), label=st.sampled_from(["x", 5]))
def test_a_remembered_spec_is_what_would_have_been_made(spec: Document, where: int, label: Any):
    """In each order of members, the second time as the first, and as without a memory: the same bytes, causes, warnings, refusals."""
    members: list[tuple[str, Any]] = [("kind", "Pod"), ("metadata", {"name": "p", "labels": {"a": label}})]
    members.insert(where, ("spec", spec))
    document = dict(members)
    remembered = [accepted(document), accepted(document)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "LONGEST", -1)
        assert remembered == [accepted(document)] * 2


async def test_pods_of_one_template_share_nothing(client: Client):
    """What an admission plugin or a defaulter changes in one of them is not in the next."""
    call = client.call("v1/pods", "default")
    first = incoming.accept(CATALOG, call, pod("a"), new=True)
    before = json.dumps(first["spec"])
    first["spec"]["containers"][0]["image"] = "changed"
    first["spec"]["tolerations"] = [{"key": "changed"}]
    assert json.dumps(incoming.accept(CATALOG, call, pod("b"), new=True)["spec"]) == before


def test_a_long_spec_is_not_remembered():
    """Or a few thousand clients with specs of a megabyte would fill the memory."""
    before = pod_specs._finished.cache_info().currsize
    document = pod("p")
    document["spec"]["containers"][0]["args"] = ["x" * templates.LONGEST]
    assert accepted(document) == accepted(document)
    assert pod_specs._finished.cache_info().currsize == before
