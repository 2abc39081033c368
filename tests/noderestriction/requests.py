"""What nodes ask that may not do everything, in order: each request builds on those before it.

`{{n}}` in a path or a body is the uid in the answer to the request number n of the same table, which the sender puts in.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.rbac.requests import MERGE, Document, ask, made

TOKENS = """\
admintoken,admin,admin,"system:masters"
bobtoken,bob,bob,
nodetoken,system:node:n1,n1,"system:nodes"
othernodetoken,system:node:n2,n2,"system:nodes"
namelesstoken,system:node:,nameless,"system:nodes"
falsetoken,system:node:n1,false,
"""
USERS = {
    "admin": "admintoken",
    "bob": "bobtoken",
    "node": "nodetoken",
    "other": "othernodetoken",
    "nameless": "namelesstoken",
    "false": "falsetoken",
}

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
TOKENS_OF = f"{ACCOUNTS}/robot/token"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
OTHER_LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CSI_NODES = "/apis/storage.k8s.io/v1/csinodes"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
REQUESTED = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CONTAINERS = [{"name": "c", "image": "i"}]


def node(name: str = "n1", labels: Document | None = None, **spec: Any) -> Document:
    """A Node."""
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def patched(user: str, path: str, **changes: Any) -> Document:
    """A merge patch."""
    return ask(user, "PATCH", path, changes, type=MERGE)


def labelled(**labels: Any) -> Document:
    """A patch of labels of n1 by itself; `__` in a name is a slash, `_` a dot."""
    named = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return patched("node", f"{NODES}/n1", metadata={"labels": named})


def pod(name: str, on: str = "n1", **spec: Any) -> Document:
    """A pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": CONTAINERS,
            "automountServiceAccountToken": False,
            **({"nodeName": on} if on else {}),
            **spec,
        },
    }


OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "{{0}}", "controller": True}


def mirror(*owners: Document, on: str = "n1", **spec: Any) -> Document:
    """A mirror pod that n1 wants; nothing is written."""
    wanted = pod("mirror", on, **spec)
    wanted["metadata"] |= {"annotations": {"kubernetes.io/config.mirror": "x"}}
    if owners:
        wanted["metadata"]["ownerReferences"] = list(owners)
    return ask("node", "POST", f"{PODS}?dryRun=All", wanted)


def mounting(*volumes: Document) -> Document:
    """One with volumes."""
    return mirror(OWNER, volumes=[{"name": f"v{n}", **volume} for n, volume in enumerate(volumes)])


def projecting(source: Document) -> Document:
    """One with a projected volume."""
    return mounting({"projected": {"sources": [source]}})


def token(user: str, *audiences: str, path: str = TOKENS_OF, **bound: Any) -> Document:
    """A request for a token."""
    spec: Document = {"audiences": list(audiences)} | ({"boundObjectRef": bound} if bound else {})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return ask(user, "POST", path, body)


def bound(user: str, *audiences: str, name: str = "own", uid: str = "{{1}}", **more: Any) -> Document:
    """One bound to a pod."""
    return token(user, *audiences, apiVersion="v1", kind="Pod", name=name, uid=uid, **more)


def named(api: str, kind: str, name: str, **more: Any) -> Document:
    """A document with a name."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **more}


def lease(name: str) -> Document:
    """A lease."""
    return named("coordination.k8s.io/v1", "Lease", name, spec={"holderIdentity": name})


def csi_node(name: str) -> Document:
    """A CSINode."""
    return named("storage.k8s.io/v1", "CSINode", name, spec={"drivers": []})


def device_slice(name: str, **spec: Any) -> Document:
    """A slice of devices."""
    pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
    return named(
        "resource.k8s.io/v1", "ResourceSlice", name, spec={"driver": "d.example.com", "pool": pool, **spec}
    )


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(7, ec.SECP256R1())


def certificate(name: str, *groups: str) -> str:
    """A certificate request."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(_key(), hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def wanted(user: str, name: str, signer: str, request: str) -> Document:
    """A certificate that somebody wants."""
    usages = ["digital signature", "client auth"] + (["server auth"] if signer.endswith("serving") else [])
    if signer.endswith("serving"):
        usages.remove("client auth")
    spec = {"signerName": f"kubernetes.io/{signer}", "usages": usages, "request": request}
    body = named("certificates.k8s.io/v1", "CertificateSigningRequest", name, spec=spec)
    return ask(user, "POST", f"{REQUESTED}?dryRun=All", body)


def _pods() -> list[Document]:
    own, other, free = f"{PODS}/own", f"{PODS}/theirs", f"{PODS}/free"
    eviction = named("policy/v1", "Eviction", "own")
    return [
        ask("node", "POST", PODS, pod("plain")),
        mirror(),
        mirror(on="n2"),
        mirror(on=""),
        mirror(OWNER, OWNER | {"uid": "x"}),
        mirror(OWNER | {"kind": "Pod"}),
        mirror(OWNER | {"name": "n2"}),
        mirror(OWNER | {"apiVersion": "v2"}),
        mirror(OWNER | {"controller": False}),
        mirror(OWNER | {"blockOwnerDeletion": True}),
        mirror(OWNER | {"uid": "x"}),
        mirror(OWNER),
        mirror(OWNER, serviceAccountName="robot"),
        mirror(OWNER, imagePullSecrets=[{"name": "x"}]),
        mirror(OWNER, containers=[{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "x"}}]}]),
        mirror(OWNER, containers=[{"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": "x"}}]}]),
        mirror(OWNER, resourceClaims=[{"name": "r", "resourceClaimName": "x"}]),
        mounting({"hostPath": {"path": "/x"}}, {"emptyDir": {}}),
        mounting({"secret": {"secretName": "x"}}),
        mounting({"configMap": {"name": "x"}}),
        mounting({"csi": {"driver": "d"}}),
        mounting({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "x"}}}),
        mounting({"persistentVolumeClaim": {"claimName": "x"}}),
        mounting({"glusterfs": {"endpoints": "e", "path": "p"}}),
        mounting({"azureFile": {"secretName": "x", "shareName": "s"}}),
        projecting({"downwardAPI": {"items": []}}),
        projecting({"secret": {"name": "x"}}),
        projecting({"configMap": {"name": "x"}}),
        projecting({"serviceAccountToken": {"path": "t"}}),
        projecting({"clusterTrustBundle": {"name": "x", "path": "t"}}),
        projecting({}),
        ask("node", "PUT", own, pod("own")),
        patched("node", own, metadata={"labels": {"a": "b"}}),
        patched("node", f"{own}/status", status={"phase": "Running"}),
        patched("node", f"{own}/status", metadata={"labels": {"a": "b"}}),
        patched(
            "node",
            f"{own}/status",
            status={"resourceClaimStatuses": [{"name": "r", "resourceClaimName": "c"}]},
        ),
        patched("node", f"{other}/status", status={"phase": "Running"}),
        patched("node", f"{free}/status", status={"phase": "Running"}),
        patched("node", f"{PODS}/none/status", status={"phase": "Running"}),
        patched(
            "node", f"{own}/ephemeralcontainers", spec={"ephemeralContainers": [{"name": "e", "image": "i"}]}
        ),
        patched(
            "node",
            f"{own}/resize",
            spec={"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
        ),
        ask(
            "node",
            "POST",
            f"{free}/binding",
            named("v1", "Binding", "free", target={"kind": "Node", "name": "n1"}),
        ),
        ask("node", "POST", f"{other}/eviction", named("policy/v1", "Eviction", "theirs")),
        ask("node", "POST", f"{PODS}/none/eviction", named("policy/v1", "Eviction", "none")),
        ask("node", "POST", f"{own}/eviction?dryRun=All", eviction),
        ask("node", "DELETE", other),
        ask("node", "DELETE", free),
        ask("node", "DELETE", f"{PODS}/none"),
        ask("node", "DELETE", f"{own}?dryRun=All"),
        ask("nameless", "DELETE", other),
        ask("nameless", "POST", PODS, pod("plain")),
        ask("other", "POST", f"{PODS}?dryRun=All", mirror(OWNER | {"name": "n2"}, on="n2")["body"]),
    ]


def _nodes() -> list[Document]:
    n1 = f"{NODES}/n1"
    return [
        ask("node", "POST", NODES, node("n3")),
        ask("node", "POST", NODES, {**node(), "metadata": {"generateName": "n"}}),
        ask(
            "other",
            "POST",
            NODES,
            node("n2", {"node-restriction.kubernetes.io/a": "b", "x.k8s.io/y": "z", "a": "b"}),
        ),
        ask("other", "POST", f"{NODES}?dryRun=All", node("n2", {"kubernetes.io/os": "linux"})),
        patched("node", f"{NODES}/other", metadata={"labels": {"a": "b"}}),
        labelled(
            a="b",
            kubernetes_io__os="linux",
            node_kubernetes_io__x="y",
            a_kubelet_kubernetes_io__x="y",
            example_com__x="y",
        ),
        labelled(kubernetes_io__x="y"),
        labelled(x_kubernetes_io__x="y", k8s_io__z="z", a_node_restriction_kubernetes_io__x="y"),
        patched("node", n1, metadata={"labels": {"a.node-restriction.kubernetes.io/x": "y"}}),
        patched("node", n1, metadata={"labels": {"node-role.kubernetes.io/control-plane": ""}}),
        patched("node", n1, metadata={"labels": {"kubernetes.io/kept": None}}),
        patched("node", n1, metadata={"labels": {"kubernetes.io/os": None, "a": None}}),
        patched("node", f"{n1}/status", metadata={"labels": {"kubernetes.io/x": "y"}}),
        patched("node", f"{n1}/status", status={"nodeInfo": {"machineID": "m"}}),
        patched("node", n1, spec={"taints": [{"key": "a", "effect": "NoSchedule"}]}),
        patched("node", n1, spec={"taints": []}),
        patched(
            "node",
            n1,
            metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "y"}]},
        ),
        patched("node", n1, metadata={"annotations": {"a": "b"}}),
        patched("node", n1, spec={"unschedulable": True}),
        ask("node", "DELETE", f"{NODES}/other"),
        patched("nameless", n1, metadata={"labels": {"a": "c"}}),
        patched("false", n1, metadata={"labels": {"kubernetes.io/x": "y"}}),
        patched("bob", n1, metadata={"labels": {"kubernetes.io/z": "y"}}),
    ]


def _rest() -> list[Document]:
    claim, status = f"{CLAIMS}/claim", f"{CLAIMS}/claim/status"
    return [
        patched("node", claim, metadata={"labels": {"a": "b"}}),
        ask("node", "DELETE", claim),
        patched("node", status, status={"capacity": {"storage": "1Gi"}}),
        patched("node", status, metadata={"labels": {"a": "b"}}) | {"cut": True},
        patched("node", status, status={"phase": "Bound"}) | {"cut": True},
        patched("node", f"{CLAIMS}/none/status", status={"phase": "Bound"}),
        token("node"),
        token("node", apiVersion="v1", kind="Node", name="n1"),
        bound("node", uid=""),
        bound("node", uid="wrong"),
        bound("node", name="none", uid="x"),
        bound("node", name="theirs", uid="{{2}}"),
        bound("node", "a", "b"),
        bound("node", "vault"),
        bound("node", "driven"),
        bound("node", "claimed"),
        bound("node", "strange"),
        bound("node"),
        bound("node", "vault", name="broken", uid="{{4}}"),
        bound("node", "strange", name="broken", uid="{{4}}"),
        ask("node", "POST", OTHER_LEASES, lease("n1")),
        ask("node", "POST", LEASES, lease("n2")),
        ask("node", "POST", LEASES, lease("n1")),
        patched("node", f"{LEASES}/n1", metadata={"labels": {"a": "b"}}),
        ask("other", "DELETE", f"{LEASES}/n1"),
        ask("node", "DELETE", f"{LEASES}/n1"),
        ask("node", "POST", CSI_NODES, csi_node("n2")),
        ask("node", "POST", CSI_NODES, csi_node("n1")),
        patched("other", f"{CSI_NODES}/n1", metadata={"labels": {"a": "b"}}),
        ask("other", "DELETE", f"{CSI_NODES}/n1"),
        ask("node", "DELETE", f"{CSI_NODES}/n1"),
        ask("node", "POST", SLICES, device_slice("all", allNodes=True, devices=[])),
        ask("node", "POST", SLICES, device_slice("theirs", nodeName="n2", devices=[])),
        ask("node", "POST", SLICES, device_slice("own", nodeName="n1", devices=[])),
        ask("other", "DELETE", f"{SLICES}/own"),
        ask("other", "DELETE", SLICES),
        ask("other", "DELETE", LEASES),
        ask("other", "DELETE", CSI_NODES),
        ask("node", "DELETE", NODES),
        ask("node", "DELETE", PODS),
        ask("node", "DELETE", f"{SLICES}?fieldSelector=spec.nodeName%3Dn1"),
        wanted("node", "a", "kubelet-serving", certificate("system:node:n2", "system:nodes")),
        wanted("node", "a", "kube-apiserver-client-kubelet", certificate("system:node:n2", "system:nodes")),
        wanted("node", "a", "kube-apiserver-client-kubelet", certificate("system:node:n1", "system:nodes")),
        wanted("node", "a", "kubelet-serving", "bm8="),
        wanted("bob", "a", "kube-apiserver-client", certificate("bob", "dev")),
        wanted("admin", "a", "kube-apiserver-client", certificate("bob", "dev")),
        ask("node", "POST", "/api/v1/namespaces/default/configmaps", named("v1", "ConfigMap", "x")),
    ]


_VOLUMES: list[Document] = [
    {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}]}},
    {"name": "d", "csi": {"driver": "driver.example.com"}},
    {"name": "p", "persistentVolumeClaim": {"claimName": "claim"}},
    {"name": "d2", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
]


def _driver(name: str, audience: str) -> Document:
    return made(
        "/apis/storage.k8s.io/v1/csidrivers",
        named("storage.k8s.io/v1", "CSIDriver", name, spec={"tokenRequests": [{"audience": audience}]}),
    )


_SIZED = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
GROUND: list[Document] = [
    made(NODES, node("n1", {"kubernetes.io/kept": "x"}, taints=[{"key": "t", "effect": "NoSchedule"}])),
    made(PODS, pod("own", serviceAccountName="robot", volumes=_VOLUMES)),
    made(PODS, pod("theirs", "n2", serviceAccountName="robot")),
    made(PODS, pod("free", "")),
    made(PODS, pod("broken", serviceAccountName="robot", volumes=[_VOLUMES[0], {"name": "p", "persistentVolumeClaim": {"claimName": "none"}}])),
    made(NODES, node("other")),
    made(ACCOUNTS, named("v1", "ServiceAccount", "robot")),
    made(
        CLAIMS,
        named("v1", "PersistentVolumeClaim", "claim", spec={**_SIZED, "volumeName": "volume", "resources": {"requests": {"storage": "1Gi"}}}),
    ),
    made(
        "/api/v1/persistentvolumes",
        named(
            "v1",
            "PersistentVolume",
            "volume",
            spec={**_SIZED, "capacity": {"storage": "1Gi"}, "csi": {"driver": "claimed.example.com", "volumeHandle": "h"}},
        ),
    ),
    _driver("driver.example.com", "driven"),
    _driver("claimed.example.com", "claimed"),
    made("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", named(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "bob",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}],
    )),
]  # fmt: skip
_ALL: list[Document] = [
    *({**each, "ground": True} for each in GROUND), *_pods(), *_nodes(), *_rest(),
    wanted("bob", "a", "kube-apiserver-client", certificate("bob", "dev", "system:masters")) | {"only": "guarded"},
    wanted("admin", "a", "kube-apiserver-client", certificate("bob", "system:masters")) | {"only": "guarded"},
    ask("node", "DELETE", f"{NODES}/n1"),
    mirror(OWNER),
]  # fmt: skip
REQUESTS = {mode: [each for each in _ALL if each.get("only", mode) == mode] for mode in ("open", "guarded")}
"""By mode: where everybody may do everything, and with Node and RBAC."""
