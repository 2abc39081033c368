"""Which form an answer has, which a body may have, and what is compressed: section 1.5 of the specification."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.conformance.rows.asking import TABLE, Client, config_map

COMPRESS_ABOVE = 131_072
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "text/html, */*;q=0.1",
        "application/json;charset=utf-8",
        "application/yaml;q=0.1,application/json",
        "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
    ],
)
def test_json_is_the_default(ask: Client, accept: str | None):
    """Nothing, anything and JSON itself; the best of several."""
    answer = ask("GET", "configmaps", accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.document["kind"] == "ConfigMapList"


@pytest.mark.parametrize(
    "accept", ["application/yaml", "application/json;q=0.1,application/yaml", "text/html,application/yaml"]
)
def test_yaml(ask: Client, accept: str):
    """It is as good as JSON, also for errors."""
    ask.create("configmaps", config_map("x", {"text": "one\ntwo\n"}))
    answer = ask("GET", "configmaps/x", accept=accept)
    assert answer.headers["content-type"] == "application/yaml"
    assert b"\ndata:\n  text: |\n    one\n    two\n" in answer.body
    assert b"reason: NotFound\n" in ask("GET", "configmaps/y", accept=accept).body


@pytest.mark.parametrize("word", ["y", "N", "yes", "null", "1", "1.5", "0x1", "~", "true", "2001-01-01"])
def test_texts_of_yaml_stay_texts(ask: Client, word: str):
    """What a reader of YAML 1.1 would take for something else stands in quotes."""
    answer = ask("POST", "configmaps?dryRun=All", config_map("x", {"a": word}), accept="application/yaml")
    again = ask("POST", "configmaps?dryRun=All", answer.body, "application/yaml")
    assert again.document["data"] == {"a": word}


@pytest.mark.parametrize("accept", ["application/*", "text/html", "application/cbor", "a/b/c", "*"])
def test_what_is_not_written(ask: Client, accept: str):
    """406 with what there is; wildcards of a type match nothing."""
    answer = ask("GET", "configmaps/x", accept=accept)
    assert answer.status == 406
    assert (answer.document["reason"], answer.document["details"]) == ("NotAcceptable", {})
    assert answer.message.startswith(
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml"
    )


@pytest.mark.parametrize(
    "accept",
    [
        "application/json;as=Bogus;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v9;g=meta.k8s.io",
        "application/json;as=Table",
        "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    ],
)
def test_forms_that_there_are_not(ask: Client, accept: str):
    """406 in other words, without details."""
    answer = ask("GET", "configmaps", accept=accept)
    assert answer.status == 406
    assert answer.message.startswith("only the following media types are accepted: application/json, ")
    assert "details" not in answer.document


def test_tables(ask: Client):
    """Rows of cells; how much of the object is with them is the client's choice."""
    ask.create("configmaps", config_map("x"))
    kinds: dict[str, Any] = {"": "PartialObjectMetadata", "Object": "ConfigMap", "None": None}
    for include, kind in kinds.items():
        answer = ask("GET", f"configmaps?includeObject={include}", accept=TABLE)
        [row] = answer.document["rows"]
        assert row["cells"][:2] == ["x", 1]
        assert (row["object"] or {}).get("kind") == kind
    assert ask("GET", "/api/v1/namespaces/absent/configmaps", accept=TABLE).document["rows"] == []
    text = (
        'Unable to convert to Table as requested: includeObject: Invalid value: "Bogus": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )
    ask("GET", "configmaps?includeObject=Bogus", accept=TABLE).says(400, "BadRequest", text)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}},
        ),
        ("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}),
        ("pods/p/binding", {"metadata": {"name": "p"}, "target": {"name": "n"}}),
        ("pods/p/eviction", {"metadata": {"name": "p"}}),
    ],
)
def test_answers_without_rows(ask: Client, path: str, body: dict[str, Any]):
    """No Table is made of a review or of what an action answers: 406, or the next form that the client takes."""
    answer = ask("POST", path, body, accept=TABLE)
    assert answer.status == 406
    assert answer.message.startswith("only the following media types are accepted: application/json, ")
    assert ask("POST", path, body, accept=f"{TABLE},application/json").document["kind"] != "Table"


def test_metadata_alone(ask: Client):
    """Of an object and of a list, each in its own form; an empty list of them is null."""
    empty = ask("GET", "configmaps", accept=PARTIALS)
    assert empty.document["items"] is None
    ask.create("configmaps", config_map("x"))
    assert ask("GET", "configmaps/x", accept=PARTIAL).document.keys() == {"kind", "apiVersion", "metadata"}
    [item] = ask("GET", "configmaps", accept=PARTIALS).document["items"]
    assert item["kind"] == "PartialObjectMetadata"
    for path, accept in (("configmaps", PARTIAL), ("configmaps/x", PARTIALS)):
        answer = ask("GET", path, accept=accept)
        assert (answer.status, answer.document["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize(
    "media_type", [None, "", "application/json", "Application/JSON", "application/json;x=y"]
)
def test_bodies_are_json(ask: Client, media_type: str | None):
    """Without a type, too."""
    assert ask("POST", "configmaps", config_map("x"), media_type).status == 201


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json,application/yaml",
        ";",
        "*/*",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_bodies_are_not_read(ask: Client, method: str, media_type: str):
    """415 with what is, and nothing is done."""
    made = ask.create("configmaps", config_map("x"))
    path = "configmaps" if method == "POST" else "configmaps/x"
    answer = ask(method, path, {"metadata": {"name": "y" if method == "POST" else "x"}}, media_type)
    answer.says(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
    assert ask.get("configmaps")["items"] == [
        {key: value for key, value in made.items() if key not in {"kind", "apiVersion"}}
    ]


def test_bodies_are_not_decompressed(ask: Client):
    """A compressed one is no JSON, whatever its encoding is said to be."""
    body = gzip.compress(b'{"metadata":{"name":"x"}}')
    answer = ask("POST", "configmaps", body, headers=[("Content-Encoding", "gzip")])
    assert answer.status == 400
    assert "json parse error: invalid character '\\x1f' looking for beginning of value" in answer.message
    assert ask("POST", "configmaps", config_map("x"), headers=[("Content-Encoding", "gzip")]).status == 201


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [("gzip", True), ("deflate, gzip", True), ("gzip;q=0.5", False), ("*", False), ("", False)],
)
def test_large_answers_are_compressed(ask: Client, encoding: str, compressed: bool):
    """For clients that list gzip bare, whatever the verb; small ones never."""
    ask.create("configmaps", config_map("x", {"a": "x" * COMPRESS_ABOVE}))
    ask.create("configmaps", config_map("y"))
    headers = [("Accept-Encoding", encoding)]
    for answer in (
        ask("GET", "configmaps/x", headers=headers),
        ask("PATCH", "configmaps/x", {}, "application/merge-patch+json", headers=headers),
    ):
        assert (answer.headers.get("content-encoding") == "gzip") is compressed
        assert (answer.headers.get("vary") == "Accept-Encoding") is compressed
        assert len(gzip.decompress(answer.body) if compressed else answer.body) > COMPRESS_ABOVE
    assert "content-encoding" not in ask("GET", "configmaps/y", headers=headers).headers


def test_objects_have_no_etag(ask: Client):
    """Nor have lists; conditions on them are ignored."""
    ask.create("configmaps", config_map("x"))
    for path in ("configmaps", "configmaps/x"):
        answer = ask("GET", path, headers=[("If-None-Match", "*")])
        assert answer.status == 200
        assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("query", "headers", "accept", "indented"),
    [
        ("", [], "application/json", False),
        ("?pretty=true", [], "application/json", True),
        ("", [("User-Agent", "curl/8")], "application/json", True),
        ("?pretty=false", [("User-Agent", "curl/8")], "application/json", False),
        ("", [], "application/json;pretty=1", True),
    ],
)
def test_answers_for_people_are_indented(
    ask: Client, query: str, headers: list[tuple[str, str]], accept: str, indented: bool
):
    """Who asks for it, and who looks like a person."""
    ask.create("configmaps", config_map("x"))
    answer = ask("GET", f"configmaps/x{query}", headers=headers, accept=accept)
    assert answer.body.startswith(b'{\n  "kind"') is indented


@pytest.mark.parametrize("accept", ["application/yaml", "application/yaml;stream=watch"])
def test_watches_are_not_written_in_yaml(ask: Client, accept: str):
    """406; a bad revision is said before that when YAML is only asked for."""
    assert ask("GET", "configmaps?watch=1&timeoutSeconds=1", accept=accept).status == 406
