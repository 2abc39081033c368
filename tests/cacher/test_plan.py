"""The plan table: which state a list reads, and from where (L1-L6, L14, L17)."""

import pytest

from watchcache.cacher import BadContinue, Continuation, Freshness, Plan, plan_list
from watchcache.cacher.continuation import decode, encode
from watchcache.cacher.plan import expired_token


@pytest.mark.parametrize(
    ("revision", "match", "limit", "expected"),
    [
        (None, "", 0, Plan(Freshness.NEWEST)),
        (None, "", 5, Plan(Freshness.NEWEST, limit=5)),
        (0, "", 0, Plan(Freshness.ANY)),
        (0, "", 5, Plan(Freshness.ANY)),
        (0, "NotOlderThan", 5, Plan(Freshness.ANY)),
        (7, "", 0, Plan(Freshness.NOT_OLDER, 7)),
        (7, "", 5, Plan(Freshness.EXACT, 7, 5)),
        (7, "NotOlderThan", 0, Plan(Freshness.NOT_OLDER, 7)),
        (7, "NotOlderThan", 5, Plan(Freshness.NOT_OLDER, 7, 5)),
        (7, "Exact", 0, Plan(Freshness.EXACT, 7)),
        (7, "Exact", 5, Plan(Freshness.EXACT, 7, 5)),
        (7, "", -1, Plan(Freshness.NOT_OLDER, 7)),
    ],
)
def test_revision_match_and_limit_choose_the_state(revision, match, limit, expected) -> None:
    """Each row of the table, with a limit of zero or less meaning none."""
    assert plan_list(revision, match, limit) == expected


def test_a_token_reads_exactly_its_revision_from_its_start() -> None:
    """The revision beside a token does not count."""
    token = encode(Continuation(9, "ns/b\0"))
    assert plan_list(0, "", 3, token) == Plan(Freshness.EXACT, 9, 3, "ns/b\0", resumed=True)


def test_a_negative_token_reads_the_newest_state() -> None:
    """Any negative revision in a token means the newest."""
    plan = plan_list(None, continue_token=encode(Continuation(-5, "b")))
    assert plan == Plan(Freshness.NEWEST, start="b", resumed=True)


def test_an_expired_page_gets_a_token_for_the_rest() -> None:
    """The token of a 410 keeps the start and asks for the newest; a plain list gets none."""
    plan = plan_list(None, continue_token=encode(Continuation(9, "ns/b\0")))
    assert decode(expired_token(plan) or "") == Continuation(-1, "ns/b\0")
    assert expired_token(plan_list(9, "Exact")) is None


def test_only_a_given_revision_is_waited_for() -> None:
    """A list of the newest or of any state waits for no revision."""
    assert [plan_list(*options).wait_for for options in [(None,), (0,), (7,), (7, "Exact")]] == [0, 0, 7, 7]


def test_a_broken_token_is_reported() -> None:
    """The plan raises what the token raises."""
    with pytest.raises(BadContinue):
        plan_list(None, continue_token="zzz")
