"""The one table from exceptions to answers."""

from __future__ import annotations

import msgspec
import pytest

from watchcache.api import status
from watchcache.auth import Rejected
from watchcache.http.errors import PageNotFound, answer_for
from watchcache.http.negotiate import NotAcceptable
from watchcache.http.query import parse_query
from watchcache.http.request_info import BadPath, NoResource


class JournalBroken(Exception):
    """An exception of a package below."""


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (status.not_found("pods", "x"), 404, "NotFound"),
        (status.untyped("odd"), 500, None),
        (Rejected("x"), 401, "Unauthorized"),
        (NotAcceptable("406: Not Acceptable", by_route=True), 406, "NotAcceptable"),
        (JournalBroken("disk"), 503, "ServiceUnavailable"),
    ],
)
def test_errors_that_have_a_status(error: Exception, code: int, reason: str | None):
    """Each becomes a Status whose code is the answer's; rows may be added."""
    more = ((JournalBroken, lambda _: status.service_unavailable("the journal is broken")),)
    reply = answer_for(error, {}, {}, more)
    assert isinstance(reply.body, bytes)
    document = msgspec.json.decode(reply.body)
    assert (reply.status, document["code"], document.get("reason")) == (code, code, reason)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (PageNotFound(), 404, b"404 page not found\n"),
        (BadPath("/%zz"), 400, b"400 Bad Request"),
        (
            NoResource("/api/v1/watch"),
            500,
            b'Internal Server Error: "/api/v1/watch": failed to create RequestInfo: unable to determine kind and namespace from url, /api/v1/watch\n',
        ),
        (
            ZeroDivisionError(),
            500,
            b"This request caused apiserver to panic. Look in the logs for details.\n",
        ),
    ],
)
def test_errors_that_are_text(error: Exception, code: int, text: bytes):
    """Plain text with nosniff, as Go's http.Error gives it."""
    reply = answer_for(error, {}, {})
    assert (reply.status, reply.body) == (code, text)
    assert ("X-Content-Type-Options", "nosniff") in reply.headers


def test_the_406_of_the_route_has_details_and_the_other_has_none():
    """The two doors of negotiation differ in `details`."""
    route, serializer = (
        answer_for(NotAcceptable("x", by_route=by_route), {}, {}).body for by_route in (True, False)
    )
    assert b'"details":{}' in route
    assert b"details" not in serializer


def test_retry_after_is_in_the_headers_too():
    """The field retryAfterSeconds goes with its header."""
    reply = answer_for(status.too_large_revision(9, 3), {}, {})
    assert ("Retry-After", "1") in reply.headers


def test_an_error_is_written_as_the_client_asked():
    """YAML when YAML is read, indented for curl."""
    yaml = answer_for(status.not_found("pods", "x"), {"accept": "application/yaml"}, {})
    assert isinstance(yaml.body, bytes)
    assert yaml.body.startswith(b"apiVersion: v1\ncode: 404\n")
    curl = answer_for(status.not_found("pods", "x"), {"user-agent": "curl/8"}, parse_query("pretty=true"))
    assert isinstance(curl.body, bytes)
    assert curl.body.startswith(b'{\n  "kind": "Status"')
