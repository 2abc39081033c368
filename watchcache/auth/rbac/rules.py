"""Policy rules of RBAC: what one allows, and whether some cover others. Pure.

    what a rule names   verbs, API groups, resources, names of objects; or verbs and paths outside the API
    `*`                 any verb, any group, any resource with its subresources
    `*/scale`           that subresource of any resource; there is no `pods/*`
    no resource names   any object, and collections
    `/logs/*`           a path ends in `*`: all that begins like it

A grant of rights is an escalation unless rules that the granter has cover it: it is taken apart into pieces with one verb, one group, one
resource (and one name) each, and each piece must be covered by one rule alone.

Source: k8s.io/component-helpers/auth/rbac/validation and k/k pkg/apis/rbac/v1/evaluation_helpers.go; the texts are kube-apiserver 1.36.3's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from watchcache.api.quoting import quoted

Texts = tuple[str, ...]


class Rule(msgspec.Struct, frozen=True):
    """One PolicyRule."""

    verbs: Texts = ()
    groups: Texts = ()
    resources: Texts = ()
    names: Texts = ()
    paths: Texts = ()

    def allows(self, verb: str, group: str, resource: str, subresource: str) -> bool:
        """Whether it allows a verb on a resource; of which objects, `names` says."""
        return (
            ("*" in self.verbs or verb in self.verbs)
            and ("*" in self.groups or group in self.groups)
            and self._has(resource, subresource)
        )

    def _has(self, resource: str, subresource: str) -> bool:
        if "*" in self.resources:
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources

    def allows_path(self, verb: str, path: str) -> bool:
        """Whether it allows a verb on a path outside the API."""
        return ("*" in self.verbs or verb in self.verbs) and any(
            each == "*" or _path_covers(each, path) for each in self.paths
        )


class _StoredRule(msgspec.Struct):
    verbs: Texts | None = None
    groups: Texts | None = msgspec.field(default=None, name="apiGroups")
    resources: Texts | None = None
    names: Texts | None = msgspec.field(default=None, name="resourceNames")
    paths: Texts | None = msgspec.field(default=None, name="nonResourceURLs")


def rules_of(rules: object) -> tuple[Rule, ...]:
    """The rules of a role's document."""
    stored = msgspec.convert(rules or (), tuple[_StoredRule, ...])
    return tuple(
        Rule(each.verbs or (), each.groups or (), each.resources or (), each.names or (), each.paths or ())
        for each in stored
    )


def _path_covers(owned: str, path: str) -> bool:
    return owned == path or (owned.endswith("*") and path.startswith(owned.rstrip("*")))


def missing(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The pieces of `wanted` that no rule of `owned` covers."""
    return [
        piece for rule in wanted for piece in _pieces(rule) if not any(_covers(each, piece) for each in owned)
    ]


def _pieces(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                if not rule.names:
                    yield Rule((verb,), (group,), (resource,))
                for name in rule.names:
                    yield Rule((verb,), (group,), (resource,), (name,))
    for path in rule.paths:
        for verb in rule.verbs:
            yield Rule((verb,), paths=(path,))


def _covers(owned: Rule, piece: Rule) -> bool:
    """Whether one rule covers a piece, which has one of each thing at most."""
    return (
        ("*" in owned.verbs or piece.verbs[0] in owned.verbs)
        and ("*" in owned.groups or set(piece.groups) <= set(owned.groups))
        and all(_resource_covers(owned, each) for each in piece.resources)
        and (not owned.names or (bool(piece.names) and set(piece.names) <= set(owned.names)))
        and all(any(_path_covers(each, path) for each in owned.paths) for path in piece.paths)
    )


def _resource_covers(owned: Rule, resource: str) -> bool:
    if "*" in owned.resources or resource in owned.resources:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in owned.resources


def described(pieces: Iterable[Rule]) -> list[str]:
    """Pieces as messages name them, those that differ by their verb alone together, sorted."""
    verbs: dict[Rule, list[str]] = {}
    for piece in pieces:
        # Of paths each piece stands alone.
        same = verbs.setdefault(piece if piece.paths else msgspec.structs.replace(piece, verbs=()), [])
        if piece.verbs[0] not in same:
            same.append(piece.verbs[0])
    return sorted({_described(rule, found) for rule, found in verbs.items()})


def _described(rule: Rule, verbs: Sequence[str]) -> str:
    parts = [
        ("APIGroups", rule.groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.paths),
        ("ResourceNames", rule.names),
        ("Verbs", verbs),
    ]
    return "{" + ", ".join(f"{name}:{listed(values)}" for name, values in parts if values) + "}"


def listed(texts: Iterable[str]) -> str:
    """Texts as Go's %q prints a slice of strings."""
    return f"[{' '.join(map(quoted, texts))}]"
