"""`Impersonate-User` and its companions: a request that is to be made as somebody else, and whether that is allowed.

Several ways may allow it, and are tried in this order. All but the last are bound to what is done (the verb `impersonate-on:<mode>:<verb>` on the
request's own resource) as well as to whom (`impersonate:<mode>` on users, groups and so on of `authentication.k8s.io`):

    associated-node   a service account as the node that its pod runs on
    arbitrary-node    a node, by its user name alone
    serviceaccount    a service account, by its user name alone
    user-info         everybody else, with uid, groups and extra, but never as system:masters
    (legacy)          the verb `impersonate` alone, on users and groups of the core group

The way that worked last for a caller is tried first. When none works, the caller hears what the first one said.

Source: k8s.io/apiserver/pkg/endpoints/filters/impersonation; the texts are kube-apiserver 1.36.3's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from watchcache.api import status
from watchcache.api.quoting import quoted
from watchcache.api.user import (
    ANONYMOUS,
    AUTHENTICATED,
    NODE_USER,
    NODES,
    UNAUTHENTICATED,
    UserInfo,
    account_groups,
    account_of,
)
from watchcache.auth import MASTERS, Attributes, Authorizer, Decision, check, refusal
from watchcache.http.authorization import attributes_of
from watchcache.http.exchange import Exchange

_EXTRA: Final = "impersonate-extra-"
_API: Final = "authentication.k8s.io"
_NODE_OF_POD: Final = "authentication.kubernetes.io/node-name"
_LEGACY: Final = ""
_MANY: Final = 4
"""From so many groups or extra values on, a right to all of them is looked for first."""
_REMEMBERED: Final = 1024


class Impersonation:
    """Finds out as whom a request is made."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._worked: dict[str, str] = {}

    def user_of(self, exchange: Exchange) -> UserInfo:
        """The user that the headers ask for; the caller when they ask for none. Raises StatusError 400, 403."""
        wanted = _wanted(exchange.request.headers)
        if wanted is None:
            return exchange.user
        attributes = attributes_of(exchange)
        caller = exchange.user
        modes = [*_modes(wanted, caller), _LEGACY]
        worked = self._worked.get(caller.name)
        if worked in modes:
            modes.sort(key=lambda mode: mode != worked)
        first: status.StatusError | None = None
        for mode in modes:
            try:
                user = self._checked(mode, wanted, attributes)
            except status.StatusError as error:
                first = first or error
                continue
            if len(self._worked) >= _REMEMBERED:
                self._worked.clear()
            self._worked[caller.name] = mode
            return user
        assert first is not None
        raise first

    def _checked(self, mode: str, wanted: UserInfo, attributes: Attributes) -> UserInfo:
        """The user as the server sees him. Raises StatusError 403."""
        if mode != _LEGACY:
            check(self._authorizer, attributes._replace(verb=f"impersonate-on:{mode}:{attributes.verb}"))
        for asked in _asked(mode, wanted, attributes.user):
            check(self._authorizer, asked)
        self._check_groups(mode, wanted, attributes.user)
        self._check_extra(mode, wanted, attributes.user)
        return _completed(mode, wanted)

    def _check_groups(self, mode: str, wanted: UserInfo, caller: UserInfo) -> None:
        asked = _attributes(caller, mode, "groups", "", group="" if mode == _LEGACY else _API)
        if mode != _LEGACY:
            if "" in wanted.groups:
                raise refusal(asked, "impersonating the empty string group is not allowed")
            if MASTERS in wanted.groups:
                text = "impersonating the system:masters group is not allowed"
                raise refusal(asked._replace(name=MASTERS), text)
            if len(wanted.groups) >= _MANY and self._allows(asked._replace(name="*")):
                return
        for group in wanted.groups:
            check(self._authorizer, asked._replace(name=group))

    def _check_extra(self, mode: str, wanted: UserInfo, caller: UserInfo) -> None:
        asked = _attributes(caller, mode, "userextras", "")
        values = [(key, value) for key, found in wanted.extra.items() for value in found]
        if mode != _LEGACY and values:
            for key, value in values:
                if not key or not value:
                    text = (
                        f"impersonating the empty string {'value' if key else 'key'} in extra is not allowed"
                    )
                    raise refusal(asked, text)
            if len(values) >= _MANY and self._allows(asked._replace(subresource="*", name="*")):
                return
        for key, value in values:
            check(self._authorizer, asked._replace(subresource=key, name=value))

    def _allows(self, attributes: Attributes) -> bool:
        return self._authorizer.authorize(attributes)[0] is Decision.ALLOW


def _wanted(headers: Mapping[str, str]) -> UserInfo | None:
    """What the headers say, None when they say nothing. Raises StatusError 400 when they name no user."""
    groups = headers.get("impersonate-group")
    extra: dict[str, tuple[str, ...]] = {}
    for name, text in headers.items():
        if name.startswith(_EXTRA):
            extra[unquote(name[len(_EXTRA) :])] = _values(text)
    wanted = UserInfo(
        headers.get("impersonate-user", ""),
        headers.get("impersonate-uid", ""),
        () if groups is None else _values(groups),
        extra,
    )
    if wanted.name:
        return wanted
    if wanted.uid or groups is not None or extra:
        raise status.bad_request(f"requested {_printed(wanted)} without impersonating a user name")
    return None


def _values(text: str) -> tuple[str, ...]:
    """The lines of a repeated header, which the host has joined."""
    return tuple(text.split(", "))


def _modes(wanted: UserInfo, caller: UserInfo) -> Iterator[str]:
    """The modes that such a user may be asked for in."""
    node, account = _is_node(wanted.name), account_of(wanted.name)
    if not node and account is None:
        yield "user-info"
        return
    if wanted.uid or wanted.groups or wanted.extra:
        return
    if account is not None:
        yield "serviceaccount"
        return
    if account_of(caller.name) and caller.extra.get(_NODE_OF_POD) == (wanted.name.removeprefix(NODE_USER),):
        yield "associated-node"
    yield "arbitrary-node"


def _asked(mode: str, wanted: UserInfo, caller: UserInfo) -> Iterator[Attributes]:
    """What the caller must be allowed, apart from groups and extra."""
    group = "" if mode == _LEGACY else _API
    account = account_of(wanted.name)
    if account is not None:
        namespace, name = account
        yield _attributes(caller, mode, "serviceaccounts", name, group=group, namespace=namespace)
    elif mode != _LEGACY and _is_node(wanted.name):
        name = "*" if mode == "associated-node" else wanted.name.removeprefix(NODE_USER)
        yield _attributes(caller, mode, "nodes", name, group=group)
    else:
        yield _attributes(caller, mode, "users", wanted.name, group=group)
    if wanted.uid:
        yield _attributes(caller, mode, "uids", wanted.uid)


def _attributes(
    caller: UserInfo, mode: str, resource: str, name: str, *, group: str = _API, namespace: str = ""
) -> Attributes:
    verb = f"impersonate:{mode}" if mode else "impersonate"
    return Attributes(caller, verb, group, "v1", resource, "", namespace, name, "")


def _completed(mode: str, wanted: UserInfo) -> UserInfo:
    """With the groups that follow from the name."""
    groups = wanted.groups
    account = account_of(wanted.name)
    if account is not None and not groups:
        groups = account_groups(account[0])
    if mode.endswith("-node"):
        groups = (NODES,)
    known = AUTHENTICATED
    if wanted.name == ANONYMOUS.name:
        known = UNAUTHENTICATED
    elif UNAUTHENTICATED in groups:
        return msgspec.structs.replace(wanted, groups=groups)
    if known not in groups:
        groups = (*groups, known)
    return msgspec.structs.replace(wanted, groups=groups)


def _is_node(name: str) -> bool:
    return name.startswith(NODE_USER) and len(name) > len(NODE_USER)


def _printed(wanted: UserInfo) -> str:
    """A user as Go's %#v prints one."""
    groups = f"[]string{{{', '.join(map(quoted, wanted.groups))}}}" if wanted.groups else "[]string(nil)"
    extra = "map[string][]string(nil)"
    if wanted.extra:
        members = (
            f"{quoted(key)}:[]string{{{', '.join(map(quoted, values))}}}"
            for key, values in sorted(wanted.extra.items())
        )
        extra = f"map[string][]string{{{', '.join(members)}}}"
    return f'&user.DefaultInfo{{Name:"", UID:{quoted(wanted.uid)}, Groups:{groups}, Extra:{extra}}}'
