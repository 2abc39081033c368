"""Roles and their bindings as they are stored now, and what they give each user.

`Policy.seen` is told of every RBAC object that is there, changes or goes. A question is answered from three tables, made when first asked for
and given up when an object changes that they rest on:

    bindings of a namespace (or of the cluster) by subject    until one of these bindings changes
    grants of a user in a namespace                           until any RBAC object changes
    the rules of a grant that fit a verb on a resource        with the grant

So a request costs two look-ups, and the name in the rules that fit. Bindings are gone through in the order of their names, those of the cluster first.

Source: k/k pkg/registry/rbac/validation/rule.go; the texts are kube-apiserver 1.36.3's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from watchcache.api.quoting import quoted
from watchcache.api.user import UserInfo, account_name
from watchcache.auth.rbac.rules import Rule, rules_of

_logger = logging.getLogger(__name__)

GROUP: Final = "rbac.authorization.k8s.io"
_REMEMBERED: Final = 4096
"""Grants, and fitting rules of a grant, that are kept; users choose both, so they are bounded."""


class Subject(msgspec.Struct, frozen=True):
    """Whom a binding is for."""

    kind: str
    name: str
    namespace: str = ""

    def key(self, namespace: str) -> tuple[str, str] | None:
        """What a user must have to be meant, of a binding in a namespace: ("User", name) or ("Group", name). None: nobody is."""
        if self.kind != "ServiceAccount":
            return self.kind, self.name
        home = self.namespace or namespace
        return ("User", account_name(home, self.name)) if home else None

    def described(self, namespace: str) -> str:
        """As reasons name it; a service account's namespace comes behind its name."""
        if self.kind != "ServiceAccount":
            return f"{self.kind} {quoted(self.name)}"
        return f"{self.kind} {quoted(f'{self.name}/{self.namespace or namespace}')}"


class RoleRef(msgspec.Struct, frozen=True):
    """The role of a binding."""

    kind: str = ""
    name: str = ""

    def key(self, namespace: str) -> str:
        """The role's key, for a binding in a namespace."""
        return f"clusterroles/{self.name}" if self.kind == "ClusterRole" else f"roles/{namespace}/{self.name}"


class _Binding(msgspec.Struct, frozen=True):
    role: RoleRef = msgspec.field(default_factory=RoleRef, name="roleRef")
    subjects: tuple[Subject, ...] | None = None


class _Applied(NamedTuple):
    """A binding, by name, and which of its subjects a user is."""

    name: str
    number: int
    subject: Subject
    role: RoleRef


class RoleMissing(LookupError):
    """A binding names a role that is not there; the text is the one of an authorizer."""

    def __init__(self, role: RoleRef) -> None:
        self.role = role
        super().__init__(f"{role.kind.lower()}.{GROUP} {quoted(role.name)} not found")

    def stored(self) -> str:
        """The text of who looked for the role in the storage."""
        return f"{self.role.kind.lower()}s.{GROUP} {quoted(self.role.name)} not found"


class Grants:
    """What bindings give one user in one namespace: rules, each with where it comes from, and what is wrong with bindings."""

    def __init__(self, rules: list[tuple[Rule, str]], problems: list[RoleMissing]) -> None:
        self.rules = rules
        self.problems = problems
        self._fitting: dict[tuple[str, str, str, str], list[tuple[tuple[str, ...], str]]] = {}

    def source(self, verb: str, group: str, resource: str, subresource: str, name: str) -> str | None:
        """Where the right to do something comes from, None when it is not there."""
        asked = verb, group, resource, subresource
        fitting = self._fitting.get(asked)
        if fitting is None:
            fitting = [(rule.names, source) for rule, source in self.rules if rule.allows(*asked)]
            if len(self._fitting) >= _REMEMBERED:
                self._fitting.clear()
            self._fitting[asked] = fitting
        for names, source in fitting:
            if not names or name in names:
                return source
        return None

    def source_of_path(self, verb: str, path: str) -> str | None:
        """The same of a path outside the API."""
        return next((source for rule, source in self.rules if rule.allows_path(verb, path)), None)


class Policy:
    """All roles and bindings. Keys are those of the log: `roles/NAMESPACE/NAME`, `clusterroles/NAME`, and so on."""

    prefixes: Final = ("roles/", "rolebindings/", "clusterroles/", "clusterrolebindings/")

    def __init__(self) -> None:
        self._roles: dict[str, tuple[Rule, ...]] = {}
        self._bindings: dict[str, dict[str, _Binding]] = {}
        self._by_subject: dict[str, dict[tuple[str, str], list[_Applied]]] = {}
        self._grants: dict[tuple[str, tuple[str, ...], str], Grants] = {}

    def seen(self, key: str, value: bytes | None) -> None:
        """Take in an object, or that it is gone (None). Never raises."""
        kind, _, place = key.partition("/")
        try:
            if kind.endswith("roles"):
                self._take_role(key, value)
            else:
                self._take_binding(*_place(place), value)
        except msgspec.MsgspecError:
            # Written by another server: one object that cannot be read gives nobody anything.
            _logger.exception("%s cannot be read", key)
        self._grants.clear()

    def _take_role(self, key: str, value: bytes | None) -> None:
        self._roles.pop(key, None)
        if value is not None:
            self._roles[key] = rules_of(msgspec.json.decode(value).get("rules"))

    def _take_binding(self, namespace: str, name: str, value: bytes | None) -> None:
        self._by_subject.pop(namespace, None)
        bindings = self._bindings.setdefault(namespace, {})
        bindings.pop(name, None)
        if value is not None:
            bindings[name] = msgspec.json.decode(value, type=_Binding)
        if not bindings:
            del self._bindings[namespace]

    def grants(self, user: UserInfo, namespace: str) -> Grants:
        """What a user may do in a namespace, or, without one, in the cluster."""
        asked = user.name, user.groups, namespace
        found = self._grants.get(asked)
        if found is None:
            if len(self._grants) >= _REMEMBERED:
                self._grants.clear()
            found = self._grants[asked] = self._collect(user, namespace)
        return found

    def rules_of_role(self, role: RoleRef, namespace: str) -> tuple[Rule, ...]:
        """The rules of the role of a binding in a namespace. Raises RoleMissing."""
        rules = self._roles.get(role.key(namespace))
        if rules is None:
            raise RoleMissing(role)
        return rules

    def _collect(self, user: UserInfo, namespace: str) -> Grants:
        rules: list[tuple[Rule, str]] = []
        problems: list[RoleMissing] = []
        for home in dict.fromkeys(("", namespace)):
            for applied in self._applied(user, home):
                try:
                    source = _described(applied, home)
                    rules += [(rule, source) for rule in self.rules_of_role(applied.role, home)]
                except RoleMissing as problem:
                    problems.append(problem)
        return Grants(rules, problems)

    def _applied(self, user: UserInfo, namespace: str) -> Iterator[_Applied]:
        """The bindings of a namespace that are for a user, by name, each once."""
        by_subject = self._subjects(namespace)
        found: dict[str, _Applied] = {}
        for key in (("User", user.name), *(("Group", group) for group in user.groups)):
            for applied in by_subject.get(key, ()):
                known = found.get(applied.name)
                if known is None or applied.number < known.number:
                    found[applied.name] = applied
        for name in sorted(found):
            yield found[name]

    def _subjects(self, namespace: str) -> Mapping[tuple[str, str], list[_Applied]]:
        index = self._by_subject.get(namespace)
        if index is None:
            bindings = self._bindings.get(namespace)
            if bindings is None:
                return {}
            index = self._by_subject[namespace] = {}
            for name, binding in bindings.items():
                for number, subject in enumerate(binding.subjects or ()):
                    key = subject.key(namespace)
                    if key is not None:
                        index.setdefault(key, []).append(_Applied(name, number, subject, binding.role))
        return index


def _place(place: str) -> tuple[str, str]:
    """Namespace ("" for the cluster) and name."""
    namespace, _, name = place.rpartition("/")
    return namespace, name


def _described(applied: _Applied, namespace: str) -> str:
    kind, name = (
        ("RoleBinding", f"{applied.name}/{namespace}") if namespace else ("ClusterRoleBinding", applied.name)
    )
    role, subject = applied.role, applied.subject.described(namespace)
    return f"{kind} {quoted(name)} of {role.kind} {quoted(role.name)} to {subject}"
