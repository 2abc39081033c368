"""What is asked about service accounts and tokens, in order: each request builds on those before it."""

from __future__ import annotations

from typing import Any

CORE = "/api/v1/namespaces/acc"
REVIEWS = "/apis/authentication.k8s.io/v1"
POD = {"containers": [{"name": "c", "image": "i"}]}
ISSUER = "https://kubernetes.default.svc"

Document = dict[str, Any]


def ask(method: str, path: str, body: Any = None, **more: Any) -> Document:
    """A request."""
    more = {name.rstrip("_"): value for name, value in more.items()}
    return {"method": method, "path": path, **({} if body is None else {"body": body}), **more}


def made(plural: str, kind: str, name: str, keep: str = "", **more: Any) -> Document:
    """The creation of an object, whose uid is kept under a name."""
    metadata = {"name": name, **more.pop("metadata", {})}
    body = {"kind": kind, "apiVersion": "v1", "metadata": metadata, **more}
    kept = {"keep": {keep: "metadata.uid"}} if keep else {}
    return ask(
        "POST", f"/api/v1/{plural}" if kind in {"Node", "Namespace"} else f"{CORE}/{plural}", body, **kept
    )


def token(
    keep: str = "", account: str = "robot", query: str = "", metadata: Any = None, **spec: Any
) -> Document:
    """A TokenRequest; the token is kept."""
    body: Document = {"spec": spec} if metadata is None else {"spec": spec, "metadata": metadata}
    kept = {"keep": {keep: "status.token"}} if keep else {}
    return ask("POST", f"{CORE}/serviceaccounts/{account}/token{query}", body, **kept)


def bound(
    kind: str, name: str, keep: str = "", account: str = "robot", uid: str = "", **spec: Any
) -> Document:
    """A request for a bound token."""
    reference = {"kind": kind, "apiVersion": "v1", "name": name, **({"uid": uid} if uid else {})}
    return token(keep, account, boundObjectRef=reference, **spec)


def review(text: str, *audiences: str) -> Document:
    """A TokenReview of a kept token."""
    spec: Document = {"token": text}
    if audiences:
        spec["audiences"] = list(audiences)
    return ask(
        "POST",
        f"{REVIEWS}/tokenreviews",
        {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": spec},
    )


def whoami(text: str) -> Document:
    """Who the bearer of a kept token is."""
    body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    return ask("POST", f"{REVIEWS}/selfsubjectreviews", body, as_=text)


def forge(name: str, of: str = "plain", **more: Any) -> Document:
    """A token made of a kept one."""
    return {"forge": name, "from": of, **more}


def judged(name: str, *audiences: str, of: str = "plain", **more: Any) -> list[Document]:
    """A forged token, used and reviewed."""
    text = "{{" + name + "}}"
    return [forge(name, of, **more), whoami(text), review(text, *audiences)]


def pod(name: str, spec: Document | None = None, **more: Any) -> Document:
    """The creation of a pod."""
    return made("pods", "Pod", name, spec={**POD, **(spec or {})}, **more)


MIRROR = {"annotations": {"kubernetes.io/config.mirror": "m"}}
ENV = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k"}}}

TOKENS: list[Document] = [
    made("namespaces", "Namespace", "acc"),
    made("serviceaccounts", "ServiceAccount", "default"),
    made("serviceaccounts", "ServiceAccount", "robot", "robot"),
    made("nodes", "Node", "n1", "node"),
    made("secrets", "Secret", "s1", "secret"),
    pod("p1", {"serviceAccountName": "robot", "nodeName": "n1"}, keep="pod"),
    pod("p2", {"serviceAccountName": "robot"}),
    pod("p3", {"serviceAccountName": "robot", "nodeName": "none"}),
    pod("p4"),
    token("plain"),
    token("others", audiences=["a", "b"], expirationSeconds=600),
    token("both", audiences=["a", ISSUER]),
    token(expirationSeconds=599),
    token(expirationSeconds=0),
    token(expirationSeconds=-1),
    token(expirationSeconds=4294967296),
    token(expirationSeconds=4294967297),
    token(expirationSeconds=3607),
    token(expirationSeconds="600"),
    token(audiences="a"),
    token(audiences=[]),
    token(audiences=["", "a"]),
    token(audiences=["a", "a"]),
    token(bogus=1),
    token(query="?fieldValidation=Strict", bogus=1),
    token(query="?dryRun=All"),
    token(query="?dryRun=Some"),
    token(account="none"),
    token(metadata={"name": "robot", "namespace": "acc", "labels": {"a": "b"}, "annotations": {"c": "d"}}),
    token(metadata={"name": "other"}),
    token(metadata={"namespace": "other"}),
    token(metadata={"generateName": "x", "uid": "u", "resourceVersion": "7", "finalizers": ["a/b"]}),
    ask("POST", f"{CORE}/serviceaccounts/robot/token", {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}, "status": {"token": "t"}}),
    ask("POST", f"{CORE}/serviceaccounts/robot/token", {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1beta1"}),
    ask("POST", f"{CORE}/serviceaccounts/robot/token", {"kind": "Pod", "apiVersion": "v1"}),
    ask("POST", f"{CORE}/serviceaccounts/robot/token", {}),
    ask("POST", f"{CORE}/serviceaccounts/none/token", {"spec": {"expirationSeconds": 1}}),
    ask("GET", f"{CORE}/serviceaccounts/robot/token"),
    ask("PUT", f"{CORE}/serviceaccounts/robot/token", {}),
    bound("Pod", "p1", "ofpod"),
    bound("Pod", "p1", uid="{{pod}}"),
    bound("Pod", "p1", uid="other"),
    bound("Pod", "p1", expirationSeconds=3607, audiences=[ISSUER], keep="extended"),
    bound("Pod", "p1", expirationSeconds=3607, audiences=["a"]),
    bound("Pod", "p1", expirationSeconds=3607, audiences=["a", ISSUER]),
    bound("Pod", "p2", "unplaced"),
    bound("Pod", "p3", "astray"),
    bound("Pod", "p4"),
    bound("Pod", "none"),
    bound("Pod", ""),
    bound("Secret", "s1", "ofsecret"),
    bound("Secret", "s1", uid="{{pod}}"),
    bound("Secret", "none"),
    bound("Node", "n1", "ofnode"),
    bound("Node", "n1", uid="other"),
    bound("Node", "none"),
    bound("ConfigMap", "c"),
    bound("", "c"),
    token(boundObjectRef={"kind": "Deployment", "apiVersion": "apps/v1", "name": "d"}),
    token(boundObjectRef={"kind": "Pod", "apiVersion": "v2", "name": "p1"}),
    token(boundObjectRef={"kind": "Pod", "apiVersion": "a/b/c", "name": "p1"}),
    token(boundObjectRef={"kind": "Pod", "name": "p1"}),
    token(boundObjectRef={}),
]  # fmt: skip

USED: list[Document] = [
    *(whoami("{{" + name + "}}") for name in ("plain", "others", "both", "ofpod", "extended", "unplaced", "astray", "ofsecret", "ofnode")),
    *(review("{{" + name + "}}") for name in ("plain", "others", "both", "ofpod", "extended", "unplaced", "astray", "ofsecret", "ofnode")),
    review("{{others}}", "a"),
    review("{{others}}", "b", "a", "c"),
    review("{{others}}", ISSUER),
    review("{{both}}", "x"),
    review("{{plain}}", "x", ISSUER),
    review("nonsense"),
    review("nonsense", "a"),
    review("a.b.c"),
    review(""),
    ask("GET", "/api/v1/namespaces", as_="a.b.c"),
    ask("GET", "/api/v1/namespaces", as_=""),
    *judged("expired", shift={"exp": -70, "nbf": -4000, "iat": -4000}),
    *judged("ending", shift={"exp": -30, "nbf": -4000, "iat": -4000}),
    *judged("early", shift={"nbf": 70}),
    *judged("soon", shift={"nbf": 30}),
    *judged("issued", shift={"iat": 70}),
    *judged("timeless", claims={"exp": None, "nbf": None, "iat": None}),
    *judged("foreign", claims={"iss": "https://example.com"}),
    *judged("unsigned", header={"alg": "none"}),
    *judged("rs", header={"alg": "RS256"}),
    *judged("hs", header={"alg": "HS256"}),
    *judged("es384", header={"alg": "ES384"}),
    *judged("stranger", key="other"),
    *judged("nokid", header={"kid": None}),
    *judged("badkid", header={"kid": "other"}),
    *judged("extra", header={"typ": "JWT"}),
    *judged("crit", header={"crit": ["x"], "x": 1}),
    *judged("cut", text="{head}.{body}.AAAA"),
    *judged("nosignature", text="{head}.{body}."),
    *judged("padded", text="{head}.{body}.{signature}=="),
    *judged("textaud", claims={"aud": ISSUER}),
    *judged("noaud", claims={"aud": None}),
    *judged("numberaud", claims={"aud": 1}),
    *judged("nosub", claims={"sub": None}),
    *judged("othersub", claims={"sub": "system:serviceaccount:acc:default"}),
    *judged("nojti", claims={"jti": None}),
    *judged("nons", claims={"kubernetes.io": None}),
    *judged("absent", claims={"kubernetes.io": {"namespace": "acc", "serviceaccount": {"name": "none", "uid": "u"}}}),
    *judged("otheruid", claims={"kubernetes.io": {"namespace": "acc", "serviceaccount": {"name": "robot", "uid": "u"}}}),
    *judged("otherpod", claims={"kubernetes.io": {"namespace": "acc", "serviceaccount": {"name": "robot", "uid": "{{robot}}"}, "pod": {"name": "p1", "uid": "u"}}}),
    *judged("nopod", claims={"kubernetes.io": {"namespace": "acc", "serviceaccount": {"name": "robot", "uid": "{{robot}}"}, "pod": {"name": "none", "uid": "u"}}}),
    *judged("othernode", claims={"kubernetes.io": {"namespace": "acc", "serviceaccount": {"name": "robot", "uid": "{{robot}}"}, "node": {"name": "n1", "uid": "u"}}}),
    *judged("textual", claims={"exp": "soon"}),
    *judged("fraction", claims={"nbf": 1.5, "iat": 2e9 - 1e9}),
    *judged("issuerless", claims={"iss": None}),
]  # fmt: skip

LEGACY = {
    "iss": "kubernetes/serviceaccount",
    "sub": "system:serviceaccount:acc:robot",
    "kubernetes.io/serviceaccount/namespace": "acc",
    "kubernetes.io/serviceaccount/secret.name": "old",
    "kubernetes.io/serviceaccount/service-account.name": "robot",
    "kubernetes.io/serviceaccount/service-account.uid": "{{robot}}",
    **dict.fromkeys(("aud", "exp", "iat", "nbf", "jti", "kubernetes.io")),
}
FIELD = "kubernetes.io/serviceaccount/"


def secret(name: str, of: str, labels: Document | None = None) -> Document:
    """A secret that holds a kept token, as kube-controller-manager fills them."""
    annotations = {"kubernetes.io/service-account.name": "robot"}
    metadata = {"annotations": annotations, "labels": labels or {}}
    return made(
        "secrets",
        "Secret",
        name,
        type="kubernetes.io/service-account-token",
        metadata=metadata,
        stringData={"token": of},
    )


OLD: list[Document] = [
    *judged("unstored", claims=LEGACY),
    {"forge": "old", "from": "plain", "claims": LEGACY},
    secret("old", "{{old}}"),
    whoami("{{old}}"),
    review("{{old}}"),
    review("{{old}}", "a"),
    *judged("another", claims=LEGACY),
    *judged("subless", claims={**LEGACY, "sub": None}),
    *judged("badsub", claims={**LEGACY, "sub": "system:serviceaccount:acc:other"}),
    *judged("namespaceless", claims={**LEGACY, f"{FIELD}namespace": None}),
    *judged("secretless", claims={**LEGACY, f"{FIELD}secret.name": None}),
    *judged("nameless", claims={**LEGACY, f"{FIELD}service-account.name": None}),
    *judged("uidless", claims={**LEGACY, f"{FIELD}service-account.uid": None}),
    forge("marked", claims={**LEGACY, f"{FIELD}secret.name": "marked"}),
    secret("marked", "{{marked}}", {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}),
    whoami("{{marked}}"),
    review("{{marked}}"),
]  # fmt: skip

HEADERS = ["Content-Type", "Cache-Control"]
OPENID: list[Document] = [
    ask("GET", "/.well-known/openid-configuration", headers=HEADERS),
    ask("GET", "/.well-known/openid-configuration/", headers=HEADERS),
    ask("GET", "/.well-known/openid-configuration", accept="text/html", headers=HEADERS),
    ask("GET", "/openid/v1/jwks", accept="*/*", headers=HEADERS),
    ask("GET", "/openid/v1/jwks", accept="application/json", headers=HEADERS),
    ask("GET", "/openid/v1/jwks", accept="application/jwk-set+json", headers=HEADERS),
    ask("GET", "/openid/v1/jwks", accept="text/html", headers=HEADERS),
    ask("POST", "/openid/v1/jwks", {}, accept="*/*"),
    ask("DELETE", "/.well-known/openid-configuration", headers=HEADERS),
    ask("GET", "/openid/v1", headers=HEADERS),
    ask("GET", "/.well-known", headers=HEADERS),
    ask("GET", "/openid/v1/jwks/x", headers=HEADERS),
    ask("GET", "/openid/v1/jwks", as_="", headers=HEADERS),
]

_MOUNT = {"name": "v", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
_SECRETS = {"volumes": [{"name": "v", "secret": {"secretName": "s1"}}]}
STRICT = {"serviceAccountName": "strict"}
ADMITTED: list[Document] = [
    pod("a1"),
    pod("a2", {"serviceAccountName": "none"}),
    pod("a3", {"automountServiceAccountToken": False}),
    made("serviceaccounts", "ServiceAccount", "quiet", automountServiceAccountToken=False, imagePullSecrets=[{"name": "pull"}]),
    pod("a4", {"serviceAccountName": "quiet"}),
    pod("a5", {"serviceAccountName": "quiet", "automountServiceAccountToken": True, "imagePullSecrets": [{"name": "mine"}]}),
    pod("a6", {"serviceAccount": "robot"}),
    pod("a7", {"initContainers": [{"name": "i", "image": "i"}], "volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c", "image": "i", "volumeMounts": [_MOUNT]}, {"name": "d", "image": "i", "volumeMounts": [{**_MOUNT, "mountPath": "/x"}]}]}),
    pod("a8", {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c", "image": "i", "volumeMounts": [_MOUNT]}]}),
    pod("a9", {"volumes": [{"name": "kube-api-access-mine", "emptyDir": {}}]}),
    pod("m1", {"nodeName": "n1"}, metadata=MIRROR),
    pod("m2", {"nodeName": "n1", "serviceAccountName": "robot"}, metadata=MIRROR),
    pod("m3", {"nodeName": "n1", **_SECRETS}, metadata=MIRROR),
    pod("m4", {"nodeName": "n1", "volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}, metadata=MIRROR),
    pod("m5", {"nodeName": "n1", "imagePullSecrets": [{"name": "x"}]}, metadata=MIRROR),
    pod("m6", {"nodeName": "n1", "containers": [{"name": "c", "image": "i", "env": [ENV]}]}, metadata=MIRROR),
    pod("m7", {"nodeName": "n1", "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "t"}}]}}]}, metadata=MIRROR),
    made("serviceaccounts", "ServiceAccount", "strict", metadata={"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}, secrets=[{"name": "s2"}], imagePullSecrets=[{"name": "pull"}]),
    pod("s1", STRICT),
    pod("s2", {**STRICT, **_SECRETS}),
    pod("s3", {**STRICT, "volumes": [{"name": "v", "secret": {"secretName": "s2"}}]}),
    pod("s4", {**STRICT, "containers": [{"name": "c", "image": "i", "env": [ENV]}]}),
    pod("s5", {**STRICT, "initContainers": [{"name": "i", "image": "i", "env": [ENV]}]}),
    pod("s6", {**STRICT, "imagePullSecrets": [{"name": "mine"}]}),
    pod("s7", {**STRICT, "containers": [{"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": "s1"}}]}]}),
    made("pods", "Pod", "", metadata={"generateName": "g-"}, spec={**POD, "serviceAccountName": "none"}),
    ask("PATCH", f"{CORE}/pods/s1", {"metadata": {"labels": {"a": "b"}}}, type="application/merge-patch+json"),
    ask("PATCH", f"{CORE}/pods/s1/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "i", "env": [ENV]}]}}, type="application/strategic-merge-patch+json"),
    ask("PATCH", f"{CORE}/pods/s1/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}, type="application/strategic-merge-patch+json"),
    ask("POST", "/api/v1/namespaces/none/pods", {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": POD}),
]  # fmt: skip


def ends(name: str, path: str, body: Document | None = None) -> list[Document]:
    """A kept token that nobody has used, after what it is bound to was deleted."""
    text = "{{" + name + "}}"
    return [ask("DELETE", path, body), {**whoami(text), "until": 401}, review(text)]


NOW = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
ENDED: list[Document] = [
    made("secrets", "Secret", "e1"),
    bound("Secret", "e1", "e1"),
    *ends("e1", f"{CORE}/secrets/e1"),
    made("nodes", "Node", "e2"),
    bound("Node", "e2", "e2"),
    *ends("e2", "/api/v1/nodes/e2"),
    pod("e3", {"serviceAccountName": "robot", "nodeName": "n1"}),
    bound("Pod", "e3", "e3"),
    ask("DELETE", f"{CORE}/pods/e3"),
    review("{{e3}}"),
    bound("Pod", "e3", "late"),
    review("{{late}}"),
    *ends("e3", f"{CORE}/pods/e3", NOW),
    made("serviceaccounts", "ServiceAccount", "e4"),
    token("e4", "e4"),
    *ends("e4", f"{CORE}/serviceaccounts/e4"),
    made("serviceaccounts", "ServiceAccount", "e4"),
    forge("again", "e4", claims={"jti": "again"}),
    whoami("{{again}}"),
    review("{{again}}"),
]

REQUESTS: list[Document] = [*TOKENS, *USED, *OLD, *OPENID, *ADMITTED, *ENDED]
