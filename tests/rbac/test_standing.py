"""The standing roles over a restart, and the modes of authorization."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.rbac.requests import CLUSTER_BINDINGS, CLUSTER_ROLES, MERGE, PODS, TOKENS, Document, ask
from tests.rbac.sending import Sender
from watchcache.testing.server import TestServer

DISCOVERY = f"{CLUSTER_ROLES}/system:discovery"
VIEWER = f"{CLUSTER_ROLES}/system:public-info-viewer"
BASIC = f"{CLUSTER_BINDINGS}/system:basic-user"
MASTERS = f"{CLUSTER_BINDINGS}/cluster-admin"


def server(directory: Path, *modes: str, **more: Any) -> TestServer:
    """A server with users."""
    users = directory / "users.csv"
    users.write_text(TOKENS)
    return TestServer(directory, authorization_mode=modes, token_auth_file=str(users), **more)


def sender(running: TestServer) -> Sender:
    """A client of it."""
    return Sender(running.url, ssl.create_default_context(cafile=str(running.ca_file)))


def changed(path: str, patch: Document) -> Document:
    """The administrator changes an object."""
    return ask("admin", "PATCH", path, patch, type=MERGE)


def test_a_start_gives_back_what_standing_objects_have_lost(tmp_path: Path):
    """Rules, subjects, labels and whole objects; what was added stays, and what is protected stays as it is."""
    own = {"verbs": ["get"], "nonResourceURLs": ["/own"]}
    with server(tmp_path, "RBAC", storage_backend="file") as running:
        client = sender(running)
        before = client.send(ask("admin", "GET", DISCOVERY))["answer"]
        for request in (
            changed(DISCOVERY, {"rules": [own], "metadata": {"labels": None}}),
            changed(BASIC, {"subjects": None}),
            changed(
                VIEWER,
                {
                    "rules": [],
                    "metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}},
                },
            ),
            ask("admin", "DELETE", f"{CLUSTER_ROLES}/system:node"),
            ask("admin", "DELETE", MASTERS),
            ask("admin", "POST", CLUSTER_BINDINGS, binding_to_another_role()),
        ):
            assert client.send(request)["status"] in {200, 201}
        running.stop()
        running.start()
        client = sender(running)
        mended = client.send(ask("admin", "GET", DISCOVERY))["answer"]
        assert mended["metadata"]["labels"] == before["metadata"]["labels"]
        assert mended["rules"][0] == own
        assert {path for rule in mended["rules"][1:] for path in rule["nonResourceURLs"]} == set(
            before["rules"][0]["nonResourceURLs"]
        )
        subjects = client.send(ask("admin", "GET", BASIC))["answer"]["subjects"]
        assert [each["name"] for each in subjects] == ["system:authenticated"]
        assert not client.send(ask("admin", "GET", VIEWER))["answer"].get("rules")
        assert client.send(ask("admin", "GET", f"{CLUSTER_ROLES}/system:node"))["status"] == 200
        bound = client.send(ask("admin", "GET", MASTERS))["answer"]
        assert bound["roleRef"]["name"] == "cluster-admin"
        assert [each["name"] for each in bound["subjects"]] == ["jane", "system:masters"]


def binding_to_another_role() -> Document:
    """In the place of cluster-admin's: a role of a binding cannot be changed, only the binding made anew."""
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": "cluster-admin"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": group}],
    }


@pytest.mark.parametrize(
    ("modes", "status"),
    [
        (("AlwaysAllow",), 200),
        (("AlwaysDeny",), 403),
        (("Node",), 403),
        (("RBAC",), 403),
        (("AlwaysDeny", "AlwaysAllow"), 200),
    ],
)
def test_modes_decide_in_order(tmp_path: Path, modes: tuple[str, ...], status: int):
    """About a user without rights; the first that allows counts, and system:masters may always."""
    with server(tmp_path, *modes) as running:
        client = sender(running)
        answered = client.send(ask("bob", "GET", PODS))
        assert answered["status"] == status
        if modes == ("AlwaysDeny",):
            assert answered["answer"]["message"].endswith('"default": Everything is forbidden.')
        assert client.send(ask("admin", "GET", PODS))["status"] == 200
        roles = client.send(ask("admin", "GET", CLUSTER_ROLES))["answer"]["items"]
        assert bool(roles) == ("RBAC" in modes)
