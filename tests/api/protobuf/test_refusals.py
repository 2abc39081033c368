"""Bodies that are no message: the Status that a kube-apiserver 1.36 gives, and what protobuf allows that looks odd."""

from __future__ import annotations

from typing import Any

import pytest

from watchcache.api import protobuf
from watchcache.api.catalog import load_catalog
from watchcache.api.protobuf.wire import delimited, tag
from watchcache.api.status import StatusError

CATALOG = load_catalog()
MAPS = CATALOG.find("", "v1", "configmaps")
PODS = CATALOG.find("", "v1", "pods")
CRDS = "apiextensions.k8s.io/v1"
assert MAPS is not None
assert PODS is not None

UNREADABLE = "the object provided is unrecognized (must be of type ConfigMap): "
UNFIT = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'


def body(message: bytes | None, kind: bytes = b"ConfigMap", version: bytes = b"v1") -> bytes:
    """A message in an envelope."""
    stated = delimited(b"\x0a", delimited(b"\x0a", version) + delimited(b"\x12", kind))
    return b"k8s\x00" + stated + (b"" if message is None else delimited(b"\x12", message))


def refusal(data: bytes) -> str:
    """What a POST of a ConfigMap says of the body."""
    with pytest.raises(StatusError) as raised:
        protobuf.decode_object(data, MAPS)
    assert (raised.value.code, raised.value.reason) == (400, "BadRequest")
    return raised.value.message


ENVELOPES = [
    (b"", "empty data (<empty>)"),
    (
        b"rubbish",
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (72756262697368)",
    ),
    (
        b'{"a":1}',
        'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"a":1})',
    ),
    (b"k8s\x00", "empty body (6b387300)"),
    (b"k8s\x00\x0a", "unexpected EOF (6b3873000a)"),
    (b"k8s\x00\x0a" + b"\xff" * 11, "proto: integer overflow (6b3873000affffffffffffffffffffff)"),
    (b"k8s\x00\x0f", "proto: wrong wireType = 7 for field TypeMeta (6b3873000f)"),
    (b"k8s\x00\x08\x01", "proto: wrong wireType = 0 for field TypeMeta (6b3873000801)"),
]


@pytest.mark.parametrize(("data", "message"), ENVELOPES)
def test_what_is_no_envelope_is_refused(data: bytes, message: str):
    """The refusal quotes the body's first bytes."""
    assert refusal(data) == UNREADABLE + message


MESSAGES = [
    (b"\x0a\x05", "unexpected EOF"),
    (b"\x0a\x02\x0a\x05ab", "unexpected EOF"),
    (b"\x7b", "unexpected EOF"),
    (b"\x79\x00", "unexpected EOF"),
    (b"\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
    (b"\x0a\x0c\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
    (b"\x08\x05", "proto: wrong wireType = 0 for field ObjectMeta"),
    (b"\x0b\x00", "proto: wrong wireType = 3 for field ObjectMeta"),
    (b"\x0c", "proto: ConfigMap: wiretype end group for non-group"),
    (b"\x00\x00", "proto: ConfigMap: illegal tag 0 (wire type 0)"),
    (b"\x7f\x00", "proto: illegal wireType 7"),
    (b"\x0a\x03\x0a\x01n\x12\x03\x0a\x05a", "unexpected EOF"),
]


@pytest.mark.parametrize(("message", "text"), MESSAGES)
def test_damaged_messages_are_refused(message: bytes, text: str):
    """With the words of the generated decoders, behind the kind that the envelope states."""
    assert refusal(body(message)) == UNFIT + text


@pytest.mark.parametrize(
    ("version", "kind", "text"),
    [
        (b"v1", b"Foo", f'no kind "Foo" is registered for version "v1" {SCHEME}'),
        (b"a/v1", b"Foo", f'no kind "Foo" is registered for version "a/v1" {SCHEME}'),
        (b"a/b/v1", b"Foo", f'no kind "Foo" is registered for version "v1" {SCHEME}'),
    ],
)
def test_unknown_kinds_are_refused(version: bytes, kind: bytes, text: str):
    """An apiVersion that is none counts as absent."""
    expected = f'Foo in version "v1" cannot be handled as a ConfigMap: {text}'
    assert refusal(body(b"", kind, version)) == expected


def decoded(message: bytes) -> dict[str, Any]:
    """The ConfigMap of a message."""
    return protobuf.decode_object(body(message), MAPS)


def test_absent_kinds_are_those_of_the_path():
    """A body that states neither kind nor apiVersion is what the path says."""
    empty = b"k8s\x00\x0a\x00\x12\x00"
    assert protobuf.decode_object(empty, MAPS) == {"kind": "ConfigMap", "apiVersion": "v1"}
    evicted = protobuf.decode_object(empty, PODS, "eviction")
    assert evicted == {"kind": "Eviction", "apiVersion": "policy/v1"}


def test_unknown_fields_are_skipped():
    """Of each wire type, groups in groups included."""
    number = 15
    unknown = (
        tag(number, 0) + b"\xff\x01",
        tag(number, 1) + bytes(8),
        delimited(tag(number, 2), b"abc"),
        tag(number, 3) + tag(1, 3) + tag(2, 0) + b"\x01" + tag(1, 4) + tag(number, 4),
        tag(number, 5) + bytes(4),
        tag(1 << 28, 0) + b"\x01",
    )
    assert decoded(b"".join(unknown) + b"\x0a\x03\x0a\x01n")["metadata"] == {"name": "n"}


def test_a_field_that_comes_again_counts_the_last_time():
    """Scalars are replaced, also by zero; messages are merged, entries of maps added."""
    first, second = b"\x0a\x06\x0a\x01a\x1a\x01x", b"\x0a\x05\x0a\x01b\x1a\x00"
    entries = b"\x12\x06\x0a\x01k\x12\x01v\x12\x03\x0a\x01l\x12\x05\x0a\x01k\x12\x00"
    found = decoded(first + second + entries)
    assert (found["metadata"], found["data"]) == ({"name": "b"}, {"k": "", "l": ""})


def test_text_that_is_no_utf_8_is_what_go_shows():
    """Each wrong byte becomes U+FFFD."""
    assert decoded(b"\x12\x09\x0a\x01k\x12\x04\xff\xfeab")["data"] == {"k": "\ufffd\ufffdab"}


def test_numbers_may_be_packed():
    """Repeated numbers are read in both spellings; negative ones are 64 bits long."""
    groups = tag(4, 0) + b"\x01" + delimited(tag(4, 2), b"\x02\xac\x02" + b"\xff" * 9 + b"\x01")
    message = delimited(tag(2, 2), delimited(tag(14, 2), groups))
    found = protobuf.decode_object(body(message, b"Pod"), PODS)
    assert found["spec"]["securityContext"]["supplementalGroups"] == [1, 2, 300, -1]


def test_raw_json_must_be_json():
    """What a message embeds as JSON is read, and refused with the parser's words."""
    message = delimited(tag(2, 2), delimited(tag(1, 2), b'{"a":'))
    with pytest.raises(protobuf.MalformedMessageError, match="unexpected end of JSON input"):
        protobuf.decode(body(message, b"ControllerRevision", b"apps/v1"))


def test_depth_is_bounded():
    """A schema in a schema, ten thousand times, is refused without recursion."""
    schema = b""
    for _ in range(10_000):
        schema = delimited(tag(28, 2), schema)
    validation = delimited(tag(4, 2), delimited(tag(1, 2), schema))
    message = delimited(tag(2, 2), delimited(tag(7, 2), validation))
    with pytest.raises(protobuf.MalformedMessageError, match="exceeded max depth"):
        protobuf.decode(body(message, b"CustomResourceDefinition", CRDS.encode()))


def test_delete_options_are_read_in_every_group():
    """Clients state the group of the resource; an absent kind is DeleteOptions."""
    options = protobuf.decode_options(body(b"\x08\x05\x22\x06Orphan", b"DeleteOptions", b"apps/v1"))
    assert options == {
        "kind": "DeleteOptions",
        "apiVersion": "apps/v1",
        "gracePeriodSeconds": 5,
        "propagationPolicy": "Orphan",
    }
    assert protobuf.decode_options(b"k8s\x00\x0a\x00\x12\x02\x08\x00")["gracePeriodSeconds"] == 0
    with pytest.raises(StatusError, match="expected prefix"):
        protobuf.decode_options(b"abc")
