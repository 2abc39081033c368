"""Roles and their bindings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule

_GROUP: Final = "rbac.authorization.k8s.io"
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def _rules(*, namespaced: bool) -> Rule:
    def rule(new: Document, _old: Document | None) -> Iterator[Cause]:
        for index, each in enumerate(new.get("rules") or ()):
            yield from _policy_rule(each, f"rules[{index}]", namespaced=namespaced)

    return rule


def _policy_rule(rule: Document, path: str, *, namespaced: bool) -> Iterator[Cause]:
    if not rule.get("verbs"):
        yield causes.required(f"{path}.verbs", "verbs must contain at least one value")
    urls = rule.get("nonResourceURLs")
    if urls:
        field = f"{path}.nonResourceURLs"
        if namespaced:
            yield causes.invalid(field, urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            yield causes.invalid(
                field, urls, "rules cannot apply to both regular resources and non-resource URLs"
            )
        return
    if not rule.get("apiGroups"):
        yield causes.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield causes.required(f"{path}.resources", "resource rules must supply at least one resource")


def _binding(kinds: Sequence[str], *, namespaced: bool) -> Rule:
    def rule(new: Document, old: Document | None) -> Iterator[Cause]:
        role = new.get("roleRef") or {}
        if role.get("apiGroup") != _GROUP:
            yield causes.not_supported("roleRef.apiGroup", role.get("apiGroup", ""), (_GROUP,))
        if role.get("kind") not in kinds:
            yield causes.not_supported("roleRef.kind", role.get("kind", ""), kinds)
        if not role.get("name"):
            yield causes.required("roleRef.name")
        for index, subject in enumerate(new.get("subjects") or ()):
            yield from _subject(subject, f"subjects[{index}]", namespaced=namespaced)
        if old is not None and role != old.get("roleRef"):
            shown = {
                "APIGroup": role.get("apiGroup", ""),
                "Kind": role.get("kind", ""),
                "Name": role.get("name", ""),
            }
            yield causes.invalid("roleRef", shown, "cannot change roleRef")

    return rule


def _subject(subject: Document, path: str, *, namespaced: bool) -> Iterator[Cause]:
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    if not subject.get("name"):
        yield causes.required(f"{path}.name")
    if kind not in _SUBJECTS:
        yield causes.not_supported(f"{path}.kind", kind, _SUBJECTS)
        return
    wanted = "" if kind == "ServiceAccount" else _GROUP
    if group != wanted:
        yield causes.not_supported(f"{path}.apiGroup", group, (wanted,))
    if kind == "ServiceAccount" and not subject.get("namespace") and not namespaced:
        yield causes.required(f"{path}.namespace")


RULES: Final[dict[tuple[str, str], Rule]] = {
    (_GROUP, "roles"): _rules(namespaced=True),
    (_GROUP, "clusterroles"): _rules(namespaced=False),
    (_GROUP, "rolebindings"): _binding(("Role", "ClusterRole"), namespaced=True),
    (_GROUP, "clusterrolebindings"): _binding(("ClusterRole",), namespaced=False),
}
