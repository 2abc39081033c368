"""Bodies of requests: JSON and YAML as Go reads them, and its words for what is neither."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
import yaml
from answers import answers, refusal
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api import codec
from watchcache.api.catalog import Resource, load_catalog
from watchcache.api.json_text import MAX_DEPTH, MalformedJSONError, read_json
from watchcache.api.yaml_text import MalformedYAMLError, read_yaml

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
DOCUMENTS = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def maps() -> Resource:
    """Config maps."""
    found = load_catalog().find("", "v1", "configmaps")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "row", answers("bodies"), ids=lambda row: base64.b64decode(row[1])[:40].decode(errors="replace")
)
def test_bodies_are_refused_as_kube_apiserver_does(row: Any, maps: Resource):
    """What a real server cannot decode gets its words here; what it can is decoded, whatever is said about it later."""
    media_type, body, expected = row
    data = base64.b64decode(body)
    found = refusal(lambda: codec.decode_object(data, maps.kind, yaml="yaml" in media_type))
    unreadable = expected is not None and "unrecognized" in expected[2]
    assert found == (expected if unreadable else None)


@given(DOCUMENTS)
def test_the_slow_reader_agrees_with_the_fast_one(document: Any):
    """Whatever msgspec writes is read back alike."""
    assert read_json(msgspec.json.encode(document)) == msgspec.json.decode(msgspec.json.encode(document))


@given(DOCUMENTS, st.sampled_from([None, 2]))
def test_the_slow_reader_agrees_with_the_standard_library(document: Any, indent: int | None):
    """White space, escapes and surrogate pairs included."""
    text = json.dumps(document, indent=indent)
    assert read_json(text.encode()) == json.loads(text)


@given(st.binary(max_size=30) | st.text(alphabet='{}[]",:\\ 01-.eEtrufalsn\n', max_size=20).map(str.encode))
def test_garbage_is_refused_or_read_as_the_standard_library_does(data: bytes):
    """No input makes the reader fail in any other way than with its own error."""
    try:
        ours = read_json(data)
    except MalformedJSONError:
        return
    assert ours == json.loads(data.decode("utf-8", "watchcache.go"))


@given(st.binary(max_size=60) | st.text(alphabet="{}[]&*!a:- \n|<\"'#?%@`,1", max_size=40).map(str.encode))
def test_garbage_in_yaml_is_refused_or_is_json(data: bytes):
    """Whatever comes out can be written as JSON."""
    try:
        document = read_yaml(data)
    except MalformedYAMLError:
        return
    assert msgspec.json.decode(msgspec.json.encode(document)) == document


@given(DOCUMENTS.filter(lambda document: "\\ud" not in json.dumps(document)))
def test_yaml_round_trips(document: Any):
    """What PyYAML writes, each scalar in quotes with its tag, is read back with JSON's values."""
    text = yaml.safe_dump(document, default_style='"')
    assert read_yaml(text.encode()) == document


def test_nesting_is_bounded_without_recursion():
    """10,000 levels are read, one more is refused."""
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    value = codec.decode_json(deep)
    assert value != []
    with pytest.raises(codec.DecodeError, match=r"invalid character '\[' exceeded max depth"):
        codec.decode_json(b"[" + deep + b"]")
    with pytest.raises(codec.DecodeError, match="exceeded max depth"):
        codec.decode_yaml(b"[" + deep + b"]")


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (b'["\\ud800",' + b"1, true ,[],\n" * 500, b'"end"]'),
        (b'{"\\ud800":0,' + b",".join(b'"k%d" : "v"' % index for index in range(500)), b',"end":{}}'),
    ],
)
def test_long_runs_of_plain_members_are_read_at_once(run: bytes, text: bytes):
    """They give the same value as the standard library, and a fault behind them the same words."""
    assert read_json(run + text) == json.loads((run + text).replace(b"\\ud800", b"\\ufffd"))
    with pytest.raises(MalformedJSONError, match="invalid character 'x' after"):
        read_json(run + text[:-1] + b"x")


def test_invalid_utf8_is_replaced_byte_by_byte():
    """Each bad byte and each lone surrogate becomes U+FFFD."""
    assert codec.decode_json(b'{"a":"\xff\xe2\x82x"}') == {"a": "\ufffd\ufffd\ufffdx"}
    assert codec.decode_json(b'"\\ud800\\ud83d\\ude00"') == "\ufffd\U0001f600"


@pytest.mark.parametrize(
    ("data", "value"), [(b"9223372036854775807", 2**63 - 1), (b"1e2", 100.0), (b"-0.5", -0.5)]
)
def test_numbers_are_exact(data: bytes, value: float):
    """Integers stay integers, and keep all their digits."""
    assert codec.decode_json(data) == read_json(data) == value


def test_numbers_out_of_range_are_refused():
    """No float holds 1e400."""
    with pytest.raises(codec.DecodeError, match="cannot unmarshal number 1e400"):
        codec.decode_json(b'{"a":1e400}')


def test_repeated_keys_are_found_with_their_paths():
    """The last value counts; the paths are those of strict decoding, each once."""
    body = b'{"metadata":{"name":"a", "name":"b"},"spec":{"c":[{"x":1,"x":2}],"c":[]},"a":1,"a":2,"a":3}'
    document = codec.decode_json(body)
    assert document["metadata"] == {"name": "b"}
    assert codec.duplicate_fields(body, document) == ["metadata.name", "spec.c[0].x", "spec.c", "a"]


def test_repeated_keys_are_found_in_bodies_only_the_slow_reader_takes():
    """Depth and invalid UTF-8 do not hide them."""
    body = b'{"a":"\xff","a":1,"b":' + b"[" * 2000 + b"]" * 2000 + b"}"
    assert codec.duplicate_fields(body, {"a": 1}) == ["a"]


@given(DOCUMENTS)
def test_documents_without_repeats_have_none(document: Any):
    """Neither compact nor spaced bodies give false alarms."""
    for body in (msgspec.json.encode(document), json.dumps(document, indent=1).encode()):
        assert codec.duplicate_fields(body, msgspec.json.decode(body)) == []


def test_repeated_keys_in_yaml_are_told_by_line():
    """Go-yaml's words, as they stand in warnings."""
    text = b'metadata: {name: a}\nb: 1\nb: 2\ndata: {x: "1", x: "2"}'
    assert codec.yaml_duplicates(text) == [
        'line 3: key "b" already set in map',
        'line 4: key "x" already set in map',
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[y, Yes, on, TRUE, n, off, False]", [True] * 4 + [False] * 3),
        ("[0x1F, 010, 0o10, 0b11, 1_000, +1, -0]", [31, 8, 8, 3, 1000, 1, 0]),
        ("[.5, 1., 1e3, 08, 1e400]", [0.5, 1, 1000, 8, "1e400"]),
        ("[1:30, 2001-01-01, =, 0b2, 1.2.3]", ["1:30", "2001-01-01", "=", "0b2", "1.2.3"]),
        ("[~, null, '', \"~\", '1']", [None, None, "", "~", "1"]),
        ("[!!str 1, ! 5, !foo 7, !!binary aGk=]", ["1", "5", "7", "hi"]),
        ("{1: a, true: b, 1.5: c, 1.0: d, ? e : f}", {"1": "d", "true": "b", "1.5": "c", "e": "f"}),
        ("{<<: [{a: b}, {a: c, d: e}], f: g}", {"a": "b", "d": "e", "f": "g"}),
        ("{a: z, <<: {a: b}}", {"a": "b"}),
        ("a\n---\nb: [", "a"),
        ("", None),
    ],
)
def test_yaml_means_what_go_yaml_makes_of_it(text: str, value: Any):
    """YAML 1.1's words and numbers, merge keys, tags, texts as keys, the first document only."""
    assert read_yaml(text.encode()) == value


def test_aliases_are_copies():
    """Changing one place of a document changes no other."""
    document = read_yaml(b"a: &a {b: [1]}\nc: *a\n")
    document["a"]["b"].append(2)
    assert document["c"] == {"b": [1]}


def test_aliases_cannot_explode():
    """Nine levels of nine references are refused before they are copied; many small ones are not."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(MalformedYAMLError, match="document contains excessive aliasing"):
        read_yaml("\n".join(lines).encode())
    text = "a: &a {b: c}\nd: [" + ",".join(["*a"] * 300) + "]"
    assert len(read_yaml(text.encode())["d"]) == 300


def test_an_absent_document_is_an_empty_object(maps: Resource):
    """`null` and empty YAML lack everything, which validation says."""
    assert codec.decode_object(b"null", maps.kind) == {}
    assert codec.decode_object(b"", maps.kind, yaml=True) == {}
