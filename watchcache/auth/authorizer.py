"""May this user do that? The protocol of authorizers, and the one that always says yes."""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from watchcache.api.user import UserInfo


class Decision(enum.Enum):
    """What one authorizer says; with NO_OPINION the next one is asked."""

    ALLOW = "allow"
    DENY = "deny"
    NO_OPINION = "no opinion"


class Attributes(NamedTuple):
    """What is to be done, by whom. For a path outside the API `resource` is empty and `path` counts."""

    user: UserInfo
    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str


class Authorizer(Protocol):
    """Decides about one request. Never blocks."""

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:
        """The decision and its reason, for the message and the audit log."""
        ...


class AlwaysAllow:
    """`--authorization-mode=AlwaysAllow`, kube-apiserver's own default."""

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:  # noqa: ARG002
        """Allow."""
        return Decision.ALLOW, ""
