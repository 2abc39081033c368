"""May this user do that? What an authorizer is, the ones that need to know nothing, and how several are asked in turn.

The first that allows or denies decides; when none has an opinion, the answer is no, with the reasons of all. Enumerating what a user may do is another
question (`rules`): not every authorizer can answer it.

Source: k8s.io/apiserver/pkg/authorization (union, authorizerfactory); reasons as kube-apiserver 1.36.3 says them.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from watchcache.api.user import UserInfo

MASTERS: Final = "system:masters"
"""Who is in this group may do everything, whatever the authorizers say."""

Document = dict[str, Any]


class Decision(enum.Enum):
    """What one authorizer says; with NO_OPINION the next one is asked."""

    ALLOW = "allow"
    DENY = "deny"
    NO_OPINION = "no opinion"


class Attributes(NamedTuple):
    """What is to be done, by whom. For a path outside the API `resource` is empty and `path` counts.

    `selected` are the fields that a list, watch or deletecollection is restricted to, with their values.
    """

    user: UserInfo
    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    selected: tuple[tuple[str, str], ...] = ()


class Enumerated(NamedTuple):
    """What a user may do: `authorization.k8s.io/v1` ResourceRules and NonResourceRules; `problems` say why some may be missing."""

    resources: Sequence[Document] = ()
    paths: Sequence[Document] = ()
    incomplete: bool = False
    problems: Sequence[str] = ()


class Authorizer(Protocol):
    """Decides about one request. Never blocks."""

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:
        """The decision and its reason, for the message and for reviews."""
        ...

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:
        """What a user may do in a namespace, as far as this authorizer can list it."""
        ...


class AlwaysAllow:
    """`--authorization-mode=AlwaysAllow`, kube-apiserver's own default."""

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:  # noqa: ARG002
        """Allow."""
        return Decision.ALLOW, ""

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:  # noqa: ARG002
        """Everything."""
        return Enumerated(
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        )


class AlwaysDeny:
    """`--authorization-mode=AlwaysDeny`: for tests of clients."""

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:  # noqa: ARG002
        """No opinion: what comes behind may still allow it."""
        return Decision.NO_OPINION, "Everything is forbidden."

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:  # noqa: ARG002
        """Nothing."""
        return Enumerated()


class Authorizers:
    """Asks several in order, after it has let `system:masters` through."""

    def __init__(self, authorizers: Sequence[Authorizer]) -> None:
        self._authorizers = tuple(authorizers)

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:
        """The first decision; without one, no opinion and all the reasons, one a line."""
        if MASTERS in attributes.user.groups:
            return Decision.ALLOW, ""
        reasons = []
        for authorizer in self._authorizers:
            decision, reason = authorizer.authorize(attributes)
            if decision is not Decision.NO_OPINION:
                return decision, reason
            if reason:
                reasons.append(reason)
        return Decision.NO_OPINION, "\n".join(reasons)

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:
        """What all of them list, together."""
        found = [authorizer.rules(user, namespace) for authorizer in self._authorizers]
        return Enumerated(
            [rule for each in found for rule in each.resources],
            [rule for each in found for rule in each.paths],
            any(each.incomplete for each in found),
            [problem for each in found for problem in each.problems],
        )


def aggregate(problems: Sequence[str]) -> str:
    """Several problems as one text, as Go's aggregate of errors has it: repeated ones once, brackets around more than one."""
    once = list(dict.fromkeys(problems))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]" if once else ""
