"""Requests without credentials, when `--anonymous-auth` lets them in."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchcache.auth import (
    ANONYMOUS,
    AnonymousAuthenticator,
    Credentials,
    Rejected,
    TokenFileAuthenticator,
    Union,
)


@pytest.fixture
def union(tmp_path: Path) -> Union:
    """One token, and anybody."""
    tokens = tmp_path / "tokens.csv"
    tokens.write_text("good,alice,1\n")
    return Union([TokenFileAuthenticator(tokens), AnonymousAuthenticator()])


@pytest.mark.parametrize("authorization", ["", "Basic YTpi"])
def test_no_token_is_anonymous(union: Union, authorization: str):
    """Nothing that anybody reads: system:anonymous, without the group of those who are known."""
    user = union.authenticate(Credentials(None, authorization))
    assert user is ANONYMOUS
    assert user.groups == ("system:unauthenticated",)


def test_a_good_token_counts(union: Union):
    """Who says who they are is that user."""
    user = union.authenticate(Credentials(None, "Bearer good"))
    assert user is not None
    assert user.name == "alice"


def test_a_bad_token_is_no_stranger(union: Union):
    """A wrong token is refused, as kube-apiserver refuses it, and not taken for none."""
    with pytest.raises(Rejected):
        union.authenticate(Credentials(None, "Bearer bad"))
