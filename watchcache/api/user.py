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


ANONYMOUS: Final = UserInfo("system:anonymous", groups=("system:unauthenticated",))
"""The caller of a request without credentials, where anyone may call."""
