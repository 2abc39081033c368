"""Errors: the Status documents, field by field as a real server sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watchcache.api import causes, status
from watchcache.api.quoting import quoted, quoted_character
from watchcache.api.status import Cause, GroupKind, StatusError


def failure(code: int, reason: str, message: str, details: Any = None) -> dict[str, Any]:
    """A Status document."""
    document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        document["reason"] = reason
    if details is not None:
        document["details"] = details
    return {**document, "code": code}


CAUSE = Cause("FieldValueInvalid", "Invalid value: 5: no", "spec.x")
ROWS: list[tuple[StatusError, dict[str, Any]]] = [
    (
        status.not_found("deployments.apps", "d"),
        failure(
            404,
            "NotFound",
            'deployments.apps "d" not found',
            {"name": "d", "group": "apps", "kind": "deployments"},
        ),
    ),
    (
        status.unknown_resource(),
        failure(404, "NotFound", "the server could not find the requested resource", {}),
    ),
    (
        status.already_exists("pods", "p"),
        failure(409, "AlreadyExists", 'pods "p" already exists', {"name": "p", "kind": "pods"}),
    ),
    (
        status.conflict("configmaps", "x"),
        failure(
            409,
            "Conflict",
            'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again',
            {"name": "x", "kind": "configmaps"},
        ),
    ),
    (
        status.conflict(GroupKind("apps", "Deployment"), "x", "no"),
        failure(
            409,
            "Conflict",
            'Operation cannot be fulfilled on Deployment.apps "x": no',
            {"name": "x", "group": "apps", "kind": "Deployment"},
        ),
    ),
    (
        status.forbidden(
            "configmaps", "late", "ending", [Cause("NamespaceTerminating", "going", "metadata.namespace")]
        ),
        failure(
            403,
            "Forbidden",
            'configmaps "late" is forbidden: ending',
            {
                "name": "late",
                "kind": "configmaps",
                "causes": [
                    {"reason": "NamespaceTerminating", "message": "going", "field": "metadata.namespace"}
                ],
            },
        ),
    ),
    (
        status.forbidden("pods", "", "no"),
        failure(403, "Forbidden", "pods is forbidden: no", {"kind": "pods"}),
    ),
    (
        status.invalid(GroupKind("", "Pod"), "p", [CAUSE]),
        failure(
            422,
            "Invalid",
            'Pod "p" is invalid: spec.x: Invalid value: 5: no',
            {
                "name": "p",
                "kind": "Pod",
                "causes": [
                    {"reason": "FieldValueInvalid", "message": "Invalid value: 5: no", "field": "spec.x"}
                ],
            },
        ),
    ),
    (
        status.invalid_patch(),
        failure(422, "Invalid", "the server rejected our request due to an error in our request", {}),
    ),
    (status.bad_request("what"), failure(400, "BadRequest", "what")),
    (status.unauthorized(), failure(401, "Unauthorized", "Unauthorized")),
    (
        status.method_not_allowed(),
        failure(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
        ),
    ),
    (
        status.unsupported_media_type(),
        failure(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ),
    ),
    (
        status.unsupported_patch_type(),
        failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {}),
    ),
    (
        status.too_large(),
        failure(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"),
    ),
    (
        status.expired(),
        failure(410, "Expired", "The resourceVersion for the provided list is too old."),
    ),
    (
        status.too_large_revision(9, 5),
        failure(
            504,
            "Timeout",
            "Timeout: Too large resource version: 9, current: 5",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        ),
    ),
    (
        status.untyped("resourceVersion should not be set on objects to be created"),
        failure(500, "", "resourceVersion should not be set on objects to be created"),
    ),
    (
        status.internal("boom"),
        failure(500, "InternalError", "Internal error occurred: boom", {"causes": [{"message": "boom"}]}),
    ),
    (
        status.timeout("request did not complete within the allotted timeout"),
        failure(504, "Timeout", "Timeout: request did not complete within the allotted timeout", {}),
    ),
    (status.service_unavailable("later"), failure(503, "ServiceUnavailable", "later")),
]


@pytest.mark.parametrize(("error", "expected"), ROWS, ids=lambda row: getattr(row, "message", "")[:40])
def test_each_failure_has_its_status(error: StatusError, expected: dict[str, Any]):
    """Members and their order, as kube-apiserver writes them."""
    assert json.dumps(error.body()) == json.dumps(expected)
    assert str(error) == error.message


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (status.reinitializing(), "1"),
        (status.too_many_requests("no", 7), "7"),
        (status.too_large_revision(9, 5), "1"),
        (status.too_large_revision(9, 5, 0), None),
        (status.generated_name_taken("pods", "p"), "1"),
        (status.service_unavailable("no", 3), "3"),
        (status.bad_request("no"), None),
    ],
)
def test_retry_after_is_said_twice(error: StatusError, seconds: str | None):
    """In the details and in the header, or in neither."""
    details = error.body().get("details", {})
    assert error.headers.get("Retry-After") == seconds
    assert str(details.get("retryAfterSeconds", None)) == str(seconds)


def test_the_message_of_a_422_lists_equal_causes_once():
    """The details keep the repeats."""
    error = status.invalid(GroupKind("apps", "Deployment"), "d", [CAUSE, causes.required("spec.y"), CAUSE])
    assert error.message == (
        'Deployment.apps "d" is invalid: [spec.x: Invalid value: 5: no, spec.y: Required value]'
    )
    assert error.details is not None
    assert [cause["field"] for cause in error.details["causes"]] == ["spec.x", "spec.y", "spec.x"]


def test_an_expired_token_comes_with_one_that_works():
    """L17: the new token stands in the metadata, and the message says so; without one it does not."""
    error = status.expired_continue("token")
    assert error.body()["metadata"] == {"continue": "token"}
    assert "use the continue token in this response" in error.message
    assert status.expired_continue("").body()["metadata"] == {}
    assert status.expired_continue("").message.endswith("start a new list without the continue parameter.")


def test_successes_have_neither_message_nor_reason():
    """A DELETE names the object, a binding the code."""
    details = status.object_details("apps", "deployments", "d", "u")
    assert details == {"name": "d", "group": "apps", "kind": "deployments", "uid": "u"}
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    assert status.success(details) == {**head, "details": details}
    assert status.success(code=201) == {**head, "code": 201}


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (causes.invalid("f", "a\nb", "no"), 'Invalid value: "a\\nb": no'),
        (causes.invalid("f", {"a": [1]}, "no"), 'Invalid value: {"a":[1]}: no'),
        (causes.invalid("f", None, "no"), "Invalid value: null: no"),
        (causes.immutable("f", 5), "Invalid value: 5: field is immutable"),
        (causes.required("f", "why"), "Required value: why"),
        (causes.forbidden("f", "why"), "Forbidden: why"),
        (causes.not_supported("f", "x", ("a", "")), 'Unsupported value: "x": supported values: "a", ""'),
        (causes.duplicate("f", "c"), 'Duplicate value: "c"'),
        (causes.too_long("f", 8), "Too long: may not be more than 8 bytes"),
    ],
)
def test_causes_are_worded_by_kind(cause: Cause, message: str):
    """One constructor for each kind of fault."""
    assert (cause.message, cause.field) == (message, "f")


def test_texts_are_quoted_as_go_does():
    """Printable characters stay, others are escaped."""
    assert quoted('a"\\\x00\x7f\u2028é\U000e0001') == '"a\\"\\\\\\x00\\x7f\\u2028é\\U000e0001"'
    assert quoted("plain") == '"plain"'
    assert [quoted_character(c) for c in "'\"\t\x80"] == ["'\\''", "'\"'", "'\\t'", "'\\u0080'"]


def test_reasons_go_with_codes():
    """For failures that come with nothing but an HTTP status."""
    assert (status.reason_of(404), status.reason_of(418)) == ("NotFound", "")
