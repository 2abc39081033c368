"""Server-side apply with the unmodified kubectl, alone and beside its other commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubectl.conftest import Kubectl
from tests.kubectl.test_daily import DEPLOYMENT

SCALED = DEPLOYMENT.replace("replicas: 2", "replicas: 5")
WITHOUT_REPLICAS = DEPLOYMENT.replace("  replicas: 2\n", "")


@pytest.fixture
def kubectl(shared_kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """Kubectl in a fresh namespace of the module's server."""
    name = request.node.name.replace("_", "-")[:50].rstrip("-")
    shared_kubectl("create", "namespace", name)
    shared_kubectl("config", "set-context", "--current", "--namespace", name)
    yield shared_kubectl
    shared_kubectl("delete", "namespace", name, "--wait=false")


def owners(kubectl: Kubectl, *what: str) -> dict[tuple[str, str], Any]:
    """The fields of each (manager, operation) of an object."""
    document = kubectl.json("get", *what, "--show-managed-fields")
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in document["metadata"].get("managedFields", [])
    }


def apply(kubectl: Kubectl, manifest: str, *flags: str) -> str:
    """`kubectl apply --server-side` of a manifest."""
    return kubectl("apply", "--server-side", "-f", "-", *flags, stdin=manifest)


def test_apply_twice_and_without_a_field(kubectl: Kubectl):
    """It says what it did; what is stated no more gets its default back."""
    assert apply(kubectl, SCALED) == "deployment.apps/web serverside-applied\n"
    first = kubectl.json("get", "deployment", "web")
    apply(kubectl, SCALED)
    assert kubectl.json("get", "deployment", "web") == first
    assert list(owners(kubectl, "deployment", "web")) == [("kubectl", "Apply")]
    apply(kubectl, WITHOUT_REPLICAS)
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "1"


def test_conflict_and_force(kubectl: Kubectl):
    """Kubectl shows the conflict and how to solve it; the other way is --force-conflicts."""
    apply(kubectl, DEPLOYMENT, "--field-manager=platform")
    refused = kubectl.run("apply", "--server-side", "-f", "-", stdin=SCALED)
    assert refused.returncode == 1
    assert 'conflict with "platform": .spec.replicas' in refused.stderr
    assert "--force-conflicts" in refused.stderr
    apply(kubectl, SCALED, "--force-conflicts")
    held = owners(kubectl, "deployment", "web")
    assert "f:replicas" in held["kubectl", "Apply"]["f:spec"]
    assert "f:replicas" not in held["platform", "Apply"]["f:spec"]
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "5"


def test_from_client_side_apply(kubectl: Kubectl):
    """Kubectl takes over what it applied before, without a conflict, and nothing else: what others set stays."""
    kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert list(owners(kubectl, "deployment", "web")) == [("kubectl-client-side-apply", "Update")]
    kubectl("annotate", "deployment", "web", "note=mine", "--field-manager=somebody")
    apply(kubectl, SCALED)
    held = owners(kubectl, "deployment", "web")
    assert set(held) == {
        ("kubectl", "Apply"),
        ("kubectl-last-applied", "Apply"),
        ("somebody", "Update"),
    }
    apply(kubectl, WITHOUT_REPLICAS)
    document = kubectl.json("get", "deployment", "web")
    assert document["spec"]["replicas"] == 1
    assert document["metadata"]["annotations"]["note"] == "mine"
    kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_other_commands_on_an_applied_object(kubectl: Kubectl):
    """Create, label, set image, scale and edit own what they change, and apply sees it."""
    apply(kubectl, DEPLOYMENT)
    kubectl("label", "deployment", "web", "team=red")
    kubectl("set", "image", "deployment/web", "nginx=nginx:2")
    kubectl("scale", "deployment", "web", "--replicas=7")
    held = owners(kubectl, "deployment", "web")
    assert set(held) == {
        ("kubectl", "Apply"),
        ("kubectl-label", "Update"),
        ("kubectl-set", "Update"),
        ("kubectl", "Update"),  # to scale, kubectl names no manager: its User-Agent counts
    }
    assert held["kubectl-label", "Update"] == {"f:metadata": {"f:labels": {"f:team": {}}}}
    refused = kubectl.run("apply", "--server-side", "-f", "-", stdin=DEPLOYMENT)
    assert "Apply failed with 2 conflicts" in refused.stderr
    assert ".spec.replicas" in refused.stderr
    assert '.spec.template.spec.containers[name="nginx"].image' in refused.stderr
    apply(kubectl, WITHOUT_REPLICAS.replace("nginx:1", "nginx:2"))
    document = kubectl.json("get", "deployment", "web")
    assert document["spec"]["replicas"] == 7
    assert document["metadata"]["labels"]["team"] == "red"


def test_edit_of_an_applied_object(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch):
    """An editor's change belongs to kubectl-edit, and is lost to the next apply only by force."""
    apply(kubectl, DEPLOYMENT)
    monkeypatch.setitem(kubectl.environment, "KUBE_EDITOR", "sed -i s/nginx:1/nginx:3/")
    kubectl("edit", "deployment", "web")
    held = owners(kubectl, "deployment", "web")
    assert set(held) == {("kubectl", "Apply"), ("kubectl-edit", "Update")}
    assert kubectl.run("apply", "--server-side", "-f", "-", stdin=DEPLOYMENT).returncode == 1
    apply(kubectl, DEPLOYMENT, "--force-conflicts")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "web", "-o", image) == "nginx:1"
    assert list(owners(kubectl, "deployment", "web")) == [("kubectl", "Apply")]


def test_diff_and_dry_run(kubectl: Kubectl):
    """A server-side diff and dry run show what would be, and change nothing."""
    apply(kubectl, DEPLOYMENT)
    shown = kubectl.run("diff", "--server-side", "-f", "-", stdin=SCALED)
    assert shown.returncode == 1
    assert "+  replicas: 5" in shown.stdout
    assert (
        apply(kubectl, SCALED, "--dry-run=server")
        == "deployment.apps/web serverside-applied (server dry run)\n"
    )
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_objects_of_a_created_and_an_untracked_kind(kubectl: Kubectl):
    """What `kubectl create` made belongs to it; what nobody named a manager for belongs to the time before the first apply."""
    kubectl("create", "configmap", "made", "--from-literal=a=1")
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\ndata: {a: '2'}\n"
    refused = kubectl.run("apply", "--server-side", "-f", "-", stdin=manifest)
    assert 'conflict with "kubectl-create" using v1: .data.a' in refused.stderr
    kubectl(
        "create",
        "--raw",
        f"/api/v1/namespaces/{_namespace(kubectl)}/configmaps",
        "-f",
        "-",
        stdin=('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"},"data":{"a":"1"}}'),
    )
    assert owners(kubectl, "configmap", "raw") == {}
    refused = kubectl.run("apply", "--server-side", "-f", "-", stdin=manifest.replace("made", "raw"))
    assert 'conflict with "before-first-apply" using v1: .data.a' in refused.stderr


def _namespace(kubectl: Kubectl) -> str:
    return kubectl("config", "view", "--minify", "-o", "jsonpath={..namespace}")


def test_status_and_edit_of_last_applied(kubectl: Kubectl):
    """`--subresource=status` applies to the status only."""
    apply(kubectl, DEPLOYMENT)
    with_status = f"{DEPLOYMENT}status: {{replicas: 2}}\n"
    kubectl(
        "apply", "--server-side", "--subresource=status", "-f", "-", "--field-manager=c", stdin=with_status
    )
    document = kubectl.json("get", "deployment", "web", "--show-managed-fields")
    assert document["status"] == {"replicas": 2}
    entry = next(each for each in document["metadata"]["managedFields"] if each["manager"] == "c")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})
