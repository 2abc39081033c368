"""What people type every day, with the unmodified kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl.conftest import Kubectl

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: nginx, image: "nginx:1", ports: [{containerPort: 80}]}]
"""


@pytest.fixture
def kubectl(shared_kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """Kubectl in a fresh namespace of the module's server."""
    name = request.node.name.split("[")[0].replace("_", "-")[:50].rstrip("-")
    shared_kubectl("create", "namespace", name)
    shared_kubectl("config", "set-context", "--current", "--namespace", name)
    yield shared_kubectl
    shared_kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    """A namespace with a deployment in it."""
    kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    return kubectl


def test_create_from_literals_and_files(kubectl: Kubectl, tmp_path: Path):
    """Imperative creation, whose bodies kubectl encodes as it likes."""
    (tmp_path / "f").write_text("content")
    kubectl("create", "configmap", "a", "--from-literal=x=1", f"--from-file={tmp_path / 'f'}")
    kubectl("create", "secret", "generic", "s", "--from-literal=password=geheim")
    kubectl("create", "deployment", "d", "--image=nginx", "--replicas=2", "--port=80")
    kubectl("create", "job", "j", "--image=busybox", "--", "true")
    kubectl("create", "cronjob", "c", "--image=busybox", "--schedule=*/5 * * * *", "--", "true")
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "rb", "--role=r", "--user=u")
    kubectl("create", "quota", "q", "--hard=pods=3")
    kubectl("create", "serviceaccount", "sa")
    kubectl("run", "p", "--image=nginx", "--labels=a=b")
    kubectl("expose", "deployment", "d", "--port=80")
    kubectl("autoscale", "deployment", "d", "--min=1", "--max=3", "--cpu=50%")
    assert kubectl.json("get", "configmap", "a")["data"] == {"x": "1", "f": "content"}
    assert kubectl.json("get", "deployment", "d")["spec"]["replicas"] == 2
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.password}") == "Z2VoZWlt"
    assert kubectl.json("get", "service", "d")["spec"]["selector"] == {"app": "d"}


def test_get_in_every_output(web: Kubectl):
    """Tables, wide tables, names, JSON, YAML, JSONPath, columns."""
    assert "web" in web("get", "deployments")
    assert "CONTAINERS" in web("get", "deployments", "-o", "wide")
    assert web("get", "deployments", "-o", "name") == "deployment.apps/web\n"
    assert web.json("get", "deployment", "web")["metadata"]["name"] == "web"
    assert "replicas: 2" in web("get", "deployment", "web", "-o", "yaml")
    assert web("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"
    assert "nginx:1" in web("get", "deploy", "-o", "custom-columns=I:.spec.template.spec.containers[0].image")
    assert "app=web" in web("get", "deploy", "--show-labels")
    assert "web" in web("get", "deployments", "-A")


def test_selectors_and_pages(kubectl: Kubectl):
    """Label and field selectors, and a list that comes in pages."""
    for number in range(7):
        kubectl("create", "configmap", f"c{number}")
    kubectl("label", "configmap", "c1", "c2", "kind=odd")
    assert kubectl("get", "configmaps", "-l", "kind=odd", "-o", "name").split() == [
        "configmap/c1",
        "configmap/c2",
    ]
    assert (
        kubectl("get", "configmaps", "--field-selector", "metadata.name=c3", "-o", "name") == "configmap/c3\n"
    )
    assert len(kubectl("get", "configmaps", "--chunk-size=2", "-o", "name").split()) == 7
    assert len(kubectl("get", "configmaps", "-l", "kind notin (odd)", "-o", "name").split()) == 5


def test_describe(web: Kubectl):
    """Describe reads several kinds and selectors at once."""
    text = web("describe", "deployment", "web")
    assert "Replicas:" in text
    assert "nginx:1" in text


def test_edit(web: Kubectl, tmp_path: Path):
    """Edit sends what the editor left."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/replicas: 2/replicas: 5/' \"$1\"\n")
    editor.chmod(0o755)
    web.environment["KUBE_EDITOR"] = str(editor)
    assert "edited" in web("edit", "deployment", "web")
    assert web("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "5"


def test_the_three_patches(web: Kubectl):
    """JSON, merge and strategic merge patch."""
    image = '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:2"}]'
    web("patch", "deployment", "web", "--type=json", "-p", image)
    web("patch", "deployment", "web", "--type=merge", "-p", '{"metadata": {"labels": {"tier": "front"}}}')
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
    web("patch", "deployment", "web", "-p", json.dumps(sidecar))
    document = web.json("get", "deployment", "web")
    assert document["metadata"]["labels"] == {"app": "web", "tier": "front"}
    images = {c["name"]: c["image"] for c in document["spec"]["template"]["spec"]["containers"]}
    assert images == {"side": "busybox", "nginx": "nginx:2"}
    assert document["metadata"]["generation"] == 3


def test_label_and_annotate(web: Kubectl):
    """Set, refuse to overwrite, overwrite, remove."""
    web("label", "deployment", "web", "x=1")
    assert web.run("label", "deployment", "web", "x=2").returncode == 1
    web("label", "deployment", "web", "x=2", "--overwrite")
    web("label", "deployment", "web", "app-")
    web("annotate", "deployment", "web", "note=hello")
    metadata = web.json("get", "deployment", "web")["metadata"]
    assert metadata["labels"] == {"x": "2"}
    assert metadata["annotations"]["note"] == "hello"


def test_replace_and_apply_again(web: Kubectl):
    """A second apply of the same says unchanged; a changed one changes; replace replaces."""
    assert "unchanged" in web("apply", "-f", "-", stdin=DEPLOYMENT)
    assert "configured" in web("apply", "-f", "-", stdin=DEPLOYMENT.replace("replicas: 2", "replicas: 3"))
    document = web.json("get", "deployment", "web")
    document["spec"]["replicas"] = 4
    assert "replaced" in web("replace", "-f", "-", stdin=json.dumps(document))
    assert web("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "4"
    document["metadata"]["resourceVersion"] = "1"
    stale = web.run("replace", "-f", "-", stdin=json.dumps(document))
    assert "the object has been modified" in stale.stderr


def test_delete_by_name_label_and_with_wait(kubectl: Kubectl):
    """Each way of deleting; --wait sees the deletion."""
    for name in ("a", "b", "c"):
        kubectl("create", "configmap", name)
    kubectl("label", "configmap", "b", "c", "drop=yes")
    kubectl("delete", "configmap", "a", "--wait")
    kubectl("delete", "configmap", "-l", "drop=yes", "--wait")
    names = kubectl("get", "configmaps", "-o", "name").split()
    assert [name for name in names if name in {"configmap/a", "configmap/b", "configmap/c"}] == []


def test_a_namespace_goes_with_its_contents(kubectl: Kubectl):
    """Deleting a namespace waits until everything in it is gone."""
    kubectl("create", "namespace", "doomed")
    kubectl("create", "configmap", "x", "-n", "doomed")
    kubectl("delete", "namespace", "doomed", timeout=30)
    assert kubectl.run("get", "namespace", "doomed").returncode == 1
    assert kubectl("get", "configmaps", "-n", "doomed", "-o", "name") == ""


def test_wait_for_a_condition(web: Kubectl):
    """Wait sees a status that a controller writes."""
    with web.running("wait", "--for=condition=Available", "deployment/web", "--timeout=20s") as waiting:
        status = {"status": {"conditions": [{"type": "Available", "status": "True"}]}}
        web("patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", json.dumps(status))
        assert waiting.line() == "deployment.apps/web condition met"


def test_watch_shows_changes(kubectl: Kubectl):
    """`get -w` prints what is there, then each change, until it has seen enough."""
    kubectl("create", "configmap", "first")
    with kubectl.running("get", "configmap", "-w", "-o", "name") as watching:
        assert watching.line() == "configmap/first"
        kubectl("create", "configmap", "second")
        assert watching.line() == "configmap/second"


def test_discovery_and_explain(kubectl: Kubectl):
    """What the server serves, and what its types are."""
    resources = kubectl("api-resources")
    assert "deployments" in resources
    assert "horizontalpodautoscalers" in resources
    assert "autoscaling/v1" in kubectl("api-versions").split()
    assert "image" in kubectl("explain", "pods.spec.containers")
    assert "restartPolicy" in kubectl("explain", "pod.spec", "--recursive")


def test_raw_version_and_proxy(kubectl: Kubectl):
    """Raw paths, the version, and a proxy that others use."""
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert "v1.36" in kubectl("version")
    with kubectl.running("proxy", "--port=0") as proxy:
        address = proxy.line().split()[-1]
        assert '"major"' in kubectl("get", "--server", f"http://{address}", "--raw", "/version")


def test_scale_set_and_rollout(web: Kubectl):
    """Subresource scale, and commands that patch for the user."""
    web("scale", "deployment", "web", "--replicas=9")
    web("set", "image", "deployment/web", "nginx=nginx:3")
    web("rollout", "restart", "deployment/web")
    document = web.json("get", "deployment", "web")
    assert document["spec"]["replicas"] == 9
    assert "kubectl.kubernetes.io/restartedAt" in document["spec"]["template"]["metadata"]["annotations"]


def test_who_am_i_and_may_i(kubectl: Kubectl):
    """The administrator's certificate says who it is; everybody may do everything for now."""
    assert "kubernetes-admin" in kubectl("auth", "whoami")
    assert kubectl("auth", "can-i", "delete", "nodes").strip() == "yes"


def test_dry_run_and_validation(kubectl: Kubectl):
    """A dry run stores nothing; a wrong field is refused before or at the server."""
    kubectl("apply", "--dry-run=server", "-f", "-", stdin=DEPLOYMENT)
    assert kubectl("get", "deployments", "-o", "name") == ""
    wrong = kubectl.run("apply", "-f", "-", stdin=DEPLOYMENT.replace("replicas", "replikas"))
    assert wrong.returncode == 1
    assert "replikas" in wrong.stderr


def test_nodes_are_cordoned_and_drained(kubectl: Kubectl):
    """Cordon patches the node; drain evicts through the subresource."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    kubectl("create", "-f", "-", stdin=json.dumps(node))
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"nodeName": "n1", "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "x"}]},
    }  # fmt: skip
    kubectl("create", "-f", "-", stdin=json.dumps(pod))
    kubectl("drain", "n1", "--force", "--timeout=20s")
    assert kubectl.json("get", "node", "n1")["spec"]["unschedulable"] is True
    assert kubectl("get", "pods", "-o", "name") == ""
    kubectl("delete", "node", "n1")
