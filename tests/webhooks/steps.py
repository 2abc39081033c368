"""What is asked of a server with webhooks, in order: each step builds on those before it.

A webhook of the two big configurations is meant by the label `case` of an object. `{hook}` and `{ca}` stand for the webhook server's address and
authority. What changes the configurations is marked `settles`: kube-apiserver takes a moment to hear of it.
"""

from __future__ import annotations

from typing import Any

from tests.webhooks.behaviours import BEHAVIOURS

Document = dict[str, Any]
Step = dict[str, Any]

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
API = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{API}/mutatingwebhookconfigurations"
VALIDATING = f"{API}/validatingwebhookconfigurations"
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SCALERS = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
WIDGETS = "/apis/hooks.example.com/{}/namespaces/default/widgets"
RULE: Document = {
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "operations": ["*"],
    "resources": [
        "configmaps",
        "pods",
        "pods/*",
        "deployments",
        "deployments/*",
        "namespaces",
        "widgets",
        "widgets/*",
        "nodes",
    ],
}


def webhook(path: str, name: str | None = None, **changes: Any) -> Document:
    """A webhook at a path of the server; None takes a member away."""
    plain: Document = {
        "name": f"{path.rpartition('/')[2]}.example.com" if name is None else name,
        "clientConfig": {"url": "{hook}" + path, "caBundle": "{ca}"},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **changes,
    }
    return {member: value for member, value in plain.items() if value is not None}


def case(path: str, label: str = "", **changes: Any) -> Document:
    """The same, for objects with the label `case`, which is the path's end where it is not said."""
    label = label or path.rpartition("/")[2]
    chosen = {"name": f"{label}.example.com", "objectSelector": {"matchLabels": {"case": label}}, **changes}
    return webhook(path, **chosen)


def configuration(kind: str, name: str, *webhooks: Document) -> Document:
    """A configuration of a kind (Mutating, Validating)."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(webhooks),
    }


def step(method: str, path: str, body: Any = None, **more: Any) -> Step:
    """One request; `more` are type, settles, until."""
    return {"method": method, "path": path, **({"body": body} if body is not None else {}), **more}


def config_map(name: str, label: str = "", **more: Any) -> Document:
    """A ConfigMap with the label `case`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **({"labels": {"case": label}} if label else {})},
        "data": {"a": "b"},
        **more,
    }


def pod(name: str, label: str) -> Document:
    """A pod with the label `case`."""
    return {
        "metadata": {"name": name, "labels": {"case": label}},
        "spec": {"containers": [{"name": "main", "image": "image"}]},
    }


def deployment(name: str, label: str) -> Document:
    """A deployment with the label `case`."""
    return {
        "metadata": {"name": name, "labels": {"case": label}},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "main", "image": "i"}]},
            },
        },
    }


def scaler(version: str, name: str, label: str) -> Document:
    """A HorizontalPodAutoscaler of a version with the label `case`."""
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "labels": {"case": label}},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"},
        },
    }


# --- what may be stored

_BAD: dict[str, Any] = {
    "no-name": webhook("/v/allow", name=""),
    "short-name": webhook("/v/allow", name="short.com"),
    "bad-name": webhook("/v/allow", name="Not_A.Good.Name"),
    "no-client": webhook("/v/allow", clientConfig={}),
    "both-clients": webhook(
        "/v/allow", clientConfig={"url": "https://x/y", "service": {"namespace": "a", "name": "b"}}
    ),
    "http": webhook("/v/allow", clientConfig={"url": "http://x/y"}),
    "no-scheme": webhook("/v/allow", clientConfig={"url": "x/y"}),
    "no-host": webhook("/v/allow", clientConfig={"url": "https:///y"}),
    "bad-url": webhook("/v/allow", clientConfig={"url": "https://x:y:z/%zz"}),
    "query": webhook("/v/allow", clientConfig={"url": "https://user@x/y?q=1#f"}),
    "service": webhook(
        "/v/allow", clientConfig={"service": {"namespace": "", "name": "", "port": 70000, "path": "a//b"}}
    ),
    "service-path": webhook(
        "/v/allow", clientConfig={"service": {"namespace": "n", "name": "s", "path": "/a//b_/.."}}
    ),
    "service-slash": webhook(
        "/v/allow", clientConfig={"service": {"namespace": "n", "name": "s", "path": "/", "port": 0}}
    ),
    "ca": webhook("/v/allow", clientConfig={"url": "https://x/y", "caBundle": "bm8gUEVN"}),
    "no-side-effects": webhook("/v/allow", sideEffects=None),
    "side-effects": webhook("/v/allow", sideEffects="Some"),
    "no-versions": webhook("/v/allow", admissionReviewVersions=[]),
    "versions": webhook("/v/allow", admissionReviewVersions=["v7", "V8", "v7"]),
    "timeout": webhook("/v/allow", timeoutSeconds=31),
    "timeout-0": webhook("/v/allow", timeoutSeconds=0),
    "policy": webhook("/v/allow", failurePolicy="Maybe", matchPolicy="Roughly"),
    "rules-empty": webhook("/v/allow", rules=[{}]),
    "rules-ops": webhook(
        "/v/allow", rules=[{**RULE, "operations": ["*", "CREATE"]}, {**RULE, "operations": ["PATCH"]}]
    ),
    "rules-stars": webhook(
        "/v/allow", rules=[{**RULE, "apiGroups": ["*", "a"], "apiVersions": ["*", "v1"], "scope": "Some"}]
    ),
    "rules-blank": webhook("/v/allow", rules=[{**RULE, "apiVersions": ["", "v1"], "resources": [""]}]),
    "rules-resources": webhook(
        "/v/allow",
        rules=[{**RULE, "resources": ["*/*", "pods", "pods/*", "pods/status", "*/status", "a/b/c", "*"]}],
    ),
    "rules-more": webhook("/v/allow", rules=[{**RULE, "resources": ["pods/*", "pods/status", "*", "pods"]}]),
    "selectors": webhook(
        "/v/allow",
        namespaceSelector={"matchLabels": {"no good!": "x"}},
        objectSelector={"matchExpressions": [{"key": "a", "operator": "In"}]},
    ),
    "conditions": webhook(
        "/v/allow",
        matchConditions=[
            {"name": "", "expression": "true"},
            {"name": "no good!", "expression": ""},
            {"name": "twice", "expression": "object.x +"},
            {"name": "twice", "expression": "1 + 1"},
        ],
    ),
    "conditions-names": webhook(
        "/v/allow", matchConditions=[{"name": "a", "expression": "nothing.there == 1"}]
    ),
}


def _validation() -> list[Step]:
    steps = [
        step("POST", VALIDATING, configuration("Validating", f"bad-{name}", bad))
        for name, bad in _BAD.items()
    ]
    steps += [
        step(
            "POST", VALIDATING, configuration("Validating", "twice", webhook("/v/allow"), webhook("/v/allow"))
        ),
        step("POST", MUTATING, configuration("Mutating", "twice", webhook("/m/allow"), webhook("/m/allow"))),
        step(
            "POST",
            MUTATING,
            configuration("Mutating", "policy", webhook("/m/allow", reinvocationPolicy="Often")),
        ),
        step(
            "POST",
            MUTATING,
            configuration("Mutating", "mutating", webhook("/m/allow", sideEffects=None, timeoutSeconds=99)),
        ),
        step("POST", MUTATING, configuration("Mutating", "Bad_Name")),
        step("POST", VALIDATING, configuration("Validating", "good", webhook("/v/allow", rules=[]))),
        step(
            "POST",
            VALIDATING,
            configuration(
                "Validating",
                "service",
                webhook("/v/allow", rules=None, clientConfig={"service": {"namespace": "n", "name": "s"}}),
            ),
        ),
        step(
            "PATCH",
            f"{VALIDATING}/good",
            [{"op": "add", "path": "/webhooks/0/sideEffects", "value": "Some"}],
            type=JSON,
        ),
        step(
            "PATCH",
            f"{VALIDATING}/good",
            [{"op": "add", "path": "/webhooks/0/timeoutSeconds", "value": 30}],
            type=JSON,
        ),
        step(
            "PATCH",
            f"{VALIDATING}/good",
            [
                {
                    "op": "add",
                    "path": "/webhooks/0/matchConditions",
                    "value": [{"name": "x", "expression": "1"}],
                }
            ],
            type=JSON,
        ),
        step("GET", f"{VALIDATING}/good"),
        step("GET", f"{VALIDATING}/bad-ca"),
        step("DELETE", f"{VALIDATING}/good"),
        step("DELETE", VALIDATING, settles=True),
        step("DELETE", MUTATING, settles=True),
    ]
    return steps


# --- what they do

_ONLY = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"]}
_SPECIAL_MUTATING: list[Document] = [
    case("/m/once-a", "two", name="two-a.example.com"),
    case("/m/once-b", "two", name="two-b.example.com"),
    case("/m/once-a", "again", name="again-a.example.com", reinvocationPolicy="IfNeeded"),
    case("/m/once-b", "again", name="again-b.example.com"),
    case("/m/once-c", "again", name="again-c.example.com", reinvocationPolicy="IfNeeded"),
    case("/m/a", "counting", name="counting-a.example.com", reinvocationPolicy="IfNeeded"),
    case("/m/b", "counting", name="counting-b.example.com", reinvocationPolicy="IfNeeded"),
    case("/m/label", "beta", admissionReviewVersions=["v9", "v1beta1", "v1"]),
    case("/m/deny-message", "beta-deny", admissionReviewVersions=["v1beta1"]),
    case("/m/label", "dry", sideEffects="NoneOnDryRun"),
    case("/m/allow", "refused", clientConfig={"url": "https://127.0.0.1:1/x", "caBundle": "{ca}"}),
    case("/m/allow", "refused-ignored", clientConfig={"url": "https://127.0.0.1:1/x", "caBundle": "{ca}"}, failurePolicy="Ignore"),
    case("/m/allow", "strange", clientConfig={"url": "{hook}/m/allow"}),
    case("/m/allow", "service", clientConfig={"service": {"namespace": "default", "name": "not-there", "path": "/m/allow"}, "caBundle": "{ca}"}),
    case("/m/allow", "service-port", clientConfig={"service": {"namespace": "default", "name": "kubernetes", "port": 99, "path": "/m/allow"}, "caBundle": "{ca}"}),
    case("/m/500", "500-ignored", failurePolicy="Ignore"),
    case("/m/garbage", "garbage-ignored", failurePolicy="Ignore"),
    case("/m/patch-garbage", "patch-garbage-ignored", failurePolicy="Ignore"),
    case("/m/uid", "uid-ignored", failurePolicy="Ignore"),
    case("/m/deny", "deny-ignored", failurePolicy="Ignore"),
    case("/m/label", "exact", matchPolicy="Exact", rules=[{"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}]),
    case("/m/target", "equivalent", rules=[{"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}]),
    case("/m/label", "widget-v1", rules=[{"operations": ["*"], "apiGroups": ["hooks.example.com"], "apiVersions": ["v1"], "resources": ["widgets"]}]),
    case("/m/deny", "cluster", rules=[{**RULE, "scope": "Cluster"}]),
    case("/m/deny", "namespaced", rules=[{**RULE, "scope": "Namespaced"}]),
    case("/m/deny", "updates", rules=[{**RULE, "operations": ["UPDATE"]}]),
    case("/m/deny", "deletes", rules=[{**RULE, "operations": ["DELETE"]}]),
    case("/m/deny", "statuses", rules=[{**RULE, "resources": ["*/status"]}]),
    case("/m/deny", "marked", namespaceSelector={"matchLabels": {"marked": "yes"}}),
    case("/m/deny", "true", matchConditions=[{"name": "yes", "expression": "request.operation == 'CREATE' && object.data.a == 'b'"}]),
    case("/m/deny", "false", matchConditions=[{"name": "no", "expression": "request.userInfo.username != 'admin'"}, {"name": "broken", "expression": "object.nothing.there == 1"}]),
    case("/m/deny", "broken", matchConditions=[{"name": "broken", "expression": "object.nothing.there == 1"}]),
    case("/m/deny", "broken-ignored", failurePolicy="Ignore", matchConditions=[{"name": "broken", "expression": "object.nothing.there == 1"}]),
]  # fmt: skip
_SPECIAL_VALIDATING: list[Document] = [
    case("/v/deny-message", "beta", admissionReviewVersions=["v1beta1"]),
    case("/v/allow", "refused", clientConfig={"url": "https://127.0.0.1:1/x", "caBundle": "{ca}"}),
    case("/v/500", "500-ignored", failurePolicy="Ignore"),
    case("/v/uid", "uid-ignored", failurePolicy="Ignore"),
    case("/v/deny", "deny-ignored", failurePolicy="Ignore"),
    case("/v/allow", "watched"),
    case("/v/deny-code", "deletes", rules=[{**RULE, "operations": ["DELETE"]}]),
    case(
        "/v/deny", "broken", matchConditions=[{"name": "broken", "expression": "object.nothing.there == 1"}]
    ),
    case(
        "/v/deny",
        "old",
        matchConditions=[{"name": "old", "expression": "oldObject != null && oldObject.data.a == 'b'"}],
    ),
]


def _named(prefix: str, labels: set[str]) -> list[str]:
    return [
        path for path in BEHAVIOURS if path.startswith(prefix) and path.removeprefix(prefix) not in labels
    ]


def _label(hook: Document) -> str:
    found: str = hook["objectSelector"]["matchLabels"]["case"]
    return found


def _both() -> list[Step]:
    mutating = _SPECIAL_MUTATING + [
        case(path) for path in _named("/m/", {"a", "b", "c", "once-a", "once-b", "once-c"})
    ]
    validating = _SPECIAL_VALIDATING + [case(path, f"v-{path[3:]}") for path in _named("/v/", set())]
    return [
        step("POST", MUTATING, configuration("Mutating", "cases", *mutating), settles=True),
        step("POST", VALIDATING, configuration("Validating", "cases", *validating), settles=True),
    ]


def _creations() -> list[Step]:
    """One object for each case."""
    cases = [_label(each) for each in _SPECIAL_MUTATING + _SPECIAL_VALIDATING]
    cases += [path[3:] for path in _named("/m/", {"a", "b", "c", "once-a", "once-b", "once-c"})]
    cases += [f"v-{path[3:]}" for path in _named("/v/", set())]
    skipped = {
        "exact",
        "equivalent",
        "widget-v1",
        "sidecar",
        "replicas",
        "colour",
        "wrong-colour",
        "target",
        "cluster",
        "marked",
    }
    return [
        step("POST", MAPS, config_map(f"case-{name}", name))
        for name in dict.fromkeys(cases)
        if name not in skipped
    ]


def _life() -> list[Step]:
    """An object from its creation to its end, by every verb."""
    one, label = f"{MAPS}/one", {"metadata": {"labels": {"case": "watched", "x": "y"}}}
    return [
        step("POST", MAPS, config_map("one", "watched")),
        step("POST", MAPS, config_map("one", "watched")),
        step("POST", MAPS, {"metadata": {"generateName": "gen-", "labels": {"case": "watched"}}}),
        step("POST", f"{MAPS}?dryRun=All&fieldManager=me&fieldValidation=Strict", config_map("dry", "dry")),
        step("PUT", one, config_map("one", "watched", data={"a": "c"})),
        step(
            "PUT",
            one,
            {
                **config_map("one", "watched"),
                "metadata": {"name": "one", "resourceVersion": "1", "labels": {"case": "watched"}},
            },
        ),
        step("PUT", f"{one}?dryRun=All", config_map("one", "label", data={"a": "d"})),
        step("PATCH", one, label, type=MERGE),
        step("PATCH", one, [{"op": "add", "path": "/data/j", "value": "k"}], type=JSON),
        step("PATCH", one, {"data": {"s": "t"}}, type=STRATEGIC),
        step(
            "PATCH",
            f"{one}?fieldManager=me&force=true",
            config_map("one", "watched", data={"a": "z"}),
            type=APPLY,
        ),
        step("PATCH", f"{MAPS}/applied?fieldManager=me", config_map("applied", "label"), type=APPLY),
        step(
            "PATCH",
            f"{MAPS}/applied?fieldManager=me",
            config_map("applied", "label", data={"a": "z"}),
            type=APPLY,
        ),
        step("PUT", f"{MAPS}/not-there", config_map("not-there", "watched")),
        step("PATCH", f"{MAPS}/not-there", label, type=MERGE),
        step("DELETE", f"{MAPS}/not-there"),
        step("DELETE", f"{one}?dryRun=All"),
        step(
            "DELETE",
            one,
            {
                "gracePeriodSeconds": 3,
                "propagationPolicy": "Background",
                "preconditions": {"resourceVersion": "1"},
            },
        ),
        step(
            "DELETE",
            one,
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "gracePeriodSeconds": 3,
                "propagationPolicy": "Background",
            },
        ),
        step("DELETE", f"{MAPS}?labelSelector=case%3Dwatched"),
        step("DELETE", f"{MAPS}/case-deletes"),
        step("DELETE", f"{MAPS}?labelSelector=case%3Ddeletes"),
        step("PATCH", f"{MAPS}/case-updates", {"data": {"a": "c"}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-old", {"data": {"a": "c"}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-old", {"data": {"a": "d"}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-statuses", {"data": {"a": "c"}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"hooked": None}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "deny"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "invalid"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "name"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "identity"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "unknown"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "type"}}}, type=MERGE),
        step("PATCH", f"{MAPS}/case-label", {"metadata": {"labels": {"case": "counting"}}}, type=MERGE),
        step("DELETE", f"{MAPS}/case-finalizer"),
        step("PATCH", f"{MAPS}/case-finalizer", {"metadata": {"finalizers": None}}, type=MERGE),
        step("DELETE", f"{MAPS}/case-refused-ignored"),
    ]


def _pods() -> list[Step]:
    one = f"{PODS}/one"
    return [
        step("POST", PODS, pod("one", "sidecar")),
        step("POST", PODS, pod("status", "status-set")),
        step("POST", PODS, pod("watched", "watched")),
        step("POST", PODS, pod("type", "type-deep")),
        step("PATCH", f"{PODS}/watched/status", {"status": {"message": "m"}}, type=MERGE),
        step("PATCH", f"{PODS}/watched", {"spec": {"activeDeadlineSeconds": 7}}, type=STRATEGIC),
        step("PUT", f"{PODS}/watched/status", {**pod("watched", "statuses"), "status": {"message": "n"}}),
        step(
            "POST",
            f"{PODS}/watched/binding",
            {
                "metadata": {"name": "watched", "labels": {"case": "watched"}},
                "target": {"kind": "Node", "name": "n"},
            },
        ),
        step(
            "POST",
            f"{one}/binding",
            {
                "metadata": {"name": "one", "labels": {"case": "deny"}},
                "target": {"kind": "Node", "name": "n"},
            },
        ),
        step(
            "POST",
            f"{one}/eviction",
            {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": "one", "labels": {"case": "deny-message"}},
            },
        ),
        step(
            "POST",
            f"{one}/eviction",
            {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": "one", "labels": {"case": "watched"}},
            },
        ),
        step("DELETE", f"{PODS}/status?gracePeriodSeconds=0"),
        step("DELETE", f"{PODS}/watched?gracePeriodSeconds=0"),
        step("POST", DEPLOYMENTS, deployment("one", "watched")),
        step("POST", DEPLOYMENTS, deployment("five", "replicas")),
        step("PATCH", f"{DEPLOYMENTS}/one/scale", {"spec": {"replicas": 2}}, type=MERGE),
        step("PUT", f"{DEPLOYMENTS}/one/status", {**deployment("one", "watched"), "status": {"replicas": 2}}),
        step("DELETE", f"{DEPLOYMENTS}/one"),
        step("POST", SCALERS.format("v2"), scaler("v2", "exact", "exact")),
        step("POST", SCALERS.format("v1"), scaler("v1", "exact-1", "exact")),
        step("POST", SCALERS.format("v2"), scaler("v2", "equivalent", "equivalent")),
        step("POST", SCALERS.format("v1"), scaler("v1", "equivalent-1", "equivalent")),
        step(
            "POST",
            "/api/v1/namespaces",
            {"metadata": {"name": "marked", "labels": {"case": "watched", "marked": "yes"}}},
        ),
        step(
            "POST",
            "/api/v1/namespaces",
            {"metadata": {"name": "marked-2", "labels": {"case": "marked", "marked": "yes"}}},
        ),
        step("POST", "/api/v1/namespaces", {"metadata": {"name": "cluster", "labels": {"case": "cluster"}}}),
        step(
            "POST",
            "/api/v1/namespaces",
            {"metadata": {"name": "namespaced", "labels": {"case": "namespaced"}}},
        ),
        step("POST", "/api/v1/nodes", {"metadata": {"name": "cluster", "labels": {"case": "cluster"}}}),
        step("POST", "/api/v1/nodes", {"metadata": {"name": "namespaced", "labels": {"case": "namespaced"}}}),
        step("POST", MAPS, config_map("marked", "marked")),
        step("POST", MAPS, config_map("cluster", "cluster")),
        step("POST", "/api/v1/namespaces/marked/configmaps", config_map("marked", "marked")),
        step("POST", "/api/v1/namespaces/absent/configmaps", config_map("marked", "watched")),
        step("DELETE", "/api/v1/namespaces/marked"),
    ]


_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "size": {"type": "string", "default": "M"},
                "replicas": {"type": "integer"},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def _version(name: str, *, storage: bool) -> Document:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": _SCHEMA},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
    }


def widget(name: str, label: str, version: str = "v1", **spec: Any) -> Document:
    """A custom resource with the label `case`."""
    return {
        "apiVersion": f"hooks.example.com/{version}",
        "kind": "Widget",
        "metadata": {"name": name, "labels": {"case": label}},
        "spec": {"colour": "red", **spec},
    }


def _widgets() -> list[Step]:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.hooks.example.com"},
        "spec": {
            "group": "hooks.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [_version("v1", storage=True), _version("v2", storage=False)],
        },
    }
    one = WIDGETS.format("v1") + "/one"
    return [
        step("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, settles=True),
        step("POST", WIDGETS.format("v1"), widget("one", "watched"), until=201),
        step("POST", WIDGETS.format("v1"), widget("blue", "colour")),
        step("POST", WIDGETS.format("v1"), widget("wrong", "wrong-colour")),
        step("POST", WIDGETS.format("v1"), widget("type", "type-deep")),
        step("POST", WIDGETS.format("v1"), widget("kind", "kind-changed")),
        step("POST", WIDGETS.format("v1"), widget("named", "name")),
        step("POST", WIDGETS.format("v2"), widget("equivalent", "widget-v1", "v2")),
        step("POST", WIDGETS.format("v1"), widget("direct", "widget-v1")),
        step("PUT", one, {**widget("one", "watched"), "spec": {"colour": "blue"}}),
        step("PATCH", f"{WIDGETS.format('v2')}/one", {"spec": {"size": "L"}}, type=MERGE),
        step("PATCH", f"{one}/status", {"status": {"a": 1}}, type=MERGE),
        step("PATCH", f"{one}/scale", {"spec": {"replicas": 3}}, type=MERGE),
        step("PATCH", f"{one}?fieldManager=me", widget("one", "watched"), type=APPLY),
        step("DELETE", one),
        step("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.hooks.example.com"),
    ]


def _end() -> list[Step]:
    everything = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    return [
        step("DELETE", f"{MUTATING}/cases", settles=True),
        step("DELETE", f"{VALIDATING}/cases", settles=True),
        step(
            "POST",
            VALIDATING,
            configuration("Validating", "all", webhook("/v/deny", rules=[everything])),
            settles=True,
        ),
        step("POST", MAPS, config_map("all")),
        step("PATCH", f"{VALIDATING}/all", {"metadata": {"labels": {"a": "b"}}}, type=MERGE),
        step(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}},
        ),
        step("DELETE", f"{VALIDATING}/all", settles=True),
        step("POST", MAPS, config_map("all", "deny")),
    ]


STEPS: list[Step] = [*_validation(), *_both(), *_creations(), *_life(), *_pods(), *_widgets(), *_end()]
