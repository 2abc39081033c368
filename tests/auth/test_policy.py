"""Roles and bindings, as they change, against going through all of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from watchcache.api.user import UserInfo
from watchcache.auth import Attributes, Decision
from watchcache.auth.rbac import Policy, Rbac, described, missing, rules_of

NAMES = st.sampled_from(["a", "b"])
SPACES = st.sampled_from(["", "n1", "n2"])
SUBJECTS = st.sampled_from(
    [
        ("User", "u", ""),
        ("User", "v", ""),
        ("Group", "g", ""),
        ("ServiceAccount", "s", "n1"),
        ("ServiceAccount", "s", ""),
    ]
)
RULES = st.builds(
    lambda verb, group, resource, names: {
        "verbs": [verb],
        "apiGroups": [group],
        "resources": [resource],
        "resourceNames": names,
    },
    st.sampled_from(["get", "list", "*"]),
    st.sampled_from(["", "apps", "*"]),
    st.sampled_from(["pods", "pods/log", "*/log", "*", "deployments"]),
    st.sampled_from([[], ["x"]]),
)
USERS = (
    UserInfo("u"),
    UserInfo("v", groups=("g",)),
    UserInfo("system:serviceaccount:n1:s"),
    UserInfo("system:serviceaccount:n2:s", groups=("g",)),
)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, dict[str, Any] | None]]:
    """Roles and bindings that come, change and go, by their keys."""
    found = []
    for _ in range(draw(st.integers(1, 12))):
        space, name = draw(SPACES), draw(NAMES)
        place = f"{space}/{name}" if space else name
        prefix = "" if space else "cluster"
        if draw(st.booleans()):
            document: dict[str, Any] = {"rules": draw(st.lists(RULES, max_size=2))}
            key = f"{prefix}roles/{place}"
        else:
            kind = draw(st.sampled_from(["Role", "ClusterRole"])) if space else "ClusterRole"
            document = {
                "roleRef": {"kind": kind, "name": draw(NAMES)},
                "subjects": [
                    {"kind": kind, "name": name, "namespace": home}
                    for kind, name, home in draw(st.lists(SUBJECTS, max_size=2))
                ],
            }
            key = f"{prefix}rolebindings/{place}"
        found.append((key, None if draw(st.integers(0, 4)) == 0 else document))
    return found


def is_meant(subject: dict[str, Any], user: UserInfo, space: str) -> bool:
    """Whether a binding in a namespace means a user by a subject."""
    if subject["kind"] == "ServiceAccount":
        home = subject["namespace"] or space
        return bool(home) and user.name == f"system:serviceaccount:{home}:{subject['name']}"
    return subject["name"] in (user.groups if subject["kind"] == "Group" else (user.name,))


def fits(rule: dict[str, Any], asked: Attributes) -> bool:
    """Whether a rule allows it."""
    combined = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    resources = {"*", combined} | ({f"*/{asked.subresource}"} if asked.subresource else set())
    return (
        bool({"*", asked.verb} & set(rule["verbs"]))
        and bool({"*", asked.group} & set(rule["apiGroups"]))
        and bool(resources & set(rule["resources"]))
        and (not rule["resourceNames"] or asked.name in rule["resourceNames"])
    )


def allowed(stored: dict[str, dict[str, Any]], asked: Attributes) -> bool:
    """The answer from all objects."""
    for key, binding in stored.items():
        kind, *place = key.split("/")
        space = place[0] if len(place) > 1 else ""
        if not kind.endswith("bindings") or space not in {"", asked.namespace}:
            continue
        role = binding["roleRef"]
        place_of_role = (
            f"clusterroles/{role['name']}"
            if role["kind"] == "ClusterRole"
            else f"roles/{space}/{role['name']}"
        )
        rules = stored.get(place_of_role, {"rules": []})["rules"]
        if any(is_meant(each, asked.user, space) for each in binding["subjects"]) and any(
            fits(rule, asked) for rule in rules
        ):
            return True
    return False


@given(changes())
def test_decisions_are_those_of_all_objects(found: list[tuple[str, dict[str, Any] | None]]):
    """After each change, for several users, places and things: whatever was asked and remembered before."""
    policy, stored = Policy(), dict[str, dict[str, Any]]()
    authorizer = Rbac(policy)
    for key, document in found:
        policy.seen(key, None if document is None else json.dumps(document).encode())
        stored.pop(key, None)
        if document is not None:
            stored[key] = document
        for user in USERS:
            for namespace in ("", "n1", "n2"):
                for verb, group, resource, subresource, name in (
                    ("get", "", "pods", "", "x"),
                    ("list", "", "pods", "", ""),
                    ("get", "", "pods", "log", "y"),
                    ("get", "apps", "deployments", "", "x"),
                ):
                    asked = Attributes(user, verb, group, "v1", resource, subresource, namespace, name, "")
                    decision, reason = authorizer.authorize(asked)
                    assert (decision is Decision.ALLOW) == allowed(stored, asked), (asked, stored)
                    assert reason or decision is not Decision.ALLOW


@given(st.lists(RULES, max_size=4), st.lists(RULES, max_size=2))
def test_rules_cover_themselves_and_what_is_missing_is_what_is_added(
    held: list[dict[str, Any]], wanted: list[dict[str, Any]]
):
    """Nobody lacks what he has; with what he lacks added he lacks nothing."""
    owned, asked = rules_of(held), rules_of(wanted)
    assert missing(owned, owned) == []
    lacked = missing(owned, asked)
    assert missing([*owned, *lacked], asked) == []
    assert bool(described(lacked)) == bool(lacked)


def test_an_object_that_cannot_be_read_gives_nothing():
    """It was written by something else; what it gave before is gone, and others stay."""
    policy = Policy()
    policy.seen("clusterroles/r", b'{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}')
    policy.seen(
        "clusterrolebindings/b",
        b'{"roleRef":{"kind":"ClusterRole","name":"r"},"subjects":[{"kind":"User","name":"u"}]}',
    )
    asked = Attributes(UserInfo("u"), "get", "", "v1", "pods", "", "n", "x", "")
    assert Rbac(policy).authorize(asked)[0] is Decision.ALLOW
    policy.seen("clusterroles/r", b'{"rules":7}')
    assert Rbac(policy).authorize(asked) == (
        Decision.NO_OPINION,
        'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
    )
