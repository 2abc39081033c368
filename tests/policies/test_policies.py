"""Admission policies of a running server: what holds after a restart, in several processes and servers, and what is counted."""

from __future__ import annotations

import base64
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import etcds
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
    rule,
)
from tests.webhooks.hook import Hook, patch
from watchcache.testing.server import TestServer

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
MAPS = "/api/v1/namespaces/default/configmaps"


class Scene:
    """A client of a server."""

    def __init__(self, server: TestServer) -> None:
        self._server = server
        self._context = ssl.create_default_context(cafile=str(server.ca_file))

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Answered:
        """One request."""
        request = {"method": method, "path": path, **more, **({} if body is None else {"body": body})}
        return Sender(self._server.url, self._server.token, self._context).send(request)

    def govern(self, expression: str, **spec: Any) -> None:
        """Have configmaps judged by an expression."""
        assert self.send("POST", VALIDATING, policy("p", ["configmaps"], [expression], **spec)).status == 201
        assert self.send("POST", VALIDATING_BINDINGS, binding("p", matchResources={})).status == 201

    def mutate(self, made: Any) -> None:
        """Have configmaps changed by a policy."""
        bound = binding(made["metadata"]["name"], matchResources={})
        del bound["spec"]["validationActions"]
        bound["kind"] = "MutatingAdmissionPolicyBinding"
        assert self.send("POST", MUTATING, made).status == 201
        assert self.send("POST", MUTATING_BINDINGS, bound).status == 201

    def create(self, name: str = "m", **data: str) -> Answered:
        """A configmap that is created, but for the last step."""
        return self.send("POST", f"{MAPS}?dryRun=All", config_map(name, data))

    def metrics(self, prefix: str) -> list[str]:
        """The lines that begin so."""
        asked = urllib.request.Request(
            f"{self._server.url}/metrics", headers={"Authorization": f"Bearer {self._server.token}"}
        )
        with urllib.request.urlopen(asked, context=self._context, timeout=20) as response:
            lines = response.read().decode().splitlines()
        return [line for line in lines if line.startswith(prefix)]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A fresh server without policies."""
    with TestServer(tmp_path) as server:
        yield Scene(server)


def test_policies_hold_after_a_restart(tmp_path: Path):
    """What is stored is asked from the first request on."""
    with TestServer(tmp_path, storage_backend="file") as server:
        Scene(server).govern("object.metadata.name != 'bad'")
    with TestServer(tmp_path, storage_backend="file") as server:
        assert Scene(server).create("bad").status == 422
        assert Scene(server).create("good").status == 201


def test_policies_hold_in_workers(tmp_path: Path):
    """Whoever takes a write."""
    with TestServer(tmp_path, workers=2) as server:
        scene = Scene(server)
        scene.govern("object.metadata.name != 'bad'")
        assert {scene.create("bad").status for _ in range(6)} == {422}


def test_what_mutates_holds_in_workers(tmp_path: Path):
    """The same for policies that change."""
    with TestServer(tmp_path, workers=2) as server:
        scene = Scene(server)
        scene.mutate(mutation("m", ["Object{data: {'added': 'x'}}"]))
        assert scene.create().answer["data"] == {"added": "x"}


def test_connections_are_asked_about_in_workers(tmp_path: Path):
    """Which have them answered elsewhere otherwise."""
    with TestServer(tmp_path, workers=2) as server:
        scene = Scene(server)
        path = "/api/v1/namespaces/default/pods/nope/exec?command=sh"
        assert scene.send("POST", path).status == 404
        message = {"expression": "false", "messageExpression": "string(object.command[0])"}
        made = scene.send("POST", VALIDATING, policy("p", ["pods/exec"], [message]))
        assert made.status == 201, made
        scene.send("POST", VALIDATING_BINDINGS, binding("p", matchResources={}))
        assert scene.send("POST", path).answer["message"].endswith("denied request: sh")


@pytest.mark.parametrize(("reinvocation", "saw"), [("IfNeeded", "yes"), ("Never", "no")])
def test_what_a_webhook_changes_is_seen_by_policies_that_want_to(tmp_path: Path, reinvocation: str, saw: str):
    """They are before the webhooks."""
    added = patch({"op": "add", "path": "/data/hooked", "value": "yes"})
    with Hook(tmp_path / "hook", {"/m": lambda _: added}) as hook, TestServer(tmp_path) as server:
        scene = Scene(server)
        expression = "Object{data: {'saw': has(object.data.hooked) ? 'yes' : 'no'}}"
        scene.mutate(mutation("m", [expression], reinvocationPolicy=reinvocation))
        webhook = {
            "name": "a.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"url": f"{hook.url}/m", "caBundle": base64.b64encode(hook.ca.encode()).decode()},
            "rules": [rule(["configmaps"])],
        }
        configured = scene.send("POST", WEBHOOKS, {"metadata": {"name": "w"}, "webhooks": [webhook]})
        assert configured.status == 201, configured
        assert scene.create(a="1").answer["data"] == {"a": "1", "hooked": "yes", "saw": saw}


@etcds.needs_etcd
def test_another_servers_policies_are_asked(tmp_path: Path, etcd: etcds.Etcd):
    """Servers on one etcd follow each other's policies."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    where = {"storage_backend": "etcd3", "etcd_servers": (etcd.url,)}
    with TestServer(tmp_path / "one", **where) as first, TestServer(tmp_path / "two", **where) as second:
        Scene(first).govern("object.metadata.name != 'bad'")
        Scene(second).send("POST", f"{MAPS}?dryRun=All", config_map("bad"), until=422)


def test_a_policy_that_is_deleted_is_asked_no_more(scene: Scene):
    """And its binding alone does nothing."""
    scene.govern("false")
    assert scene.create().status == 422
    scene.send("DELETE", f"{VALIDATING}/p")
    assert scene.create().status == 201


def test_what_goes_through_too_much_fails(scene: Scene):
    """An expression is bounded: it fails as kube-apiserver says of its cost."""
    many = "object.data.all(a, object.data.all(b, object.data.all(c, true)))"
    scene.govern(many)
    data = {f"k{number}": "v" for number in range(40)}
    refused = scene.create(**data)
    assert refused.status == 422
    assert "running out of cost budget" in refused.answer["message"]


def test_what_this_server_cannot_evaluate_fails(scene: Scene):
    """The writer of the policy is warned, and failurePolicy decides."""
    expression = "!format.dns1123Label().validate(object.data.v).hasValue()"
    made = scene.send("POST", VALIDATING, policy("p", ["configmaps"], [expression]))
    assert made.warnings == [
        '299 - "spec.validations[0].expression: format, validate is not supported: the expression fails, and failurePolicy decides"'
    ]
    assert scene.send("POST", VALIDATING_BINDINGS, binding("p", matchResources={})).status == 201
    assert scene.create(v="1.0.0").answer["message"] == (
        "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: "
        f"expression '{expression}' resulted in error: format, validate is not supported by this server"
    )
    ignoring = {"spec": {"failurePolicy": "Ignore"}}
    scene.send("PATCH", f"{VALIDATING}/p", ignoring, type="application/merge-patch+json")
    assert scene.create(v="1.0.0").status == 201


def test_checks_are_counted(scene: Scene):
    """By policy, binding, kind of error and action."""
    scene.govern("object.metadata.name != 'bad'")
    scene.create("bad")
    scene.create("good")
    total = "apiserver_validating_admission_policy_check_total"
    assert scene.metrics(total) == [
        f'{total}{{enforcement_action="deny",error_type="no_error",policy="p",policy_binding="p-binding"}} 1.0'
    ]
