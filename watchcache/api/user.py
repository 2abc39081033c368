"""Who a request comes from, as authenticators establish it and everything behind them reads it."""

from __future__ import annotations

from typing import Final

import msgspec


class UserInfo(msgspec.Struct, frozen=True):
    """An authenticated caller. `extra` holds what the authenticator adds, lists of texts by key (k8s.io/apiserver/pkg/authentication/user)."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
"""The groups of those who have shown who they are, and of those who have not."""
NODE_USER: Final = "system:node:"
NODES: Final = "system:nodes"
"""What the user name of a node begins with, and its group."""
_ACCOUNT: Final = "system:serviceaccount:"

ANONYMOUS: Final = UserInfo("system:anonymous", groups=(UNAUTHENTICATED,))
"""The caller of a request without credentials, where anyone may call."""


def account_name(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"{_ACCOUNT}{namespace}:{name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of the service accounts of a namespace."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def account_of(user_name: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that has a user name; None when none has it."""
    if not user_name.startswith(_ACCOUNT):
        return None
    namespace, colon, account = user_name[len(_ACCOUNT) :].partition(":")
    return (namespace, account) if colon and namespace and account and ":" not in account else None
