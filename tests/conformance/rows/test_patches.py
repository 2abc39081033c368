"""PATCH: rows M8 to M11 and M21 of the specification of writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.rows.asking import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    Client,
    config_map,
    deployment,
)

DEPLOYMENTS = "apps/v1:deployments"
REJECTED = "the server rejected our request due to an error in our request"
MERGES = (MERGE_PATCH, STRATEGIC_PATCH)


def step(op: str, path: str, **members: Any) -> dict[str, Any]:
    """One operation of a JSON patch."""
    return {"op": op, "path": path, **members}


def test_json_patch(ask: Client):
    """M8: its operations in their order."""
    ask.create("configmaps", config_map("x"))
    steps = [
        step("test", "/data/a", value="1"),
        step("add", "/data/b", value="2"),
        step("copy", "/data/c", **{"from": "/data/b"}),
        step("move", "/data/d", **{"from": "/data/a"}),
        step("add", "/metadata/labels", value={}),
        step("add", "/metadata/labels/a~1b", value="c"),
    ]
    answer = ask.patch("configmaps/x", steps, JSON_PATCH)
    assert answer.document["data"] == {"b": "2", "c": "2", "d": "1"}
    assert answer.document["metadata"]["labels"] == {"a/b": "c"}


@pytest.mark.parametrize(
    "steps",
    [
        [step("test", "/data/a", value="9")],
        [step("remove", "/data/z")],
        [step("replace", "/nope/x", value=1)],
        [step("bogus", "/data")],
        [step("add", "/data/b", value="2"), step("test", "/data/a", value="9")],
    ],
)
def test_a_json_patch_that_does_not_fit(ask: Client, steps: list[dict[str, Any]]):
    """M8: applies as a whole or not at all, and the server says no more than that."""
    made = ask.create("configmaps", config_map("x"))
    ask.patch("configmaps/x", steps, JSON_PATCH).says(422, "Invalid", REJECTED, {})
    assert ask.get("configmaps/x") == made


def test_a_json_patch_has_at_most_ten_thousand_steps(ask: Client):
    """M8: one more is too large."""
    ask.create("configmaps", config_map("x"))
    steps = [step("test", "/data/a", value="1")] * 10_000
    assert ask.patch("configmaps/x", steps, JSON_PATCH).status == 200
    ask.patch("configmaps/x", [*steps, steps[0]], JSON_PATCH).says(
        413,
        "RequestEntityTooLarge",
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    )


@pytest.mark.parametrize("media_type", MERGES)
def test_merging(ask: Client, media_type: str):
    """M8: members are set, and with null removed."""
    ask.create("configmaps", config_map("x", {"a": "1", "b": "2"}))
    answer = ask.patch("configmaps/x", {"data": {"a": None, "c": "3"}}, f"{media_type}; charset=utf-8")
    assert answer.document["data"] == {"b": "2", "c": "3"}


def test_strategic_patches_know_lists_by_their_keys(ask: Client):
    """M8: a container is found by its name; a merge patch replaces the list."""
    ask.create(DEPLOYMENTS, deployment("d"))

    def wanted(*containers: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"template": {"spec": {"containers": containers}}}}

    def names() -> list[str]:
        template = ask.get(f"{DEPLOYMENTS}/d")["spec"]["template"]
        return [container["name"] for container in template["spec"]["containers"]]

    assert ask.patch(f"{DEPLOYMENTS}/d", wanted({"name": "e", "image": "i"}), STRATEGIC_PATCH).status == 200
    assert names() == ["e", "c"]
    ask.patch(f"{DEPLOYMENTS}/d", wanted({"name": "c", "$patch": "delete"}), STRATEGIC_PATCH)
    assert names() == ["e"]
    ask.patch(f"{DEPLOYMENTS}/d", wanted({"name": "f", "image": "i"}), MERGE_PATCH)
    assert names() == ["f"]


def test_a_strategic_patch_says_nothing_about_the_type(ask: Client):
    """M8: kind and version in it are not looked at; in a merge patch they must fit."""
    ask.create("configmaps", config_map("x"))
    assert ask.patch("configmaps/x", {"kind": "Secret"}, STRATEGIC_PATCH).document["kind"] == "ConfigMap"
    [(field, message)] = ask.patch("configmaps/x", {"kind": "Secret"}).causes()
    assert field == "patch"
    assert message.endswith(": converting (v1.Secret) to (core.ConfigMap): unknown conversion")


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "", "application/yaml", ";"])
def test_other_types_are_no_patches(ask: Client, media_type: str):
    """M8: 415, without a list of what there is."""
    ask.create("configmaps", config_map("x"))
    answer = ask.patch("configmaps/x", {}, media_type)
    answer.says(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        (JSON_PATCH, "{", "error decoding patch: unexpected end of JSON input"),
        (
            JSON_PATCH,
            "{}",
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ),
        (MERGE_PATCH, "{", "error decoding patch: unexpected end of JSON input"),
        (
            MERGE_PATCH,
            "[]",
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (MERGE_PATCH, "null", "Invalid JSON Patch"),
        (STRATEGIC_PATCH, "{", "unexpected end of JSON input"),
        (STRATEGIC_PATCH, "5", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
    ],
)
def test_what_cannot_be_read(ask: Client, media_type: str, body: str, text: str):
    """M8: 400 with the decoder's words, once it is known that there is an object."""
    ask.create("configmaps", config_map("x"))
    ask.patch("configmaps/x", body, media_type).says(400, "BadRequest", text)
    missing = ask.patch("configmaps/missing", body, media_type)
    missing.says(404, "NotFound", 'configmaps "missing" not found', {"name": "missing", "kind": "configmaps"})


def test_an_empty_json_patch_may_be_null(ask: Client):
    """M8: it has no steps."""
    made = ask.create("configmaps", config_map("x"))
    assert ask.patch("configmaps/x", "null", JSON_PATCH).revision == made["metadata"]["resourceVersion"]


@pytest.mark.parametrize("media_type", MERGES)
def test_the_result_must_fit_its_type(ask: Client, media_type: str):
    """M8: else 422 on the patch, naming no object."""
    ask.create("configmaps", config_map("x"))
    answer = ask.patch("configmaps/x", {"data": {"a": 5}}, media_type)
    [(field, message)] = answer.causes()
    assert field == "patch"
    assert message.startswith('Invalid value: "')
    assert answer.document["details"].keys() == {"causes"}
    assert answer.message == f' "" is invalid: patch: {message}'


@pytest.mark.parametrize("media_type", MERGES)
@pytest.mark.parametrize("query", ["force=true", "force=false"])
def test_only_apply_can_be_forced(ask: Client, media_type: str, query: str):
    """M8: `force` on another patch is refused."""
    ask.create("configmaps", config_map("x"))
    answer = ask("PATCH", f"configmaps/x?{query}", {}, media_type)
    assert answer.causes() == [("force", "Forbidden: may not be specified for non-apply patch")]


@pytest.mark.parametrize("media_type", MERGES)
def test_a_revision_in_a_patch_is_a_precondition(ask: Client, media_type: str):
    """M9: without one nobody else's write can make it fail."""
    made = ask.create("configmaps", config_map("x"))
    assert ask.patch("configmaps/x", {"data": {"b": "2"}}, media_type).status == 200
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"b": "3"}}
    answer = ask.patch("configmaps/x", stale, media_type)
    assert (answer.status, answer.document["reason"]) == (409, "Conflict")
    assert ask.patch("configmaps/x", {"data": {"b": "3"}}, media_type).status == 200


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"name": "y"}, "the name of the object (y) does not match the name on the URL (x)"),
        (
            {"namespace": "y"},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
)
def test_a_patch_cannot_rename(ask: Client, metadata: dict[str, str], text: str):
    """M7: nor move to another namespace."""
    ask.create("configmaps", config_map("x"))
    ask.patch("configmaps/x", {"metadata": metadata}).says(400, "BadRequest", text)


@pytest.mark.parametrize("media_type", MERGES)
def test_strict_patches(ask: Client, media_type: str):
    """M21: unknown and repeated fields are 422, what is repeated first."""
    ask.create("configmaps", config_map("x"))
    body = '{"metadata":{"wrong":1},"bogus":1,"data":{"a":"1","a":"2"}}'
    [(_, message)] = ask("PATCH", "configmaps/x?fieldValidation=Strict", body, media_type).causes()
    assert message.endswith(
        '": strict decoding error: duplicate field "data.a", unknown field "bogus", unknown field "metadata.wrong"'
    )
    answer = ask("PATCH", "configmaps/x", body, media_type)
    assert (answer.status, answer.document["data"]) == (200, {"a": "2"})
    assert answer.warnings == [
        'duplicate field "data.a"',
        'unknown field "bogus"',
        'unknown field "metadata.wrong"',
    ]


def test_strict_json_patches(ask: Client):
    """M21: what is wrong with the steps themselves counts."""
    ask.create("configmaps", config_map("x"))
    body = '[{"op":"add","op":"test","path":"/data/a","value":"1","x":1}]'
    found = ['json patch duplicate field "[0].op"', 'json patch unknown field "[0].x"']
    [(_, message)] = ask("PATCH", "configmaps/x?fieldValidation=Strict", body, JSON_PATCH).causes()
    assert message.endswith(f": strict decoding error: {', '.join(found)}")
    assert ask("PATCH", "configmaps/x", body, JSON_PATCH).warnings == found
    assert ask("PATCH", "configmaps/x?fieldValidation=Ignore", body, JSON_PATCH).warnings == []


def test_collections_are_not_patched(ask: Client):
    """A PATCH names one object."""
    assert ask.patch("configmaps", {}).status == 405


def test_a_dry_run_of_a_patch(ask: Client):
    """M19: shows what would be, at the stored revision."""
    made = ask.create("configmaps", config_map("x"))
    answer = ask("PATCH", "configmaps/x?dryRun=All", json.dumps({"data": {"b": "2"}}), MERGE_PATCH)
    assert answer.document["data"] == {"a": "1", "b": "2"}
    assert answer.revision == made["metadata"]["resourceVersion"]
    assert ask.get("configmaps/x") == made
