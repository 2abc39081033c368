"""Whoever has a policy read parameters must be allowed to read them; expressions ask what the writer of an object may do.

The texts are a kube-apiserver's, with a user who may write policies and nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.customs.sending import Answered, Sender
from tests.policies.requests import (
    MUTATING,
    MUTATING_BINDINGS,
    VALIDATING,
    VALIDATING_BINDINGS,
    binding,
    config_map,
    mutation,
    policy,
)
from watchcache.testing.server import TestServer

TOKENS = 'root,admin,admin,"system:masters"\nhers,alice,,devs\n'
ALICE = "user &{alice  [devs system:authenticated] map[]}"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
KIND = {"apiVersion": "v1", "kind": "ConfigMap"}
REFERENCE = {"name": "x", "namespace": "default", "parameterNotFoundAction": "Deny"}
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


class Users:
    """An administrator, and alice, who may write policies."""

    def __init__(self, server: TestServer) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        self._senders = {token: Sender(server.url, token, context) for token in ("root", "hers")}

    def send(self, token: str, method: str, path: str, body: Any = None, **more: Any) -> Answered:
        """One request."""
        request = {"method": method, "path": path, **more, **({} if body is None else {"body": body})}
        return self._senders[token].send(request)

    def grant(self, name: str, *rules: dict[str, Any]) -> None:
        """Let alice do something."""
        self.send("root", "POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [*rules]})
        bound = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        assert self.send("root", "POST", f"{RBAC}/clusterrolebindings", bound).status == 201


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Users]:
    """A server with RBAC."""
    (tmp_path / "users.csv").write_text(TOKENS)
    with TestServer(
        tmp_path, authorization_mode=("RBAC",), token_auth_file=str(tmp_path / "users.csv")
    ) as server:
        users = Users(server)
        everything = {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}
        users.grant("policies", everything)
        yield users


def cause(answered: Answered) -> str:
    """The only cause of a 422."""
    assert answered.status == 422, answered
    (found,) = answered.answer["details"]["causes"]
    assert found["reason"] == "FieldValueForbidden"
    return f"{found['field']}: {found['message']}"


def test_a_policys_parameters(users: Users):
    """Every object of their kind, which may be one that nothing serves."""
    wants = f'spec.paramKind: Forbidden: {ALICE} must have "get" permission on all objects of the referenced paramKind'
    for path, made in (
        (VALIDATING, policy("p", ["pods"], ["true"])),
        (MUTATING, mutation("p", ["Object{}"])),
    ):
        made["spec"]["paramKind"] = KIND
        assert cause(users.send("hers", "POST", path, made)) == f"{wants} (kind=ConfigMap, apiVersion=v1)"
    unknown = policy("p", ["pods"], ["true"], paramKind={**KIND, "kind": "Nope"})
    assert cause(users.send("hers", "POST", VALIDATING, unknown)) == f"{wants} (kind=Nope, apiVersion=v1)"
    users.grant("maps", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]})
    made = policy("p", ["pods"], ["true"], paramKind=KIND)
    assert users.send("hers", "POST", VALIDATING, made).status == 201
    other = {"spec": {"paramKind": {"kind": "Secret"}}}
    refused = users.send("hers", "PATCH", f"{VALIDATING}/p", other, type=MERGE)
    assert cause(refused) == f"{wants} (kind=Secret, apiVersion=v1)"


def test_what_stays_is_not_asked_about_again(users: Users):
    """Somebody else has been allowed it."""
    users.send("root", "POST", VALIDATING, policy("p", ["pods"], ["true"], paramKind=KIND))
    users.send("root", "POST", VALIDATING_BINDINGS, binding("p", paramRef=REFERENCE))
    labels = {"metadata": {"labels": {"a": "b"}}}
    for path in (f"{VALIDATING}/p", f"{VALIDATING_BINDINGS}/p-binding"):
        assert users.send("hers", "PATCH", path, labels, type=MERGE).status == 200


def test_a_bindings_parameters(users: Users):
    """The objects that it names; all there are while its policy is not there."""
    bound = binding("p", paramRef=REFERENCE)
    mutating = {**bound, "kind": "MutatingAdmissionPolicyBinding"}
    mutating["spec"] = {name: value for name, value in bound["spec"].items() if name != "validationActions"}
    wants = f'spec.paramRef: Forbidden: unable to get policy p to determine minimum required permissions and {ALICE} does not have "get" permission for all groups, versions and resources'
    assert cause(users.send("hers", "POST", VALIDATING_BINDINGS, bound)) == wants
    assert cause(users.send("hers", "POST", MUTATING_BINDINGS, mutating)) == wants
    users.send("root", "POST", VALIDATING, policy("p", ["pods"], ["true"], paramKind=KIND))
    wants = f'spec.paramRef: Forbidden: {ALICE} does not have "get" permission on the object referenced by paramRef'
    assert cause(users.send("hers", "POST", VALIDATING_BINDINGS, bound)) == wants
    bound["spec"]["paramRef"] = {"selector": {}, "namespace": "default", "parameterNotFoundAction": "Deny"}
    assert '"list" permission' in cause(users.send("hers", "POST", VALIDATING_BINDINGS, bound))
    users.grant("maps", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]})
    assert users.send("hers", "POST", VALIDATING_BINDINGS, bound).status == 201


def test_expressions_ask_the_authorizer(users: Users):
    """About whoever writes the object."""
    users.grant("maps", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]})
    asked = {
        "expression": "authorizer.requestResource.check('delete').allowed()",
        "messageExpression": "'not ' + request.userInfo.username",
    }
    users.send("root", "POST", VALIDATING, policy("p", ["configmaps"], [asked]))
    users.send("root", "POST", VALIDATING_BINDINGS, binding("p", matchResources={}))
    assert users.send("root", "POST", f"{MAPS}?dryRun=All", config_map("m")).status == 201
    assert (
        users.send("hers", "POST", f"{MAPS}?dryRun=All", config_map("m"))
        .answer["message"]
        .endswith("not alice")
    )
