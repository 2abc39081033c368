"""Rules about the content of objects: fields and texts as a kube-apiserver 1.36 gave them, in its order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.rows.asking import Client, config_map, deployment, pod

CONTAINER = {"name": "c", "image": "i"}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER]}}
SELECTOR = {"matchLabels": {"a": "b"}}
ONCE = {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}
NOT_SELECTED = "`selector` does not match template `labels`"
BELOW_ZERO = "Invalid value: -1: must be greater than or equal to 0"
NO_PORT = "must be between 1 and 65535, inclusive"
POD_CHANGES = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
Causes = list[tuple[str, str]]

PODS: list[tuple[dict[str, Any], Causes]] = [
    ({}, [("spec.containers", "Required value")]),
    (
        {"containers": [{}]},
        [("spec.containers[0].name", "Required value"), ("spec.containers[0].image", "Required value")],
    ),
    ({"containers": [CONTAINER, CONTAINER]}, [("spec.containers[1].name", 'Duplicate value: "c"')]),
    (
        {"containers": [CONTAINER], "initContainers": [CONTAINER]},
        [("spec.initContainers[0].name", 'Duplicate value: "c"')],
    ),
    (
        {"containers": [{"name": "c", "image": " i"}]},
        [
            (
                "spec.containers[0].image",
                'Invalid value: " i": must not have leading or trailing whitespace',
            )
        ],
    ),
    (
        {"containers": [{**CONTAINER, "ports": [{"containerPort": 70000, "hostPort": -1, "protocol": "X"}]}]},
        [
            ("spec.containers[0].ports[0].containerPort", f"Invalid value: 70000: {NO_PORT}"),
            ("spec.containers[0].ports[0].hostPort", f"Invalid value: -1: {NO_PORT}"),
            (
                "spec.containers[0].ports[0].protocol",
                'Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
            ),
        ],
    ),
    (
        {"containers": [{**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/x"}]}]},
        [("spec.containers[0].volumeMounts[0].name", 'Not found: "v"')],
    ),
    (
        {"containers": [{**CONTAINER, "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]},
        [
            (
                "spec.containers[0].resources.requests",
                'Invalid value: "2": must be less than or equal to cpu limit of 1',
            )
        ],
    ),
    (
        {"containers": [CONTAINER], "restartPolicy": "Foo"},
        [
            (
                "spec.restartPolicy",
                'Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never"',
            )
        ],
    ),
]
WORKLOADS: list[tuple[str, dict[str, Any], Causes]] = [
    (
        "apps/v1:deployments",
        {},
        [
            ("spec.selector", "Required value"),
            ("spec.template.metadata.labels", f"Invalid value: null: {NOT_SELECTED}"),
            ("spec.template.spec.containers", "Required value"),
        ],
    ),
    (
        "apps/v1:deployments",
        {"selector": {"matchLabels": {"x": "y"}}, "template": TEMPLATE},
        [("spec.template.metadata.labels", f'Invalid value: {{"a":"b"}}: {NOT_SELECTED}')],
    ),
    (
        "apps/v1:deployments",
        {"selector": SELECTOR, "template": TEMPLATE, "replicas": -1, "minReadySeconds": -1},
        [("spec.replicas", BELOW_ZERO), ("spec.minReadySeconds", BELOW_ZERO)],
    ),
    (
        "apps/v1:deployments",
        {"selector": {"matchExpressions": [{"key": "a", "operator": "Foo"}]}, "template": TEMPLATE},
        [
            (
                "spec.selector.matchExpressions[0].operator",
                'Invalid value: "Foo": not a valid selector operator',
            ),
            (
                "spec.selector",
                'Invalid value: {"matchExpressions":[{"key":"a","operator":"Foo"}]}: invalid label selector',
            ),
        ],
    ),
    (
        "apps/v1:deployments",
        {
            "selector": SELECTOR,
            "template": TEMPLATE,
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
        },
        [
            (
                "spec.strategy.rollingUpdate.maxUnavailable",
                "Invalid value: 0: may not be 0 when `maxSurge` is 0",
            )
        ],
    ),
    (
        "apps/v1:daemonsets",
        {"selector": SELECTOR, "template": {**TEMPLATE, "spec": {**ONCE["spec"]}}},
        [("spec.template.spec.restartPolicy", 'Unsupported value: "Never": supported values: "Always"')],
    ),
    (
        "batch/v1:jobs",
        {"template": {"spec": {"containers": [CONTAINER]}}},
        [("spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"')],
    ),
    (
        "batch/v1:cronjobs",
        {"schedule": "x y z", "jobTemplate": {"spec": {"template": ONCE}}},
        [("spec.schedule", 'Invalid value: "x y z": expected exactly 5 fields, found 3: [x y z]')],
    ),
    *(
        (
            "batch/v1:cronjobs",
            {"schedule": "* * * * *", "timeZone": zone, "jobTemplate": {"spec": {"template": ONCE}}},
            [("spec.timeZone", f'Invalid value: "{zone}": {problem}')],
        )
        for zone, problem in {
            "bad-time-zone": "unknown time zone bad-time-zone",
            "../etc/passwd": "unknown time zone ../etc/passwd",
            "Local": "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
            "": "timeZone must be nil or non-empty string",
        }.items()
    ),
    *(
        (
            "networking.k8s.io/v1:networkpolicies",
            {"podSelector": {}, "egress": [{"ports": [ports]}]},
            [(f"spec.egress[0].ports[0].{field}", problem)],
        )
        for ports, field, problem in (
            (
                {"endPort": 90},
                "endPort",
                "Invalid value: 90: may not be specified when `port` is not specified",
            ),
            (
                {"port": "web", "endPort": 90},
                "endPort",
                "Invalid value: 90: may not be specified when `port` is non-numeric",
            ),
            (
                {"port": 91, "endPort": 90},
                "endPort",
                "Invalid value: 91: must be greater than or equal to `port`",
            ),
            ({"protocol": "X"}, "protocol", 'Unsupported value: "X": supported values: "TCP", "UDP", "SCTP"'),
        )
    ),
    (
        "networking.k8s.io/v1:networkpolicies",
        {
            "podSelector": {},
            "policyTypes": ["X"],
            "ingress": [{"from": [{}, {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}],
        },
        [
            ("spec.ingress[0].from[0]", "Required value: must specify a peer"),
            ("spec.ingress[0].from[1]", "Forbidden: may not specify both ipBlock and another peer"),
            ("spec.policyTypes[0]", 'Unsupported value: "X": supported values: "Ingress", "Egress"'),
        ],
    ),
    ("services", {}, [("spec.ports", "Required value")]),
    (
        "services",
        {"ports": [{"port": 80}, {"port": 81}]},
        [("spec.ports[0].name", "Required value"), ("spec.ports[1].name", "Required value")],
    ),
    (
        "services",
        {"ports": [{"port": 70000}]},
        [
            ("spec.ports[0].port", f"Invalid value: 70000: {NO_PORT}"),
            ("spec.ports[0].targetPort", f"Invalid value: 70000: {NO_PORT}"),
        ],
    ),
    (
        "services",
        {"ports": [{"port": 80}], "type": "Foo"},
        [
            (
                "spec.type",
                'Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
            )
        ],
    ),
    (
        "services",
        {"ports": [{"port": 80, "nodePort": 31000}]},
        [("spec.ports[0].nodePort", "Forbidden: may not be used when `type` is 'ClusterIP'")],
    ),
]


@pytest.mark.parametrize(("spec", "causes"), PODS)
def test_pods(ask: Client, spec: dict[str, Any], causes: Causes):
    """Containers have names and images, ports are ports, mounts are of volumes."""
    assert ask("POST", "pods", {"metadata": {"name": "p"}, "spec": spec}).causes() == causes


@pytest.mark.parametrize(("path", "spec", "causes"), WORKLOADS)
def test_workloads_and_services(ask: Client, path: str, spec: dict[str, Any], causes: Causes):
    """A workload selects its own pods, counts are none below zero, ports have names when there are several."""
    assert ask("POST", path, {"metadata": {"name": "w"}, "spec": spec}).causes() == causes


def test_a_running_pod_stays_what_it_is(ask: Client):
    """Only images, the deadline and more tolerations may change."""
    ask.create("pods", pod("p"))
    answer = ask.patch("pods/p", {"spec": {"containers": [{"name": "d", "image": "i"}]}})
    [(field, message)] = answer.causes()
    assert field == "spec"
    assert message.startswith(POD_CHANGES)
    assert ask.patch("pods/p", {"spec": {"containers": [{"name": "c", "image": "j"}]}}).status == 200
    assert ask.patch("pods/p", {"spec": {"activeDeadlineSeconds": 5}}).status == 200


NEVER_NIL = "must not update from a positive integer to nil value"
POD_UPDATES: list[tuple[dict[str, Any], Causes]] = [
    (
        {"tolerations": []},
        [
            (
                "spec.tolerations",
                "Forbidden: existing toleration can not be modified except its tolerationSeconds",
            )
        ],
    ),
    (
        {"containers": [CONTAINER, {"name": "d", "image": "i"}]},
        [("spec.containers", "Forbidden: pod updates may not add or remove containers")],
    ),
    (
        {"containers": [{"name": "c", "image": "", "imagePullPolicy": "Always"}]},
        [("spec.containers[0].image", "Required value")] * 2,
    ),
    (
        {"activeDeadlineSeconds": 10},
        [("spec.activeDeadlineSeconds", "Invalid value: 10: must be less than or equal to previous value")],
    ),
    ({"activeDeadlineSeconds": None}, [("spec.activeDeadlineSeconds", f"Invalid value: null: {NEVER_NIL}")]),
    (
        {"activeDeadlineSeconds": -1},
        [
            (
                "spec.activeDeadlineSeconds",
                f"Invalid value: -1: must be between {least} and 2147483647, inclusive",
            )
            for least in (1, 0)
        ],
    ),
]


@pytest.mark.parametrize(("change", "causes"), POD_UPDATES)
def test_how_a_running_pod_may_change(ask: Client, change: dict[str, Any], causes: Causes):
    """Its tolerations grow, its deadline comes nearer, its containers get other images."""
    tolerations = [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]
    made = pod("p")
    made["spec"] |= {"containers": [CONTAINER], "activeDeadlineSeconds": 9, "tolerations": tolerations}
    ask.create("pods", made)
    assert ask.patch("pods/p", {"spec": change}).causes() == causes


def test_how_long_a_pod_tolerates_may_change(ask: Client):
    """Of a toleration that is there only its time; others may come, in any place."""
    toleration = {"key": "k", "operator": "Exists", "effect": "NoExecute"}
    made = pod("p")
    made["spec"]["tolerations"] = [{**toleration, "tolerationSeconds": 5}]
    ask.create("pods", made)
    changed = [{"key": "l", "operator": "Exists"}, {**toleration, "tolerationSeconds": 7}]
    assert ask.patch("pods/p", {"spec": {"tolerations": changed}}).status == 200


@pytest.mark.parametrize("path", ["apps/v1:deployments", "apps/v1:replicasets"])
def test_a_selector_is_for_ever(ask: Client, path: str):
    """A workload does not let go of its pods."""
    ask.create(path, {"metadata": {"name": "w"}, "spec": {"selector": SELECTOR, "template": TEMPLATE}})
    more = {"a": "b", "c": "d"}
    change = {"spec": {"selector": {"matchLabels": more}, "template": {"metadata": {"labels": more}}}}
    shown = 'Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable'
    assert ask.patch(f"{path}/w", change).causes() == [("spec.selector", shown)]


def test_the_counts_of_a_status(ask: Client):
    """No part is more than the whole."""
    ask.create("apps/v1:deployments", deployment("d"))
    change = {"status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 3, "updatedReplicas": 9}}
    assert ask.patch("apps/v1:deployments/d/status", change).causes() == [
        ("status.updatedReplicas", "Invalid value: 9: cannot be greater than status.replicas"),
        ("status.availableReplicas", "Invalid value: 3: cannot be greater than readyReplicas"),
    ]


@pytest.mark.parametrize(
    ("key", "text"),
    [(".", "must not be '.'"), ("..", "must not be '..'"), ("..a", "must not start with '..'")],
)
def test_keys_are_file_names(ask: Client, key: str, text: str):
    """Of config maps and of secrets."""
    shown = f'Invalid value: "{key}": {text}'
    assert ask("POST", "configmaps", config_map("x", {key: "1"})).causes() == [(f"data[{key}]", shown)]
    secret = {"metadata": {"name": "x"}, "data": {key: "eA=="}}
    assert ask("POST", "secrets", secret).causes() == [(f"data[{key}]", shown)]


def test_immutable_data(ask: Client):
    """It is neither changed nor made mutable again; its labels may change."""
    ask.create("configmaps", {**config_map("x"), "immutable": True})
    text = "Forbidden: field is immutable when `immutable` is set"
    change = {"immutable": False, "data": {"z": "2"}}
    assert ask.patch("configmaps/x", change).causes() == [("immutable", text), ("data", text)]
    assert ask.patch("configmaps/x", {"metadata": {"labels": {"a": "b"}}}).status == 200


def test_secrets_hold_what_their_type_says(ask: Client):
    """And keep their type."""
    secret = {"metadata": {"name": "x"}, "type": "kubernetes.io/tls"}
    assert ask("POST", "secrets", secret).causes() == [
        ("data[tls.crt]", "Required value"),
        ("data[tls.key]", "Required value"),
    ]
    ask.create("secrets", {"metadata": {"name": "x"}})
    assert ask.patch("secrets/x", {"type": "foo"}).causes() == [
        ("type", 'Invalid value: "foo": field is immutable')
    ]


def test_roles_and_bindings(ask: Client):
    """A rule has verbs and what they are about; a binding has a role."""
    group = "rbac.authorization.k8s.io/v1"
    assert ask("POST", f"{group}:roles", {"metadata": {"name": "r"}, "rules": [{}]}).causes() == [
        ("rules[0].verbs", "Required value: verbs must contain at least one value"),
        ("rules[0].apiGroups", "Required value: resource rules must supply at least one api group"),
        ("rules[0].resources", "Required value: resource rules must supply at least one resource"),
    ]
    assert ask("POST", f"{group}:rolebindings", {"metadata": {"name": "r"}}).causes() == [
        ("roleRef.kind", 'Unsupported value: "": supported values: "Role", "ClusterRole"'),
        ("roleRef.name", "Required value"),
    ]
