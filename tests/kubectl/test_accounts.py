"""Tokens of service accounts with the unmodified kubectl."""

from __future__ import annotations

import json

from tests.kubectl.conftest import Kubectl, ServerProcess

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i"}]},
}


def test_a_token_from_its_request_to_its_end(kubectl: Kubectl, server: ServerProcess):
    """Asked for, used, good over a restart, and void when its pod has gone."""
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "-f", "-", stdin=json.dumps(POD))
    free = kubectl("create", "token", "robot", "--duration=1h")
    bound = kubectl("create", "token", "robot", "--bound-object-kind=Pod", "--bound-object-name=p")
    cluster = kubectl.json("config", "view", "--raw")["clusters"][0]["cluster"]
    ca = server.directory / "pki" / "ca.crt"

    def used(token: str, *arguments: str) -> tuple[int, str]:
        credentials = (f"--token={token}", f"--server={cluster['server']}", f"--certificate-authority={ca}")
        done = kubectl.run("--kubeconfig=/dev/null", *credentials, *arguments)
        return done.returncode, done.stdout + done.stderr

    status, text = used(bound, "auth", "whoami", "-o", "json")
    user = json.loads(text)["status"]["userInfo"]
    assert status == 0
    assert user["username"] == "system:serviceaccount:default:robot"
    assert user["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]
    server.kill()
    server.start()
    for token in (free, bound):
        assert used(token, "get", "pods", "-o", "name") == (0, "pod/p\n")
    kubectl("delete", "pod", "p", "--now")
    assert used(free, "get", "pods", "-o", "name") == (0, "")
    status, text = used(bound, "get", "pods")
    assert status == 1
    assert "Unauthorized" in text or "must be logged in" in text
