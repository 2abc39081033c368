"""Statuses of paths, methods and credentials, and the pitfalls of queries: section 1.5 and the surprises of the specification."""

from __future__ import annotations

import pytest

from tests.conformance.rows.asking import Client, config_map

UNKNOWN = "the server could not find the requested resource"
METHOD = "the server does not allow this method on the requested resource"


@pytest.mark.parametrize(
    "path",
    ["/bogus", "/apis/nope", "/apis/nope/v1", "/apis/nope/v1/x", "/API/v1", "//api/v1", "//api/v1/pods"],
)
def test_unknown_paths_and_groups(ask: Client, path: str):
    """They are no part of the API: plain text."""
    answer = ask("GET", path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/apis/apps/v1/bogus",
        "/apis/apps/v9/deployments",
        "/api/v1/Pods",
        "/api/v1/bindings",
        "bogus",
        "bogus/x",
        "configmaps/x/bogus",
        "configmaps/x/y/z",
        "nodes/x",
    ],
)
def test_unknown_versions_and_resources(ask: Client, path: str):
    """They are a Status with empty details."""
    ask("GET", path).says(404, "NotFound", UNKNOWN, {})


@pytest.mark.parametrize(
    ("path", "about", "group", "plural"),
    [
        ("configmaps/x", "configmaps", "", "configmaps"),
        ("apps/v1:deployments/x", "deployments.apps", "apps", "deployments"),
        ("/api/v1/nodes/x", "nodes", "", "nodes"),
    ],
)
def test_what_is_not_there(ask: Client, path: str, about: str, group: str, plural: str):
    """The details say what it would be, by its plural."""
    details = {"name": "x", "group": group, "kind": plural}
    ask("GET", path).says(
        404, "NotFound", f'{about} "x" not found', {key: value for key, value in details.items() if value}
    )


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "BOGUS", "PUT", "PATCH"])
def test_methods_that_collections_do_not_have(ask: Client, method: str):
    """405, a Status unless it may have no body."""
    answer = ask(method, "configmaps")
    assert answer.status == 405
    if method != "HEAD":
        answer.says(405, "MethodNotAllowed", METHOD, {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "configmaps/x"),
        ("POST", "/api/v1/configmaps"),
        ("PUT", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/nodes/x/status"),
        ("GET", "pods/x/binding"),
        ("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        ("POST", "/api/v1/componentstatuses"),
    ],
)
def test_methods_that_resources_do_not_have(ask: Client, method: str, path: str):
    """A method that has no meaning there is 405, too."""
    body = {} if method in {"POST", "PUT"} else None
    ask(method, path, body).says(405, "MethodNotAllowed", METHOD, {})


@pytest.mark.parametrize(
    "authorization", ["", "Bearer bad", "Basic YTpi", "Bearer ", "Bearer  {token}", "{token}", "Digest x"]
)
def test_strangers(ask: Client, authorization: str):
    """401 without details, also for paths that there are not."""
    headers = [("Authorization", authorization.format(token=ask.token))] if authorization else []
    for path in ("configmaps", "/api", "/bogus"):
        ask("GET", path, token="", headers=headers).says(401, "Unauthorized", "Unauthorized")


def test_the_case_of_the_scheme(ask: Client):
    """`bearer` will do."""
    headers = [("Authorization", f"bearer {ask.token}")]
    assert ask("GET", "configmaps", token="", headers=headers).status == 200


def test_every_answer_can_be_traced(ask: Client):
    """Audit-Id and Cache-Control are on all, those of flow control once it is known who asks."""
    known, stranger = ask("GET", "configmaps"), ask("GET", "configmaps", token="")
    for answer in (known, stranger, ask("GET", "/bogus"), ask("POST", "configmaps", "{")):
        assert answer.headers["audit-id"]
        assert answer.headers["cache-control"] == "no-cache, private"
    flow = {"x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"}
    assert flow <= known.headers.keys()
    assert not flow & stranger.headers.keys()


@pytest.mark.parametrize("value", ["1", "true", "True", "f", "no", ""])
def test_what_is_true(ask: Client, value: str):
    """Of booleans in a query all is true but `0` and `false`."""
    answer = ask("GET", f"configmaps?watch={value}&timeoutSeconds=1&resourceVersion=abc")
    assert answer.status == 500  # a watch's answer to that revision


@pytest.mark.parametrize("query", ["watch=0", "watch=false", "watch=FALSE", "watch=0&watch=1", ""])
def test_what_is_false(ask: Client, query: str):
    """And of repeated values the first counts."""
    answer = ask("GET", f"configmaps?{query}&resourceVersion=abc")
    assert answer.status == 400  # a list's answer to that revision


def test_one_bad_revision_in_three_ways(ask: Client):
    """400 of a list, 500 of a watch and of a read, without a reason."""
    ask.create("configmaps", config_map("x"))
    text = 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
    ask("GET", "configmaps?resourceVersion=abc").says(400, "BadRequest", f"invalid resource version: {text}")
    ask("GET", "configmaps?watch=1&resourceVersion=abc").says(500, None, text)
    ask("GET", "configmaps/x?resourceVersion=abc").says(500, None, text)


def test_one_object_is_not_watched(ask: Client):
    """`?watch=1` behind a name is a plain read, and no other parameter of lists counts there."""
    made = ask.create("configmaps", config_map("x"))
    for query in ("watch=1", "fieldSelector=metadata.name%3Dy", "limit=x", "labelSelector=((", "continue=z"):
        assert ask.get(f"configmaps/x?{query}") == made


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("timeoutSeconds=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("limit=1e3", 'strconv.ParseInt: parsing "1e3": invalid syntax'),
        (
            "limit=99999999999999999999",
            'strconv.ParseInt: parsing "99999999999999999999": value out of range',
        ),
        (
            "labelSelector=a+in+b",
            "unable to parse requirement: found 'b' expected: '('",
        ),
        ("fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"),
    ],
)
def test_bad_queries(ask: Client, query: str, text: str):
    """400 with the parser's words."""
    ask("GET", f"configmaps?{query}").says(400, "BadRequest", text)


@pytest.mark.parametrize(
    ("seconds", "status"), [("x", 400), ("1", 400), ("-5s", 200), ("5m", 200), ("2s", 200)]
)
def test_timeouts_are_durations(ask: Client, seconds: str, status: int):
    """A number without a unit is none; less than nothing is the default."""
    assert ask("GET", f"configmaps?timeout={seconds}").status == status


def test_lists_of_built_in_kinds(ask: Client):
    """The items have no kind; the list has no `continue`; an empty one is `[]`."""
    assert ask.get("configmaps").items() >= {"kind": "ConfigMapList", "apiVersion": "v1", "items": []}.items()
    ask.create("configmaps", config_map("x"))
    listed = ask.get("configmaps")
    assert listed["metadata"].keys() == {"resourceVersion"}
    assert listed["items"][0].keys() == {"metadata", "data"}


def test_an_empty_namespace_in_the_path(ask: Client):
    """It is all of them for a list, and missing for the rest."""
    assert ask("GET", "/api/v1/namespaces//configmaps").status == 200
    for method, path in (("GET", "configmaps/x"), ("DELETE", "configmaps"), ("DELETE", "configmaps/x")):
        answer = ask(method, f"/api/v1/namespaces//{path}")
        answer.says(400, "BadRequest", "Namespace parameter required.")
