"""Hostile input: it gets the Status that kube-apiserver gives, stores nothing, and the server stays up."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conformance.rows.asking import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    TABLE,
    Client,
    config_map,
    deployment,
    pod,
)

LIMIT = 3 * 1024 * 1024
MAX_DEPTH = 10_000
BILLION_LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.fixture(autouse=True)
def nothing_is_stored(ask: Client) -> Iterator[None]:
    """After whatever a test has sent, what it made is as it was and the server answers."""
    ask.create("configmaps", config_map("x"))
    before = ask.newest(), ask.get("configmaps")["items"]
    yield
    after = ask.newest(), ask.get("configmaps")["items"]
    assert after == before


def unrecognized(text: str, shown: str) -> str:
    """The message of a body that is no document."""
    return f"the object provided is unrecognized (must be of type ConfigMap): {text} ({shown})"


@pytest.mark.parametrize(
    ("body", "text", "shown"),
    [
        ("", "unexpected end of JSON input", "<empty>"),
        ("{", "unexpected end of JSON input", "{"),
        ("nul", "invalid character ' ' in literal null (expecting 'l')", "6e756c"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string", '{"a":1,}'),
        ('{"a":1}x', "invalid character 'x' after top-level value", '{"a":1}x'),
        ('{"a":NaN}', "invalid character 'N' looking for beginning of value", '{"a":NaN}'),
        ('{"a":01}', "invalid character '1' after object key:value pair", '{"a":01}'),
        ("\x00", "invalid character '\\x00' looking for beginning of value", "00"),
        ("'", "invalid character '\\'' looking for beginning of value", "27"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value", "efbbbf7b7d"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_malformed_json(ask: Client, method: str, body: str, text: str, shown: str):
    """400 with Go's words and the beginning of the body."""
    path = "configmaps" if method == "POST" else "configmaps/x"
    message = unrecognized(f"couldn't get version/kind; json parse error: {text}", shown)
    ask(method, path, body).says(400, "BadRequest", message)


@pytest.mark.parametrize("body", ["[]", "5", '"x"', "true"])
def test_documents_that_are_no_objects(ask: Client, body: str):
    """400: they have no kind."""
    answer = ask("POST", "configmaps", body)
    assert (answer.status, answer.document["reason"]) == (400, "BadRequest")
    assert "couldn't get version/kind; json parse error: json: cannot unmarshal" in answer.message


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (
            {"metadata": 5},
            "json: cannot unmarshal number into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
        ),
        (
            {"metadata": {"name": 5}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            {"data": []},
            "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
        ),
        (
            {"immutable": "yes"},
            "json: cannot unmarshal string into Go struct field ConfigMap.immutable of type bool",
        ),
        ({"binaryData": {"a": "%%%"}}, "illegal base64 data at input byte 0"),
    ],
)
def test_wrong_types(ask: Client, document: dict[str, Any], text: str):
    """400 that names the field of the Go type."""
    message = f'ConfigMap in version "v1" cannot be handled as a ConfigMap: {text}'
    ask("POST", "configmaps", document).says(400, "BadRequest", message)


def test_a_yaml_bomb(ask: Client):
    """Nine lines that would become a billion nodes are refused at once."""
    answer = ask("POST", "configmaps", BILLION_LAUGHS, "application/yaml")
    assert (answer.status, answer.document["reason"]) == (400, "BadRequest")
    assert "document contains excessive aliasing" in answer.message


@pytest.mark.parametrize(
    "body",
    [
        "a: b: c",
        "a:\n\tb: c",
        "*a",
        "a: &a [*a]",
        '"abc',
        "{a: 1",
        "!!binary abc",
        "[a]: 2",
        "a: .inf",
        "- a",
    ],
)
def test_malformed_yaml(ask: Client, body: str):
    """400."""
    answer = ask("POST", "configmaps", body, "application/yaml")
    assert (answer.status, answer.document["reason"]) == (400, "BadRequest")


def test_yaml_makes_no_objects_of_python(ask: Client):
    """A tag that names a class is none that is known: the text stays a text."""
    body = "metadata: {name: !!python/object/apply:os.getcwd []}"
    assert ask("POST", "configmaps", body, "application/yaml").status in {400, 422}


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_deep_nesting(ask: Client, depth: int):
    """Deeper than Go reads it is a 400, not a crash."""
    answer = ask("POST", "configmaps", '{"a":' * depth + "1" + "}" * depth)
    if depth == MAX_DEPTH:
        assert answer.status == 422  # it has no name
    else:
        assert (answer.status, answer.document["reason"]) == (400, "BadRequest")
        assert "exceeded max depth" in answer.message


@pytest.mark.parametrize("depth", [1_000, 9_000, 20_000])
@pytest.mark.parametrize("media_type", [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH])
def test_deep_patches(ask: Client, media_type: str, depth: int):
    """They do not fit or cannot be read, whatever their type."""
    deep = '{"a":' * depth + "1" + "}" * depth
    body = (
        f'[{{"op":"add","path":"/data/b","value":{deep}}}]'
        if media_type == JSON_PATCH
        else f'{{"data":{deep}}}'
    )
    assert ask.patch("configmaps/x", body, media_type).status in {400, 422}


def test_deep_content_of_a_kind_that_takes_any(ask: Client):
    """Where a type allows arbitrary content, depth is bounded as well."""
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    body = f'{{"metadata":{{"name":"c"}},"revision":1,"data":{deep}}}'
    answer = ask("POST", "apps/v1:controllerrevisions?dryRun=All", body)
    assert answer.status in {201, 400}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("size", [LIMIT + 1, 10_000_000])
def test_too_large_bodies(ask: Client, method: str, size: int):
    """M11: 413, however much more there is."""
    path = "configmaps" if method == "POST" else "configmaps/x"
    media_type = MERGE_PATCH if method == "PATCH" else "application/json"
    answer = ask(method, path, b"x" * size, media_type)
    answer.says(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    ask.close()


def test_the_largest_body(ask: Client):
    """M11: it is read; what it makes is too large to be kept."""
    head = '{"metadata":{"name":"big"},"data":{"a":"'
    body = head + "x" * (LIMIT - len(head) - 3) + '"}}'
    assert len(body) == LIMIT
    assert ask("POST", "configmaps", body).causes() == [
        ("[]", "Too long: may not be more than 1048576 bytes")
    ]


@pytest.mark.parametrize("text", [b'{"metadata":{"name":"\xff"}}', b'{"metadata":{"name":"\xed\xa0\x80"}}'])
def test_invalid_utf_8_in_a_name(ask: Client, text: bytes):
    """It is read as the replacement character, which no name may have."""
    assert ask("POST", "configmaps", text).status == 422


def test_a_nul_in_a_name(ask: Client):
    """Names in messages are quoted as Go does it."""
    answer = ask("POST", "configmaps", '{"metadata":{"name":"a\\u0000"}}')
    assert answer.message.startswith(
        'ConfigMap "a\\x00" is invalid: metadata.name: Invalid value: "a\\x00": '
    )


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "%2E"])
def test_names_that_walk(ask: Client, name: str):
    """Dots, written in any way, are no names."""
    dots = name.lower().replace("%2e", ".")
    for method in ("GET", "DELETE"):
        ask(method, f"configmaps/{name}").says(
            400, "BadRequest", f"Name parameter invalid: \"{dots}\": may not be '{dots}'"
        )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("configmaps/../secrets", 404),
        ("configmaps/..%2f..%2fsecrets", 404),
        ("configmaps/x%2fstatus", 404),
        ("configmaps/x%00", 404),
        ("configmaps/x%0d%0aSet-Cookie:a", 404),
        ("configmaps/a%25b", 400),
        ("configmaps/x%zz", 400),
        ("configmaps/x%", 400),
        ("configmaps/" + "a" * 8_000, 404),
        ("/api/v1/namespaces/../configmaps", 500),
        ("/api/v1/namespaces/../configmaps/x", 500),
        ("/api/v1/./pods", 404),
        ("/../../etc/passwd", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/healthz/../metrics", 404),
        ("/openapi/v3/../../metrics", 404),
        ("/ui/../metrics", 404),
        ("/%", 400),
    ],
)
def test_path_tricks(ask: Client, path: str, status: int):
    """A path is decoded once and then taken literally."""
    answer = ask("GET", path)
    assert answer.status == status, answer.body
    assert "set-cookie" not in answer.headers


def test_names_in_messages_are_quoted(ask: Client):
    """No line of an answer can be made up by a path."""
    answer = ask("GET", "configmaps/x%0d%0aa%3Ab%00")
    assert answer.message == 'configmaps "x\\r\\na:b\\x00" not found'


@pytest.mark.parametrize(
    ("namespace", "problem"),
    [("..", "may not be '..'"), (".", "may not be '.'"), ("a%25", "may not contain '%'")],
)
def test_namespaces_that_walk(ask: Client, namespace: str, problem: str):
    """Nothing is created in them: an internal error, as the real server has it."""
    shown = namespace.replace("%25", "%")
    text = f'invalid resource name "{shown}": [{problem}]'
    ask("POST", f"/api/v1/namespaces/{namespace}/configmaps", config_map("y")).says(
        500, "InternalError", f"Internal error occurred: {text}", {"causes": [{"message": text}]}
    )


@pytest.mark.parametrize(
    "query",
    [
        "labelSelector=%zz",
        "a=%",
        "%00=%00",
        "a;b",
        "=&&&=",
        "labelSelector=%00",
        "x=" + "y" * 8_000,
        "?" * 50,
    ],
)
def test_odd_queries(ask: Client, query: str):
    """They are parameters that nobody asked for, or bad ones."""
    assert ask("GET", f"configmaps?{query}").status in {200, 400}


def test_repeated_headers(ask: Client):
    """The first one counts, for credentials as well."""
    assert ask("GET", "configmaps/x", headers=[("Authorization", "Bearer zzz")]).status == 200
    answer = ask(
        "POST", "configmaps?dryRun=All", config_map("y"), headers=[("Content-Type", "application/json")]
    )
    assert answer.status == 201
    first = ask("GET", "configmaps/x", accept="application/json", headers=[("Accept", "application/yaml")])
    assert first.headers["content-type"] == "application/yaml"


def test_huge_headers(ask: Client):
    """Large ones are read, larger ones refused with 431; the connection is all that ends."""
    assert ask("GET", "configmaps/x", headers=[("X-Large", "a" * 50_000)]).status == 200
    answer = ask("GET", "configmaps/x", headers=[("X-Huge", "a" * 2_000_000)])
    assert answer.status == 431
    ask.close()


def test_what_a_patch_cannot_do(ask: Client):
    """Every part of an object that is not the client's stays what it is."""
    for metadata in (
        {"name": "y"},
        {"namespace": "kube-system"},
        {"uid": "y"},
        {"resourceVersion": "1"},
        {"finalizers": ["bad"]},
        {"labels": {"-": "-"}},
    ):
        assert ask.patch("configmaps/x", {"metadata": metadata}).status in {400, 409, 422}, metadata


# --- requests at random ---

WORDS = ("x", "y", "a-b", "..", "%2e", "%00", "kube-system", "status", "scale", "binding", "é", "A", "")
PATHS = (
    "configmaps", "configmaps/{}", "pods", "pods/{}", "pods/{}/status", "pods/{}/binding", "pods/{}/eviction", "services", "services/{}",
    "apps/v1:deployments", "apps/v1:deployments/{}", "apps/v1:deployments/{}/scale", "batch/v1:jobs", "autoscaling/v2:horizontalpodautoscalers",
    "events", "/apis/events.k8s.io/v1/events", "/api/v1/nodes/{}", "/api/v1/namespaces/{}/finalize", "/apis/{}/v1", "/apis/apps/{}", "/{}",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/apis/rbac.authorization.k8s.io/v1/clusterroles/{}", "/openapi/v3/{}",
)  # fmt: skip
QUERIES = (
    "limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector", "dryRun", "fieldValidation",
    "fieldManager", "gracePeriodSeconds", "propagationPolicy", "pretty", "timeout", "includeObject", "force", "sendInitialEvents",
)  # fmt: skip
VALUES = (
    "",
    "0",
    "-1",
    "1",
    "true",
    "All",
    "Strict",
    "abc",
    "metadata.name=x",
    "a in (b,c)",
    "!a",
    "Exact",
    "99999999999999999999",
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "status", "name", "labels", "containers", "template", "selector", "data", "ports", "replicas", "kind",
                 "apiVersion", "finalizers", "target", "op", "path", "value", "$patch", "roleRef", "rules", "x"]
            )
            | st.text(alphabet=string.printable, max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
WHOLE = st.sampled_from([config_map("r"), pod("r"), deployment("r"), {"metadata": {"generateName": "r-"}}])


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A good document with one part exchanged for anything."""
    document = json.loads(json.dumps(draw(WHOLE)))
    place: Any = document
    while True:
        members = list(place) if isinstance(place, dict) else list(range(len(place)))
        step = draw(st.sampled_from(members)) if members else None
        if step is None:
            return document
        if not isinstance(place[step], dict | list) or draw(st.booleans()):
            place[step] = draw(JSON_VALUES)
            return document
        place = place[step]


REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
        "path": st.tuples(st.sampled_from(PATHS), st.sampled_from(WORDS)).map(
            lambda both: both[0].replace("{}", both[1])
        ),
        "query": st.lists(
            st.tuples(st.sampled_from(QUERIES), st.sampled_from(VALUES)).map("=".join), max_size=2
        ).map(lambda terms: "&".join(terms).replace(" ", "+")),
        "body": st.none() | JSON_VALUES | changed() | st.binary(max_size=20),
        "content_type": st.sampled_from(
            ["application/json", "application/yaml", JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, "text/plain"]
        ),
        "accept": st.sampled_from(["application/json", "application/yaml", TABLE, "*/*", "text/html"]),
    }
)


@given(requests=st.lists(REQUESTS, min_size=1, max_size=8))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    requests=[
        {
            "method": "POST",
            "path": "configmaps",
            "query": "",
            "body": {"metadata": {"name": "r"}, "data": None},
            "content_type": "application/json",
            "accept": "application/json",
        }
    ]
)
def test_no_request_breaks_the_server(ask: Client, requests: list[dict[str, Any]]):
    """Whatever is sent, the answer is none of a panic: its 500s are those that kube-apiserver gives on purpose."""
    for request in requests:
        body = request["body"]
        if request["method"] == "DELETE" and isinstance(body, dict):
            body = body | {"dryRun": ["All"]}  # the options in a body replace those of the query
        elif request["method"] == "DELETE":
            body = None
        dry = "dryRun=All&" if request["method"] != "GET" else ""
        answer = ask(
            request["method"],
            f"{request['path'].replace('é', '%C3%A9')}?{dry}{request['query']}",
            body if isinstance(body, bytes | None) else json.dumps(body),
            request["content_type"],
            accept=request["accept"],
        )
        assert b"panic" not in answer.body, request
        if answer.status >= 500 and answer.document:
            assert on_purpose(answer.document), (request, answer.document)


def on_purpose(document: dict[str, Any]) -> bool:
    """Bad revisions and walking namespaces are 500 on the real server too, and future revisions time out."""
    text = document["message"]
    return (
        "resourceVersion" in text
        or "invalid key" in text
        or "invalid resource name" in text
        or document["code"] == 504
        or "patch" in text.lower()
    )
