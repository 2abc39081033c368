"""Whoever has a policy read parameters must be allowed to read them: else policies would tell what is in objects that their writer may not see.

A policy names the kind, of which the writer must be allowed to get every object; a binding names the objects. In kube-apiserver this is a
rule of the kinds themselves, so that a refusal is a 422. It is asked only where not everybody may do everything.

Source: k/k pkg/registry/admissionregistration/*/authz.go; measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api import causes, status
from watchcache.api.catalog import Resource
from watchcache.api.status import Cause, GroupKind
from watchcache.api.user import UserInfo
from watchcache.auth import MASTERS, Attributes, Authorizer, Decision

Document = dict[str, Any]
_GROUP: Final = "admissionregistration.k8s.io"
_POLICIES: Final = frozenset({"validatingadmissionpolicies", "mutatingadmissionpolicies"})
_BINDINGS: Final = {
    "validatingadmissionpolicybindings": "ValidatingAdmissionPolicy",
    "mutatingadmissionpolicybindings": "MutatingAdmissionPolicy",
}
"""With the kind of the policies that they bind."""


class ParameterAccess:
    """The plugin. `resource_of` gives the resource of an apiVersion and a kind, `policy_of` a policy of a kind by its name; None when there is none."""

    name = "ParameterAccess"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(
        self,
        authorizer: Authorizer,
        resource_of: Callable[[str, str], Resource | None],
        policy_of: Callable[[str, str], Document | None],
    ) -> None:
        self._authorizer = authorizer
        self._resource_of = resource_of
        self._policy_of = policy_of

    def validate(self, review: Review) -> None:
        """Refuse (422) a policy or binding whose parameters its writer may not read."""
        resource, document = review.resource, review.document
        if (
            resource.group != _GROUP
            or document is None
            or review.subresource
            or MASTERS in review.user.groups
        ):
            return
        spec, before = document.get("spec") or {}, (review.old or {}).get("spec") or {}
        found: Cause | None = None
        if resource.plural in _POLICIES:
            if spec.get("paramKind") and spec["paramKind"] != before.get("paramKind"):
                found = self._of_policy(review.user, spec["paramKind"])
        elif resource.plural in _BINDINGS and spec.get("paramRef"):
            same = all(spec.get(name) == before.get(name) for name in ("paramRef", "policyName"))
            if not same:
                found = self._of_binding(review.user, spec, _BINDINGS[resource.plural])
        if found is not None:
            name = document["metadata"].get("name") or ""
            raise status.invalid(GroupKind(resource.group, resource.kind), name, [found])

    def _of_policy(self, user: UserInfo, kind: Document) -> Cause | None:
        version, word = kind.get("apiVersion") or "", kind.get("kind") or ""
        if self._may(user, "get", self._place(kind), "*", "*"):
            return None
        text = (
            f'user {_shown(user)} must have "get" permission on all objects of the referenced paramKind '
            f"(kind={word}, apiVersion={version})"
        )
        return causes.forbidden("spec.paramKind", text)

    def _of_binding(self, user: UserInfo, spec: Document, kind: str) -> Cause | None:
        reference, name = spec["paramRef"], spec.get("policyName") or ""
        policy = self._policy_of(kind, name)
        param_kind = ((policy or {}).get("spec") or {}).get("paramKind")
        place = self._place(param_kind) if param_kind else ("*", "*", "*")
        verb = "get" if reference.get("name") else "list"
        if self._may(user, verb, place, reference.get("namespace") or "", reference.get("name") or ""):
            return None
        who = f'user {_shown(user)} does not have "{verb}" permission'
        if policy is None:
            text = f"unable to get policy {name} to determine minimum required permissions and {who} for all groups, versions and resources"
        elif param_kind and place[2] == "*":
            text = (
                f"unable to resolve paramKind &ParamKind{{APIVersion:{param_kind.get('apiVersion')},Kind:{param_kind.get('kind')},}} to determine "
                f"minimum required permissions and {who} for all groups, versions and resources"
            )
        else:
            text = f"{who} on the object referenced by paramRef"
        return causes.forbidden("spec.paramRef", text)

    def _place(self, kind: Document) -> tuple[str, str, str]:
        """Group, version and resource of a parameter's kind; every resource where it is not known."""
        api_version = kind.get("apiVersion") or ""
        group, _, version = api_version.rpartition("/")
        resource = self._resource_of(api_version, kind.get("kind") or "")
        return group, version, "*" if resource is None else resource.plural

    def _may(self, user: UserInfo, verb: str, place: tuple[str, str, str], namespace: str, name: str) -> bool:
        attributes = Attributes(user, verb, *place, "", namespace, name, "")
        decision, _ = self._authorizer.authorize(attributes)
        return decision is Decision.ALLOW


def _shown(user: UserInfo) -> str:
    """A user as Go prints one."""
    extra = " ".join(f"{key}:[{' '.join(user.extra[key])}]" for key in sorted(user.extra))
    return f"&{{{user.name} {user.uid} [{' '.join(user.groups)}] map[{extra}]}}"
