"""The objects of the simulated cluster, in the sizes and with the fields that a real one has."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import msgspec

from watchcache.bench.watch import STAMP

RUN_LABEL = "bench.watchcache.dev/run"
LEASES = "bench-leases"
"""The namespace of the nodes' leases: beside a real cluster's, which live in kube-node-lease."""

Document = dict[str, Any]


def encode(document: Document) -> bytes:
    """JSON."""
    return msgspec.json.encode(document)


def stamp() -> dict[str, str]:
    """The annotation that says when its write was sent."""
    return {STAMP: str(time.monotonic_ns())}


def now_text() -> str:
    """The wall clock as Kubernetes writes it, with microseconds."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment() -> str:
    """The wall clock in whole seconds."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def namespace(name: str) -> Document:
    """A namespace of the run."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {RUN_LABEL: "true"}},
    }


def node(name: str, images: int) -> Document:
    """A node as a kubelet registers it; the list of images is what makes real ones large."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                RUN_LABEL: "true",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "simulated",
            },
            "annotations": stamp(),
        },
        "spec": {},
        "status": {
            "capacity": {"cpu": "16", "memory": "65536Mi", "pods": "110"},
            "allocatable": {"cpu": "15800m", "memory": "62000Mi", "pods": "110"},
            "conditions": node_conditions(),
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "10.0.0.1"}],
            "images": [
                {"names": [f"registry.example/team-{n % 7}/service-{n}@sha256:{n:064x}"], "sizeBytes": 48_000_000 + n}
                for n in range(images)
            ],
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.36.0", "kubeProxyVersion": "v1.36.0",
                "containerRuntimeVersion": "containerd://2.1.0", "kernelVersion": "6.12.0", "osImage": "Simulated",
                "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
    }  # fmt: skip


def node_conditions() -> list[Document]:
    """The four conditions that a kubelet reports."""
    healthy = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    return [
        {
            "type": kind,
            "status": status,
            "reason": f"Kubelet{kind}",
            "message": f"kubelet says that {kind} is {status}",
            "lastHeartbeatTime": moment(),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, status in healthy.items()
    ]


def node_status() -> Document:
    """The patch with which a kubelet reports every five minutes."""
    return {"metadata": {"annotations": stamp()}, "status": {"conditions": node_conditions()}}


def lease(name: str, revision: str = "") -> Document:
    """A node's lease; with a revision, its renewal."""
    metadata: Document = {"name": name, "namespace": LEASES, "annotations": stamp()}
    if revision:
        metadata["resourceVersion"] = revision
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now_text()},
    }


def pod(name: str, place: str, size: int, app: str = "web") -> Document:
    """A pod that waits for a node, padded to about `size` bytes."""
    document: Document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": place,
            "labels": {RUN_LABEL: "true", "app": app},
            "annotations": stamp(),
        },
        "spec": {
            "terminationGracePeriodSeconds": 30,
            "containers": [
                {
                    "name": "main",
                    "image": f"registry.example/{app}:1.4.2",
                    "env": [{"name": "POD_NAMESPACE", "value": place}, {"name": "GOMAXPROCS", "value": "2"}],
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
                }
            ],
        },
    }
    missing = size - len(encode(document)) - 500  # what defaults and times add
    if missing > 0:
        document["metadata"]["annotations"]["bench.watchcache.dev/padding"] = "x" * missing
    return document


def binding(name: str, place: str, target: str) -> Document:
    """What a scheduler posts; its annotations become the pod's."""
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "namespace": place, "annotations": stamp()},
        "target": {"apiVersion": "v1", "kind": "Node", "name": target},
    }


def running() -> Document:
    """The patch with which a kubelet reports that a pod runs."""
    now = moment()
    return {
        "metadata": {"annotations": stamp()},
        "status": {
            "phase": "Running",
            "podIP": "10.1.2.3",
            "startTime": now,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": now}
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [
                {
                    "name": "main",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "image": "registry.example/web:1.4.2",
                    "imageID": "sha256:0",
                    "state": {"running": {"startedAt": now}},
                }
            ],
        },
    }


def service(name: str, place: str) -> Document:
    """A service without a cluster IP of its own choosing."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": place, "labels": {RUN_LABEL: "true"}, "annotations": stamp()},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def endpoint_slice(name: str, place: str, endpoints: int, turn: int = 0) -> Document:
    """The slice of a service; each turn gives it other addresses."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": place,
            "labels": {RUN_LABEL: "true", "kubernetes.io/service-name": name},
            "annotations": stamp(),
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [f"10.{turn % 250}.{n // 250}.{n % 250 + 1}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
            }
            for n in range(endpoints)
        ],
    }


def config_map(name: str, place: str) -> Document:
    """A config map that a pod mounts."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": place, "labels": {RUN_LABEL: "true"}, "annotations": stamp()},
        "data": {"application.yaml": "level: info\n" * 10},
    }


def secret(name: str, place: str) -> Document:
    """A secret that a pod mounts."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": place, "labels": {RUN_LABEL: "true"}, "annotations": stamp()},
        "stringData": {"password": "not a secret"},
    }
