"""From what a client asks of a list to what the cache must do: rows L1 to L6, L12, L14, L17 as one table.

The options have been validated before (their texts are the API's); this decides. A plan names the state to read, where to
begin and how many to give:

    resourceVersion   match          limit   state                          row
    unset             -              any     newest, all that was visible   L1
    "0"               "" NotOlder    any     any, limit ignored             L2
    N                 ""             none    not older than N               L3
    N                 ""             > 0     exactly N ("legacy exact")     L4
    N                 NotOlderThan   any     not older than N               L5
    N                 Exact          any     exactly N                      L6
    (continue)        -              any     exactly the token's revision; newest when that is negative   L14, L17

Sources: `apiserver/pkg/storage/cacher/delegator.go` and KEP-2340.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from watchcache.cacher import continuation

Match = Literal["", "Exact", "NotOlderThan"]


class Freshness(enum.Enum):
    """Which state a list reads."""

    NEWEST = "newest"
    ANY = "any"
    NOT_OLDER = "not older than"
    EXACT = "exactly at"


class Plan(msgspec.Struct, frozen=True):
    """What a list must do.

    `revision` counts for NOT_OLDER and EXACT. `limit` 0 means all. `start` is the first key that may be given,
    relative to what the list covers; `resumed` says that it came from a continue token.
    """

    freshness: Freshness
    revision: int = 0
    limit: int = 0
    start: str = ""
    resumed: bool = False

    @property
    def wait_for(self) -> int:
        """The revision that must have been published before the list can be answered; 0: none."""
        return self.revision if self.freshness in {Freshness.NOT_OLDER, Freshness.EXACT} else 0


class _Row(msgspec.Struct, frozen=True):
    revision: Literal["unset", "zero", "set"]
    match: Match
    limited: bool
    freshness: Freshness
    keeps_limit: bool = True


_TABLE = {
    (row.revision, row.match, row.limited): row
    for row in (
        _Row("unset", "", False, Freshness.NEWEST),
        _Row("unset", "", True, Freshness.NEWEST),
        _Row("zero", "", False, Freshness.ANY),
        _Row("zero", "", True, Freshness.ANY, keeps_limit=False),
        _Row("zero", "NotOlderThan", False, Freshness.ANY),
        _Row("zero", "NotOlderThan", True, Freshness.ANY, keeps_limit=False),
        _Row("set", "", False, Freshness.NOT_OLDER),
        _Row("set", "", True, Freshness.EXACT),
        _Row("set", "NotOlderThan", False, Freshness.NOT_OLDER),
        _Row("set", "NotOlderThan", True, Freshness.NOT_OLDER),
        _Row("set", "Exact", False, Freshness.EXACT),
        _Row("set", "Exact", True, Freshness.EXACT),
    )
}


def plan_list(revision: int | None, match: Match = "", limit: int = 0, continue_token: str = "") -> Plan:
    """The plan for validated list options.

    `revision`: None when resourceVersion is unset. `limit` <= 0 means none. With a continue token the
    others but `limit` do not count (the API refuses those that would contradict it).
    Raises `BadContinue` for a token that cannot be read.
    """
    limit = max(limit, 0)
    if continue_token:
        return _resume(continuation.decode(continue_token), limit)
    given: Literal["unset", "zero", "set"] = "unset" if revision is None else "set" if revision else "zero"
    row = _TABLE[given, match if given != "unset" else "", limit > 0]
    return Plan(row.freshness, revision or 0, limit if row.keeps_limit else 0)


def _resume(token: continuation.Continuation, limit: int) -> Plan:
    if token.revision < 0:
        return Plan(Freshness.NEWEST, limit=limit, start=token.start, resumed=True)
    return Plan(Freshness.EXACT, token.revision, limit, token.start, resumed=True)


def expired_token(plan: Plan) -> str | None:
    """For a page whose revision is gone: the token that lists the rest at the newest revision (L17)."""
    if not plan.resumed:
        return None
    return continuation.encode(continuation.Continuation(continuation.NEWEST, plan.start))
