"""Patches against what kube-apiserver 1.36 made of the same document: results and refusals, recorded in patched.jsonl.

A result is recorded as the fields that it changed (`spec.template.spec.containers`), after conforming and defaulting.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from watchcache.api.catalog import load_catalog
from watchcache.api.defaulting import apply_defaults
from watchcache.api.patch import PatchError, json_patch, merge_patch, parse_operations, strategic
from watchcache.api.structure import TypeMismatch, conform

CATALOG = load_catalog()
ROWS = [json.loads(line) for line in Path(__file__).with_name("patched.jsonl").read_text().splitlines()]
ORIGINALS = {row["of"]: row["original"] for row in ROWS if "original" in row}
PATCHES = [row for row in ROWS if "patch" in row]

WHOLE = {
    "metadata.labels",
    "metadata.annotations",
    "spec.strategy",
    "spec.selector",
    "spec.template.metadata",
}
"""Objects that are compared as one field."""
SET_ELSEWHERE = {"kind", "apiVersion", "metadata.generation"}


def schema_of(document: dict[str, Any]):
    """The schema of the document's own kind."""
    group, _, version = document["apiVersion"].rpartition("/")
    return CATALOG.schema_of(group, version, document["kind"])


def fields(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The document's fields by path, four levels deep."""
    found: dict[str, Any] = {}
    for name, member in value.items():
        place = f"{path}.{name}" if path else name
        if isinstance(member, dict) and place.count(".") < 3 and place not in WHOLE:
            found.update(fields(member, place))
        else:
            found[place] = member
    return found


def patched(row: dict[str, Any]) -> dict[str, Any]:
    """What we make of a row: the changed fields, or the code and message of the refusal."""
    original = ORIGINALS[row["of"]]
    schema = schema_of(original)
    try:
        document = conform(apply_patch(row["type"], original, row["patch"], schema), schema).document
    except PatchError as error:
        return {"code": error.code, "message": str(error)}
    except TypeMismatch as mismatch:
        message = mismatch.restored if row["type"] == "strategic" else mismatch.message
        return {"code": 422, "message": message}
    apply_defaults(document, schema)
    return {"changed": changes(fields(original), fields(document))}


def apply_patch(kind: str, original: dict[str, Any], patch: Any, schema) -> dict[str, Any]:
    """The patched document."""
    if kind == "json":
        return json_patch(original, parse_operations(patch)[0])
    if kind == "merge":
        return merge_patch(original, patch)
    return strategic(original, patch, schema)


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Fields whose value differs, with the new value; null for those that are gone."""
    names = (before.keys() | after.keys()) - SET_ELSEWHERE
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


@pytest.mark.parametrize("row", PATCHES, ids=lambda row: f"{row['type']}-{json.dumps(row['patch'])[:90]}")
def test_patches_do_what_kube_apiserver_does(row):
    """The same fields change to the same values, or the patch is refused with the same words; nothing given is changed."""
    before = copy.deepcopy((ORIGINALS[row["of"]], row["patch"]))
    expected = {name: row[name] for name in ("code", "message", "changed") if name in row}
    assert patched(row) == expected
    assert (ORIGINALS[row["of"]], row["patch"]) == before
