"""Authentication by `--token-auth-file`: lines of `token,user,uid,"group1,group2"`.

The groups' column may be absent. The file is looked at again at most once a second, and read again when its
modification time or size changed; a new content that does not parse is ignored, so that a half-written file locks nobody out.
kube-apiserver reads the file once at its start; that a change takes effect without a restart is ours.
"""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from watchcache.api.user import UserInfo
from watchcache.auth.authenticator import Credentials, Recognized, Rejected, with_authenticated_group

LOOK_AGAIN = 1.0  # seconds between looks at the file; a stat costs 2 us

logger = logging.getLogger(__name__)


class TokenFileError(ValueError):
    """The token file cannot be used; the message names the file and the line."""


class TokenFileAuthenticator:
    """Recognises the bearer tokens of a file."""

    def __init__(
        self, path: Path, *, audiences: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file. `audiences` are the API's, which its tokens are for. Raises `TokenFileError` (content) and `OSError` (reading)."""
        self._path = path
        self._audiences = audiences
        self._clock = clock
        self._looked = clock()
        self._seen = self._fingerprint()
        self._users = read_tokens(path)

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """The user of the bearer token; None without one. Raises `Rejected` for an unknown token."""
        token = bearer_token(credentials.authorization)
        if not token:
            return None
        user = self._user(token)
        if user is None:
            raise Rejected("invalid bearer token")
        return user

    def review(self, text: str, audiences: Sequence[str]) -> Recognized | None:
        """The user of a token that somebody was shown; None for one that is not here, or when the API is none of the audiences."""
        ours = tuple(each for each in self._audiences if each in audiences)
        user = self._user(text) if ours else None
        return None if user is None else Recognized(user, ours)

    def _user(self, token: str) -> UserInfo | None:
        if self._clock() - self._looked >= LOOK_AGAIN:
            self._look()
        return self._users.get(token)

    def _fingerprint(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _look(self) -> None:
        self._looked = self._clock()
        try:
            seen = self._fingerprint()
            if seen == self._seen:
                return
            self._users = read_tokens(self._path)
            self._seen = seen
        except (OSError, TokenFileError) as error:
            logger.warning("keeping the old tokens: %s", error)


def bearer_token(authorization: str) -> str:
    """The token of an `Authorization: Bearer ...` header, "" for anything else. The scheme's case does not matter."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        return ""
    return rest.split(" ", 1)[0]


def read_tokens(path: Path) -> dict[str, UserInfo]:
    """Users by token. Raises `TokenFileError` with the line, `OSError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TokenFileError(f"{path}: not UTF-8") from error
    try:
        return _parse(csv.reader(text.splitlines(), skipinitialspace=True, strict=True))
    except (csv.Error, TokenFileError) as error:
        raise TokenFileError(f"{path}: {error}") from error


def _parse(lines: Iterable[list[str]]) -> dict[str, UserInfo]:
    users: dict[str, UserInfo] = {}
    for number, columns in enumerate(lines, 1):
        if not columns:
            continue
        if len(columns) < 3:
            raise TokenFileError(
                f"line {number}: expected at least 3 columns (token, user, uid), found {len(columns)}"
            )
        token, name, uid = columns[:3]
        if not token:
            raise TokenFileError(f"line {number}: the token is empty")
        if token in users:
            logger.warning("token file line %d: a token is there twice, the later one counts", number)
        groups = tuple(group for group in (g.strip() for g in ",".join(columns[3:]).split(",")) if group)
        users[token] = with_authenticated_group(UserInfo(name=name, uid=uid, groups=groups))
    return users
