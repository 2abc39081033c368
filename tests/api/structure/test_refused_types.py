"""Wrong types: the messages of kube-apiserver 1.36 for bodies that it could not decode, recorded in refused.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.structure import TypeMismatch, conform

CATALOG = load_catalog()
REFUSED = [json.loads(line) for line in Path(__file__).with_name("refused.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["message"][:80])
def test_wrong_types_are_worded_as_kube_apiserver_does(row):
    """Each recorded body is refused with the recorded words."""
    group, _, version = row["body"]["apiVersion"].rpartition("/")
    schema = CATALOG.schema_of(group, version, row["body"]["kind"])
    with pytest.raises(TypeMismatch) as refused:
        conform(row["body"], schema)
    assert refused.value.message == row["message"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("containers", "x", "cannot restore slice from string"),
        ("containers", {"a": 1}, "cannot restore slice from map"),
        ("securityContext", "x", "cannot restore struct from: string"),
        ("nodeSelector", "x", "cannot restore map from string"),
        ("dnsPolicy", 1, "cannot convert int64 to v1.DNSPolicy"),
        ("terminationGracePeriodSeconds", "80", "unrecognized type: int64"),
    ],
)
def test_after_a_strategic_patch_the_words_are_others(field, value, words):
    """The conversion that follows a strategic merge patch words the same mistakes in its own way."""
    schema = CATALOG.schema_of("", "v1", "Pod")
    with pytest.raises(TypeMismatch) as refused:
        conform({"kind": "Pod", "apiVersion": "v1", "spec": {field: value}}, schema)
    assert refused.value.restored == words
