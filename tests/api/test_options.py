"""Options: every refusal against a real server's, and what is read from those accepted."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from answers import answers, refusal

from watchcache.api.options import (
    DeleteOptions,
    ListOptions,
    parse_create,
    parse_delete,
    parse_list,
    parse_patch,
    parse_update,
)
from watchcache.api.revisions import body_revision, list_revision, parse_revision, watch_revision
from watchcache.api.selectors import parse_fields


def query(text: str) -> dict[str, list[str]]:
    """A query as the HTTP layer hands it in."""
    return parse_qs(text, keep_blank_values=True, errors="replace")


def serve_list(text: str) -> ListOptions:
    """All that a list or watch of a kind without fields looks at before it begins."""
    parameters = query(text)
    watch = "watch" in parameters and "watch=1" in text
    options = parse_list(parameters, watch=watch)
    if options.field_selector != parse_fields("") or options.continue_token:
        return options
    (watch_revision if watch else list_revision)(options.resource_version)
    return options


def ours(row: Any) -> bool:
    """Continue tokens are read by the cache."""
    return row[1] is None or "continue token" not in row[1][2]


@pytest.mark.parametrize("row", [row for row in answers("lists") if ours(row)], ids=lambda row: row[0])
def test_list_and_watch_options_are_refused_as_kube_apiserver_does(row: Any):
    """Code, message and causes are those of a real server (L7-L13, W5-W7)."""
    text, expected = row
    assert refusal(lambda: serve_list(text)) == expected


def write(method: str, text: str, content_type: str, body: Any) -> Any:
    """All that a write looks at in its options."""
    parameters = query(text)
    if method == "POST":
        return parse_create(parameters)
    if method == "PUT":
        return parse_update(parameters)
    if method == "PATCH":
        return parse_patch(parameters, apply="apply" in content_type)
    return parse_delete(parameters, body)


@pytest.mark.parametrize(
    "row", answers("writes"), ids=lambda row: f"{row[0]} {row[1][:40]} {str(row[3])[:40]}"
)
def test_write_options_are_refused_as_kube_apiserver_does(row: Any):
    """Code, message and causes are those of a real server (M19, M21)."""
    *question, expected = row
    assert refusal(lambda: write(*question)) == expected


def test_a_list_takes_the_first_of_repeated_values():
    """Of `limit=1&limit=x` only the first counts."""
    options = parse_list(query("limit=1&limit=x&labelSelector=a&labelSelector=b&continue=t"))
    assert (options.limit, options.label_selector.requires("a"), options.continue_token) == (1, None, "t")


@pytest.mark.parametrize(
    ("text", "expected"), [("0", False), ("false", False), ("FALSE", False), ("", True), ("no", True)]
)
def test_booleans_are_true_unless_they_say_zero_or_false(text: str, expected: bool):
    """Anything else, the empty text too, is true."""
    options = parse_list({"allowWatchBookmarks": [text]})
    assert options.allow_watch_bookmarks is expected


def test_negative_limits_are_none():
    """A limit of 0 or less is no limit."""
    assert parse_list(query("limit=-5")).limit == 0


@pytest.mark.parametrize(
    ("text", "initial", "match"),
    [
        ("", True, "NotOlderThan"),
        ("resourceVersion=0", True, "NotOlderThan"),
        ("resourceVersion=5", None, ""),
        ("sendInitialEvents=false&resourceVersionMatch=NotOlderThan", False, "NotOlderThan"),
    ],
)
def test_a_watch_from_nowhere_begins_with_the_current_objects(text: str, initial: bool | None, match: str):
    """W2: without a revision sendInitialEvents and its match are filled in."""
    options = parse_list(query(text), watch=True)
    assert (options.send_initial_events, options.resource_version_match) == (initial, match)


def test_delete_options_come_from_the_query():
    """The uid and resourceVersion are preconditions there."""
    text = "gracePeriodSeconds=5&propagationPolicy=Orphan&uid=u&resourceVersion=7&dryRun=All"
    expected = DeleteOptions(
        dry_run=True, grace_period_seconds=5, propagation_policy="Orphan", uid="u", resource_version="7"
    )
    assert parse_delete(query(text)) == expected


def test_the_body_of_a_delete_wins_over_its_query():
    """Nothing of the query counts once there is a body."""
    body = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "orphanDependents": False,
        "preconditions": {"uid": "u"},
    }
    options = parse_delete(query("gracePeriodSeconds=5&dryRun=All"), body)
    assert options == DeleteOptions(orphan_dependents=False, uid="u")
    assert parse_delete(query("dryRun=x"), {}) == DeleteOptions()


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("0", 0), ("00", 0), ("007", 7), (str(2**64 - 1), 2**64 - 1)]
)
def test_revisions_are_decimal(text: str, number: int):
    """Leading zeros are accepted; 64 bits are enough."""
    assert parse_revision(text) == list_revision(text) == number


def test_malformed_revisions_are_answered_by_the_kind_of_request():
    """400 with a prefix on lists, 500 without reason on watches and in bodies."""
    problem = 'strconv.ParseUint: parsing "abc": invalid syntax'
    field = f'resourceVersion: Invalid value: "abc": {problem}'
    assert refusal(lambda: list_revision("abc")) == [
        400,
        "BadRequest",
        f"invalid resource version: {field}",
        [],
    ]
    assert refusal(lambda: watch_revision("abc")) == [500, "", field, []]
    assert refusal(lambda: body_revision("abc")) == [500, "", problem, []]
    assert refusal(lambda: body_revision(str(2**64)))[2].endswith("value out of range")
    assert refusal(lambda: body_revision("9" * 5000))[2].endswith("value out of range")
