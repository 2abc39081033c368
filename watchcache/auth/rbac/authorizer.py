"""The authorizer: what roles and bindings say."""

from __future__ import annotations

from watchcache.api.user import UserInfo
from watchcache.auth.authorizer import Attributes, Decision, Document, Enumerated, aggregate
from watchcache.auth.rbac.policy import Grants, Policy
from watchcache.auth.rbac.rules import Rule


class Rbac:
    """The authorizer. It allows or has no opinion: RBAC knows no prohibitions."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:
        """Allow what a rule of the user's allows; the reason is the binding, or what is wrong with bindings."""
        user, verb, group, _, resource, subresource, namespace, name, path, _ = attributes
        grants = self._policy.grants(user, namespace)
        if resource:
            source = grants.source(verb, group, resource, subresource, name)
        else:
            source = grants.source_of_path(verb, path)
        if source is not None:
            return Decision.ALLOW, f"RBAC: allowed by {source}"
        return Decision.NO_OPINION, f"RBAC: {_text(grants)}" if grants.problems else ""

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:
        """The user's rules."""
        grants = self._policy.grants(user, namespace)
        rules = [rule for rule, _ in grants.rules]
        problems = [_text(grants)] if grants.problems else []
        return Enumerated(
            [_resource_rule(rule) for rule in rules if rule.resources],
            [
                {"verbs": list(rule.verbs), "nonResourceURLs": list(rule.paths)}
                for rule in rules
                if rule.paths
            ],
            problems=problems,
        )


def _text(grants: Grants) -> str:
    return aggregate([str(each) for each in grants.problems])


def _resource_rule(rule: Rule) -> Document:
    document = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
    return document | ({"resourceNames": list(rule.names)} if rule.names else {})
