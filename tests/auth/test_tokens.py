"""Bearer tokens from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchcache.auth import Credentials, Rejected, TokenFileAuthenticator, TokenFileError
from watchcache.auth.tokens import bearer_token, read_tokens

LINES = 't1,admin,u1,"system:masters,ops"\nt2,bob,u2\n'


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A token file with two users."""
    file = tmp_path / "tokens.csv"
    file.write_text(LINES)
    return file


def bearer(token: str) -> Credentials:
    """Credentials with a bearer token."""
    return Credentials(None, f"Bearer {token}")


def test_a_token_is_a_user_with_groups(path: Path):
    """Token, user, uid and groups come from the columns; every user is authenticated."""
    user = TokenFileAuthenticator(path).authenticate(bearer("t1"))
    assert user is not None
    assert (user.name, user.uid) == ("admin", "u1")
    assert user.groups == ("system:masters", "ops", "system:authenticated")


def test_the_groups_column_may_be_absent(path: Path):
    """Three columns are enough."""
    user = TokenFileAuthenticator(path).authenticate(bearer("t2"))
    assert user is not None
    assert user.groups == ("system:authenticated",)


def test_an_unknown_token_is_rejected(path: Path):
    """A bearer token that nobody has is not the same as none."""
    with pytest.raises(Rejected):
        TokenFileAuthenticator(path).authenticate(bearer("t3"))


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "Negotiate x"])
def test_other_credentials_are_not_looked_at(path: Path, header: str):
    """Only bearer tokens are this authenticator's."""
    assert TokenFileAuthenticator(path).authenticate(Credentials(None, header)) is None


@pytest.mark.parametrize(("header", "token"), [("bearer a", "a"), (" BEARER a ", "a"), ("Bearer a b", "a")])
def test_the_scheme_is_read_loosely(header: str, token: str):
    """Case and surrounding spaces do not matter, what follows the token neither."""
    assert bearer_token(header) == token


def test_a_changed_file_counts_after_a_second(path: Path):
    """The file is looked at again at most once a second."""
    clock = Clock()
    tokens = TokenFileAuthenticator(path, clock=clock)
    path.write_text("new,carol,u3\n")
    with pytest.raises(Rejected):
        tokens.authenticate(bearer("new"))
    clock.now = 1.0
    user = tokens.authenticate(bearer("new"))
    assert user is not None
    assert user.name == "carol"
    with pytest.raises(Rejected):
        tokens.authenticate(bearer("t1"))


@pytest.mark.parametrize("change", ["broken", "gone"])
def test_a_file_that_cannot_be_used_changes_nothing(path: Path, change: str):
    """A broken or missing file keeps the old tokens."""
    clock = Clock()
    tokens = TokenFileAuthenticator(path, clock=clock)
    if change == "broken":
        path.write_text("only-one-column\n")
    else:
        path.unlink()
    clock.now = 2.0
    assert tokens.authenticate(bearer("t1")) is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t1,bob\n", "line 1: expected at least 3 columns"),
        ("ok,a,b\n,bob,u\n", "line 2: the token is empty"),
        ('t1,"bob,u\n', "unexpected end of data"),
    ],
)
def test_a_bad_file_is_explained(path: Path, text: str, message: str):
    """The error names the file and the line."""
    path.write_text(text)
    with pytest.raises(TokenFileError, match=message) as raised:
        read_tokens(path)
    assert str(path) in str(raised.value)
