"""Exception to answer: the one table.

What is not in the table is a defect of the server: it is logged with its traceback and answered as kube-apiserver answers a panic.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from watchcache.api import status
from watchcache.api.status import StatusError
from watchcache.auth import Rejected
from watchcache.http.encoding import reply_json, reply_text
from watchcache.http.messages import Reply
from watchcache.http.negotiate import Medium, NotAcceptable, is_pretty, negotiate_error
from watchcache.http.query import Query, first
from watchcache.http.request_info import BadPath, NoResource

logger = logging.getLogger(__name__)

PANIC = "This request caused apiserver to panic. Look in the logs for details.\n"
NOT_FOUND = "404 page not found\n"

# Without kind and apiVersion, as kube-apiserver writes it (spec, "Surprises").
DEADLINE_BODY = (
    b'{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within the allotted timeout",'
    b'"reason":"Timeout","details":{},"code":504}\n'
)


class PageNotFound(Exception):
    """No such path: plain text, not a Status."""


def _not_acceptable(error: NotAcceptable) -> StatusError:
    return StatusError(406, "NotAcceptable", error.message, {} if error.by_route else None)


# Exceptions that are answered with a Status. The first class that fits decides.
StatusRow = tuple[type[Exception], Callable[[Any], StatusError]]
STATUSES: tuple[StatusRow, ...] = (
    (StatusError, lambda error: error),
    (NotAcceptable, _not_acceptable),
    (Rejected, lambda _: status.unauthorized()),
)

# Exceptions that are answered with plain text.
TEXTS: tuple[tuple[type[Exception], int, Callable[[Any], str]], ...] = (
    (PageNotFound, 404, lambda _: NOT_FOUND),
    (BadPath, 400, lambda _: "400 Bad Request"),
    (
        NoResource,
        500,
        lambda error: (
            f'Internal Server Error: "{error}": failed to create RequestInfo: '
            f"unable to determine kind and namespace from url, {error}\n"
        ),
    ),
)


def answer_for(
    error: Exception, headers: dict[str, str], query: Query, more: Sequence[StatusRow] = ()
) -> Reply:
    """The answer to a request that ended in an exception. `more` rows are for exceptions of packages that this one does not know."""
    for kind, make in (*STATUSES, *more):
        if isinstance(error, kind):
            return reply_status(make(error), headers, query)
    for kind, code, text in TEXTS:
        if isinstance(error, kind):
            return reply_text(code, text(error))
    logger.error("a request handler failed", exc_info=error)
    return reply_text(500, PANIC)


def reply_status(error: StatusError, headers: dict[str, str], query: Query) -> Reply:
    """A Status in the representation that the client reads, with the error's own headers (Retry-After)."""
    medium = negotiate_error(headers.get("accept", ""))
    if not medium.pretty and is_pretty(first(query, "pretty"), headers.get("user-agent", "")):
        medium = Medium(type=medium.type, pretty=True)
    reply = reply_json(error.code, msgspec.json.encode(error.body()) + b"\n", medium, "")
    reply.headers.extend(error.headers.items())
    return reply


def deadline_reply() -> Reply:
    """504 of a request that did not finish in its time."""
    return Reply(504, [("Content-Type", "text/plain; charset=utf-8")], DEADLINE_BODY)
