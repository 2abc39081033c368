"""Which representation a client gets (measured on kube-apiserver 1.36)."""

from __future__ import annotations

import pytest

from watchcache.http.negotiate import (
    LIST_TYPES,
    OBJECT_TYPES,
    Medium,
    NotAcceptable,
    check_stream,
    is_pretty,
    negotiate,
    negotiate_error,
)

JSON, YAML, PROTOBUF = OBJECT_TYPES
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

ACCEPTED = [
    ("", Medium(JSON)),
    ("*/*", Medium(JSON)),
    ("application/json", Medium(JSON)),
    ("application/json; charset=utf-8", Medium(JSON)),
    ("application/json;stream=watch", Medium(JSON)),
    ("application/yaml", Medium(YAML)),
    ("application/json;pretty=1", Medium(JSON, pretty=True)),
    ("application/vnd.kubernetes.protobuf,application/json", Medium(JSON)),
    ("application/xml,*/*;q=0.1", Medium(JSON)),
    ("application/json;q=0.1,application/yaml;q=0.9", Medium(YAML)),
    (f"{TABLE},application/json", Medium(JSON, "Table", "v1")),
    (f"application/json;q=0.4,{TABLE};q=0.5", Medium(JSON, "Table", "v1")),
    ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", Medium(JSON, "Table", "v1beta1")),
    ("application/yaml;as=Table;v=v1;g=meta.k8s.io", Medium(YAML, "Table", "v1")),
    ("application/json;as=Table;v=v2;g=meta.k8s.io,application/json", Medium(JSON)),
    ("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", Medium(JSON, "PartialObjectMetadata")),
]


@pytest.mark.parametrize(("accept", "medium"), ACCEPTED)
def test_the_best_that_the_server_writes_is_chosen(accept: str, medium: Medium):
    """Types are tried by quality; what cannot be written is passed over."""
    assert negotiate(accept, OBJECT_TYPES) == medium


ROUTE = "406: Not Acceptable\n\nAvailable representations: "
SERIALIZER = "only the following media types are accepted: "
REFUSED = [
    ("text/html", OBJECT_TYPES, True, ROUTE + ", ".join(OBJECT_TYPES)),
    ("text/html", LIST_TYPES, True, ROUTE + ", ".join(LIST_TYPES)),
    ("application/*", OBJECT_TYPES, True, ROUTE + ", ".join(OBJECT_TYPES)),
    ("garbage", OBJECT_TYPES, True, ROUTE + ", ".join(OBJECT_TYPES)),
    ("application/json;as=Foo;v=v1;g=meta.k8s.io", OBJECT_TYPES, False, SERIALIZER + ", ".join(OBJECT_TYPES)),
    ("application/json;as=Table", LIST_TYPES, False, SERIALIZER + ", ".join(OBJECT_TYPES)),
    ("application/json;As=Table;v=v1;g=meta.k8s.io", LIST_TYPES, False, SERIALIZER + ", ".join(OBJECT_TYPES)),
    ("application/json;v=v1", OBJECT_TYPES, False, SERIALIZER + ", ".join(OBJECT_TYPES)),
    ("application/json;stream=other", LIST_TYPES, False, SERIALIZER + ", ".join(OBJECT_TYPES)),
]


@pytest.mark.parametrize(("accept", "produced", "by_route", "message"), REFUSED)
def test_what_nobody_writes_is_refused(accept: str, produced: tuple[str, ...], by_route: bool, message: str):
    """The route and the serializer refuse with texts of their own."""
    with pytest.raises(NotAcceptable) as raised:
        negotiate(accept, produced)
    assert (raised.value.by_route, raised.value.message) == (by_route, message)


def test_a_watch_is_never_yaml():
    """YAML passes as for a list and is refused as a stream, also when JSON follows it."""
    medium = negotiate("application/yaml,application/json", LIST_TYPES)
    with pytest.raises(NotAcceptable) as raised:
        check_stream(medium, LIST_TYPES)
    assert raised.value.message == (
        SERIALIZER + "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    )


METADATA = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    ("accept", "medium"),
    [
        (PROTOBUF, Medium(PROTOBUF)),
        (f"{PROTOBUF};q=0.9,*/*;q=0.1", Medium(JSON)),
        (f"{PROTOBUF},application/yaml", Medium(PROTOBUF)),
        (f"{PROTOBUF};{METADATA}", Medium(PROTOBUF, "PartialObjectMetadata")),
        (f"{PROTOBUF};{METADATA},{JSON};{METADATA},{JSON}", Medium(JSON, "PartialObjectMetadata")),
        (f"{PROTOBUF};{METADATA},{JSON}", Medium(PROTOBUF, "PartialObjectMetadata")),
    ],
)
def test_protobuf_is_written_only_for_who_takes_no_json_in_its_place(accept: str, medium: Medium):
    """Protobuf costs more than stored JSON: it is the answer when JSON of the same form is not acceptable."""
    assert negotiate(accept, OBJECT_TYPES) == medium


def test_a_table_is_never_protobuf():
    """A client that asks for a Table as protobuf alone is refused, as by kube-apiserver."""
    with pytest.raises(NotAcceptable) as raised:
        negotiate(f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1", OBJECT_TYPES)
    assert raised.value.message == SERIALIZER + ", ".join(OBJECT_TYPES)


def test_a_watch_may_be_protobuf():
    """With or without `;stream=watch`."""
    for accept in (PROTOBUF, f"{PROTOBUF};stream=watch"):
        medium = negotiate(accept, LIST_TYPES)
        assert medium == Medium(PROTOBUF)
        check_stream(medium, LIST_TYPES)


@pytest.mark.parametrize(
    ("accept", "medium"),
    [
        ("", Medium()),
        ("text/html", Medium(pretty=True)),
        ("application/*", Medium()),
        ("application/yaml", Medium(YAML)),
        (TABLE, Medium(pretty=True)),
        (f"{TABLE},application/json", Medium()),
    ],
)
def test_an_error_is_written_in_what_the_client_reads(accept: str, medium: Medium):
    """An error has no Table; where nothing matches it is indented JSON."""
    assert negotiate_error(accept) == medium


@pytest.mark.parametrize(
    ("parameter", "agent", "pretty"),
    [
        ("", "curl/8", True),
        ("", "Wget/1", True),
        ("", "Mozilla/5.0 (X11)", True),
        ("", "kubectl/v1.36", False),
        ("false", "curl/8", False),
        ("true", "go", True),
        ("1", "go", True),
        ("yes", "curl/8", False),
    ],
)
def test_people_get_indented_answers(parameter: str, agent: str, pretty: bool):
    """`?pretty=` decides, else the User-Agent."""
    assert is_pretty(parameter, agent) is pretty
