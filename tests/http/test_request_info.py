"""Paths as kube-apiserver reads them (measured on 1.36)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.http.request_info import BadPath, NoResource, RequestInfo, decode_path, parse, split_target


def named(info: RequestInfo) -> tuple[str, ...]:
    """The fields that the tables below state."""
    return info.verb, info.group, info.version, info.namespace, info.resource, info.name, info.subresource


RESOURCES = [
    ("GET", "/api/v1/pods", ("list", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/pods/", ("list", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/namespaces/ns/pods", ("list", "", "v1", "ns", "pods", "", "")),
    ("GET", "/api/v1/namespaces/ns/pods/p", ("get", "", "v1", "ns", "pods", "p", "")),
    ("PUT", "/api/v1/namespaces/ns/pods/p/status", ("update", "", "v1", "ns", "pods", "p", "status")),
    ("POST", "/api/v1/namespaces/ns/pods", ("create", "", "v1", "ns", "pods", "", "")),
    ("POST", "/api/v1/namespaces/ns/pods/p/binding", ("create", "", "v1", "ns", "pods", "p", "binding")),
    ("DELETE", "/api/v1/namespaces/ns/pods", ("deletecollection", "", "v1", "ns", "pods", "", "")),
    ("DELETE", "/api/v1/namespaces/ns/pods/p", ("delete", "", "v1", "ns", "pods", "p", "")),
    (
        "PATCH",
        "/apis/apps/v1/namespaces/ns/deployments/d",
        ("patch", "apps", "v1", "ns", "deployments", "d", ""),
    ),
    ("GET", "/api/v1/namespaces", ("list", "", "v1", "", "namespaces", "", "")),
    ("GET", "/api/v1/namespaces/ns", ("get", "", "v1", "ns", "namespaces", "ns", "")),
    ("PUT", "/api/v1/namespaces/ns/status", ("update", "", "v1", "ns", "namespaces", "ns", "status")),
    ("PUT", "/api/v1/namespaces/ns/finalize", ("update", "", "v1", "ns", "namespaces", "ns", "finalize")),
    ("GET", "/api/v1/watch/pods", ("watch", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/watch/namespaces/ns", ("watch", "", "v1", "ns", "namespaces", "ns", "")),
    ("GET", "/api/v1/watch/namespaces/ns/pods/p", ("watch", "", "v1", "ns", "pods", "p", "")),
    ("POST", "/api/v1/watch/pods", ("", "", "v1", "", "pods", "", "")),
    ("HEAD", "/api/v1/pods", ("", "", "v1", "", "pods", "", "")),
    ("PUT", "/api/v1/pods", ("", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1/namespaces/default%2fpods", ("list", "", "v1", "default", "pods", "", "")),
    ("GET", "/api/v1/namespaces/../pods", ("list", "", "v1", "..", "pods", "", "")),
    ("GET", "/api/v1/namespaces/ns/pods/%2e%2e", ("get", "", "v1", "ns", "pods", "..", "")),
    ("GET", "/api/v1/namespaces//pods", ("list", "", "v1", "", "pods", "", "")),
    ("GET", "/api/v1//pods", ("get", "", "v1", "", "", "pods", "")),
    ("GET", "/api/v1/namespaces/ns/pods/a%00b", ("get", "", "v1", "ns", "pods", "a\0b", "")),
    ("GET", "/api/v1/namespaces/ns/pods/%ff", ("get", "", "v1", "ns", "pods", "\ufffd", "")),
]


@pytest.mark.parametrize(("method", "path", "expected"), RESOURCES)
def test_a_path_of_the_api_names_a_resource(method: str, path: str, expected: tuple[str, ...]):
    """Method and path give verb, group, version, namespace, resource, name and subresource."""
    info = parse(method, path)
    assert info.is_resource
    assert named(info) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/apis",
        "/apis/apps",
        "/apis/apps/v1",
        "/api/v1/",
        "//api/v1/pods",
        "/API/v1/pods",
        "/version",
        "*",
    ],
)
def test_other_paths_are_no_resources(path: str):
    """Discovery and everything outside the API is told by its path alone."""
    assert not parse("GET", path).is_resource


def test_what_follows_a_subresource_is_kept():
    """A proxy's path goes on after the subresource."""
    assert parse("GET", "/api/v1/namespaces/ns/pods/p/proxy/a/b").rest == ("a", "b")


@pytest.mark.parametrize("path", ["/api/v1/watch", "/api/v1/watch/", "/apis/apps/v1/watch"])
def test_a_watch_of_nothing_is_refused(path: str):
    """`/watch` without a resource is an error of its own."""
    with pytest.raises(NoResource):
        parse("GET", path)


@pytest.mark.parametrize(
    "path", ["/api/v1/pods/%zz", "/api/v1/pods/%", "/api/v1/pods/%a", "/api/v1/pods/\xff"]
)
def test_a_bad_escape_is_a_bad_path(path: str):
    """A path that does not decode is refused before anything looks at it."""
    with pytest.raises(BadPath):
        parse("GET", path)


def test_an_absolute_target_is_read_as_its_path():
    """`GET https://host/path?query` asks for the path."""
    assert split_target("https://host/api/v1/pods?limit=1") == ("/api/v1/pods", "limit=1")


@given(st.text(alphabet="/%.abcdef0123456789wnp ", max_size=60))
def test_no_path_makes_the_parser_fail(text: str):
    """Any path is parsed or refused with one of the two errors."""
    try:
        info = parse("GET", "/api/v1/" + text)
    except (BadPath, NoResource):
        return
    assert info.path == decode_path("/api/v1/" + text)
