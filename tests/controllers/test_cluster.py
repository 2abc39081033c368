"""The ordinary life of a cluster under the unmodified kube-controller-manager, kube-scheduler and kwok."""

from __future__ import annotations

import json

from tests.controllers.conftest import EXAMPLE, Cluster

LABELS = {"app": "web"}
WEB = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "life"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "life"},
            "spec": {
                "replicas": 5,
                "selector": {"matchLabels": LABELS},
                "template": {
                    "metadata": {"labels": LABELS},
                    "spec": {"containers": [{"name": "c", "image": "nginx:1"}]},
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "life"},
            "spec": {"selector": LABELS, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "once", "namespace": "life"},
            "spec": {
                "completions": 2,
                "template": {
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "job"}]}
                },
            },
        },
    ],
}
# What a controller says when the server does not understand it.
MISUNDERSTANDINGS = (
    "could not find the requested resource",
    "unknown format",
    "field label not supported",
    "unable to decode",
    "cannot be handled as",
    "panic",
)


def test_a_deployment_lives_through_a_kill_of_the_server(cluster: Cluster):
    """It becomes available, changes, goes on where it was after SIGKILL, and leaves nothing behind."""
    kubectl = cluster.kubectl
    kubectl("apply", "-f", str(EXAMPLE / "nodes.yaml"))
    kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=30s")
    kubectl("apply", "-f", "-", stdin=json.dumps(WEB))
    kubectl("-n", "life", "rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("-n", "life", "wait", "job/once", "--for=condition=Complete", "--timeout=30s")
    kubectl("-n", "life", "get", "serviceaccount/default", "configmap/kube-root-ca.crt")

    kubectl("-n", "life", "set", "image", "deployment/web", "c=nginx:2")
    cluster.server.kill()
    cluster.server.start()
    kubectl("-n", "life", "rollout", "status", "deployment/web", "--timeout=60s")
    pods = kubectl.json("-n", "life", "get", "pods", "-l", "app=web")["items"]
    running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert len(running) == 5
    assert {pod["spec"]["containers"][0]["image"] for pod in running} == {"nginx:2"}
    assert all(pod["spec"]["nodeName"].startswith("node-") for pod in running)
    ready = "jsonpath={.items[*].endpoints[*].conditions.ready}"
    slices = ("-n", "life", "get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", ready)
    assert "true" in kubectl(*slices)

    kubectl("delete", "namespace", "life", "--timeout=60s", timeout=90)
    assert kubectl("get", "pods", "-A", "-o", "name") == ""
    for program in ("kube-controller-manager", "kube-scheduler", "kwok"):
        log = cluster.log(program)
        assert not [text for text in MISUNDERSTANDINGS if text in log], log
    assert "resp=500" not in cluster.log("watchcache")


def test_controllers_and_scheduler_get_by_with_their_own_rights(guarded_cluster: Cluster):
    """A deployment becomes available, roles are aggregated, and nobody was refused anything."""
    kubectl = guarded_cluster.kubectl
    guarded_cluster.start_programs(own_users=True)
    kubectl("apply", "-f", str(EXAMPLE / "nodes.yaml"))
    kubectl("apply", "-f", "-", stdin=json.dumps(WEB))
    kubectl("-n", "life", "rollout", "status", "deployment/web", "--timeout=60s")
    kubectl("-n", "life", "wait", "job/once", "--for=condition=Complete", "--timeout=30s")
    kubectl("wait", "clusterrole/view", "--for=jsonpath={.rules[0]}", "--timeout=30s")
    kubectl("create", "rolebinding", "viewers", "-n", "life", "--clusterrole=view", "--user=jane")
    assert kubectl("--as=jane", "-n", "life", "get", "pods", "-o", "name").count("pod/web-") == 5
    assert kubectl("--as=jane", "-n", "life", "auth", "can-i", "list", "services").strip() == "yes"
    kubectl("delete", "namespace", "life", "--timeout=60s", timeout=90)
    for program in ("kube-controller-manager", "kube-scheduler"):
        log = guarded_cluster.log(program)
        assert "forbidden" not in log, log
