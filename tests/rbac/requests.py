"""What several users ask, in order: each request builds on those before it."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

TOKENS = """\
admintoken,admin,admin,"system:masters"
alicetoken,alice,alice,"dev,ops"
bobtoken,bob,bob,
caroltoken,carol,carol,
davetoken,dave,dave,"grantors"
erintoken,erin,erin,
nodetoken,system:node:n1,n1,"system:nodes"
othernodetoken,system:node:n2,n2,"system:nodes"
nobodysnodetoken,kubelet,kubelet,"system:nodes"
accounttoken,system:serviceaccount:default:robot,robot,"system:serviceaccounts,system:serviceaccounts:default"
"""

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"
CLUSTER_ROLES = f"{RBAC}/clusterroles"
CLUSTER_BINDINGS = f"{RBAC}/clusterrolebindings"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
REVIEWS = "/apis/authorization.k8s.io/v1"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def ask(user: str, method: str, path: str, body: Any = None, **more: Any) -> Document:
    """A request of a user; "" is nobody."""
    return {"as": user, "method": method, "path": path, **({} if body is None else {"body": body}), **more}


def rule(verbs: str, resources: str = "", groups: str = "", names: str = "", paths: str = "") -> Document:
    """A policy rule; words are separated by blanks, and the group "core" is the one without a name."""
    if paths:
        return {"verbs": verbs.split(), "nonResourceURLs": paths.split()}
    made: Document = {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in (groups or "core").split()],
        "resources": resources.split(),
    }
    return made | ({"resourceNames": names.split()} if names else {})


def role(name: str, *rules: Document, kind: str = "Role", **more: Any) -> Document:
    """A role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": list(rules),
        **more,
    }


def binding(name: str, to: str, *subjects: str, kind: str = "RoleBinding", **more: Any) -> Document:
    """A binding of `Role/x` or `ClusterRole/x` to subjects like `User/alice` and `ServiceAccount/ns/name`."""
    of, _, which = to.partition("/")
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": which},
        "subjects": [subject(each) for each in subjects],
        **more,
    }


def subject(text: str) -> Document:
    """`User/alice` as a binding has it."""
    kind, *rest = text.split("/")
    if kind == "ServiceAccount":
        return {"kind": kind, "name": rest[-1], **({"namespace": rest[0]} if len(rest) > 1 else {})}
    return {"kind": kind, "name": "/".join(rest), "apiGroup": "rbac.authorization.k8s.io"}


def made(path: str, document: Document) -> Document:
    """The administrator creates something."""
    return ask("admin", "POST", path, document)


def review(user: str, kind: str, spec: Document, namespace: str = "") -> Document:
    """A question about access."""
    place = f"/namespaces/{namespace}" if namespace else ""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return ask(user, "POST", f"{REVIEWS}{place}/{kind.lower()}s", body)


def may(user: str, verb: str, resource: str, **more: Any) -> Document:
    """Whether the asking user may do something."""
    attributes = {"verb": verb, "resource": resource, **more}
    return review(user, "SelfSubjectAccessReview", {"resourceAttributes": attributes})


def config_map(name: str = "x") -> Document:
    """An object to write."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}


STRANGERS: list[Document] = [
    ask("", "GET", "/healthz"),
    ask("", "GET", "/version", content=False),
    ask("", "GET", "/api"),
    ask("", "GET", "/foo"),
    ask("", "POST", "/foo", {}),
    ask("", "GET", "/metrics"),
    ask("", "GET", PODS),
    ask("", "GET", f"{PODS}/x"),
    ask("", "GET", "/api/v1/nodes"),
    ask("", "GET", "/apis/apps/v1/deployments"),
    ask("", "POST", f"{REVIEWS}/selfsubjectaccessreviews", {}),
]

WORDS: list[Document] = [
    ask("bob", "GET", PODS),
    ask("bob", "GET", f"{PODS}?watch=1"),
    ask("bob", "GET", "/api/v1/watch/namespaces/default/pods"),
    ask("bob", "GET", f"{PODS}/x"),
    ask("bob", "POST", PODS, {}),
    ask("bob", "PUT", f"{PODS}/x", {}),
    ask("bob", "PATCH", f"{PODS}/x", {}, type=MERGE),
    ask("bob", "DELETE", f"{PODS}/x"),
    ask("bob", "DELETE", PODS),
    ask("bob", "GET", f"{PODS}/x/log"),
    ask("bob", "PUT", f"{PODS}/x/status", {}),
    ask("bob", "POST", f"{PODS}/x/exec"),
    ask("bob", "POST", f"{PODS}/x/eviction", {}),
    ask("bob", "GET", f"{PODS}/x/proxy/a/b"),
    ask("bob", "GET", "/api/v1/pods"),
    ask("bob", "GET", "/api/v1/namespaces"),
    ask("bob", "GET", "/api/v1/namespaces/default"),
    ask("bob", "PUT", "/api/v1/namespaces/default/finalize", {}),
    ask("bob", "GET", "/apis/apps/v1/namespaces/default/deployments/x/scale"),
    ask("bob", "GET", "/apis/no.such.group/v1/things"),
    ask("bob", "GET", "/apis/no.such.group/v1/namespaces/a/things/b"),
    ask("bob", "GET", "/api/v1/nosuch"),
    ask("bob", "GET", "/logs/x"),
    ask("bob", "POST", "/api"),
    ask("bob", "GET", "/apis/apps/v1", content=False),
    ask("bob", "GET", "/healthz/etcd"),
    ask("bob", "GET", "/readyz"),
    ask("bob", "GET", f"{PODS}?fieldSelector=metadata.name%3Dx"),
    ask("bob", "GET", f"{PODS}?fieldSelector=metadata.name%3Dx&watch=true"),
    ask("bob", "DELETE", f"{PODS}?fieldSelector=metadata.name%3Dx"),
    ask("bob", "GET", f"{PODS}?fieldSelector=metadata.name!%3Dx"),
    ask("bob", "GET", "/a%3Cb%3E&c"),
    ask("bob", "GET", "/api/v1/namespaces/a%22b/pods/x"),
]

RULES: list[Document] = [
    made(ROLES, role("reads", rule("get list watch", "pods configmaps", names=""))),
    made(BINDINGS, binding("reads", "Role/reads", "User/alice")),
    ask("alice", "GET", PODS),
    ask("alice", "GET", f"{MAPS}/none"),
    ask("alice", "GET", f"{PODS}/x/log"),
    ask("alice", "DELETE", PODS),
    ask("alice", "GET", "/api/v1/namespaces/kube-system/pods"),
    ask("alice", "GET", "/api/v1/pods"),
    made(ROLES, role("named", rule("get list watch update patch delete", "configmaps", names="a b"))),
    made(BINDINGS, binding("named", "Role/named", "Group/nobody", "User/bob")),
    made(MAPS, config_map("a")),
    ask("bob", "GET", f"{MAPS}/a"),
    ask("bob", "GET", f"{MAPS}/b"),
    ask("bob", "GET", f"{MAPS}/c"),
    ask("bob", "GET", MAPS),
    ask("bob", "GET", f"{MAPS}?fieldSelector=metadata.name%3Da"),
    ask("bob", "GET", f"{MAPS}?fieldSelector=metadata.name%3Dc"),
    ask("bob", "GET", f"{MAPS}?fieldSelector=metadata.name%3Da,metadata.namespace%3Ddefault"),
    ask("bob", "DELETE", f"{MAPS}?fieldSelector=metadata.name%3Da"),
    ask("bob", "PATCH", f"{MAPS}/a", {"data": {"c": "d"}}, type=MERGE),
    ask("bob", "PATCH", f"{MAPS}/b?fieldManager=m", config_map("b"), type=APPLY),
    ask("bob", "PUT", f"{MAPS}/c", config_map("c")),
    ask("bob", "POST", MAPS, config_map("b")),
    ask("bob", "DELETE", f"{MAPS}/a"),
    made(
        CLUSTER_ROLES,
        role(
            "parts",
            rule("get", "*/scale pods/log", "*"),
            rule("list", "*", "apps"),
            rule("get", paths="/logs /debug/* /metrics"),
            rule("*", "leases", "coordination.k8s.io"),
            kind="ClusterRole",
        ),
    ),
    made(CLUSTER_BINDINGS, binding("parts", "ClusterRole/parts", "User/erin", kind="ClusterRoleBinding")),
    ask("erin", "GET", "/apis/apps/v1/namespaces/default/deployments/x/scale"),
    ask("erin", "GET", "/apis/apps/v1/namespaces/default/deployments/x"),
    ask("erin", "GET", "/apis/apps/v1/namespaces/default/deployments/x/status"),
    ask("erin", "GET", "/apis/apps/v1/deployments"),
    ask("erin", "GET", "/apis/apps/v1/namespaces/default/statefulsets"),
    ask("erin", "GET", f"{PODS}/x/log"),
    ask("erin", "GET", f"{PODS}/x/status"),
    ask("erin", "GET", "/logs"),
    ask("erin", "GET", "/logs/a"),
    ask("erin", "GET", "/debug"),
    ask("erin", "GET", "/debug/a/b"),
    ask("erin", "DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/x"),
    ask("erin", "DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases"),
    made(BINDINGS, binding("robots", "ClusterRole/parts", "ServiceAccount/default/robot")),
    ask("robot", "GET", f"{PODS}/x/log"),
    ask("robot", "GET", "/api/v1/namespaces/kube-system/pods/x/log"),
    ask("robot", "GET", "/logs"),
    made(ROLES, role("spaces", rule("get list", "namespaces"))),
    made(BINDINGS, binding("spaces", "Role/spaces", "ServiceAccount/default/robot", "Group/ops")),
    ask("alice", "GET", "/api/v1/namespaces/default", content=False),
    ask("alice", "GET", "/api/v1/namespaces/kube-system"),
    ask("alice", "GET", "/api/v1/namespaces"),
    made(BINDINGS, binding("lost", "Role/none", "User/carol")),
    ask("carol", "GET", PODS),
    made(CLUSTER_BINDINGS, binding("lost", "ClusterRole/none", "User/carol", kind="ClusterRoleBinding")),
    ask("carol", "GET", PODS),
    ask("carol", "GET", "/api/v1/nodes"),
    ask("admin", "DELETE", f"{BINDINGS}/lost", content=False),
    ask("admin", "DELETE", f"{CLUSTER_BINDINGS}/lost", content=False),
    ask("carol", "GET", PODS),
]

REVIEWED: list[Document] = [
    may("alice", "list", "pods", namespace="default"),
    may("alice", "list", "pods"),
    may("alice", "list", "pods", namespace="default", subresource="log"),
    may("alice", "*", "*"),
    may("admin", "*", "*"),
    may("bob", "get", "configmaps", namespace="default", name="a"),
    may("bob", "get", "configmaps", namespace="default", name="z"),
    may("erin", "get", "deployments", group="apps", subresource="scale"),
    may("robot", "get", "pods", subresource="log", namespace="default"),
    may("robot", "get", "namespaces", namespace="default", name="default"),
    review(
        "bob", "SelfSubjectAccessReview", {"nonResourceAttributes": {"path": "/openapi/v3", "verb": "get"}}
    ),
    review("erin", "SelfSubjectAccessReview", {"nonResourceAttributes": {"path": "/debug/x", "verb": "get"}}),
    review("bob", "SelfSubjectAccessReview", {}),
    review("bob", "SelfSubjectAccessReview", {"resourceAttributes": {}}),
    review("bob", "SelfSubjectRulesReview", {"namespace": "default"}),
    review("erin", "SelfSubjectRulesReview", {"namespace": "default"}),
    review("admin", "SelfSubjectRulesReview", {"namespace": "default"}),
    review("node", "SelfSubjectRulesReview", {"namespace": "default"}),
    review("alice", "SelfSubjectRulesReview", {}),
    review("bob", "SubjectAccessReview", {"user": "alice", "resourceAttributes": {"verb": "get"}}),
    *(
        review("admin", "SubjectAccessReview", spec)
        for spec in (
            {
                "user": "alice",
                "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"},
            },
            {"user": "alice", "resourceAttributes": {"verb": "list", "resource": "pods"}},
            {
                "user": "x",
                "groups": ["ops"],
                "resourceAttributes": {"verb": "get", "resource": "namespaces", "namespace": "default"},
            },
            {"groups": ["system:masters"], "nonResourceAttributes": {"path": "/x", "verb": "post"}},
            {"user": "x", "nonResourceAttributes": {"path": "/x", "verb": "post"}},
            {"nonResourceAttributes": {"path": "/x", "verb": "post"}},
            {"user": "x"},
            {
                "user": "x",
                "nonResourceAttributes": {"path": "/x", "verb": "post"},
                "resourceAttributes": {"verb": "get", "resource": "pods"},
            },
        )
    ),
    review(
        "admin",
        "LocalSubjectAccessReview",
        {"user": "alice", "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}},
        "default",
    ),
    review(
        "admin",
        "LocalSubjectAccessReview",
        {"user": "alice", "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "other"}},
        "default",
    ),
    review(
        "admin",
        "LocalSubjectAccessReview",
        {"user": "alice", "nonResourceAttributes": {"verb": "get", "path": "/x"}},
        "default",
    ),
]

GRANTING = role(
    "granting",
    rule(
        "get list create update patch delete",
        "roles rolebindings clusterroles clusterrolebindings",
        RBAC[6:-3],
    ),
    rule("get list", "pods"),
    rule("get", "secrets", names="mine"),
    rule("get", paths="/x/*"),
    kind="ClusterRole",
)


def granted(*rules: Document, **more: Any) -> Document:
    """Dave makes a role."""
    return ask("dave", "POST", f"{ROLES}?dryRun=All", role("new", *rules, **more))


def granted_anywhere(*rules: Document, **more: Any) -> Document:
    """The same of the whole cluster."""
    return ask("dave", "POST", f"{CLUSTER_ROLES}?dryRun=All", role("new", *rules, kind="ClusterRole", **more))


ESCALATING: list[Document] = [
    made(CLUSTER_ROLES, GRANTING),
    made(
        CLUSTER_BINDINGS,
        binding("granting", "ClusterRole/granting", "Group/grantors", kind="ClusterRoleBinding"),
    ),
    granted(rule("get", "pods")),
    granted(rule("list get", "pods", names="a b")),
    granted(rule("watch", "pods")),
    granted(rule("get list watch delete", "pods services secrets")),
    granted(rule("get", "secrets")),
    granted(rule("get", "secrets", names="mine")),
    granted(rule("get update", "secrets", names="mine other")),
    granted(rule("*", "pods")),
    granted(rule("get", "*")),
    granted(rule("get", "pods", "*")),
    granted(rule("get", "pods/log */scale")),
    granted(rule("get list", "pods"), rule("watch", "pods"), rule("create", "pods services")),
    granted(),
    granted(rule("", "pods")),
    granted(rule("get", paths="/x/y")),
    granted_anywhere(rule("get", paths="/x/y /x/*")),
    granted_anywhere(rule("get post", paths="/x/y /z *")),
    granted_anywhere(rule("get", "pods"), rule("get", paths="/z")),
    granted_anywhere(aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}),
    ask("dave", "POST", ROLES, role("daves", rule("get", "pods"))),
    ask("dave", "PUT", f"{ROLES}/daves", role("daves", rule("get watch", "pods"))),
    ask("dave", "PATCH", f"{ROLES}/daves", {"rules": [rule("list delete", "pods")]}, type=MERGE),
    ask("dave", "PATCH", f"{ROLES}/daves", {"metadata": {"labels": {"a": "b"}}}, type=MERGE),
    ask("dave", "PATCH", f"{ROLES}/reads", {"metadata": {"labels": {"a": "b"}}}, type=MERGE),
    ask("dave", "PATCH", f"{ROLES}/reads", {"metadata": {"finalizers": ["a.b/c"]}}, type=MERGE),
    ask("dave", "PATCH", f"{ROLES}/reads", {"metadata": {"finalizers": None}}, type=MERGE),
    ask(
        "dave", "PATCH", f"{ROLES}/applied?fieldManager=m", role("applied", rule("watch", "pods")), type=APPLY
    ),
    ask("dave", "PUT", f"{ROLES}/put", role("put", rule("get", "pods"))),
    ask("dave", "PATCH", f"{CLUSTER_ROLES}/view", {"metadata": {"labels": {"a": "b"}}}, type=MERGE),
    ask("dave", "POST", BINDINGS, binding("b1", "Role/daves", "User/bob")),
    ask("dave", "POST", BINDINGS, binding("b2", "Role/reads", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b3", "ClusterRole/cluster-admin", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b4", "ClusterRole/none", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b4", "Role/none", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b5", "Thing/none", "User/dave")),
    ask(
        "dave",
        "POST",
        CLUSTER_BINDINGS,
        binding("b6", "ClusterRole/cluster-admin", "User/dave", kind="ClusterRoleBinding"),
    ),
    ask(
        "dave",
        "POST",
        CLUSTER_BINDINGS,
        binding("b7", "ClusterRole/none", "User/dave", kind="ClusterRoleBinding"),
    ),
    ask("dave", "PATCH", f"{BINDINGS}/b1", {"subjects": [subject("User/erin")]}, type=MERGE),
    ask("dave", "PATCH", f"{BINDINGS}/reads", {"subjects": [subject("User/dave")]}, type=MERGE),
    ask("dave", "PATCH", f"{BINDINGS}/reads", {"metadata": {"finalizers": ["a.b/c"]}}, type=MERGE),
    ask("dave", "PATCH", f"{BINDINGS}/reads", {"metadata": {"finalizers": None}}, type=MERGE),
    made(
        CLUSTER_ROLES,
        role(
            "escalating",
            rule("escalate", "roles", RBAC[6:-3], names="daves"),
            rule("bind", "clusterroles", RBAC[6:-3], names="view"),
            kind="ClusterRole",
        ),
    ),
    made(BINDINGS, binding("escalating", "ClusterRole/escalating", "User/dave")),
    ask("dave", "PATCH", f"{ROLES}/daves", {"rules": [rule("list delete", "pods")]}, type=MERGE),
    granted(rule("watch", "pods")),
    ask("dave", "POST", BINDINGS, binding("b8", "ClusterRole/view", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b9", "ClusterRole/edit", "User/dave")),
    ask("dave", "POST", BINDINGS, binding("b10", "ClusterRole/system:node", "User/dave")),
    made(BINDINGS, binding("lost", "Role/none", "User/dave")),
    granted(rule("watch", "pods")),
    ask("admin", "DELETE", f"{BINDINGS}/lost", content=False),
]


def posing(user: str, who: str, *groups: str, path: str = PODS, **more: str) -> Document:
    """A request as somebody else; `more` are further headers."""
    headers = [["Impersonate-User", who]] if who else []
    headers += [["Impersonate-Group", group] for group in groups]
    headers += [[name.replace("_", "-"), value] for name, value in more.items()]
    return ask(user, "GET", path, headers=headers)


WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def posing_asks(user: str, who: str, *groups: str, **more: str) -> Document:
    """Who somebody else is."""
    document = posing(user, who, *groups, path=WHOAMI, **more)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return {**document, "method": "POST", "body": body}


POSING: list[Document] = [
    posing("admin", "alice"),
    posing("admin", "bob"),
    posing("admin", "bob", "ops", path="/api/v1/namespaces/kube-system"),
    posing("admin", "system:serviceaccount:default:robot"),
    posing("admin", "system:anonymous"),
    posing("admin", "", "a"),
    posing("admin", "", "a", "b", Impersonate_Uid="7"),
    posing("admin", "", Impersonate_Extra_Scopes="a"),
    posing_asks("admin", "bob"),
    posing_asks("admin", "bob", "dev", "ops"),
    posing_asks("admin", "bob", "system:unauthenticated"),
    posing_asks("admin", "bob", "system:masters"),
    posing_asks("admin", "bob", Impersonate_Uid="7", Impersonate_Extra_Scopes="a"),
    posing_asks("admin", "bob", **{"Impersonate_Extra_Acme.com%2FProject": "a"}),
    posing_asks("admin", "system:anonymous"),
    posing_asks("admin", "system:serviceaccount:default:robot"),
    posing_asks("admin", "system:serviceaccount:default:robot", "dev"),
    posing_asks("admin", "system:serviceaccount:default"),
    posing_asks("admin", "system:node:n1"),
    posing_asks("admin", "system:node:n1", "dev"),
    posing("bob", "alice"),
    posing("bob", "system:serviceaccount:default:robot"),
    posing("bob", "system:node:n1"),
    posing("bob", "alice", "dev", path="/healthz"),
    posing("", "alice"),
    posing("", "alice", path="/healthz"),
    made(
        CLUSTER_ROLES,
        role(
            "posing",
            rule("impersonate", "users", names="alice"),
            rule("impersonate", "groups", names="ops"),
            kind="ClusterRole",
        ),
    ),
    made(CLUSTER_BINDINGS, binding("posing", "ClusterRole/posing", "User/bob", kind="ClusterRoleBinding")),
    posing("bob", "alice"),
    posing("bob", "erin"),
    posing("bob", "alice", "ops", path="/api/v1/namespaces/kube-system"),
    posing("bob", "alice", "ops", "dev"),
    posing("bob", "alice", Impersonate_Uid="7"),
    posing("bob", "alice", Impersonate_Extra_Scopes="a"),
    made(
        CLUSTER_ROLES,
        role(
            "posing-narrowly",
            rule("impersonate:user-info", "users", "authentication.k8s.io", names="alice"),
            rule("impersonate:user-info", "groups", "authentication.k8s.io"),
            rule("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io"),
            rule("impersonate-on:user-info:list impersonate-on:serviceaccount:get", "pods pods/log"),
            kind="ClusterRole",
        ),
    ),
    made(
        CLUSTER_BINDINGS,
        binding("posing-narrowly", "ClusterRole/posing-narrowly", "User/erin", kind="ClusterRoleBinding"),
    ),
    posing("erin", "alice"),
    posing("erin", "alice", path=f"{PODS}/x"),
    posing("erin", "bob"),
    posing("erin", "alice", "dev"),
    posing("erin", "alice", "system:masters"),
    posing("erin", "alice", Impersonate_Uid="7"),
    posing("erin", "system:serviceaccount:default:robot", path=f"{PODS}/x/log"),
    posing("erin", "system:serviceaccount:default:robot"),
    posing("erin", "system:node:n1"),
]

CORE = "/api/v1/namespaces/default"
POD: Document = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bound"},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "robot",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {
                "name": "c",
                "image": "i",
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "k"}}},
                ],
                "envFrom": [{"secretRef": {"name": "from"}}, {"configMapRef": {"name": "from"}}],
            }
        ],
        "volumes": [
            {"name": "s", "secret": {"secretName": "mounted"}},
            {"name": "m", "configMap": {"name": "mounted"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "claim"}},
            {
                "name": "p",
                "projected": {
                    "sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "projected"}}]
                },
            },
        ],
        "resourceClaims": [{"name": "r", "resourceClaimName": "device"}],
    },
}
VOLUME: Document = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "volume"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": "default", "name": "claim"},
        "csi": {
            "driver": "d.example.com",
            "volumeHandle": "h",
            "nodeStageSecretRef": {"name": "staged", "namespace": "kube-system"},
            "controllerPublishSecretRef": {"name": "published", "namespace": "kube-system"},
        },
    },
}
ATTACHMENT: Document = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttachment",
    "metadata": {"name": "attachment"},
    "spec": {"attacher": "d.example.com", "nodeName": "n1", "source": {"persistentVolumeName": "volume"}},
}
SLICE: Document = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "slice"},
    "spec": {
        "driver": "d.example.com",
        "nodeName": "n1",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "devices": [],
    },
}
STORAGE = "/apis/storage.k8s.io/v1"
DEVICES = "/apis/resource.k8s.io/v1"
LEASE = "/apis/coordination.k8s.io/v1/namespaces"


def node_asks(method: str, path: str, body: Any = None, user: str = "node") -> Document:
    """A node asks for what is there, or, if it may, is not: what is found does not matter."""
    more = {"type": MERGE} if method == "PATCH" else {}
    return ask(user, method, path, body, **more)


NODES: list[Document] = [
    {**made(f"{CORE}/pods", POD), "content": False},
    {**made("/api/v1/persistentvolumes", VOLUME), "content": False},
    {**made(f"{STORAGE}/volumeattachments", ATTACHMENT), "content": False},
    {**made(f"{DEVICES}/resourceslices", SLICE), "content": False},
    *(
        node_asks("GET", f"{CORE}/{kind}/{name}", user=user)
        for kind, names in {
            "secrets": ("pull", "env", "from", "mounted", "projected", "other"),
            "configmaps": ("env", "from", "mounted", "projected", "other"),
            "persistentvolumeclaims": ("claim", "other"),
            "serviceaccounts": ("robot", "other"),
        }.items()
        for name in names
        for user in ("node", "other-node")
    ),
    node_asks("GET", f"{CORE}/secrets"),
    node_asks("GET", "/api/v1/secrets"),
    node_asks("GET", f"{CORE}/secrets?fieldSelector=metadata.name%3Denv"),
    node_asks("GET", f"{CORE}/secrets?fieldSelector=metadata.name%3Dother"),
    node_asks("DELETE", f"{CORE}/secrets/env"),
    node_asks("GET", "/api/v1/namespaces/kube-system/secrets/staged"),
    node_asks("GET", "/api/v1/namespaces/kube-system/secrets/published"),
    node_asks("GET", "/api/v1/namespaces/kube-system/secrets/staged", user="other-node"),
    node_asks("GET", f"{CORE}/persistentvolumeclaims"),
    node_asks("PATCH", f"{CORE}/persistentvolumeclaims/claim/status", {}),
    node_asks("PATCH", f"{CORE}/persistentvolumeclaims/other/status", {}),
    node_asks("GET", f"{CORE}/persistentvolumeclaims/claim/status"),
    ask("node", "GET", "/api/v1/persistentvolumes/volume", content=False),
    node_asks("GET", "/api/v1/persistentvolumes/volume", user="other-node"),
    node_asks("GET", "/api/v1/persistentvolumes/volume/status"),
    node_asks("GET", "/api/v1/persistentvolumes"),
    ask("node", "GET", f"{STORAGE}/volumeattachments/attachment", content=False),
    node_asks("GET", f"{STORAGE}/volumeattachments/attachment", user="other-node"),
    node_asks("GET", f"{STORAGE}/volumeattachments"),
    node_asks("GET", f"{DEVICES}/namespaces/default/resourceclaims/device"),
    node_asks("GET", f"{DEVICES}/namespaces/default/resourceclaims/other"),
    ask("node", "GET", f"{DEVICES}/resourceslices/slice", content=False),
    node_asks("GET", f"{DEVICES}/resourceslices/slice", user="other-node"),
    node_asks("GET", f"{DEVICES}/resourceslices"),
    ask("node", "GET", f"{DEVICES}/resourceslices?fieldSelector=spec.nodeName%3Dn1", content=False),
    node_asks("GET", f"{DEVICES}/resourceslices?fieldSelector=spec.nodeName%3Dn2"),
    node_asks("GET", f"{STORAGE}/csinodes/n1"),
    node_asks("GET", f"{STORAGE}/csinodes/n2"),
    node_asks("GET", f"{STORAGE}/csinodes"),
    ask("node", "GET", f"{STORAGE}/csidrivers", content=False),
    node_asks("POST", f"{STORAGE}/csidrivers", {}),
    node_asks("GET", f"{LEASE}/kube-node-lease/leases/n1"),
    node_asks("GET", f"{LEASE}/kube-node-lease/leases/n2"),
    node_asks("GET", f"{LEASE}/kube-node-lease/leases"),
    node_asks("GET", f"{LEASE}/default/leases/n1"),
    node_asks("GET", "/api/v1/nodes/n1"),
    node_asks("GET", "/api/v1/nodes/n2"),
    node_asks("GET", "/api/v1/nodes"),
    ask("node", "GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dn1", content=False),
    node_asks("DELETE", "/api/v1/nodes/n1"),
    node_asks("GET", "/api/v1/nodes/n1/status"),
    node_asks("PATCH", "/api/v1/nodes/n1/status", {}),
    ask("node", "GET", f"{PODS}/bound", content=False),
    node_asks("GET", f"{PODS}/bound", user="other-node"),
    node_asks("GET", PODS),
    ask("node", "GET", f"{PODS}?fieldSelector=spec.nodeName%3Dn1", content=False),
    node_asks("GET", f"{PODS}?fieldSelector=spec.nodeName%3Dn2"),
    ask("node", "GET", f"{PODS}?fieldSelector=metadata.name%3Dbound", content=False),
    node_asks("GET", f"{PODS}?fieldSelector=metadata.name%3Dother"),
    node_asks("PUT", f"{PODS}/bound", {}),
    node_asks("DELETE", PODS),
    node_asks("GET", f"{PODS}/bound/log"),
    node_asks("POST", f"{CORE}/serviceaccounts/other/token", {}),
    node_asks("POST", f"{CORE}/serviceaccounts", {}),
    node_asks("GET", f"{CORE}/serviceaccounts"),
    node_asks("GET", "/api/v1/services", user="nobodys-node"),
    node_asks("GET", f"{CORE}/replicationcontrollers"),
    ask("node", "GET", "/api/v1/services", content=False),
    ask("admin", "DELETE", f"{PODS}/bound?gracePeriodSeconds=0", content=False),
    node_asks("GET", f"{CORE}/secrets/env"),
    node_asks("GET", "/api/v1/persistentvolumes/volume"),
    ask("admin", "DELETE", f"{STORAGE}/volumeattachments/attachment", content=False),
    node_asks("GET", f"{STORAGE}/volumeattachments/attachment"),
]

REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISU1IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVaVEJa"
    "TUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQkJqS2N3MG9CWGpyU256SlFCLzdFa2FQVlVtMTdkVzJraUU1Y0ZY"
    "ZVBxMzRxeGk5NkNtUnRZOUhvTWxhCmhXcDNXR0VtTFpiNXpLdkFQOWl5elhOcWQvMmdBREFLQmdncWhrak9QUVFEQWdOSEFE"
    "QkVBaUJVVzBUT3AvNXAKdDVnMUQwaTFYeGw3UnhkTXIvZXJVcDdoWkQ0MFpQM2pUd0lnSUdwMngza3JjMFJzZFBiKzZaNVZL"
    "WVlvY3d5UQoxTk05aWJPN2s1cGpuczA9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="
)
SIGNING_PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def certificate_request(name: str, signer: str) -> Document:
    """A certificate that somebody wants."""
    spec = {"request": REQUEST, "signerName": signer, "usages": ["client auth"]}
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": spec,
    }


def decided(user: str, name: str, path: str) -> Document:
    """Somebody approves."""
    patch = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "r"}]}}
    return ask(user, "PATCH", f"{SIGNING_PATH}/{name}/{path}", patch, type=MERGE, content=False)


def failed(name: str) -> Document:
    """A signer says that it has not signed."""
    condition = {"type": "Failed", "status": "True", "reason": "r"}
    patch = [{"op": "add", "path": "/status/conditions/-", "value": condition}]
    json_patch = "application/json-patch+json"
    return ask("erin", "PATCH", f"{SIGNING_PATH}/{name}/status", patch, type=json_patch, content=False)


def refused(request: Document) -> Document:
    """The same where the answer is of interest."""
    return {name: request[name] for name in request if name != "content"}


SIGNING: list[Document] = [
    made(
        CLUSTER_ROLES,
        role(
            "signing",
            rule(
                "get update patch",
                "certificatesigningrequests/approval certificatesigningrequests/status",
                "certificates.k8s.io",
            ),
            rule(
                "approve sign", "signers", "certificates.k8s.io", names="one.example.com/s two.example.com/*"
            ),
            kind="ClusterRole",
        ),
    ),
    made(CLUSTER_BINDINGS, binding("signing", "ClusterRole/signing", "User/erin", kind="ClusterRoleBinding")),
    *(
        {**made(SIGNING_PATH, certificate_request(name, f"{name}.example.com/s")), "content": False}
        for name in ("one", "two", "three")
    ),
    refused(decided("bob", "one", "approval")),
    decided("erin", "one", "approval"),
    decided("erin", "two", "approval"),
    refused(decided("erin", "three", "approval")),
    decided("admin", "three", "approval"),
    failed("one"),
    failed("two"),
    refused(failed("three")),
    ask(
        "erin",
        "PATCH",
        f"{SIGNING_PATH}/three/status",
        {"metadata": {"labels": {"a": "b"}}},
        type=MERGE,
        content=False,
    ),
]

REQUESTS = [*STRANGERS, *WORDS, *RULES, *REVIEWED, *ESCALATING, *POSING, *NODES, *SIGNING]
