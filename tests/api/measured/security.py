"""What is asked about the security of pods: pods under each standard, and a sequence of requests about what else the plugin looks at."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

LABEL = "pod-security.kubernetes.io/"
STANDARDS = (
    "baseline", "restricted", "baseline:v1.0", "restricted:v1.7", "restricted:v1.18", "restricted:v1.24", "restricted:v1.31",
    "restricted:v1.34", "baseline:v1.99",
)  # fmt: skip
SOUND: Any = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}


def secured(**labels: str) -> Any:
    """Labels of a namespace: `enforce`, `warn_version` and so on."""
    return {LABEL + key.replace("_", "-"): value for key, value in labels.items()}


def namespace_of(standard: str) -> tuple[str, Any]:
    """Name and labels of the namespace that enforces a standard."""
    level, _, version = standard.partition(":")
    labels = secured(enforce=level) | (secured(enforce_version=version) if version else {})
    return f"security-{standard.replace(':', '-').replace('.', '-')}", labels


def pod_of(annotations: Any, spec: Any, container: Any, name: str = "x") -> Any:
    """A pod: the sound one with other members; those of the container may be merged into its security context."""
    made = {**deepcopy(SOUND), **deepcopy(spec)}
    first = made["containers"][0]
    context = {**first.get("securityContext", {}), **container.get("securityContext", {})}
    made["containers"][0] = {**first, **container, "securityContext": context}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": made}


PLAIN = {"name": "d", "image": "i"}
A, S = "container.apparmor.security.beta.kubernetes.io/c", "container.seccomp.security.alpha.kubernetes.io/c"


def within(**context: Any) -> Any:
    """A security context."""
    return {"securityContext": context}


def also(**context: Any) -> Any:
    """A spec with a second and a third container that have this context."""
    return {
        "containers": [SOUND["containers"][0], {**PLAIN, **within(**context)}],
        "initContainers": [{"name": "e", "image": "i", **within(**context)}],
    }


def pod_context(**context: Any) -> Any:
    """A spec with more in its context."""
    return {"securityContext": {**SOUND["securityContext"], **context}}


VOLUMES = {
    "hostPath": {"path": "/a"}, "gcePersistentDisk": {"pdName": "a"}, "awsElasticBlockStore": {"volumeID": "a"}, "gitRepo": {"repository": "a"},
    "nfs": {"server": "a", "path": "/a"}, "iscsi": {"targetPortal": "a", "iqn": "iqn.2001-04.com.example:a", "lun": 0},
    "glusterfs": {"endpoints": "a", "path": "a"}, "rbd": {"monitors": ["a"], "image": "a"}, "flexVolume": {"driver": "a/b"},
    "cinder": {"volumeID": "a"}, "cephfs": {"monitors": ["a"]}, "flocker": {"datasetName": "a"}, "fc": {"targetWWNs": ["a"], "lun": 0},
    "azureFile": {"secretName": "a", "shareName": "a"}, "vsphereVolume": {"volumePath": "a"}, "quobyte": {"registry": "a:1", "volume": "a"},
    "azureDisk": {"diskName": "a", "diskURI": "https://a/b"}, "photonPersistentDisk": {"pdID": "a"}, "portworxVolume": {"volumeID": "a"},
    "scaleIO": {"gateway": "a", "system": "a", "secretRef": {"name": "a"}, "volumeName": "a"}, "storageos": {"volumeName": "a", "volumeNamespace": "a"},
    "emptyDir": {}, "secret": {"secretName": "a"}, "configMap": {"name": "a"}, "csi": {"driver": "a"}, "persistentVolumeClaim": {"claimName": "a"},
    "downwardAPI": {}, "projected": {"sources": []}, "image": {"reference": "a"},
}  # fmt: skip
PODS: list[tuple[Any, Any, Any]] = [
    ({}, {}, {}),
    ({}, {"containers": [PLAIN], "securityContext": {}}, {"securityContext": {}}),
    ({}, {"containers": [PLAIN, {"name": "f", "image": "i"}]}, {}),
    ({}, also(), {}),
    ({}, {"hostNetwork": True}, {}),
    ({}, {"hostPID": True, "hostIPC": True}, {}),
    ({}, {}, {"ports": [{"containerPort": 80, "hostPort": 80}]}),
    ({}, {}, {"ports": [{"containerPort": 9, "hostPort": 9, "protocol": p} for p in ("TCP", "UDP")] + [{"containerPort": 80, "hostPort": 80}]}),
    ({}, also(privileged=True), {}),
    ({}, {}, within(privileged=True, allowPrivilegeEscalation=True)),
    ({}, {}, within(capabilities={"add": ["NET_RAW", "SYS_ADMIN", "CHOWN"], "drop": ["ALL"]})),
    ({}, {}, within(capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]})),
    ({}, also(capabilities={"add": ["SYS_TIME"], "drop": ["KILL"]}), {}),
    ({}, also(runAsNonRoot=False), {}),
    ({}, pod_context(runAsNonRoot=False), within(runAsNonRoot=True)),
    ({}, pod_context(runAsNonRoot=None), within(runAsNonRoot=True)),
    ({}, pod_context(runAsNonRoot=None), {}),
    ({}, pod_context(runAsNonRoot=False), within(runAsNonRoot=False)),
    ({}, pod_context(runAsUser=0), {}),
    ({}, pod_context(runAsUser=1), within(runAsUser=0)),
    ({}, {**pod_context(runAsUser=0, runAsNonRoot=None), "hostUsers": False}, {}),
    ({}, {"hostUsers": False}, within(procMount="Unmasked", runAsUser=0)),
    ({}, {"hostUsers": False, **also(procMount="Unmasked", runAsNonRoot=False)}, {}),
    ({}, pod_context(seccompProfile={"type": "Unconfined"}), {}),
    ({}, pod_context(seccompProfile=None), {}),
    ({}, pod_context(seccompProfile=None), within(seccompProfile={"type": "RuntimeDefault"})),
    ({}, pod_context(seccompProfile={"type": "Localhost", "localhostProfile": "a"}), within(seccompProfile={"type": "Unconfined"})),
    ({}, {**pod_context(seccompProfile={"type": "Unconfined"}), **also(seccompProfile={"type": "Unconfined"})}, {}),
    ({S: "unconfined"}, pod_context(seccompProfile=None), {}),
    ({}, pod_context(appArmorProfile={"type": "Unconfined"}), {}),
    ({}, pod_context(appArmorProfile={"type": "RuntimeDefault"}), within(appArmorProfile={"type": "Unconfined"})),
    ({}, {**pod_context(appArmorProfile={"type": "Unconfined"}), **also(appArmorProfile={"type": "Unconfined"})}, {}),
    ({A: "localhost/a"}, {}, {}),
    ({}, pod_context(seLinuxOptions={"type": "spc_t"}), {}),
    ({}, pod_context(seLinuxOptions={"type": "container_engine_t"}), {}),
    ({}, pod_context(seLinuxOptions={"type": "container_t", "level": "s0"}), within(seLinuxOptions={"user": "a", "role": "b"})),
    ({}, also(seLinuxOptions={"type": "a", "user": "u"}), within(seLinuxOptions={"type": "b"})),
    ({}, pod_context(sysctls=[{"name": "kernel.msgmax", "value": "1"}, {"name": "net.core.somaxconn", "value": "1"}]), {}),
    ({}, pod_context(sysctls=[{"name": name, "value": "1"} for name in (
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem")]), {}),
    ({}, {}, {"livenessProbe": {"httpGet": {"port": 1, "host": "b"}}, "readinessProbe": {"tcpSocket": {"port": 1, "host": "a"}}}),
    ({}, {}, {"lifecycle": {"postStart": {"httpGet": {"port": 1, "host": "b"}}, "preStop": {"httpGet": {"port": 1}}}}),
    ({}, {"containers": [SOUND["containers"][0], {**PLAIN, "startupProbe": {"tcpSocket": {"port": 1, "host": "b"}}}]},
     {"lifecycle": {"preStop": {"tcpSocket": {"port": 1, "host": "b"}}}}),
    ({}, {**pod_context(windowsOptions={"hostProcess": True}), "hostNetwork": True}, {}),
    ({}, {**pod_context(windowsOptions={"hostProcess": True}), "hostNetwork": True}, within(windowsOptions={"hostProcess": True})),
    ({}, {"os": {"name": "windows"}, "containers": [PLAIN], "securityContext": {}}, {}),
    ({}, {"os": {"name": "linux"}, "containers": [PLAIN], "securityContext": {}}, {}),
    *(({}, {"volumes": [{"name": "v", kind: said}]}, {}) for kind, said in VOLUMES.items()),
    ({}, {"volumes": [{"name": "w", "nfs": VOLUMES["nfs"]}, {"name": "v", "hostPath": {"path": "/"}}, {"name": "u", "hostPath": {"path": "/"}}]}, {}),
]  # fmt: skip


def templated(spec: Any) -> Any:
    """A template of pods."""
    return {"metadata": {"labels": {"a": "b"}}, "spec": spec}


BAD: Any = {"containers": [PLAIN], "hostNetwork": True}
SELECTED = {"selector": {"matchLabels": {"a": "b"}}}


def row(method: str, path: str, place: str, target: str, body: Any) -> list[Any]:
    """A request: `target` is the name, with a path below it."""
    return [method, path, place, target, body]


def namespace(name: str, **labels: str) -> list[Any]:
    """One is made."""
    return row("POST", "v1/namespaces", "", "", {"metadata": {"name": name, "labels": secured(**labels)}})


def relabelled(name: str, **labels: Any) -> list[Any]:
    """One is changed."""
    return row("PATCH", "v1/namespaces", "", name, {"metadata": {"labels": secured(**labels)}})


def pod(place: str, name: str, spec: Any, **metadata: Any) -> list[Any]:
    """A pod is made."""
    return row("POST", "v1/pods", place, "", {"metadata": {"name": name, **metadata}, "spec": spec})


def owned(uid: str) -> Any:
    """By a controller."""
    return [{"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": uid, "controller": True}]


JOB = {"template": {"metadata": {}, "spec": {**BAD, "restartPolicy": "Never"}}}
REQUESTS: list[list[Any]] = [
    namespace("security-a", enforce="strict"),
    namespace("security-a", enforce="baseline", enforce_version="1.2", audit="x", audit_version="v2.1", warn="", warn_version="v1.01"),
    namespace("security-a", enforce_version="v1.99999999999999999999"),
    namespace("security-a", enforce="privileged", other="x", warn="baseline", warn_version="v1.20"),
    pod("security-a", "bad", BAD),
    pod("security-a", "good", SOUND),
    pod("security-a", "bad2", BAD),
    pod("security-a", "own1", {**SOUND, "hostPID": True}, ownerReferences=owned("1")),
    pod("security-a", "own2", {**SOUND, "hostPID": True}, ownerReferences=owned("1")),
    pod("security-a", "own0", {**SOUND, "hostPID": True}, ownerReferences=owned("1")),
    pod("security-a", "plain", {"containers": [PLAIN]}),
    pod("security-a", "sized", {"containers": [{**PLAIN, "resources": {"requests": {"cpu": "1"}}}]}),
    row("POST", "apps/v1/deployments", "security-a", "", {"metadata": {"name": "d"}, "spec": {**SELECTED, "template": templated(BAD)}}),
    row("PATCH", "apps/v1/deployments", "security-a", "d", {"spec": {"replicas": 2}}),
    row("PATCH", "apps/v1/deployments", "security-a", "d/status", {"status": {"replicas": 2}}),
    row("POST", "apps/v1/replicasets", "security-a", "", {"metadata": {"name": "d"}, "spec": {**SELECTED, "template": templated(BAD)}}),
    row("POST", "apps/v1/daemonsets", "security-a", "", {"metadata": {"name": "d"}, "spec": {**SELECTED, "template": templated(BAD)}}),
    row("POST", "apps/v1/statefulsets", "security-a", "", {"metadata": {"name": "d"}, "spec": {**SELECTED, "serviceName": "a", "template": templated(BAD)}}),
    row("POST", "v1/replicationcontrollers", "security-a", "", {"metadata": {"name": "d"}, "spec": {"selector": {"a": "b"}, "template": templated(BAD)}}),
    row("POST", "v1/podtemplates", "security-a", "", {"metadata": {"name": "d"}, "template": templated(BAD)}),
    row("POST", "batch/v1/jobs", "security-a", "", {"metadata": {"name": "d"}, "spec": JOB}),
    row("POST", "batch/v1/cronjobs", "security-a", "", {"metadata": {"name": "d"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}}),
    row("POST", "v1/configmaps", "security-a", "", {"metadata": {"name": "d"}}),
    relabelled("security-a", enforce="baseline"),
    relabelled("security-a", enforce="restricted"),
    relabelled("security-a", enforce="restricted", enforce_version="v1.8"),
    relabelled("security-a", enforce="baseline", enforce_version="v1.8"),
    relabelled("security-a", enforce="baseline", enforce_version="v1.9"),
    relabelled("security-a", enforce="x", enforce_version="y"),
    relabelled("security-a", enforce=None, enforce_version=None),
    relabelled("security-a", enforce="restricted", warn=None),
    relabelled("security-a", enforce="restricted"),
    row("PATCH", "v1/namespaces", "", "security-a/status", {"status": {"phase": "Active"}}),
    row("PATCH", "v1/namespaces", "", "security-a", {"metadata": {"annotations": {"a": "b"}}}),
    pod("security-a", "new", BAD),
    row("PATCH", "v1/pods", "security-a", "bad", {"metadata": {"labels": {"a": "b"}}}),
    row("PATCH", "v1/pods", "security-a", "bad", {"spec": {"activeDeadlineSeconds": 5}}),
    row("PATCH", "v1/pods", "security-a", "bad", {"spec": {"containers": [{**PLAIN, "image": "j"}]}}),
    row("PATCH", "v1/pods", "security-a", "bad/status", {"status": {"message": "a"}}),
    row("PATCH", "v1/pods", "security-a", "good", {"metadata": {"labels": {"a": "b"}}}),
    row("PATCH", "v1/pods", "security-a", "good/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}),
    row("PATCH", "v1/pods", "security-a", "good/ephemeralcontainers", {"spec": {"ephemeralContainers": [
        {"name": "e", "image": "i", "securityContext": SOUND["containers"][0]["securityContext"]}]}}),
    row("PATCH", "v1/pods", "security-a", "bad/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}),
    row("PATCH", "v1/pods", "security-a", "sized/resize", {"spec": {"containers": [{**PLAIN, "resources": {"requests": {"cpu": "2"}}}]}}),
    row("POST", "apps/v1/deployments", "security-a", "", {"metadata": {"name": "e"}, "spec": {**SELECTED, "template": templated(BAD)}}),
    namespace("security-b", warn="restricted", audit="baseline"),
    pod("security-b", "bad", BAD),
    row("PATCH", "v1/pods", "security-b", "bad", {"spec": {"containers": [{**PLAIN, "image": "j"}]}}),
    row("PATCH", "v1/pods", "security-b", "bad", {"spec": {"activeDeadlineSeconds": 5}}),
    relabelled("security-b", enforce="baseline", warn="restricted", warn_version="v1.20"),
    pod("security-b", "warned", {"containers": [PLAIN]}),
    namespace("security-c", enforce_version="v1.20"),
    pod("security-c", "bad", BAD),
    relabelled("security-c", enforce="baseline"),
]  # fmt: skip
