"""The protobuf form of the Swagger document, read back by a decoder that knows only the wire format.

The whole encoder was compared with a kube-apiserver 1.36: out of its JSON document it makes its protobuf document, 1.9 MB, byte for byte (with
YAML written as Go writes it).
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.catalog import load_catalog
from watchcache.http.openapi import OpenApi
from watchcache.http.openapi_protobuf import ACCEPTED, MEDIA_TYPE, encode


def varint(data, at):
    """A varint and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """The fields of a message: number to values, in order."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = data[at : at + 8], at + 8
        else:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def named(data, number=1):
    """A map of named values."""
    pairs = (fields(pair) for pair in fields(data).get(number, ()))
    return {pair[1][0].decode(): pair[2][0] for pair in pairs}


@pytest.fixture(scope="module")
def openapi():
    """The OpenAPI of the built-in kinds."""
    return OpenApi(load_catalog())


@pytest.fixture(scope="module")
def swagger(openapi):
    """The document as JSON."""
    return json.loads(openapi.answer("/openapi/v2", {}).body)


@pytest.fixture(scope="module")
def document(openapi):
    """The fields of the document in protobuf."""
    return fields(openapi.answer("/openapi/v2", {"accept": ACCEPTED}).body)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (ACCEPTED, MEDIA_TYPE),
        (MEDIA_TYPE, MEDIA_TYPE),
        (f"{ACCEPTED},application/json", MEDIA_TYPE),
        (f"application/json,{ACCEPTED}", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_the_first_form_asked_for_is_given(openapi, accept, content_type):
    """Clients choose between JSON and protobuf; both have the same ETag."""
    headers = dict(openapi.answer("/openapi/v2", {"accept": accept}).headers)
    assert headers["Content-Type"] == content_type
    assert headers["ETag"] == f'"{openapi.v2().hash}"'


def test_definitions(document, swagger):
    """Every definition is there, with the types and references of its properties."""
    definitions = named(document[9][0])
    assert list(definitions) == list(swagger["definitions"])
    for name, data in definitions.items():
        node, schema = swagger["definitions"][name], fields(data)
        assert [fields(t)[1][0].decode() for t in schema.get(22, ())] == (
            [node["type"]] if "type" in node else []
        )
        assert [text.decode() for text in schema.get(19, ())] == node.get("required", [])
        properties = named(schema[25][0]) if 25 in schema else {}
        assert list(properties) == list(node.get("properties", {}))
        for key, value in properties.items():
            reference = fields(value).get(1, [b""])[0].decode()
            assert reference == node["properties"][key].get("$ref", "")


def test_paths(document, swagger):
    """Every path is there with its operations and their parameters."""
    methods = dict(enumerate(("get", "put", "post", "delete", "options", "head", "patch"), 2))
    paths = named(document[8][0], 2)
    assert list(paths) == list(swagger["paths"])
    for path, data in paths.items():
        item = {
            methods[number]: fields(value[0]) for number, value in fields(data).items() if number in methods
        }
        expected = {key: value for key, value in swagger["paths"][path].items() if key != "parameters"}
        assert item.keys() == expected.keys()
        for method, operation in item.items():
            assert operation[5][0].decode() == expected[method]["operationId"]
            assert len(operation.get(8, ())) == len(expected[method].get("parameters", ()))


def test_extensions_are_yaml(document):
    """What is free-form is text that a YAML reader understands."""
    pod = fields(named(document[9][0])["io.k8s.api.core.v1.Pod"])
    extension = fields(pod[31][0])
    assert extension[1] == [b"x-kubernetes-group-version-kind"]
    assert json.loads(fields(extension[2][0])[2][0]) == [{"group": "", "kind": "Pod", "version": "v1"}]


def test_numbers_and_flags():
    """Bounds of a custom resource's fields are doubles and integers; false and zero are not written."""
    node = {"maximum": 2.5, "minLength": 300, "minimum": -1, "maxItems": 0, "additionalProperties": True}
    schema = fields(named(fields(encode({"definitions": {"a.B": node}}))[9][0])["a.B"])
    assert schema[7] == [b"\0\0\0\0\0\0\x04\x40"]
    assert schema[12] == [300]
    assert schema[9] == [b"\0\0\0\0\0\0\xf0\xbf"]
    assert 14 not in schema
    assert fields(schema[21][0]) == {2: [1]}


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_integers_read_back(value):
    """Any integer is read back as it was."""
    data = encode({"definitions": {"a": {"maxLength": value}}})
    assert fields(named(fields(data)[9][0])["a"])[11] == [value]
