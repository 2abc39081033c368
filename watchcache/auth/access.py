"""The authorizers that `--authorization-mode` names, and what they follow of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from watchcache.auth.authorizer import AlwaysAllow, AlwaysDeny, Authorizer, Authorizers
from watchcache.auth.policy import Policy
from watchcache.auth.rules import rules_of

MODES: Final = ("AlwaysAllow", "AlwaysDeny", "Node", "RBAC")


class Follower(Protocol):
    """What knows stored objects by following them."""

    @property
    def prefixes(self) -> Sequence[str]:
        """What the keys of these objects begin with, one segment each: `roles/`."""

    def seen(self, key: str, value: bytes | None) -> None:
        """Take in an object, or that it is gone (None). Never raises."""


class Access(msgspec.Struct, frozen=True):
    """Who may do what in this process. `policy`: what RBAC knows, when it is among the modes."""

    authorizer: Authorizer
    policy: Policy | None = None
    followers: Sequence[Follower] = ()

    @property
    def open(self) -> bool:
        """Whether everybody may do everything, so that nobody needs to ask."""
        return isinstance(self.authorizer, AlwaysAllow)


def access_of(modes: Sequence[str]) -> Access:
    """The authorizers, in the order of the modes, which are of MODES."""
    policy = Policy() if "RBAC" in modes else None
    followers: list[Follower] = [] if policy is None else [policy]
    if tuple(modes[:1]) == ("AlwaysAllow",):  # what comes behind it is never asked
        return Access(AlwaysAllow(), policy, followers)
    made: list[Authorizer] = []
    for mode in modes:
        if mode == "RBAC":
            assert policy is not None
            made.append(_rbac(policy))
        elif mode == "Node":
            authorizer, graph = _node()
            made.append(authorizer)
            followers.append(graph)
        else:
            made.append(AlwaysAllow() if mode == "AlwaysAllow" else AlwaysDeny())
    return Access(Authorizers(made), policy, followers)


# Most servers have neither: the modules are imported with the modes.


def _rbac(policy: Policy) -> Authorizer:
    from watchcache.auth.rbac import Rbac  # noqa: PLC0415

    return Rbac(policy)


def _node() -> tuple[Authorizer, Follower]:
    from watchcache.auth.graph import Graph  # noqa: PLC0415
    from watchcache.auth.node import Node  # noqa: PLC0415
    from watchcache.auth.standing import standing_table  # noqa: PLC0415

    graph = Graph()
    rules = next(
        each["rules"]
        for each in standing_table()
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", "system:node")
    )
    return Node(graph, rules_of(rules)), graph
