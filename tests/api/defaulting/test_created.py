"""Defaults: what kube-apiserver 1.36 made of objects at their creation, recorded in created.jsonl."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.defaulting import apply_defaults
from watchcache.api.defaulting.literals import LITERALS
from watchcache.api.defaulting.plan import short_name
from watchcache.api.defaulting.rules import RULES
from watchcache.api.schema import MISSING, Definitions
from watchcache.api.structure import conform

CATALOG = load_catalog()
CREATED = [json.loads(line) for line in Path(__file__).with_name("created.jsonl").read_text().splitlines()]

NOT_DEFAULTS: dict[str, list[str]] = {
    "": ["metadata.name", "metadata.namespace", "metadata.finalizers"],
    "Namespace": ["spec.finalizers"],
    "Pod": ["status", "spec.priority", "spec.preemptionPolicy", "spec.tolerations"],
    "Service": [
        "spec.clusterIP",
        "spec.clusterIPs",
        "spec.ipFamilies",
        "spec.ipFamilyPolicy",
        "spec.ports.nodePort",
    ],
    "PersistentVolume": ["status.lastPhaseTransitionTime"],
    "PersistentVolumeClaim": ["spec.dataSource", "spec.dataSourceRef"],
    "Node": ["spec.taints"],
    "DaemonSet": ["metadata.annotations"],
    "Job": ["metadata.labels", "spec.selector", "spec.template.metadata.labels"],
    "StatefulSet": ["spec.updateStrategy.rollingUpdate.maxUnavailable"],
    "CustomResourceDefinition": ["status.storedVersions"],
    "ResourceSlice": ["spec.devices.taints.timeAdded"],
}
"""What admission, allocators and strategies set or take away: no business of defaulting. "" is for every kind."""


def remove(value: Any, path: list[str]) -> None:
    """Removes the field at a path, in each element of the lists on its way."""
    if isinstance(value, list):
        for item in value:
            remove(item, path)
    elif isinstance(value, dict):
        if len(path) == 1:
            value.pop(path[0], None)
        else:
            remove(value.get(path[0]), path[1:])


def schema_of(document: dict[str, Any]):
    """The schema of the document's own kind."""
    group, _, version = document["apiVersion"].rpartition("/")
    return CATALOG.schema_of(group, version, document["kind"])


@pytest.mark.parametrize("row", CREATED, ids=lambda row: row["body"]["kind"])
def test_objects_get_the_defaults_that_kube_apiserver_gives(row):
    """The body, conformed and defaulted, is the answer, apart from what other parts of the server set."""
    body, created = row["body"], copy.deepcopy(row["created"])
    document = conform(body, schema_of(body)).document
    apply_defaults(document, schema_of(body))
    for path in NOT_DEFAULTS[""] + NOT_DEFAULTS.get(body["kind"], []):
        remove(document, path.split("."))
        remove(created, path.split("."))
    assert document == created


@pytest.mark.parametrize("row", CREATED, ids=lambda row: row["body"]["kind"])
def test_answers_are_fixed_points(row):
    """What the server shows, sent back, stays as it is."""
    created = row["created"]
    conformed = conform(created, schema_of(created))
    apply_defaults(conformed.document, schema_of(created))
    assert conformed.document == created
    assert conformed.problems == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"podIP": "10.0.0.1"}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}]},
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}]},
        ),
        (
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.2"}, {"ip": "::1"}]},
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
        ),
        (
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}]},
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}]},
        ),
        ({}, {}),
    ],
)
def test_a_pod_says_its_address_in_both_fields(sent: dict[str, Any], kept: dict[str, Any]):
    """The field for one address and the list for two agree, whoever wrote which: the old field wins."""
    schema = CATALOG.schema_of("", "v1", "Pod")
    document = conform({"status": sent}, schema).document
    apply_defaults(document, schema)
    assert document["status"] == kept


def test_a_node_says_its_range_in_both_fields():
    """As with the addresses of a pod."""
    schema = CATALOG.schema_of("", "v1", "Node")
    for sent in ({"podCIDR": "10.1.0.0/24"}, {"podCIDRs": ["10.1.0.0/24"]}):
        document = conform({"spec": sent}, schema).document
        apply_defaults(document, schema)
        assert document["spec"] == {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}


def test_defaults_that_can_change_are_not_shared():
    """Two objects have lists and maps of their own."""
    schema = CATALOG.schema_of("autoscaling", "v2", "HorizontalPodAutoscaler")
    first, second = conform({"spec": {}}, schema).document, conform({"spec": {}}, schema).document
    apply_defaults(first, schema)
    apply_defaults(second, schema)
    first["spec"]["metrics"][0]["resource"]["name"] = "memory"
    assert second["spec"]["metrics"][0]["resource"]["name"] == "cpu"


def test_defaulting_an_empty_object_of_every_kind_works():
    """No rule relies on a field that a client may leave out."""
    for resource in CATALOG.resources():
        document = conform(
            {"kind": resource.kind, "apiVersion": resource.api_version}, resource.schema
        ).document
        apply_defaults(document, resource.schema)
        once = copy.deepcopy(document)
        apply_defaults(document, resource.schema)
        assert document == once


def test_every_default_names_a_type_and_fields_that_exist():
    """A misspelt row of the tables would silently do nothing."""
    data = Path(__file__).parents[3] / "watchcache" / "api" / "data" / "schemas.json"
    definitions = Definitions.from_json(data.read_bytes())
    known = {short_name(name): definitions.find(name) for name in definitions.names()}
    assert known.keys() >= LITERALS.keys() | RULES.keys()
    for name, fields in LITERALS.items():
        assert known[name].properties.keys() >= fields.keys(), name
        stated = {field: known[name].properties[field].default for field in fields}
        repeated = {
            field for field, value in stated.items() if value is not MISSING and value == fields[field] != {}
        }
        assert not repeated, f"{name} repeats what the schema states: {repeated}"
