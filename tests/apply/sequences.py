"""What is asked of a real kube-apiserver and of this server: sequences of writes, each on objects of its own.

Objects are created with a field manager, or their managedFields are reset after it, so that both servers keep track of the same
(docs/decisions/0018). `record.py` asks the real one, `test_recorded.py` compares.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NAMESPACE = "apply"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
CLAIMS = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
INGRESSES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
SCALERS_1 = f"/apis/autoscaling/v1/namespaces/{NAMESPACE}/horizontalpodautoscalers"
SCALERS_2 = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles"
NODES = "/api/v1/nodes"

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"


class Step(NamedTuple):
    """One request. `body` is a document, or a text that is sent as it is."""

    method: str
    path: str
    body: Any = None
    type: str = JSON
    agent: str = "agent/1.0"


def apply(path: str, body: Any, manager: str = "one", query: str = "", **more: Any) -> Step:
    """An apply patch of a manager."""
    return Step("PATCH", f"{path}?fieldManager={manager}{query}", body, APPLY, **more)


def forced(path: str, body: Any, manager: str = "one", query: str = "") -> Step:
    """The same, taking over what others own."""
    return apply(path, body, manager, f"&force=true{query}")


def create(path: str, body: Any, manager: str = "maker") -> Step:
    """A POST of a manager."""
    return Step("POST", f"{path}?fieldManager={manager}", body)


def put(path: str, body: Any, manager: str = "putter") -> Step:
    """A PUT of a manager."""
    return Step("PUT", f"{path}?fieldManager={manager}", body)


def merge(path: str, body: Any, manager: str = "patcher") -> Step:
    """A merge patch of a manager."""
    return Step("PATCH", f"{path}?fieldManager={manager}", body, MERGE)


def reset(path: str) -> Step:
    """A patch that makes nobody own anything."""
    return merge(path, {"metadata": {"managedFields": [{}]}})


def get(path: str) -> Step:
    """A read of an object."""
    return Step("GET", path)


def config_map(name: str, data: Any = None, **metadata: Any) -> dict[str, Any]:
    """A config map."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
    }
    return document if data is None else {**document, "data": data}


def deployment(name: str, *containers: Any, kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    """A deployment or another workload of apps/v1."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": list(containers) or [{"name": "c", "image": "i:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


def part(name: str, **members: Any) -> dict[str, Any]:
    """A deployment of which only this is stated."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, **members}


def service(name: str, *ports: Any, **spec: Any) -> dict[str, Any]:
    """A service with these ports."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": list(ports), **spec},
    }


def pod(name: str, *containers: Any, **spec: Any) -> dict[str, Any]:
    """A pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": list(containers) or [{"name": "c", "image": "i:1"}], **spec},
    }


def scale(name: str, replicas: int) -> dict[str, Any]:
    """The scale of a workload."""
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": name},
        "spec": {"replicas": replicas},
    }


def scaler(name: str, version: str, **spec: Any) -> dict[str, Any]:
    """An autoscaler in a version."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, **spec},
    }


HTTP = {"name": "http", "port": 80}
DNS = {"name": "dns", "port": 53, "protocol": "UDP"}
DNS_TCP = {"name": "dns-tcp", "port": 53}
ENTRY = {
    "manager": "z",
    "operation": "Update",
    "apiVersion": "v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {"f:a": {}, "f:zz": {}}},
}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def path(collection: str, name: str, subresource: str = "") -> str:
    """The path of an object or a subresource."""
    return f"{collection}/{name}" + (f"/{subresource}" if subresource else "")


def by_client(name: str, data: str) -> dict[str, Any]:
    """A config map as client-side apply leaves it."""
    stated = f'{{"apiVersion":"v1","data":{data},"kind":"ConfigMap","metadata":{{"annotations":{{}},"name":"{name}","namespace":"{NAMESPACE}"}}}}\n'
    return {"annotations": {LAST_APPLIED: stated}}


def simple(name: str) -> str:
    """The path of a config map."""
    return path(MAPS, name)


SEQUENCES: dict[str, list[Step]] = {
    "creates, then nothing": [
        apply(
            simple("a1"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a1}\ndata: {a: '1', b: '2'}\n"
        ),
        apply(
            simple("a1"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a1}\ndata: {a: '1', b: '2'}\n"
        ),
        get(simple("a1")),
    ],
    "takes away what is stated no more": [
        apply(simple("a2"), config_map("a2", {"a": "1", "b": "2"}, labels={"x": "1", "y": "2"})),
        apply(simple("a2"), config_map("a2", {"a": "1"}, labels={"y": "2"})),
        apply(simple("a2"), config_map("a2")),
    ],
    "conflicts": [
        apply(simple("a3"), config_map("a3", {"a": "1", "b": "2"})),
        apply(simple("a3"), config_map("a3", {"a": "9"}), "two"),
        apply(simple("a3"), config_map("a3", {"a": "9", "b": "8"}), "two"),
        forced(simple("a3"), config_map("a3", {"a": "9"}), "two"),
        apply(simple("a3"), config_map("a3", {"b": "2"})),
        apply(simple("a3"), config_map("a3", {"a": "1"}), "three"),
    ],
    "shares what is the same": [
        apply(simple("a4"), config_map("a4", {"a": "1", "b": "2"})),
        apply(simple("a4"), config_map("a4", {"a": "1"}), "two"),
        apply(simple("a4"), config_map("a4", {"b": "2"})),
        apply(simple("a4"), config_map("a4"), "two"),
        get(simple("a4")),
    ],
    "an update takes over": [
        apply(simple("a5"), config_map("a5", {"a": "1", "b": "2"})),
        merge(simple("a5"), {"data": {"a": "2"}}),
        apply(simple("a5"), config_map("a5", {"a": "1", "b": "2"})),
        put(simple("a5"), config_map("a5", {"b": "3", "c": "4"})),
        put(simple("a5"), config_map("a5", {"b": "3", "c": "4"}), "other"),
        merge(simple("a5"), {"data": {"b": None, "c": "5"}}),
    ],
    "conflicts with several": [
        create(MAPS, config_map("a6", {"a": "1"})),
        merge(simple("a6"), {"data": {"b": "1"}}),
        apply(simple("a6"), config_map("a6", {"c": "1", "d": "1"}), "one"),
        apply(simple("a6"), config_map("a6", {"c": "1", "d": "2"}), "two"),
        apply(simple("a6"), config_map("a6", {"a": "2", "b": "2", "c": "2"}), "three"),
        forced(simple("a6"), config_map("a6", {"a": "2", "b": "2", "c": "2"}), "three"),
    ],
    "an object that was not tracked": [
        create(MAPS, config_map("a7", {"a": "1"}, labels={"x": "1"})),
        reset(simple("a7")),
        merge(simple("a7"), {"data": {"b": "2"}}),
        apply(simple("a7"), config_map("a7", {"a": "1", "b": "3"})),
        apply(simple("a7"), config_map("a7", {"a": "1"})),
        forced(simple("a7"), config_map("a7", {"b": "3"})),
        merge(simple("a7"), {"data": {"c": "2"}}),
    ],
    "a deployment": [
        apply(path(DEPLOYMENTS, "b1"), deployment("b1", replicas=2)),
        apply(path(DEPLOYMENTS, "b1"), part("b1", spec={"replicas": 3}), "scaler"),
        apply(
            path(DEPLOYMENTS, "b1"),
            part("b1", spec={"template": {"spec": {"containers": [{"name": "d", "image": "j"}]}}}),
            "sidecar",
        ),
        apply(path(DEPLOYMENTS, "b1"), deployment("b1")),
        apply(path(DEPLOYMENTS, "b1"), part("b1"), "sidecar"),
        get(path(DEPLOYMENTS, "b1")),
    ],
    "order of containers": [
        apply(
            path(DEPLOYMENTS, "b2"),
            deployment("b2", {"name": "a", "image": "i"}, {"name": "b", "image": "i"}),
        ),
        apply(
            path(DEPLOYMENTS, "b2"),
            part(
                "b2",
                spec={
                    "template": {
                        "spec": {"containers": [{"name": "c", "image": "i"}, {"name": "a", "image": "i"}]}
                    }
                },
            ),
            "two",
        ),
        apply(
            path(DEPLOYMENTS, "b2"),
            deployment(
                "b2", {"name": "b", "image": "i"}, {"name": "x", "image": "i"}, {"name": "a", "image": "i"}
            ),
        ),
    ],
    "ports of containers": [
        apply(
            path(DEPLOYMENTS, "b3"),
            deployment(
                "b3",
                {
                    "name": "c",
                    "image": "i",
                    "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}],
                },
            ),
        ),
        apply(
            path(DEPLOYMENTS, "b3"),
            deployment(
                "b3", {"name": "c", "image": "i", "ports": [{"containerPort": 53, "protocol": "TCP"}]}
            ),
        ),
        apply(
            path(DEPLOYMENTS, "b3"),
            deployment(
                "b3", {"name": "c", "image": "i", "ports": [{"containerPort": 53}, {"containerPort": 53}]}
            ),
        ),
        apply(
            path(DEPLOYMENTS, "b3"),
            deployment("b3", {"name": "c", "image": "i", "ports": [{"protocol": "TCP"}]}),
        ),
    ],
    "environment and volumes": [
        create(
            DEPLOYMENTS,
            deployment(
                "b4",
                {
                    "name": "c",
                    "image": "i",
                    "env": [{"name": "A", "value": "1"}],
                    "resources": {"limits": {"cpu": "1000m"}},
                    "command": ["a", "b"],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                },
            ),
        ),
        create(
            PODS,
            pod(
                "b4",
                {
                    "name": "c",
                    "image": "i",
                    "env": [{"name": "A", "value": "1"}],
                    "resources": {"limits": {"cpu": "1000m"}},
                    "command": ["a", "b"],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                    "readinessProbe": {"tcpSocket": {"port": 80}},
                },
                volumes=[{"name": "v", "emptyDir": {}}],
                nodeSelector={"a": "b"},
                tolerations=[{"operator": "Exists"}],
            ),
        ),
        merge(path(PODS, "b4"), {"metadata": {"labels": {"a": "b"}}}),
        merge(path(PODS, "b4"), {"metadata": {"labels": {"c": "d"}}}, "other"),
        merge(path(PODS, "b4"), {"metadata": {"labels": None}}, "third"),
    ],
    "the status of a pod": [
        create(PODS, pod("b5")),
        Step(
            "PATCH",
            path(PODS, "b5", "status") + "?fieldManager=kubelet",
            {"status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}},
            STRATEGIC,
        ),
        apply(
            path(PODS, "b5", "status"),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "b5", "labels": {"l": "1"}},
                "spec": {"containers": [{"name": "c", "image": "other"}]},
                "status": {
                    "conditions": [{"type": "example.com/a", "status": "True"}],
                    "hostIP": "10.0.0.2",
                },
            },
            "checker",
        ),
        apply(
            path(PODS, "b5", "status"),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "b5"},
                "status": {"conditions": [{"type": "example.com/b", "status": "True"}]},
            },
            "checker",
        ),
        apply(
            path(PODS, "b5"),
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b5"}, "status": {"phase": "Failed"}},
            "checker",
        ),
    ],
    "a service": [
        apply(path(SERVICES, "c1"), service("c1", HTTP, DNS, selector={"a": "b"})),
        apply(path(SERVICES, "c1"), service("c1", DNS_TCP), "two"),
        apply(path(SERVICES, "c1"), service("c1", HTTP, selector={"a": "b"})),
        apply(path(SERVICES, "c1"), service("c1", {"name": "http", "port": 80, "targetPort": "web"})),
        apply(path(SERVICES, "c1"), service("c1", {"name": "http", "port": 80, "targetPort": 8080}), "two"),
    ],
    "scales": [
        apply(path(DEPLOYMENTS, "d1"), deployment("d1", replicas=2)),
        apply(path(DEPLOYMENTS, "d1", "scale"), scale("d1", 5), "scaler"),
        forced(path(DEPLOYMENTS, "d1", "scale"), scale("d1", 5), "scaler"),
        get(path(DEPLOYMENTS, "d1")),
        apply(path(DEPLOYMENTS, "d1"), deployment("d1", replicas=2)),
        merge(path(DEPLOYMENTS, "d1", "scale"), {"spec": {"replicas": 7}}, "kubectl-scale"),
        get(path(DEPLOYMENTS, "d1")),
        apply(path(DEPLOYMENTS, "d1"), deployment("d1", replicas=2)),
        forced(path(DEPLOYMENTS, "d1"), deployment("d1", replicas=2)),
    ],
    "scales what nobody owns": [
        apply(path(DEPLOYMENTS, "d2"), deployment("d2")),
        merge(path(DEPLOYMENTS, "d2", "scale"), {"spec": {"replicas": 4}}, "kubectl-scale"),
        get(path(DEPLOYMENTS, "d2")),
        apply(path(DEPLOYMENTS, "d2", "scale"), scale("d2", 4), "scaler"),
        get(path(DEPLOYMENTS, "d2")),
        apply(path(DEPLOYMENTS, "d2", "scale"), scale("d2", 3), "scaler"),
        apply(
            path(DEPLOYMENTS, "d2", "scale"),
            {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d2"}},
            "scaler",
        ),
        get(path(DEPLOYMENTS, "d2")),
        apply(path(DEPLOYMENTS, "d2", "scale"), part("d2"), "scaler"),
        apply(path(DEPLOYMENTS, "absent", "scale"), scale("absent", 3), "scaler"),
    ],
    "forces a scale that a default set": [
        apply(path(DEPLOYMENTS, "d3"), deployment("d3")),
        forced(path(DEPLOYMENTS, "d3", "scale"), scale("d3", 4), "scaler"),
        get(path(DEPLOYMENTS, "d3")),
    ],
    "another order is a change": [
        apply(path(SERVICES, "d4"), service("d4", HTTP, DNS, DNS_TCP)),
        apply(path(SERVICES, "d4"), service("d4", DNS, HTTP, DNS_TCP), "two"),
        apply(path(SERVICES, "d4"), service("d4", DNS, HTTP, DNS_TCP), "two"),
        apply(path(SERVICES, "d4"), service("d4", HTTP, DNS, DNS_TCP), "two"),
    ],
    "a status beside the object": [
        apply(path(DEPLOYMENTS, "d5"), deployment("d5") | {"status": {"replicas": 3}}),
        apply(path(DEPLOYMENTS, "d5"), deployment("d5") | {"status": {"replicas": 4}}),
        merge(path(DEPLOYMENTS, "d5"), {"status": {"replicas": 4}}),
        merge(path(DEPLOYMENTS, "d5", "status"), {"spec": {"replicas": 4}, "status": {"replicas": 2}}),
        apply(path(DEPLOYMENTS, "d5"), deployment("d5") | {"status": {"replicas": 2}}),
    ],
    "an item that others have added to": [
        apply(path(PODS, "d6"), pod("d6") | {"metadata": {"name": "d6", "labels": {"a": "1"}}}),
        merge(path(PODS, "d6"), {"metadata": {"labels": {"b": "2"}}}),
        apply(path(PODS, "d6"), pod("d6")),
        merge(path(PODS, "d6"), {"metadata": {"labels": {"b": None}}}),
        apply(path(PODS, "d6"), pod("d6") | {"metadata": {"name": "d6", "labels": {"b": "3"}}}),
    ],
    "sets": [
        apply(simple("e1"), config_map("e1", finalizers=["x/a", "x/b"])),
        apply(simple("e1"), config_map("e1", finalizers=["x/b", "x/c"]), "two"),
        apply(simple("e1"), config_map("e1", finalizers=["x/b"])),
        apply(simple("e1"), config_map("e1", finalizers=["x/b", "x/b"])),
        apply(simple("e1"), config_map("e1")),
        apply(simple("e1"), config_map("e1"), "two"),
    ],
    "owner references": [
        apply(
            simple("e2"),
            config_map("e2", ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u1"}]),
        ),
        apply(
            simple("e2"),
            config_map("e2", ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "u2"}]),
            "two",
        ),
        apply(simple("e2"), config_map("e2")),
    ],
    "atomic lists and maps": [
        apply(
            path(POLICIES, "e3"),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "e3"},
                "spec": {
                    "podSelector": {"matchLabels": {"a": "b"}},
                    "policyTypes": ["Ingress"],
                    "ingress": [{}],
                },
            },
        ),
        apply(
            path(POLICIES, "e3"),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "e3"},
                "spec": {"podSelector": {"matchLabels": {"c": "d"}}},
            },
            "two",
        ),
        forced(
            path(POLICIES, "e3"),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "e3"},
                "spec": {"podSelector": {"matchLabels": {"c": "d"}}},
            },
            "two",
        ),
    ],
    "a role": [
        apply(
            path(ROLES, "e4"),
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "e4"},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
            },
        ),
        apply(
            path(ROLES, "e4"),
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "e4"},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
            },
            "two",
        ),
    ],
    "a secret": [
        apply(
            path(SECRETS, "e5"),
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "e5"}, "stringData": {"a": "x"}},
        ),
        create(
            SECRETS,
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "e6"}, "stringData": {"a": "x"}},
        ),
        merge(path(SECRETS, "e6"), {"stringData": {"b": "x"}}),
        apply(
            path(SECRETS, "e6"),
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "e6"}, "data": {"a": "eQ=="}},
        ),
    ],
    "an autoscaler in two versions": [
        apply(path(SCALERS_2, "f1"), scaler("f1", "v2", minReplicas=2)),
        apply(path(SCALERS_1, "f1"), scaler("f1", "v1", targetCPUUtilizationPercentage=50), "two"),
        apply(path(SCALERS_2, "f1"), scaler("f1", "v2"), "one"),
        merge(path(SCALERS_1, "f1"), {"spec": {"maxReplicas": 5}}),
        apply(path(SCALERS_2, "f1"), scaler("f1", "v2"), "one"),
        apply(
            path(SCALERS_1, "f1"), scaler("f1", "v1", targetCPUUtilizationPercentage=60, maxReplicas=5), "two"
        ),
        apply(path(SCALERS_1, "f1"), scaler("f1", "v2"), "two"),
    ],
    "managedFields of a client": [
        Step("POST", f"{MAPS}?fieldManager=maker", config_map("g1", {"a": "1"}, managedFields=[ENTRY])),
        merge(
            simple("g1"), {"metadata": {"managedFields": [{**ENTRY, "operation": "Apply", "manager": "y"}]}}
        ),
        merge(simple("g1"), {"metadata": {"managedFields": [{"manager": "x"}]}}),
        merge(simple("g1"), {"metadata": {"managedFields": [{**ENTRY, "apiVersion": "v7"}]}}),
        merge(simple("g1"), {"metadata": {"managedFields": [{**ENTRY, "fieldsType": "Other"}]}}),
        merge(simple("g1"), {"metadata": {"managedFields": [{**ENTRY, "time": "2020-01-01T00:00:00Z"}]}}),
        merge(simple("g1"), {"data": {"a": "2"}}),
        put(simple("g1"), config_map("g1", {"a": "2"})),
        put(simple("g1"), config_map("g1", {"a": "2"}, managedFields=[])),
        put(simple("g1"), config_map("g1", {"a": "3"})),
    ],
    "managedFields through a subresource": [
        create(PODS, pod("g2")),
        merge(path(PODS, "g2", "status"), {"metadata": {"managedFields": [{}]}, "status": {"message": "m"}}),
        merge(path(PODS, "g2", "status"), {"status": {"message": "n"}}, "third"),
    ],
    "a managedFields list in a patch of an applier": [
        apply(simple("g3"), config_map("g3", {"a": "1"})),
        apply(simple("g3"), config_map("g3", {"a": "1"}, managedFields=[])),
        apply(simple("g3"), config_map("g3", {"a": "1"}, managedFields=[{}])),
        apply(simple("g3"), config_map("g3", {"a": "1"}, managedFields=None)),
    ],
    "many updaters": [
        create(MAPS, config_map("g4", {"k": "0"})),
        *[merge(simple("g4"), {"data": {f"k{number}": "1"}}, f"m{number}") for number in range(12)],
    ],
    "user agents": [
        create(MAPS, config_map("g5", {"a": "0"})),
        Step("PATCH", simple("g5"), {"data": {"b": "1"}}, MERGE, "curl/8.0 (x)"),
        Step("PATCH", simple("g5"), {"data": {"c": "1"}}, MERGE, "plain agent"),
        Step("PATCH", simple("g5"), {"data": {"d": "1"}}, MERGE, "/x"),
        Step("PATCH", simple("g5"), {"data": {"e": "1"}}, MERGE, "a" * 140 + "/1"),
    ],
    "what identifies the object": [
        apply(simple("h1"), config_map("other")),
        apply(simple("h1"), "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"),
        apply(simple("h1"), config_map("h1", namespace="other")),
        apply(simple("h1"), config_map("h1", uid="abc")),
        apply(simple("h1"), config_map("h1", {"a": "1"}, resourceVersion="5")),
        apply(simple("h1"), config_map("h1", {"a": "2"}, resourceVersion="5")),
        apply(simple("h1"), config_map("h1", {"a": "2"}, uid="abc")),
        apply(simple("h1"), config_map("other", {"a": "2"})),
        apply(simple("h1"), config_map("h1", {"a": "2"}, resourceVersion="x")),
        apply(simple("h1"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: h}\ndata: {a: '3'}\n"),
    ],
    "kinds and versions": [
        apply(simple("h2"), config_map("h2") | {"kind": "Secret"}),
        apply(simple("h2"), config_map("h2") | {"apiVersion": "v2"}),
        apply(simple("h2"), "kind: ConfigMap\nmetadata: {name: h2}\n"),
        apply(simple("h2"), "apiVersion: v1\nmetadata: {name: h2}\n"),
        apply(simple("h2"), ""),
        apply(simple("h2"), deployment("h2")),
    ],
    "bodies that are none": [
        apply(simple("h3"), "[]"),
        apply(simple("h3"), "a: b: c"),
        apply(simple("h3"), "text"),
        apply(simple("h3"), "3"),
        Step("PATCH", f"{simple('h3')}?fieldManager=one", "x", "application/apply-patch+cbor"),
        Step("PATCH", simple("h3"), config_map("h3"), APPLY),
        Step("PATCH", f"{simple('h3')}?fieldManager={'x' * 129}", config_map("h3"), APPLY),
        Step("PATCH", f"{simple('h3')}?fieldManager=a%0Ab", config_map("h3"), APPLY),
        Step("PATCH", f"{simple('h3')}?fieldManager=a&force=true", {}, MERGE),
    ],
    "values of wrong types": [
        apply(simple("h4"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h4}\ndata: {a: 1}\n"),
        apply(simple("h4"), config_map("h4", ["a"])),
        apply(simple("h4"), config_map("h4", "a")),
        apply(simple("h4"), config_map("h4") | {"bogus": 1}),
        apply(simple("h4"), config_map("h4", {"a": 1, "b": True, "c": {"x": 1}, "d": ["y", 1]})),
        apply(simple("h4"), config_map("h4", finalizers=["a/b", "a/b"])),
        apply(simple("h4"), config_map("h4", finalizers=[{"a": "b"}])),
        apply(simple("h4"), config_map("h4", finalizers=[None])),
        apply(simple("h4"), config_map("h4", generation="x", creationTimestamp="x")),
        apply(simple("h4"), config_map("h4", creationTimestamp="x")),
        apply(simple("h4"), config_map("h4") | {"immutable": "x"}),
        apply(
            path(DEPLOYMENTS, "h4"),
            part("h4", spec={"replicas": "3", "template": {"spec": {"containers": [{"image": "i"}]}}}),
        ),
        apply(path(DEPLOYMENTS, "h4"), part("h4", spec={"template": {"spec": {"containers": ["c"]}}})),
        apply(
            path(DEPLOYMENTS, "h4"),
            part("h4", spec={"template": {"spec": {"containers": [{"name": "c", "imag": "i"}]}}}),
        ),
        apply(path(DEPLOYMENTS, "h4"), part("h4", spec={"replicas": 1.5})),
    ],
    "keys that are there twice": [
        apply(simple("h5"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h5}\ndata: {a: x, a: y}\n"),
        apply(
            simple("h5"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h5}\ndata: {a: z, a: w}\n",
            query="&fieldValidation=Strict",
        ),
        apply(
            simple("h5"),
            '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"h5"},"data":{"a":"1","a":"2"}}',
            query="&fieldValidation=Ignore",
        ),
        apply(simple("h5"), config_map("h5", {"a": "2"}) | {"bogus": 1}, query="&fieldValidation=Ignore"),
    ],
    "nulls and what is empty": [
        apply(simple("h6"), config_map("h6", {"a": "1"}, labels={"x": "1"})),
        apply(simple("h6"), config_map("h6", {"a": None}, labels={"x": "1"}), query="&dryRun=All"),
        apply(simple("h6"), config_map("h6", {}, labels=None, annotations={}), "two", query="&dryRun=All"),
        apply(simple("h6"), config_map("h6", {}, labels={}), "two"),
        merge(simple("h6"), {"metadata": {"labels": {"y": "2"}}}),
        apply(simple("h6"), config_map("h6", {"a": "1"})),
        apply(simple("h6"), config_map("h6"), "two"),
    ],
    "dry runs": [
        apply(simple("i1"), config_map("i1", {"a": "1"}), query="&dryRun=All"),
        get(simple("i1")),
        apply(simple("i1"), config_map("i1", {"a": "1"})),
        apply(simple("i1"), config_map("i1", {"a": "2"}), query="&dryRun=All"),
        forced(simple("i1"), config_map("i1", {"a": "2"}), "two", query="&dryRun=All"),
        get(simple("i1")),
    ],
    "takes over from client-side apply": [
        create(
            MAPS,
            config_map("j1", {"a": "1", "b": "2"}, **by_client("j1", '{"a":"1","b":"2"}')),
            "kubectl-client-side-apply",
        ),
        apply(simple("j1"), config_map("j1", {"a": "9"}), "kubectl"),
        merge(simple("j1"), {"data": {"a": "7"}}),
        apply(simple("j1"), config_map("j1", {"a": "8", "b": "8"}), "kubectl"),
        apply(simple("j1"), config_map("j1", {"b": "8"}), "other"),
        apply(simple("j1"), config_map("j1", {"a": "9"}), "kubectl"),
        forced(simple("j1"), config_map("j1", {"a": "<&>"}), "kubectl"),
    ],
    "takes over from before the first apply": [
        create(MAPS, config_map("j2", {"a": "1", "b": "2"}, **by_client("j2", '{"a":"1","b":"2"}'))),
        reset(simple("j2")),
        apply(simple("j2"), config_map("j2", {"a": "9"}), "kubectl"),
        get(simple("j2")),
    ],
    "creates with an annotation of client-side apply": [
        apply(simple("j3"), config_map("j3", {"a": "1"}, **by_client("j3", '{"a":"1"}')), "kubectl"),
        apply(simple("j3"), config_map("j3", {"a": "2"}), "kubectl"),
    ],
    "a stateful set": [
        create(SETS, deployment("k1", kind="StatefulSet", serviceName="s", replicas=1)),
        apply(path(SETS, "k1"), deployment("k1", kind="StatefulSet", serviceName="s", replicas=2)),
        merge(path(SETS, "k1", "status"), {"status": {"replicas": 1}}, "controller"),
        merge(path(SETS, "k1", "status"), {"status": {"replicas": 0}}, "controller"),
    ],
    "a job": [
        apply(
            path(JOBS, "k2"),
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": "k2"},
                "spec": {
                    "template": {
                        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
                    }
                },
            },
        ),
        create(
            JOBS,
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": "k3"},
                "spec": {
                    "template": {
                        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
                    }
                },
            },
        ),
        merge(path(JOBS, "k3"), {"spec": {"parallelism": 2}}),
    ],
    "an ingress": [
        create(
            INGRESSES,
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "k4"},
                "spec": {
                    "rules": [
                        {
                            "host": "a.example",
                            "http": {
                                "paths": [
                                    {
                                        "path": "/",
                                        "pathType": "Prefix",
                                        "backend": {"service": {"name": "s", "port": {"number": 80}}},
                                    }
                                ]
                            },
                        }
                    ]
                },
            },
        ),
        merge(
            path(INGRESSES, "k4", "status"),
            {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
            "lb",
        ),
    ],
    "a node": [
        create(
            NODES,
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "apply-node", "labels": {"a": "b"}}},
        ),
        apply(
            path(NODES, "apply-node"),
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "apply-node"},
                "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            },
            query="&force=true",
        ),
        merge(
            path(NODES, "apply-node", "status"),
            {
                "status": {
                    "capacity": {"cpu": "2000m"},
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                }
            },
            "kubelet",
        ),
    ],
    "a namespace": [
        apply(
            "/api/v1/namespaces/apply-other",
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "apply-other", "labels": {"a": "b"}},
            },
        ),
        create(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apply-third"}},
        ),
        put(
            "/api/v1/namespaces/apply-third",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apply-third"}},
        ),
    ],
    "an account": [
        apply(
            path(ACCOUNTS, "k5"),
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "k5"},
                "imagePullSecrets": [{"name": "a"}],
                "secrets": [{"name": "s"}],
            },
        ),
        apply(
            path(ACCOUNTS, "k5"),
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "k5"},
                "imagePullSecrets": [{"name": "b"}],
            },
            "two",
        ),
        apply(
            path(ACCOUNTS, "k5"),
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "k5"}},
        ),
    ],
    "a claim": [
        apply(
            path(CLAIMS, "k6"),
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "k6"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            },
        ),
        apply(
            path(CLAIMS, "k6"),
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "k6"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
            },
            "two",
        ),
    ],
    "absent objects below a path": [
        apply(path(PODS, "absent", "status"), pod("absent")),
        apply(path(DEPLOYMENTS, "absent", "status"), deployment("absent")),
        apply(path(MAPS, "absent") + "/status", config_map("absent")),
        apply("/api/v1/namespaces/nowhere/configmaps/x", config_map("x")),
    ],
    "what is invalid": [
        apply(path(DEPLOYMENTS, "l1"), part("l1", spec={"replicas": 1})),
        apply(simple("Upper"), config_map("Upper")),
        apply(simple("l2"), config_map("l2", {"a b": "x"})),
        create(MAPS, config_map("l3", {"a": "1"}) | {"immutable": True}),
        apply(simple("l3"), config_map("l3", {"a": "2"}), "two"),
        forced(simple("l3"), config_map("l3", {"a": "2"}), "two"),
    ],
    "json and strategic patches": [
        apply(path(DEPLOYMENTS, "m1"), deployment("m1")),
        Step(
            "PATCH",
            path(DEPLOYMENTS, "m1") + "?fieldManager=s",
            {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}},
            STRATEGIC,
        ),
        Step(
            "PATCH",
            path(DEPLOYMENTS, "m1") + "?fieldManager=j",
            [{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "d"}],
            JSON_PATCH,
        ),
        apply(path(DEPLOYMENTS, "m1"), deployment("m1")),
        apply(path(DEPLOYMENTS, "m1"), deployment("m1", {"name": "d", "image": "i:2"})),
    ],
}
