"""What is asked about admission policies, in order: each request builds on those before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

GROUP = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{GROUP}/validatingadmissionpolicies"
VALIDATING_BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"
MUTATING = f"{GROUP}/mutatingadmissionpolicies"
MUTATING_BINDINGS = f"{GROUP}/mutatingadmissionpolicybindings"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
MAPS = "/api/v1/namespaces/policed/configmaps"
PODS = "/api/v1/namespaces/policed/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/policed/deployments"

Document = dict[str, Any]
Request = dict[str, Any]


def request(method: str, path: str, body: Any = None, **more: Any) -> Request:
    """One request; see `tests.customs.sending.Sender`."""
    return {"method": method, "path": path, **({} if body is None else {"body": body}), **more}


def rule(resources: list[str], operations: list[str] | None = None, **more: Any) -> Document:
    """A rule over resources of any group."""
    return {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": operations or ["*"],
        "resources": resources,
        **more,
    }


def policy(name: str, resources: list[str], validations: list[Any], **spec: Any) -> Document:
    """A ValidatingAdmissionPolicy; validations that are texts are expressions."""
    constraints = spec.pop("matchConstraints", {"resourceRules": [rule(resources)]})
    made = [{"expression": each} if isinstance(each, str) else each for each in validations]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": constraints, **({"validations": made} if made else {}), **spec},
    }


def binding(name: str, **spec: Any) -> Document:
    """A binding of the policy of the same name, in the namespace `policed` unless it says otherwise."""
    within = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "policed"}}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"{name}-binding"},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": within,
            **spec,
        },
    }


def config_map(name: str = "", data: Document | None = None, **metadata: Any) -> Document:
    """A ConfigMap."""
    stated = {"name": name} if name else {}
    return {"metadata": {**stated, **metadata}, **({} if data is None else {"data": data})}


def deployment(name: str, replicas: int) -> Document:
    """A Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }


def pod(name: str) -> Document:
    """A Pod."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def within(made: Document, requests: list[Request], **spec: Any) -> Iterator[Request]:
    """Requests while a policy and its binding are there."""
    name = made["metadata"]["name"]
    bound = binding(name, **spec)
    yield request("POST", VALIDATING, made)
    yield request("POST", VALIDATING_BINDINGS, bound)
    yield from requests
    yield request("DELETE", f"{VALIDATING}/{name}")
    yield request("DELETE", f"{VALIDATING_BINDINGS}/{name}-binding")


DRY = "?dryRun=All"


def creations(*names: str) -> list[Request]:
    """ConfigMaps that are created, of these names."""
    return [request("POST", MAPS, config_map(name, {"a": "1"})) for name in names]


def _setting() -> Iterator[Request]:
    for name, labels in (("policed", {"team": "a"}), ("free", {})):
        yield request("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})


def _denials() -> Iterator[Request]:
    yield from within(
        policy("named", ["configmaps"], ["object == null || object.metadata.name != 'bad'"]),
        [
            *creations("bad", "good"),
            request("POST", f"{MAPS}{DRY}", config_map("bad")),
            request("POST", f"/api/v1/namespaces/free/configmaps{DRY}", config_map("bad")),
            request("PUT", f"{MAPS}/good", config_map("good", {"a": "2"})),
            request("DELETE", f"{MAPS}/good"),
            request("POST", "/api/v1/namespaces/policed/secrets", config_map("bad")),
        ],
    )
    for reason in ("Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge"):
        made = policy(
            "reasoned",
            ["configmaps"],
            [{"expression": "false", "reason": reason, "message": "  no way "}],
        )
        yield from within(made, [request("POST", f"{MAPS}{DRY}", config_map("any"))])
    messages = [
        {"expression": "object.metadata.name != 'said'", "messageExpression": "'no: ' + object.metadata.name"},
        {"expression": "object.metadata.name != 'failing'", "messageExpression": "object.metadata.missing"},
        {"expression": "object.metadata.name != 'failing2'", "messageExpression": "object.nope.x + 'a'", "message": "fallback"},
        {"expression": "object.metadata.name != 'lines'", "messageExpression": "'a\\nb'", "message": "of one line"},
        {"expression": "object.metadata.name != 'empty'", "messageExpression": "'  '"},
        {"expression": "  object.metadata.name != 'blank' "},
        {"expression": "object.metadata.name != 'old'", "messageExpression": "oldObject == null ? 'new' : 'old'"},
        {"expression": "object.metadata.name != 'asked'", "messageExpression": "request.operation + ' by ' + request.userInfo.username"},
        {"expression": "object.metadata.name != 'space'", "messageExpression": "namespaceObject.metadata.labels.team"},
        {"expression": "!object.metadata.name.startsWith('gen')", "messageExpression": "'generated'"},
    ]  # fmt: skip
    names = ["said", "failing", "failing2", "lines", "empty", "blank", "old", "asked", "space", "fine"]
    yield from within(
        policy(
            "worded",
            ["configmaps"],
            messages,
            matchConstraints={"resourceRules": [rule(["configmaps"], ["CREATE"])]},
        ),
        [
            *creations(*names),
            request("POST", MAPS, config_map(generateName="gen-")),
            request("DELETE", f"{MAPS}/fine"),
        ],
    )


def _errors() -> Iterator[Request]:
    expressions = [
        "object.data.missing == 'x'",
        "object.nothing.x == 'x'",
        "int(object.data.a) / 0 == 1",
        "int(object.metadata.name) == 1",
        "object.data.a > 1",
        "[1, 2][5] == 1",
        "object.data.a.matches('[' + object.data.a)",
        "params == null",
        "oldObject.metadata.name == 'a'",
        "oldObject.x.y == 1",
        "request.namespace == 'policed' && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && request.kind.group == ''",
        "request.requestKind.version == 'v1' && request.requestResource.resource == 'configmaps' && !has(request.subResource)",
        "request.name == 'any'",
        "request.operation == 'CREATE' && request.dryRun == false",
        "request.options.kind == 'CreateOptions'",
        "request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups",
        "has(request.userInfo.uid)",
        "object.kind == 'ConfigMap' && object.apiVersion == 'v1'",
        "has(object.metadata.uid)",
        "has(object.metadata.creationTimestamp)",
        "object.metadata.namespace == 'policed'",
        "namespaceObject.metadata.name == 'policed' && namespaceObject.status.phase == 'Active'",
        "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'policed'",
        "authorizer.group('').resource('configmaps').namespace('policed').check('create').allowed()",
        "authorizer.requestResource.check('delete').allowed()",
        "authorizer.path('/healthz').check('get').allowed()",
        "authorizer.serviceAccount('default', 'x').group('apps').resource('deployments').subresource('scale').name('d').check('get').allowed()",
        "authorizer.group('').resource('configmaps').check('create').reason() == ''",
        "authorizer.group('').resource('configmaps').check('create').errored()",
        "object.?metadata.?labels.?x.orValue('none') == 'none'",
        "object.data.all(k, k.size() < 3)",
        "['b', 'a'].isSorted()",
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "object.metadata.name.lowerAscii() == 'any' && '%s-%d'.format(['a', 1]) == 'a-1'",
        "semver('1.2.3').isLessThan(semver('2.0.0'))",
    ]  # fmt: skip
    yield request("POST", VALIDATING_BINDINGS, binding("evaluated"))
    for expression in expressions:
        yield request("POST", VALIDATING, policy("evaluated", ["configmaps"], [expression]))
        yield request("POST", f"{MAPS}{DRY}", config_map("any", {"a": "1"}))
        yield request("DELETE", f"{VALIDATING}/evaluated")
    yield request(
        "POST",
        VALIDATING,
        policy("evaluated", ["configmaps"], ["object.data.missing == 'x'"], failurePolicy="Ignore"),
    )
    yield from creations("any")
    yield request("DELETE", f"{VALIDATING}/evaluated")
    yield request("DELETE", f"{MAPS}/any")
    yield request("DELETE", f"{VALIDATING_BINDINGS}/evaluated-binding")


def _actions() -> Iterator[Request]:
    refusing = policy(
        "acting", ["configmaps"], [{"expression": "false", "message": "not liked"}, "object.data.b == '1'"]
    )
    yield from within(refusing, creations("warned"), validationActions=["Warn", "Audit"])
    yield from within(refusing, creations("audited"), validationActions=["Audit"])
    yield from within(refusing, creations("denied"), validationActions=["Deny", "Audit"])
    yield request("DELETE", f"{MAPS}/warned")
    yield request("DELETE", f"{MAPS}/audited")
    noting = policy(
        "noting",
        ["configmaps"],
        [],
        auditAnnotations=[
            {"key": "name", "valueExpression": "'name is ' + object.metadata.name"},
            {"key": "bad", "valueExpression": "object.data.missing"},
        ],
    )
    yield from within(noting, creations("noted"))


def _conditions() -> Iterator[Request]:
    conditions = [
        {"name": "not-me", "expression": "request.userInfo.username != 'me'"},
        {"name": "marked", "expression": "object.metadata.name.startsWith('m')"},
    ]
    yield from within(
        policy("conditional", ["configmaps"], ["false"], matchConditions=conditions),
        creations("marked", "other"),
    )
    yield request("DELETE", f"{MAPS}/other")
    for failure in ("Fail", "Ignore"):
        failing = [{"name": "failing", "expression": "object.data.nope == 'x'"}]
        made = policy("failing", ["configmaps"], ["false"], matchConditions=failing, failurePolicy=failure)
        yield from within(made, [request("POST", f"{MAPS}{DRY}", config_map("x", {"a": "1"}))])


def _variables() -> Iterator[Request]:
    variables = [
        {"name": "count", "expression": "size(object.data)"},
        {"name": "many", "expression": "variables.count > 1"},
        {"name": "broken", "expression": "object.data.missing"},
    ]
    validations = [
        {"expression": "!variables.many", "messageExpression": "'too many: ' + string(variables.count)"},
        {"expression": "object.metadata.name != 'broken' || variables.broken == 'x'"},
    ]
    yield from within(
        policy("variable", ["configmaps"], validations, variables=variables),
        [
            request("POST", f"{MAPS}{DRY}", config_map("one", {"a": "1"})),
            request("POST", f"{MAPS}{DRY}", config_map("two", {"a": "1", "b": "2"})),
            request("POST", f"{MAPS}{DRY}", config_map("broken", {"a": "1"})),
        ],
    )


WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "limits.policies.example.com"},
    "spec": {
        "group": "policies.example.com",
        "names": {"kind": "Limit", "plural": "limits"},
        "scope": "Cluster",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"most": {"type": "integer"}}}
                },
            }
        ],
    },
}


def _params() -> Iterator[Request]:
    param = {"apiVersion": "v1", "kind": "ConfigMap"}
    yield request(
        "POST", "/api/v1/namespaces/free/configmaps", config_map("limit", {"most": "1"}, labels={"p": "1"})
    )
    yield request(
        "POST", "/api/v1/namespaces/free/configmaps", config_map("limit2", {"most": "0"}, labels={"p": "1"})
    )
    made = policy(
        "limited",
        ["configmaps"],
        [
            {
                "expression": "size(object.data) <= int(params.data.most)",
                "messageExpression": "'at most ' + params.data.most",
            }
        ],
        paramKind=param,
    )
    asked = [
        request("POST", f"{MAPS}{DRY}", config_map("one", {"a": "1"})),
        request("POST", f"{MAPS}{DRY}", config_map("two", {"a": "1", "b": "2"})),
    ]
    references: list[Document] = [
        {"name": "limit", "namespace": "free", "parameterNotFoundAction": "Deny"},
        {"selector": {"matchLabels": {"p": "1"}}, "namespace": "free", "parameterNotFoundAction": "Deny"},
        {
            "selector": {"matchExpressions": [{"key": "p", "operator": "Exists"}]},
            "namespace": "free",
            "parameterNotFoundAction": "Deny",
        },
        {"name": "nope", "namespace": "free", "parameterNotFoundAction": "Deny"},
        {"name": "nope", "namespace": "free", "parameterNotFoundAction": "Allow"},
        {"name": "limit", "parameterNotFoundAction": "Deny"},
        {"selector": {"matchLabels": {"p": "2"}}, "parameterNotFoundAction": "Deny"},
    ]
    for reference in references:
        yield from within(made, asked[:1] if "selector" in reference else asked, paramRef=reference)
    yield from within(made, asked)
    nowhere = policy(
        "nowhere", ["configmaps"], ["params != null"], paramKind={"apiVersion": "no.such/v1", "kind": "Thing"}
    )
    yield from within(nowhere, asked[:1], paramRef={"name": "x", "parameterNotFoundAction": "Allow"})
    yield request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
    yield request(
        "POST",
        "/apis/policies.example.com/v1/limits",
        {"apiVersion": "policies.example.com/v1", "kind": "Limit", "metadata": {"name": "l"}, "most": 1},
        until=201,
    )
    custom = policy(
        "customized",
        ["configmaps"],
        [
            {
                "expression": "size(object.data) <= params.most",
                "messageExpression": "params.kind + ' ' + params.metadata.name + ' ' + string(params.most)",
            }
        ],
        paramKind={"apiVersion": "policies.example.com/v1", "kind": "Limit"},
    )
    yield from within(custom, asked, paramRef={"name": "l", "parameterNotFoundAction": "Deny"})
    yield from within(
        custom, asked[1:], paramRef={"name": "l", "namespace": "free", "parameterNotFoundAction": "Deny"}
    )


def _matching() -> Iterator[Request]:
    def matching(**constraints: Any) -> Document:
        return policy("matching", [], ["false"], matchConstraints=constraints)

    asked = [
        request("POST", f"{MAPS}{DRY}", config_map("one", labels={"l": "1"})),
        request("POST", f"{MAPS}{DRY}", config_map("two")),
    ]
    maps = [rule(["configmaps"])]
    for constraints in (
        {"resourceRules": maps, "objectSelector": {"matchLabels": {"l": "1"}}},
        {"resourceRules": maps, "excludeResourceRules": [rule(["configmaps"], resourceNames=["one"])]},
        {"resourceRules": [rule(["configmaps"], resourceNames=["two"])]},
        {"resourceRules": [rule(["configmaps"], ["UPDATE", "DELETE"])]},
        {"resourceRules": [rule(["*"], scope="Cluster")]},
        {"resourceRules": [rule(["*"], scope="Namespaced")]},
        {
            "resourceRules": maps,
            "namespaceSelector": {
                "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]
            },
        },
    ):
        yield from within(matching(**constraints), asked)
    scalers = policy(
        "scalers",
        [],
        [
            {
                "expression": "false",
                "messageExpression": "request.kind.version + ' ' + request.requestKind.version + ' ' + object.apiVersion",
            }
        ],
        matchConstraints={
            "resourceRules": [
                {**rule(["horizontalpodautoscalers"]), "apiGroups": ["autoscaling"], "apiVersions": ["v1"]}
            ]
        },
    )
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
        },
    }
    path = "/apis/autoscaling/v2/namespaces/policed/horizontalpodautoscalers"
    yield from within(scalers, [request("POST", path, scaler)])
    exact = policy(
        "scalers",
        [],
        ["false"],
        matchConstraints={**scalers["spec"]["matchConstraints"], "matchPolicy": "Exact"},
    )
    yield from within(exact, [request("POST", f"{path}{DRY}", scaler)])


def _subresources() -> Iterator[Request]:
    yield request("POST", DEPLOYMENTS, deployment("d", 1))
    yield request("POST", PODS, pod("p"))
    yield request("POST", "/api/v1/namespaces/policed/serviceaccounts", {"metadata": {"name": "robot"}})
    message = "request.operation + ' ' + request.resource.resource + '/' + request.?subResource.orValue('') + ' ' + request.kind.kind + ' ' + (object == null ? 'null' : string(object.?kind.orValue('none'))) + ' ' + (oldObject == null ? 'null' : string(oldObject.kind))"
    every = policy("below", ["*/*"], [{"expression": "false", "messageExpression": message}])
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "d"},
        "spec": {"replicas": 5},
    }
    yield from within(
        every,
        [
            request("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}}, type=MERGE),
            request("PUT", f"{DEPLOYMENTS}/d/scale", scale),
            request("PATCH", f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 1}}, type=MERGE),
            request("PATCH", f"{DEPLOYMENTS}/d", {"spec": {"replicas": 3}}, type=MERGE),
            request("DELETE", f"{DEPLOYMENTS}/d"),
            request("DELETE", DEPLOYMENTS),
            request(
                "POST",
                f"{PODS}/p/eviction",
                {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}},
            ),
            request(
                "POST",
                f"{PODS}/p/binding",
                {
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": "p"},
                    "target": {"kind": "Node", "name": "n"},
                },
            ),
            request("PATCH", f"{PODS}/p/status", {"status": {"phase": "Running"}}, type=MERGE),
            request("DELETE", f"{PODS}/p"),
            request("DELETE", f"{PODS}/p?gracePeriodSeconds=0"),
            request(
                "PATCH",
                f"{MAPS}/applied?fieldManager=m",
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}},
                type=APPLY,
            ),
            request(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": {"verb": "get"}},
                },
            ),
            request("PATCH", f"{VALIDATING}/below", {"metadata": {"labels": {"a": "b"}}}, type=MERGE),
        ],
    )
    cluster = policy(
        "spaces",
        ["namespaces", "nodes"],
        [
            {
                "expression": "request.name != 'bad' && !(request.operation == 'DELETE' && oldObject.metadata.name == 'kept')",
                "messageExpression": "string(namespaceObject == null) + ' ' + request.?namespace.orValue('none')",
            }
        ],
    )
    yield from within(
        cluster,
        [
            request("POST", "/api/v1/namespaces", {"metadata": {"name": "bad"}}),
            request("POST", "/api/v1/namespaces", {"metadata": {"name": "kept"}}),
            request("DELETE", "/api/v1/namespaces/kept"),
            request("POST", "/api/v1/nodes", {"metadata": {"name": "bad"}}),
        ],
        matchResources=None,
    )
    yield from within(policy("unbounded", ["configmaps"], ["false"]), creations("x"), matchResources={})
    yield request("DELETE", "/api/v1/nodes/bad")


def _several() -> Iterator[Request]:
    for name, text in (("b-first", "b"), ("a-second", "a")):
        yield request(
            "POST",
            VALIDATING,
            policy(
                name,
                ["configmaps"],
                [{"expression": "false", "message": text}, {"expression": "false", "message": f"{text}2"}],
            ),
        )
        actions = ["Deny"] if text == "b" else ["Warn"]
        yield request("POST", VALIDATING_BINDINGS, binding(name, validationActions=actions))
    yield from creations("x")
    yield request("DELETE", f"{VALIDATING}/a-second")
    yield from creations("x")
    yield request("PUT", f"{VALIDATING}/b-first", policy("b-first", ["configmaps"], ["true"]))
    yield request(
        "PATCH", f"{VALIDATING}/b-first", {"spec": {"validations": [{"expression": "true"}]}}, type=MERGE
    )
    yield from creations("x")
    yield request("GET", f"{VALIDATING}/b-first")
    yield request("DELETE", VALIDATING)
    yield request("DELETE", VALIDATING_BINDINGS)


def _refused() -> Iterator[Request]:
    """What is wrong with a policy or a binding."""
    rules = {"resourceRules": [rule(["configmaps"])]}
    expression_faults = [
        "object.x ==",
        "foo.bar == 1",
        "object.spec.x",
        "1 + 'a' == 2",
        "size(object.x)",
        "'text'",
        "request.nope == 1",
        "request.userInfo.nope == ''",
        "namespaceObject.nope == ''",
        "params.x == 1",
        "variables.x == 1",
        "nosuch(object)",
        "authorizer.nosuch()",
        "authorizer",
        "",
        "  ",
    ]
    specs: list[Document] = [
        {"validations": [{"expression": expression} for expression in expression_faults], "matchConstraints": rules},
        {},
        {"matchConstraints": {}},
        {"matchConstraints": rules},
        {"matchConstraints": {**rules, "matchPolicy": "Some"}, "failurePolicy": "Maybe", "validations": [{"expression": "true"}]},
        {"matchConstraints": rules, "validations": [{"expression": "true", "reason": "Nope", "message": "a\nb", "messageExpression": " "}]},
        {"matchConstraints": rules, "validations": [{"expression": "true", "message": "  ", "messageExpression": "1"}, {"expression": "true", "messageExpression": "object.x"}, {"expression": "true", "messageExpression": "authorizer.path('/').check('get').reason()"}]},
        {"matchConstraints": rules, "paramKind": {}, "validations": [{"expression": "true"}]},
        {"matchConstraints": rules, "paramKind": {"apiVersion": "a/b/c", "kind": "K_"}, "validations": [{"expression": "true"}]},
        {"matchConstraints": rules, "paramKind": {"apiVersion": "UP/v1_", "kind": "Kind"}, "validations": [{"expression": "true"}]},
        {"matchConstraints": {"resourceRules": [{"resourceNames": ["a", "a", "/"]}], "excludeResourceRules": [{"operations": ["GET"]}], "objectSelector": {"matchLabels": {"a": "-"}}, "namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "validations": [{"expression": "true"}]},
        {"matchConstraints": rules, "matchConditions": [{"name": "a", "expression": "1"}, {"name": "a", "expression": ""}, {"name": "", "expression": "params.x == 1"}, {"name": "-", "expression": "variables.x"}], "validations": [{"expression": "true"}]},
        {"matchConstraints": rules, "variables": [{"name": "", "expression": "1"}, {"name": "a-b", "expression": ""}, {"name": "if", "expression": "1 +"}, {"name": "ok", "expression": "1"}], "validations": [{"expression": "variables.ok"}, {"expression": "variables.nope == 1"}]},
        {"matchConstraints": rules, "auditAnnotations": [{"key": "", "valueExpression": ""}, {"key": "a b", "valueExpression": "1"}, {"key": "ok", "valueExpression": "null"}, {"key": "ok", "valueExpression": "object.x"}]},
        {"matchConstraints": rules, "validations": [{"expression": "[1].exists(x, x > 0 && y)"}, {"expression": "has(object)"}, {"expression": "object.all(x, true) + 1"}, {"expression": "true\n  && nope"}]},
    ]  # fmt: skip
    for spec in specs:
        made = {**policy("refused", [], []), "spec": spec}
        yield request("POST", f"{VALIDATING}{DRY}", made)
    bindings: list[Document] = [
        {},
        {"policyName": "_", "validationActions": ["Deny", "Warn"]},
        {"policyName": "p", "validationActions": ["Nope", "Audit", "Audit"]},
        {"policyName": "p", "validationActions": []},
        {"policyName": "p", "validationActions": ["Deny"], "paramRef": {}},
        {"policyName": "p", "validationActions": ["Deny"], "paramRef": {"name": "a", "selector": {}, "parameterNotFoundAction": "Nope"}},
        {"policyName": "p", "validationActions": ["Deny"], "paramRef": {"name": "a/b", "parameterNotFoundAction": "Deny"}},
        {"policyName": "p", "validationActions": ["Deny"], "matchResources": {"resourceRules": [{"operations": ["CREATE", "*"]}], "matchPolicy": ""}},
    ]  # fmt: skip
    for spec in bindings:
        yield request("POST", f"{VALIDATING_BINDINGS}{DRY}", {**binding("refused"), "spec": spec})
    yield request(
        "POST", VALIDATING, {**policy("kept", ["configmaps"], ["true"]), "status": {"observedGeneration": 4}}
    )
    yield request(
        "PATCH", f"{VALIDATING}/kept", {"spec": {"validations": [{"expression": "nope"}]}}, type=MERGE
    )
    yield request(
        "PATCH",
        f"{VALIDATING}/kept/status",
        {
            "status": {
                "observedGeneration": 1,
                "typeChecking": {"expressionWarnings": [{"fieldRef": "spec.x", "warning": "w"}]},
            }
        },
        type=MERGE,
    )
    yield request(
        "PATCH",
        f"{VALIDATING}/kept/status",
        {
            "status": {
                "typeChecking": {
                    "expressionWarnings": [
                        {"fieldRef": "", "warning": ""},
                        {"fieldRef": "spec[", "warning": "w"},
                    ]
                }
            }
        },
        type=MERGE,
    )
    yield request(
        "PATCH", f"{VALIDATING}/kept/status", {"status": {"conditions": [{"type": "Ready"}]}}, type=MERGE
    )
    yield request("GET", f"{VALIDATING}/kept", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    yield request("DELETE", f"{VALIDATING}/kept")


def mutation(name: str, patches: list[str], resources: list[str] | None = None, **spec: Any) -> Document:
    """A MutatingAdmissionPolicy; expressions of lists are JSON patches."""
    made = [
        {"patchType": "JSONPatch", "jsonPatch": {"expression": each}}
        if each.startswith("[")
        else {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": each}}
        for each in patches
    ]
    constraints = {"resourceRules": [rule(resources or ["configmaps"], ["CREATE", "UPDATE"])]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": constraints, "mutations": made, "reinvocationPolicy": "Never", **spec},
    }


def mutated(made: Document, requests: list[Request], **spec: Any) -> Iterator[Request]:
    """Requests while a mutating policy and its binding are there."""
    name = made["metadata"]["name"]
    bound = binding(name, **spec)
    bound["kind"] = "MutatingAdmissionPolicyBinding"
    del bound["spec"]["validationActions"]
    yield request("POST", MUTATING, made)
    yield request("POST", MUTATING_BINDINGS, bound)
    yield from requests
    yield request("DELETE", f"{MUTATING}/{name}")
    yield request("DELETE", f"{MUTATING_BINDINGS}/{name}-binding")


def _mutations() -> Iterator[Request]:
    asked = [request("POST", f"{MAPS}{DRY}", config_map("one", {"a": "1"}, labels={"l": "1"}))]
    mutations = [
        ["Object{metadata: Object.metadata{labels: {'x': object.metadata.name}}}"],
        ["Object{data: {'b': '2'}}", "Object{data: {'c': string(size(object.data))}}"],
        ["[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('x/y'), value: 'v'}]"],
        ["[JSONPatch{op: 'test', path: '/data/a', value: '2'}, JSONPatch{op: 'remove', path: '/data/a'}]"],
        ["[JSONPatch{op: 'replace', path: '/metadata/labels', value: {'n': 'o'}}, JSONPatch{op: 'add', path: '/metadata/annotations', value: {'p': 'q'}}]"],
        ["[JSONPatch{op: 'remove', path: '/data/nope'}]"],
        ["[JSONPatch{op: 'move', from: '/data/a', path: '/data/z'}, JSONPatch{op: 'copy', from: '/data/z', path: '/data/y'}]"],
        ["has(object.nope) ? [JSONPatch{op: 'add', path: '/data/x', value: 'v'}] : []"],
        ["Object{data: Object.wrong{a: 'b'}}"],
        ["Object{nope: 'b'}"],
        ["Object{data: {'x': object.data.missing}}"],
        ["Object{metadata: Object.metadata{?labels: optional.of({'opt': 'y'}), ?annotations: optional.none()}}"],
        ["Object{data: {'x': 1}}"],
        ["object.metadata.name == 'one' ? Object{data: {'x': '1'}} : Object{}"],
        ["Object{metadata: Object.metadata{name: 'other'}}"],
        ["Object{metadata: Object.metadata{finalizers: ['a.b/c']}}"],
    ]  # fmt: skip
    for each in mutations:
        made = mutation("mutating", each)
        if each[0].startswith("has("):
            made["spec"]["mutations"] = [{"patchType": "JSONPatch", "jsonPatch": {"expression": each[0]}}]
        yield from mutated(made, asked)
    pods = [request("POST", f"{PODS}{DRY}", pod("m"))]
    sidecar = "Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: 'side', image: 'i', restartPolicy: 'Always'}]}}"
    yield from mutated(mutation("sidecar", [sidecar], ["pods"]), pods)
    yield from mutated(
        mutation(
            "atomic",
            ["Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', command: ['x']}]}}"],
            ["pods"],
        ),
        pods,
    )
    patch = "[JSONPatch{op: 'add', path: '/spec/securityContext', value: Object.spec.securityContext{runAsNonRoot: true}}]"
    yield from mutated(mutation("listed", [patch], ["pods"]), pods)
    yield from mutated(
        mutation("ignoring", ["Object{data: {'x': object.data.missing}}"], failurePolicy="Ignore"), asked
    )
    conditions = [{"name": "c", "expression": "object.metadata.name != 'one'"}]
    yield from mutated(
        mutation("conditional", ["Object{data: {'x': 'y'}}"], matchConditions=conditions), asked
    )
    failing = [{"name": "c", "expression": "object.data.nope == 'one'"}]
    yield from mutated(mutation("failing", ["Object{data: {'x': 'y'}}"], matchConditions=failing), asked)
    variables = [{"name": "v", "expression": "object.metadata.name + '-v'"}]
    yield from mutated(mutation("varied", ["Object{data: {'x': variables.v}}"], variables=variables), asked)
    param = {"apiVersion": "v1", "kind": "ConfigMap"}
    reference = {"name": "limit", "namespace": "free", "parameterNotFoundAction": "Deny"}
    yield from mutated(
        mutation("params", ["Object{data: {'most': params.data.most}}"], paramKind=param),
        asked,
        paramRef=reference,
    )
    yield from mutated(
        mutation("params", ["Object{data: {'most': params.data.most}}"], paramKind=param),
        asked,
        paramRef={**reference, "name": "nope"},
    )
    scale = "Object{spec: Object.spec{replicas: 7}}"
    yield from mutated(
        mutation("scaled", [scale], ["deployments", "deployments/scale"]),
        [
            request("POST", f"{DEPLOYMENTS}{DRY}", deployment("e", 1)),
            request("PATCH", f"{DEPLOYMENTS}/d/scale{DRY}", {"spec": {"replicas": 3}}, type=MERGE),
            request("PATCH", f"{DEPLOYMENTS}/d{DRY}", {"metadata": {"labels": {"x": "y"}}}, type=MERGE),
        ],
    )
    first = mutation(
        "first",
        ["Object{data: {'first': 'saw ' + (has(object.data.second) ? 'second' : 'nothing')}}"],
        reinvocationPolicy="IfNeeded",
    )
    second = mutation("second", ["Object{data: {'second': 'x'}}"], reinvocationPolicy="IfNeeded")
    yield from mutated(first, list(mutated(second, asked)))


def _mutations_refused() -> Iterator[Request]:
    yield from (
        request("POST", f"{MUTATING}{DRY}", made)
        for made in (
            mutation("refused", []),
            mutation("refused", ["1", "object", "{'a': 'b'}", "Object{", "[1]"]),
            mutation("refused", ["Object{}"], reinvocationPolicy="Nope", failurePolicy="Nope"),
            mutation("refused", ["Object{}"], reinvocationPolicy=None),
            mutation("refused", ["Object{}"], matchConstraints={"resourceRules": [rule(["configmaps"], ["DELETE"])]}),
            mutation("refused", ["Object{}"], mutations=[{}, {"patchType": "Nope"}, {"patchType": "JSONPatch"}, {"patchType": "ApplyConfiguration", "jsonPatch": {"expression": "[]"}}, {"patchType": "JSONPatch", "jsonPatch": {"expression": " "}, "applyConfiguration": {"expression": ""}}]),
        )
    )  # fmt: skip
    bound = {**binding("refused"), "kind": "MutatingAdmissionPolicyBinding"}
    for spec in ({}, {"policyName": "p", "matchResources": {"resourceRules": [rule(["pods"], ["DELETE"])]}}):
        yield request("POST", f"{MUTATING_BINDINGS}{DRY}", {**bound, "spec": spec})


def _language() -> Iterator[Request]:
    """What expressions say of an object with numbers, lists, labels and quantities."""
    expressions = [
        "object.spec.replicas > 1.5 && object.spec.replicas < 4",
        "object.spec.replicas == 2.0",
        "object.spec.replicas % 2 == 0 && -object.spec.replicas < 0",
        "object.spec.template.spec.containers.exists(c, c.name == 'c' && c.image == 'i')",
        "object.spec.template.spec.containers.map(c, c.name) == ['c']",
        "object.spec.template.spec.containers.filter(c, has(c.ports)).size() == 0",
        "'app' in object.metadata.labels && object.metadata.labels['app'] == 'n'",
        "object.metadata.labels.exists(k, k == 'app')",
        "object.metadata.labels.exists_one(k, k.startsWith('a'))",
        "object.metadata.labels.missing == 'x'",
        "object.metadata.labels['mis-sing'] == 'x'",
        "quantity(object.spec.template.spec.containers[0].resources.requests.cpu).isLessThan(quantity('2'))",
        "quantity('x').isInteger()",
        "type(object.spec.replicas) == int && type(object.metadata) == map && type(object.metadata.name) == string",
        "string(object.spec.replicas) + '!' == '2!'",
        "object.spec.strategy.rollingUpdate.maxSurge == '25%'",
        "sets.contains([1, 2, 3], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1], [1, 1])",
        "lists.range(3) == [0, 1, 2]",
        "[3, 1, 2].sort() == [1, 2, 3]",
        "[[1], [2]].flatten() == [1, 2]",
        "[1, 1, 2].distinct() == [1, 2]",
        "[1, 2, 3].slice(0, 2) == [1, 2] && [[[1]]].flatten(2) == [1]",
        "'a-b-c'.split('-').join('') == 'abc' && 'abc'.substring(1) == 'bc' && ' a '.trim() == 'a'",
        "'abc'.replace('b', '') == 'ac' && 'abc'.charAt(1) == 'b' && 'abc'.indexOf('c') == 2 && 'A'.lowerAscii() == 'a'",
        "'x1y22'.find('[0-9]+') == '1' && 'x1y22'.findAll('[0-9]+') == ['1', '22']",
        "url('https://a.b:80/c').getHostname() == 'a.b' && isURL('https://a.b')",
        "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.0.0.1') && isIP('::1')",
        "timestamp('2020-01-01T00:00:00Z') < timestamp(object.metadata.?creationTimestamp.orValue('2021-01-01T00:00:00Z'))",
        "duration('1h') > duration('1m') && duration('90s').getMinutes() == 1",
        "isQuantity('1Gi') && !isQuantity('x') && quantity('1500m').compareTo(quantity('1')) == 1",
        "object.spec.nothing.orValue('a') == 'a'",
        "(object.spec.replicas > 1 ? 'many' : 'few') == 'many'",
        "dyn(1) == dyn('1')",
        "object.spec.replicas == '2'",
        "object.spec.replicas + object.metadata.name == 'x'",
        "[1, 2, 3].sum() == 6 && [1, 2].max() == 2",
        "object.spec.selector.matchLabels == {'app': 'n'}",
        "false || object.nope == 1",
        "true || object.nope == 1",
        "object.nope == 1 || true",
        "object.nope == 1 && false",
        "request.options.?fieldManager.orValue('none') == 'none'",
        "1 / (object.spec.replicas - 2) == 1",
        "object.spec.template.spec.containers[3].name == 'x'",
        "9223372036854775807 + object.spec.replicas > 0",
        "object.metadata.name.matches('^n$') && 'x'.size() == 1 && size([1]) == 1",
        "uint(1) == 1u && double('1.5') == 1.5 && bool('true') && int('7') == 7",
    ]  # fmt: skip
    made = deployment("n", 2)
    made["metadata"]["labels"] = {"app": "n"}
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    yield request("POST", VALIDATING_BINDINGS, binding("language"))
    for expression in expressions:
        judging = policy("language", ["deployments"], [expression])
        yield request("POST", VALIDATING, judging)
        yield request("POST", f"{DEPLOYMENTS}{DRY}", made)
        yield request("DELETE", f"{VALIDATING}/language")
    yield request("DELETE", f"{VALIDATING_BINDINGS}/language-binding")


LIMITS = "/apis/policies.example.com/v1/limits"


def limit(name: str, most: int) -> Document:
    """A custom resource."""
    return {
        "apiVersion": "policies.example.com/v1",
        "kind": "Limit",
        "metadata": {"name": name},
        "most": most,
    }


def _customs() -> Iterator[Request]:
    judging = policy(
        "customs",
        ["limits"],
        [
            {
                "expression": "object.most < 5",
                "messageExpression": "request.operation + ' ' + string(object.most)",
            },
            {"expression": "oldObject == null || object.most >= oldObject.most", "message": "only up"},
        ],
        matchConstraints={"resourceRules": [rule(["limits"], ["CREATE", "UPDATE"])]},
    )
    asked = [
        request("POST", LIMITS, limit("a", 5)),
        request("POST", LIMITS, limit("a", 2)),
        request("PATCH", f"{LIMITS}/a", {"most": 1}, type=MERGE),
        request("PATCH", f"{LIMITS}/a", {"most": 7}, type=MERGE),
        request("PATCH", f"{LIMITS}/a", {"most": 3}, type=MERGE),
        request("PATCH", f"{LIMITS}/b?fieldManager=m", limit("b", 9), type=APPLY),
        request("DELETE", f"{LIMITS}/a"),
    ]
    yield from within(judging, asked, matchResources={})
    for patches in (
        ["Object{most: 4}"],
        ["[JSONPatch{op: 'add', path: '/most', value: object.most + 1}]"],
        ["Object{most: 'x'}"],
        ["Object{other: 1}"],
    ):
        made = mutation("customs", patches, ["limits"])
        yield from mutated(made, [request("POST", f"{LIMITS}{DRY}", limit("c", 1))], matchResources={})
    param = {"apiVersion": "v1", "kind": "ConfigMap"}
    reference = {"name": "limit", "parameterNotFoundAction": "Deny"}
    lost = policy("lost", ["limits"], ["params != null"], paramKind=param)
    yield from within(
        lost, [request("POST", f"{LIMITS}{DRY}", limit("c", 1))], matchResources={}, paramRef=reference
    )
    lost = mutation("lost", ["Object{most: 4}"], ["limits"], paramKind=param)
    yield from mutated(
        lost, [request("POST", f"{LIMITS}{DRY}", limit("c", 1))], matchResources={}, paramRef=reference
    )
    nowhere = mutation(
        "nowhere", ["Object{most: 4}"], ["limits"], paramKind={"apiVersion": "no.such/v1", "kind": "X"}
    )
    yield from mutated(nowhere, [request("POST", f"{LIMITS}{DRY}", limit("c", 1))], matchResources={})


def _changes() -> Iterator[Request]:
    """Mutations of objects that are there."""
    yield request("POST", MAPS, config_map("kept", {"a": "1"}, labels={"l": "1"}))
    adding = mutation("adding", ["Object{data: {'added': request.operation}}"])
    adding["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = ["*"]
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned"}, "data": {"own": "1"}}
    yield from mutated(
        adding,
        [
            request("PUT", f"{MAPS}/kept", config_map("kept", {"a": "2"})),
            request("PATCH", f"{MAPS}/kept", {"data": {"added": "mine"}}, type=MERGE),
            request(
                "PATCH",
                f"{MAPS}/kept",
                {"metadata": {"labels": {"n": "1"}}},
                type="application/strategic-merge-patch+json",
            ),
            request("PATCH", f"{MAPS}/owned?fieldManager=m", applied, type=APPLY),
            request("PATCH", f"{MAPS}/owned?fieldManager=m", {**applied, "data": {"own": "2"}}, type=APPLY),
            request("PATCH", f"{MAPS}/owned?fieldManager=o", {**applied, "data": {"added": "x"}}, type=APPLY),
            request("DELETE", f"{MAPS}/owned"),
            request("POST", MAPS, config_map("kept", {"a": "2"})),
            request("POST", f"{MAPS}?fieldManager=p", config_map(generateName="gen-")),
        ],
    )
    yield request("GET", f"{MAPS}/kept")
    yield request("DELETE", f"{MAPS}/kept")
    variables = [
        {"name": "limit", "expression": "int(params.data.most)"},
        {
            "name": "may",
            "expression": "authorizer.group('').resource('configmaps').check('delete').allowed()",
        },
        {"name": "all", "expression": "variables.limit > 0 && variables.may"},
    ]
    conditions = [
        {
            "name": "c",
            "expression": "params.metadata.name == 'limit' && authorizer.path('/x').check('get').allowed()",
        }
    ]
    judging = policy(
        "composed",
        ["configmaps"],
        [
            {
                "expression": "variables.all && size(object.data) <= variables.limit",
                "messageExpression": "'limit ' + string(variables.limit)",
            }
        ],
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        variables=variables,
        matchConditions=conditions,
    )
    reference = {"name": "limit", "namespace": "free", "parameterNotFoundAction": "Deny"}
    asked = [
        request("POST", f"{MAPS}{DRY}", config_map("one", {"a": "1"})),
        request("POST", f"{MAPS}{DRY}", config_map("two", {"a": "1", "b": "2"})),
        request("POST", f"{MAPS}{DRY}", config_map("none")),
    ]
    yield from within(judging, asked, paramRef=reference)
    events = policy(
        "events",
        [],
        [
            {
                "expression": "false",
                "messageExpression": "object.apiVersion + ' ' + object.?note.orValue('-') + ' ' + object.?message.orValue('-')",
            }
        ],
        matchConstraints={"resourceRules": [{**rule(["events"]), "apiGroups": ["events.k8s.io"]}]},
    )
    event = {
        "metadata": {"name": "e"},
        "message": "m",
        "reason": "r",
        "type": "Normal",
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "policed"},
    }
    yield from within(events, [request("POST", "/api/v1/namespaces/policed/events", event)])
    jobs = mutation(
        "several",
        [
            "Object{data: {'x': string(size(object.data))}}",
            "[JSONPatch{op: 'add', path: '/data/y', value: string(size(object.data))}]",
            "Object{data: {'z': object.data.y}}",
        ],
    )
    yield from mutated(jobs, asked)
    half = mutation("half", ["Object{data: {'x': 'x'}}", "Object{data: {'y': object.data.nope}}"])
    yield from mutated(half, asked[:1])
    half["spec"]["failurePolicy"] = "Ignore"
    yield from mutated(half, asked[:1])


def _connections() -> Iterator[Request]:
    """What is asked about connections to the outside."""
    said = "request.operation + ' ' + request.name + '/' + request.subResource + ' ' + request.kind.kind + ' ' + string(oldObject == null) + ' ' + string(!has(request.options) || request.options == null)"
    told = "' ' + object.kind + ' ' + object.apiVersion + ' ' + string(object.?container.orValue('-')) + ' ' + string(object.?stdin.orValue(false)) + string(object.?stdout.orValue(false)) + string(object.?stderr.orValue(false)) + string(object.?tty.orValue(false)) + ' ' + string(object.?path.orValue('-')) + ' ' + (has(object.command) && object.command != null ? object.command.join(',') : '-') + ' ' + string(size(object.?ports.orValue([])))"
    connecting = policy(
        "connecting",
        [],
        [{"expression": "false", "messageExpression": f"{said} + {told}"}],
        matchConstraints={
            "resourceRules": [rule(["pods/exec", "pods/attach", "pods/portforward", "*/proxy"], ["CONNECT"])]
        },
    )
    asked = [
        request("GET", f"{PODS}/nope/exec?command=a&command=b&stdin=true&tty=1&container=c"),
        request("POST", f"{PODS}/nope/exec"),
        request("POST", f"{PODS}/nope/attach?stdout=false&stderr=0"),
        request("GET", f"{PODS}/nope/portforward?ports=1&ports=2"),
        request("GET", f"{PODS}/nope/proxy/a/b"),
        request("DELETE", f"{PODS}/https:nope:1/proxy"),
        request("PUT", "/api/v1/namespaces/policed/services/nope/proxy/x", {}),
        request("GET", f"{PODS}/nope/log"),
    ]
    yield from within(connecting, asked)
    yield from within(connecting, [request("GET", "/api/v1/nodes/nope/proxy/x")], matchResources={})
    other = policy("others", ["pods"], ["false"])
    yield from within(other, [request("POST", f"{PODS}/nope/exec")])
    made = mutation("connected", ["Object{container: 'x'}"], ["pods/exec"])
    made["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = ["CONNECT"]
    yield from mutated(made, [request("POST", f"{PODS}/nope/exec?command=a")])
    made = mutation("connected", ["[JSONPatch{op: 'add', path: '/container', value: 'x'}]"], ["pods/exec"])
    made["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = ["CONNECT"]
    yield from mutated(made, [request("POST", f"{PODS}/nope/exec?command=a")])


REQUESTS: list[Request] = [
    *_setting(),
    *_refused(),
    *_denials(),
    *_errors(),
    *_actions(),
    *_conditions(),
    *_variables(),
    *_params(),
    *_matching(),
    *_subresources(),
    *_several(),
    *_mutations_refused(),
    *_mutations(),
    *_language(),
    *_customs(),
    *_changes(),
    *_connections(),
]
