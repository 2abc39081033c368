"""Rows against those that a kube-apiserver printed (rows.json, recorded by scripts/record_tables.py from objects.yaml)."""

import json
import random
import time
from pathlib import Path

import pytest

from watchcache.api import table
from watchcache.api.catalog import load_catalog
from watchcache.api.printers import PRINTERS

RECORDS = json.loads(Path(__file__).with_name("rows.json").read_bytes())
CATALOG = load_catalog()


def resource_of(record):
    """The resource whose path was read."""
    parts = record["path"].removeprefix("/apis/").removeprefix("/api/").split("/")
    group, version, *rest = ["", *parts] if record["path"].startswith("/api/") else parts
    rest = rest[2:] if rest[0] == "namespaces" and len(rest) > 2 else rest
    return CATALOG.find(group, version, rest[0])


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["path"].removeprefix("/api"))
def test_row_is_the_recorded_one(record):
    """Cells, their types and the row's conditions are those of kube-apiserver."""
    made = table.row(resource_of(record), record["object"], record["now"], "None")
    expected = {key: record[key] for key in ("cells", "conditions") if key in record}
    assert made == {**expected, "object": None}
    assert [type(cell) for cell in made["cells"]] == [type(cell) for cell in record["cells"]]


def test_every_printer_was_compared():
    """Each kind that has a printer is among the recorded rows."""
    kinds = set()
    for record in RECORDS:
        group = record["object"]["apiVersion"].rpartition("/")[0]
        kinds.add((group, record["object"]["kind"]))
    assert set(PRINTERS) <= kinds


@pytest.mark.parametrize("resource", list(CATALOG.resources()), ids=lambda r: f"{r.api_version}/{r.plural}")
def test_an_empty_object_has_a_cell_for_each_column(resource):
    """The empty object of a bookmark has a full row, whatever the kind (kube-apiserver's IP addresses have a cell too many)."""
    extra = 1 if resource.kind == "IPAddress" else 0
    assert len(table.cells(resource, {}, 0.0)) == len(table.columns(resource)) + extra


@pytest.mark.parametrize(
    ("group", "plural", "cells"),
    [
        ("", "pods", ["", "0/0", "", "0", "<unknown>", "<none>", "<none>", "<none>", "<none>"]),
        ("", "configmaps", ["", 0, "<unknown>"]),
        ("", "events", ["<unknown>", "", "", "", "", "", "", "<unknown>", 1, ""]),
        ("", "services", ["", "", "<none>", "<unknown>", "<none>", "<unknown>", "<none>"]),
        ("apps", "deployments", ["", "0/0", 0, 0, "<unknown>", "", "", ""]),
        ("batch", "cronjobs", ["", "", "<none>", "<unset>", 0, "<none>", "<unknown>", "", "", "<none>"]),
        ("networking.k8s.io", "ipaddresses", ["", "<none>", "<unknown>"]),
        ("rbac.authorization.k8s.io", "roles", ["", "0001-01-01T00:00:00Z"]),
    ],
)
def test_bookmarks_have_the_row_of_the_empty_object(group, plural, cells):
    """The row of an empty object is the one that kube-apiserver's bookmarks have (recorded)."""
    assert table.cells(CATALOG.find(group, "v1", plural), {}, 0.0) == cells


def thinned(value, choose):
    """`value` with parts of it null, empty or left out."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if choose.random() > 0.1}
        return {key: None if choose.random() < 0.1 else thinned(item, choose) for key, item in kept.items()}
    if isinstance(value, list):
        return [thinned(item, choose) for item in value if choose.random() > 0.1]
    return value


@pytest.mark.parametrize("seed", range(10))
def test_missing_parts_are_zero_values(seed):
    """A row is made of any document that lacks parts or has nulls in it."""
    choose = random.Random(seed)
    for record in RECORDS:
        document = thinned(record["object"], choose)
        document["kind"] = record["object"]["kind"]
        json.dumps(table.table(resource_of(record), [document], 0.0, include="Object"))


def test_five_thousand_pods_in_a_second():
    """A table of 5,000 pods takes less than a second of CPU."""
    record = next(r for r in RECORDS if r["path"].endswith("/sidecar-running"))
    start = time.process_time()
    made = table.table(resource_of(record), [record["object"]] * 5000, record["now"])
    assert time.process_time() - start < 1
    assert len(made["rows"]) == 5000
