"""One request on its way through the filters: what is known about it so far."""

from __future__ import annotations

import itertools
import math
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from watchcache.api.user import UserInfo
from watchcache.auth import ANONYMOUS
from watchcache.http.messages import Answer, Request
from watchcache.http.query import EMPTY, Query
from watchcache.http.request_info import RequestInfo
from watchcache.http.route import Route

Answering: TypeAlias = Answer | Awaitable[Answer]


class Pending(msgspec.Struct, gc=False):
    """What a filter returns that must wait: `wait` gives the answer that ends the request, or None to go on."""

    wait: Callable[[], Awaitable[Answer | None]]


UNKNOWN = RequestInfo(path="", verb="")

# An audit id must be unique, not secret: a random start and a counter cost 0.2 us, uuid4 costs 2.
_AUDIT_BASE = str(uuid.uuid4())[:-12]
_audit_numbers = itertools.count(uuid.uuid4().int & 0xFFFF_FFFF)


class Exchange(msgspec.Struct, gc=False):
    """A request and what the filters found out about it.

    `timeout` (seconds) bounds an answer that has to wait; a watch (`long_running`) has none. `entered` counts the filters
    that have seen the request: those, and no others, see its answer.
    """

    request: Request
    audit_id: str
    received: float  # seconds of a monotonic clock
    raw_query: str = ""
    query: Query = EMPTY
    info: RequestInfo = UNKNOWN
    user: UserInfo = ANONYMOUS
    verb: str = ""  # info's, with a list that watches turned into "watch"
    long_running: bool = False
    mutating: bool = False
    timeout: float = math.inf
    warnings: list[str] = msgspec.field(default_factory=list)
    route: Route | None = None  # set when the path names a served resource
    entered: int = 0
    seats: int = 0  # that `InFlight` took for it
    waited: float = 0.0  # seconds, for seats and for room for a large list

    @property
    def accept(self) -> str:
        """The Accept header, "" when absent."""
        return self.request.headers.get("accept", "")


def audit_id(request: Request) -> str:
    """The client's own `Audit-ID`, else a new one."""
    return request.headers.get("audit-id") or f"{_AUDIT_BASE}{next(_audit_numbers):012x}"
