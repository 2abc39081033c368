"""The authorizers that `--authorization-mode` names, and what they follow of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from watchcache.auth.authorizer import AlwaysAllow, AlwaysDeny, Authorizer, Authorizers

if TYPE_CHECKING:
    from watchcache.auth.rbac.policy import Policy

MODES: Final = ("AlwaysAllow", "AlwaysDeny", "Node", "RBAC")


class Follower(Protocol):
    """What knows stored objects by following them."""

    @property
    def prefixes(self) -> Sequence[str]:
        """What the keys of these objects begin with, one segment each: `roles/`."""

    def seen(self, key: str, value: bytes | None) -> None:
        """Take in an object, or that it is gone (None). Never raises."""


class Access:
    """Who may do what in this process. `policy`: what RBAC knows, when it is among the modes."""

    def __init__(
        self, authorizer: Authorizer, policy: Policy | None = None, followers: Sequence[Follower] = ()
    ) -> None:
        self.authorizer = authorizer
        self.policy = policy
        self.followers = tuple(followers)
        self.open = isinstance(authorizer, AlwaysAllow)
        """Whether everybody may do everything, so that nobody needs to ask."""


def access_of(modes: Sequence[str]) -> Access:
    """The authorizers, in the order of the modes, which are of MODES."""
    policy = _policy() if "RBAC" in modes else None
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


# Most servers have none of these: the modules are imported with the modes.


def _policy() -> Policy:
    from watchcache.auth.rbac import Policy  # noqa: PLC0415

    return Policy()


def _rbac(policy: Policy) -> Authorizer:
    from watchcache.auth.rbac import Rbac  # noqa: PLC0415

    return Rbac(policy)


def _node() -> tuple[Authorizer, Follower]:
    from watchcache.auth.graph import Graph  # noqa: PLC0415
    from watchcache.auth.node import Node  # noqa: PLC0415
    from watchcache.auth.rbac import rules_of, standing_table  # noqa: PLC0415

    graph = Graph()
    rules = next(
        each["rules"]
        for each in standing_table()
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", "system:node")
    )
    return Node(graph, rules_of(rules)), graph
