"""Escalation where a webhook has a say."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

from tests.rbac.requests import (
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    GRANTING,
    ROLES,
    TOKENS,
    ask,
    binding,
    made,
    role,
    rule,
)
from tests.rbac.sending import Sender
from tests.webhooks.hook import Hook, patch
from watchcache.testing.server import TestServer

MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


def test_what_a_webhook_adds_to_a_role_must_be_the_users_to_grant(tmp_path: Path):
    """The check sees the role as webhooks have left it, also when the webhook is configured later than the server started."""
    (tmp_path / "users.csv").write_text(TOKENS)
    added = patch({"op": "add", "path": "/rules/-", "value": rule("delete", "nodes")})
    with (
        Hook(tmp_path / "hook", {"/more": lambda _: added}) as hook,
        TestServer(
            tmp_path, authorization_mode=("RBAC",), token_auth_file=str(tmp_path / "users.csv")
        ) as server,
    ):
        client = Sender(server.url, ssl.create_default_context(cafile=str(server.ca_file)))
        grants = binding("granting", "ClusterRole/granting", "Group/grantors", kind="ClusterRoleBinding")
        client.send(made(CLUSTER_ROLES, GRANTING))
        client.send(made(CLUSTER_BINDINGS, grants))
        wanted = ask("dave", "POST", f"{ROLES}?dryRun=All", role("own", rule("get", "pods")))
        assert client.send(wanted)["status"] == 201
        webhook = {
            "name": "more.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {
                "url": f"{hook.url}/more",
                "caBundle": base64.b64encode(hook.ca.encode()).decode(),
            },
            "rules": [
                {
                    "operations": ["*"],
                    "apiGroups": ["rbac.authorization.k8s.io"],
                    "apiVersions": ["*"],
                    "resources": ["roles"],
                }
            ],
        }
        configured = client.send(made(MUTATING, {"metadata": {"name": "more"}, "webhooks": [webhook]}))
        assert configured["status"] == 201, configured
        refused = client.send(wanted)
        assert refused["status"] == 403
        assert refused["answer"]["message"].endswith(
            '{APIGroups:[""], Resources:["nodes"], Verbs:["delete"]}'
        )
