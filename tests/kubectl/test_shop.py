"""The main job: a real set of manifests is applied, watched, changed, killed, restarted and listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kubectl.conftest import ROOT, Kubectl, ServerProcess

SHOP = Path(__file__).parent.parent.parent / "examples" / "shop"
KINDS = "all,configmaps,secrets,serviceaccounts,persistentvolumeclaims,ingresses,networkpolicies,poddisruptionbudgets,roles,rolebindings,resourcequotas,limitranges"


def names(kubectl: Kubectl) -> set[str]:
    """Everything in the shop's namespace."""
    return set(kubectl("get", KINDS, "-n", "shop", "-o", "name").split())


def wait_for_a_watch_of(kubectl: Kubectl, resource: str) -> None:
    """Return when the server's metrics show an open watch."""
    wanted = f'resource="{resource}",scope="namespace",subresource="",verb="WATCH"'
    for _ in range(200):
        lines = kubectl("get", "--raw", "/metrics").splitlines()
        if any(
            line.startswith("apiserver_longrunning_requests{") and wanted in line and line.endswith(" 1.0")
            for line in lines
        ):
            return
    pytest.fail(f"nobody watches {resource}")


def test_the_shop_lives_through_a_kill(server: ServerProcess, kubectl: Kubectl):
    """All objects, changes and a running watch survive SIGKILL; the watch goes on without a relist."""
    assert kubectl("apply", "-f", str(SHOP)).count("created") == 33
    before = names(kubectl)
    columns = 'jsonpath={.metadata.name} {.spec.replicas}{"\\n"}'
    with kubectl.running("get", "deployments", "-n", "shop", "-w", "-o", columns) as watching:
        assert {watching.line() for _ in range(3)} == {"orders 3", "queue 1", "web 4"}
        kubectl("scale", "deployment", "web", "-n", "shop", "--replicas=6")
        assert watching.line() == "web 6"
    document = kubectl.json("get", "deployment", "web", "-n", "shop")
    seen = document["metadata"]["resourceVersion"]
    # `kubectl get -w` ends with its connection, whatever the server; `kubectl wait` is an informer and resumes.
    with kubectl.running(
        "wait", "--for=jsonpath={.spec.replicas}=2", "deployment/queue", "-n", "shop", "--timeout=60s"
    ) as waiting:
        kubectl("annotate", "deployment", "web", "-n", "shop", "before=kill")
        wait_for_a_watch_of(kubectl, "deployments")
        server.kill()
        server.start()
        assert kubectl.json("get", "deployment", "web", "-n", "shop")["spec"] == document["spec"]
        assert names(kubectl) == before
        kubectl("scale", "deployment", "queue", "-n", "shop", "--replicas=2")
        assert list(waiting.lines())[-1] == "deployment.apps/queue condition met\n"
    resumed = kubectl(
        "get",
        "--raw",
        f"/apis/apps/v1/namespaces/shop/deployments?watch=1&timeoutSeconds=1&resourceVersion={seen}",
    )
    events = [json.loads(line) for line in resumed.splitlines()]
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("MODIFIED", "web"),
        ("MODIFIED", "queue"),
    ]
    assert "unchanged" in kubectl("apply", "-f", str(SHOP / "20-settings.yaml"))
    kubectl("delete", "namespace", "shop", timeout=60)
    assert names(kubectl) == set()


def test_every_acknowledged_write_survives_a_kill_in_the_middle(
    server: ServerProcess, kubectl: Kubectl, tmp_path: Path
):
    """SIGKILL in the middle of a thousand creates: what kubectl was told is created is there afterwards."""
    manifests = tmp_path / "many.json"
    items = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"c-{n}", "namespace": "default"},
            "data": {"n": str(n)},
        }
        for n in range(1000)
    ]
    manifests.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    acknowledged: list[str] = []
    with kubectl.running("create", "-f", str(manifests)) as creating:
        for line in creating.lines():
            if " created" in line:
                acknowledged.append(line.split()[0])
            if len(acknowledged) == 400:
                server.kill()
                break
        acknowledged += [line.split()[0] for line in creating.lines() if line.endswith(" created\n")]
    assert 400 <= len(acknowledged) < 1000
    server.start()
    stored = set(kubectl("get", "configmaps", "-n", "default", "-o", "name").split())
    assert set(acknowledged) <= stored


def test_a_second_server_on_the_directory_refuses(server: ServerProcess, kubectl: Kubectl):
    """One line and status 2; the first goes on."""
    second = subprocess.run(
        [sys.executable, "-m", "watchcache", "serve", "--secure-port=0", "--cert-dir", str(server.directory / "pki"),
         "--watchcache-data-dir", str(server.directory / "data"), "--write-kubeconfig", str(server.directory / "other")],
        capture_output=True, text=True, timeout=30, cwd=ROOT, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert "is in use by another server" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert kubectl("get", "--raw", "/readyz") == "ok"
