"""Conversion: the same objects as kube-apiserver 1.36 shows them in both versions, recorded in converted.jsonl."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from watchcache.api.autoscaling import BEHAVIOR, CONDITIONS, METRICS
from watchcache.api.catalog import GroupVersion
from watchcache.api.conversion import convert

ROWS = [json.loads(line) for line in Path(__file__).with_name("converted.jsonl").read_text().splitlines()]


def read(document):
    """The document with the JSON in its annotations read: the order of members is free."""
    read_document = copy.deepcopy(document)
    annotations = read_document["metadata"].get("annotations", {})
    for name in annotations.keys() & {
        METRICS,
        BEHAVIOR,
        CONDITIONS,
        "autoscaling.alpha.kubernetes.io/current-metrics",
    }:
        annotations[name] = json.loads(annotations[name])
    return read_document


def sorted_metrics(document):
    """The document with its metrics in a fixed order: going through v1 moves the CPU to the end."""
    ordered = copy.deepcopy(document)
    if "metrics" in ordered["spec"]:
        ordered["spec"]["metrics"].sort(key=json.dumps)
    return ordered


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['stored']['kind']}-{row['stored']['metadata']['name']}"
)
def test_stored_objects_are_shown_in_the_other_version(row):
    """What is stored in one version reads in the other as kube-apiserver shows it."""
    before = copy.deepcopy(row["stored"])
    shown = convert(row["stored"], row["stored"]["apiVersion"], row["other"]["apiVersion"])
    assert read(shown) == read(row["other"])
    assert row["stored"] == before


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['stored']['kind']}-{row['stored']['metadata']['name']}"
)
def test_nothing_is_lost_on_the_way_back(row):
    """Going to the other version and back gives the object again."""
    back = convert(row["other"], row["other"]["apiVersion"], row["stored"]["apiVersion"])
    if row["stored"]["kind"] == "Event":
        assert back == row["stored"]
    else:
        assert sorted_metrics(back) == sorted_metrics(row["stored"])


def test_one_version_is_the_identity():
    """A kind that is served in one version is not touched, nor is a document already in the wanted one."""
    document = {"kind": "Pod", "apiVersion": "v1", "metadata": {}}
    assert convert(document, GroupVersion("", "v1"), GroupVersion("", "v1")) is document
    assert convert(document, "apps/v1", "apps/v2") is document


@pytest.mark.parametrize(
    "text", ['[{"type":', "{}", "1", '[{"type":"Resource","resource":{}}]', '[{"type":5}]', "[1]"]
)
def test_misshapen_annotations_are_dropped(text):
    """A client's annotation that cannot be read is no reason to fail."""
    document = {
        "metadata": {"annotations": {METRICS: text, BEHAVIOR: "[]"}},
        "spec": {"maxReplicas": 1},
        "status": {},
    }
    converted = convert(document, GroupVersion("autoscaling", "v1"), GroupVersion("autoscaling", "v2"))
    assert "annotations" not in converted["metadata"]
    assert "behavior" not in converted["spec"]
