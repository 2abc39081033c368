"""Nobody grants by RBAC what he may not do himself, unless he has the verb `escalate` on the role, or `bind` on the role that is bound.

kube-apiserver checks this in the storage of roles and bindings: after admission has changed the document, before the kind's own rules. As the last of
the plugins that change documents it has the same place here.

Source: k/k pkg/registry/rbac/*/policybased/storage.go and pkg/registry/rbac/escalation_check.go; the texts are kube-apiserver 1.36.3's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api import status
from watchcache.api.quoting import quoted
from watchcache.auth import MASTERS, Access, Attributes, Decision, aggregate
from watchcache.auth.rbac import (
    Policy,
    RoleMissing,
    RoleRef,
    Rule,
    described,
    listed,
    missing,
    rules_of,
)

_GROUP: Final = "rbac.authorization.k8s.io"
_EVERYTHING: Final = (Rule(("*",), ("*",), ("*",)), Rule(("*",), paths=("*",)))
_GARBAGE_COLLECTION: Final = frozenset(
    {"ownerReferences", "finalizers", "managedFields", "selfLink", "resourceVersion"}
)
"""Metadata whose change gives nobody anything."""


class EscalationCheck:
    """The plugin."""

    name = "EscalationCheck"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(self, access: Access, policy: Policy) -> None:
        self._access = access
        self._policy = policy

    def admit(self, review: Review) -> None:
        """Raises StatusError 403, and 404 where a binding names a role that is not there."""
        resource, document = review.resource, review.document
        if resource.group != _GROUP or document is None or MASTERS in review.user.groups:
            return
        if review.old is not None and _is_housekeeping(document, review.old):
            return
        if resource.plural in {"roles", "clusterroles"}:
            self._check_role(review, document)
        else:
            self._check_binding(review, document)

    def _check_role(self, review: Review, document: dict[str, Any]) -> None:
        if self._may(
            review, "escalate", review.resource.plural, review.name if review.old is not None else ""
        ):
            return
        self._check_rules(review, rules_of(document.get("rules")))
        aggregates = document.get("aggregationRule") or (review.old or {}).get("aggregationRule")
        if aggregates and self._missing(review, _EVERYTHING):
            raise _forbidden(review, "must have cluster-admin privileges to use the aggregationRule")

    def _check_binding(self, review: Review, document: dict[str, Any]) -> None:
        said, resource = document.get("roleRef") or {}, review.resource
        role = RoleRef(said.get("kind") or "", said.get("name") or "")
        plural = {"Role": "roles", "ClusterRole": "clusterroles"}.get(role.kind, "")
        known = bool(plural) and said.get("apiGroup") == _GROUP
        if known and self._may(review, "bind", plural, role.name):
            return
        if not plural:
            raise status.untyped(f"unsupported role reference kind: {quoted(role.kind)}")
        try:
            rules = self._policy.rules_of_role(role, review.namespace)
        except RoleMissing:
            raise status.not_found(resource.group_resource, role.name) from None  # it names itself
        self._check_rules(review, rules)

    def _may(self, review: Review, verb: str, plural: str, name: str) -> bool:
        attributes = Attributes(review.user, verb, _GROUP, "*", plural, "", review.namespace, name, "")
        return self._access.authorizer.authorize(attributes)[0] is Decision.ALLOW

    def _missing(self, review: Review, wanted: Sequence[Rule]) -> list[Rule]:
        held = self._policy.grants(review.user, review.namespace)
        return missing([rule for rule, _ in held.rules], wanted)

    def _check_rules(self, review: Review, wanted: Sequence[Rule]) -> None:
        pieces = self._missing(review, wanted)
        if not pieces:
            return
        user = review.user
        text = (
            f"user {quoted(user.name)} (groups={listed(user.groups)}) is attempting to grant RBAC permissions "
            "not currently held:\n" + "\n".join(described(pieces))
        )
        problems = self._policy.grants(user, review.namespace).problems
        if problems:
            text += f"; resolution errors: [{aggregate([each.stored() for each in problems])}]"
        raise _forbidden(review, text)


def _forbidden(review: Review, text: str) -> status.StatusError:
    name = (review.document or {})["metadata"].get("name") or ""
    return status.forbidden(review.resource.group_resource, name, text)


def _is_housekeeping(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Whether nothing but what garbage collection changes differs."""
    return _granting(new) == _granting(old)


def _granting(document: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        name: value for name, value in document["metadata"].items() if name not in _GARBAGE_COLLECTION
    }
    return {**document, "metadata": metadata}
