"""What an authenticator is, and how several are asked in turn.

The first one that recognises the credentials decides. One that finds credentials of its kind but bad
ones (an unknown bearer token) raises `Rejected`; the others are still asked, and only when none accepts is
the request rejected. A request without any credentials is nobody's: `None`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from watchcache.api.user import ANONYMOUS, AUTHENTICATED, UserInfo

__all__ = [
    "ANONYMOUS",
    "Authenticator",
    "Credentials",
    "Recognized",
    "Rejected",
    "TokenReviewer",
    "Union",
    "reviewed",
    "with_authenticated_group",
]


class Credentials(NamedTuple):
    """What a request brings: the peer's verified certificate (DER) and its Authorization header."""

    certificate: bytes | None
    authorization: str


class Rejected(Exception):
    """Credentials were presented and are not valid."""


class Recognized(NamedTuple):
    """Who a token speaks for, and which of the audiences that were asked about it is for."""

    user: UserInfo
    audiences: tuple[str, ...]


class Authenticator(Protocol):
    """Recognises one kind of credentials."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """The user, or None when there is nothing here that this one knows. Raises `Rejected`. Never blocks."""
        ...


def with_authenticated_group(user: UserInfo) -> UserInfo:
    """The user with `system:authenticated` among the groups, as every authenticated user has it."""
    if AUTHENTICATED in user.groups:
        return user
    return UserInfo(name=user.name, uid=user.uid, groups=(*user.groups, AUTHENTICATED), extra=user.extra)


class Union:
    """Asks several authenticators in order; implements `Authenticator` itself."""

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        self._authenticators = tuple(authenticators)

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """The first user found; None when no one knows the credentials; raises the last `Rejected`."""
        rejected: Rejected | None = None
        for authenticator in self._authenticators:
            try:
                user = authenticator.authenticate(credentials)
            except Rejected as error:
                rejected = error
                continue
            if user is not None:
                return user
        if rejected is not None:
            raise rejected
        return None


class TokenReviewer(Protocol):
    """Recognises tokens that others were shown."""

    def review(self, text: str, audiences: Sequence[str]) -> Recognized | None:
        """Who is behind a token, when it is for one of the audiences; None when it is not known. Raises `Rejected`."""
        ...


def reviewed(reviewers: Sequence[TokenReviewer], text: str, audiences: Sequence[str]) -> Recognized:
    """What the first one says that recognises a token. Raises `Rejected` in kube-apiserver's words for what nobody accepts."""
    refusals = []
    for reviewer in reviewers:
        try:
            recognized = reviewer.review(text, audiences)
        except Rejected as error:
            refusals.append(str(error))
            continue
        if recognized is not None:
            return recognized
    unknown = "invalid bearer token"
    raise Rejected(f"[{', '.join([unknown, *refusals])}]" if refusals else unknown)
