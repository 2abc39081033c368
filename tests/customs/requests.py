"""What is asked about custom resources, in order: each request builds on those before it."""

from __future__ import annotations

from typing import Any

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/stable.example.com/v1/namespaces/default/widgets"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON = "application/json-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

Document = dict[str, Any]

WIDGET_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["color"],
            "properties": {
                "color": {"type": "string", "minLength": 2, "maxLength": 6, "pattern": "^[a-z]+$"},
                "size": {"type": "string", "enum": ["S", "M"], "default": "M"},
                "count": {"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 3, "default": 3},
                "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0},
                "when": {"type": "string", "format": "date-time"},
                "port": {"x-kubernetes-int-or-string": True},
                "note": {"type": "string", "nullable": True},
                "tags": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string", "maxLength": 9},
                },
                "ports": {
                    "type": "array",
                    "maxItems": 5,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "maxLength": 9},
                            "number": {
                                "type": "integer",
                                "x-kubernetes-validations": [
                                    {"rule": "self >= oldSelf", "message": "only up"}
                                ],
                            },
                        },
                    },
                },
                "limits": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "integer"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "template": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "either": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
            },
            "x-kubernetes-validations": [
                {
                    "rule": "self.size != 'S' || self.count <= 3",
                    "message": "small ones are few",
                    "fieldPath": ".count",
                },
                {
                    "rule": "!has(self.tags) || self.tags.all(t, t.startsWith('t'))",
                    "reason": "FieldValueForbidden",
                },
                {"rule": "self.color == oldSelf.color", "messageExpression": "'stays ' + oldSelf.color"},
            ],
        },
        "status": {
            "type": "object",
            "properties": {"count": {"type": "integer"}, "selector": {"type": "string"}},
        },
    },
}


def definition(
    plural: str, kind: str, *versions: Document, group: str = "stable.example.com", **spec: Any
) -> Document:
    """A CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, **spec.pop("names", {})},
            "versions": list(versions),
            **spec,
        },
    }


def version(
    name: str = "v1", schema: Document | None = None, *, storage: bool = True, **more: Any
) -> Document:
    """One of its versions."""
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema or OPEN},
        **more,
    }


def ask(method: str, path: str, body: Any = None, **more: Any) -> Document:
    """A request."""
    return {"method": method, "path": path, **({} if body is None else {"body": body}), **more}


def refused(*versions: Document, **more: Any) -> Document:
    """The creation of a definition that is judged only."""
    return ask("POST", f"{DEFINITIONS}?dryRun=All", definition("bad", "Bad", *versions, **more))


def shaped(schema: Document, **more: Any) -> Document:
    """The same with one version that has a field of a schema."""
    return refused(version(schema={"type": "object", "properties": {"a": schema}}, **more))


def widget(name: str = "x", **spec: Any) -> Document:
    """An instance."""
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"color": "blue", **spec},
    }


def tried(query: str = "", **spec: Any) -> Document:
    """The creation of an instance that is judged only."""
    return ask("POST", f"{WIDGETS}?dryRun=All{query}", widget(**spec))


def applied(manager: str, spec: Document, query: str = "", *, subresource: str = "", **more: Any) -> Document:
    """A server-side apply."""
    document = {**widget("applied"), **more}
    document["spec"] = {**document["spec"], **spec} if not subresource else {}
    return ask("PATCH", f"{WIDGETS}/applied{subresource}?fieldManager={manager}{query}", document, type=APPLY)


def established(plural: str, group: str = "stable.example.com", name: str = "v1") -> Document:
    """Waits until a definition's resource is served."""
    return ask("GET", f"/apis/{group}/{name}/{plural}?limit=1", until=200)


WIDGET = definition(
    "widgets",
    "Widget",
    version(
        schema=WIDGET_SCHEMA,
        subresources={
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.count",
                "statusReplicasPath": ".status.count",
                "labelSelectorPath": ".status.selector",
            },
        },
        selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.count"}],
        additionalPrinterColumns=[
            {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
            {"name": "Count", "type": "integer", "jsonPath": ".spec.count", "priority": 1, "format": "int32"},
            {"name": "Tags", "type": "string", "jsonPath": ".spec.tags"},
            {"name": "Second", "type": "string", "jsonPath": '.spec.ports[?(@.name=="b")].number'},
            {"name": "When", "type": "date", "jsonPath": ".spec.when", "description": "When it is."},
        ],
    ),
    version("v2alpha1", storage=False, deprecated=True),
    version("v1beta1", storage=False, deprecated=True, deprecationWarning="use v1"),
    names={"shortNames": ["wi"], "categories": ["all"], "singular": "widget"},
)

DEFINING: list[Document] = [
    refused(version(), names={"plural": "other"}),
    refused(version(), names={"kind": "b_d", "shortNames": ["X"], "categories": ["Y"], "listKind": "b_d"}),
    refused(version(), scope="Some"),
    refused(version(), group="example"),
    refused(version(), group="x.k8s.io"),
    refused(version(storage=False)),
    refused(version(), version("v2")),
    refused(version("V")),
    refused({"name": "v1", "served": True, "storage": True}),
    refused(version(deprecationWarning="x")),
    refused(version(), conversion={"strategy": "Some"}),
    refused(
        version(),
        conversion={
            "strategy": "None",
            "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://x/y"}},
        },
    ),
    refused(version(), preserveUnknownFields=True),
    refused(version(schema={"type": "string"})),
    refused(
        version(
            schema={
                "type": "object",
                "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
            }
        )
    ),
    refused(version(schema={"type": "object", "nullable": True})),
    shaped({}),
    shaped({"type": "text"}),
    shaped({"type": "array"}),
    shaped({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    shaped(
        {
            "type": "object",
            "properties": {"b": {"type": "string"}},
            "additionalProperties": {"type": "string"},
        }
    ),
    shaped({"$ref": "#/b"}),
    shaped({"type": "string", "anyOf": [{"type": "string"}]}),
    shaped({"type": "string", "default": 1}),
    shaped({"type": "object", "properties": {"b": {"type": "string"}}, "default": {"c": 1}}),
    shaped({"type": "object", "x-kubernetes-embedded-resource": True}),
    shaped(
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    shaped(
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    shaped(
        {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "object", "properties": {"k": {"type": "string"}}},
        }
    ),
    shaped({"type": "string", "format": "nonsense"}),
    shaped(
        {
            "type": "string",
            "x-kubernetes-validations": [
                {"rule": " "},
                {"rule": "true", "message": "a\nb", "reason": "Some", "fieldPath": ".b"},
            ],
        }
    ),
    shaped(
        {
            "type": "array",
            "maxItems": 2,
            "items": {
                "type": "string",
                "maxLength": 2,
                "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
            },
        }
    ),
    shaped(
        {"type": "string"},
        subresources={
            "scale": {"specReplicasPath": "spec", "statusReplicasPath": ".spec.a", "labelSelectorPath": ".a"}
        },
    ),
    shaped(
        {"type": "string"},
        additionalPrinterColumns=[
            {"name": "A", "type": "text", "jsonPath": "a"},
            {"name": "B", "type": "string", "jsonPath": ".b", "format": "x"},
        ],
    ),
    shaped(
        {"type": "object", "properties": {"b": {"type": "object"}}},
        selectableFields=[
            {"jsonPath": ".a.c"},
            {"jsonPath": ".a.b"},
            {"jsonPath": ".a[0]"},
            {"jsonPath": "a"},
        ],
    ),
]

INSTANCES: list[Document] = [
    ask("POST", DEFINITIONS, WIDGET),
    established("widgets"),
    ask("GET", f"{DEFINITIONS}/widgets.stable.example.com"),
    ask("GET", "/apis/stable.example.com"),
    ask("GET", "/apis/stable.example.com/v1"),
    ask("GET", "/apis/stable.example.com/v2alpha1"),
    tried(),
    tried(color="b"),
    tried(color="Blue"),
    tried(color="yellowish"),
    tried(color=None),
    tried(size="L"),
    tried(count=10),
    tried(count=4),
    tried(count="3"),
    tried(count=2.5),
    tried(size="S", count=6),
    tried(ratio=0),
    tried(when="soon"),
    tried(port=1.5),
    tried(note=None, port="http", ratio=1.0, when="2020-01-01T00:00:00Z"),
    tried(tags=["ta", "tb", "ta"]),
    tried(tags=["a"]),
    tried(tags=["ta", "tb", "tc", "td"]),
    tried(ports=[{"name": "a"}, {"name": "a", "number": 2}]),
    tried(ports=[{"number": 2}, 3]),
    tried(limits={"a": 1, "b": "x"}),
    tried(limits={"a": 1, "b": 2, "c": 3}),
    tried(free={"deep": {"x": [1]}}, bogus=1, either={"a": "1", "c": "2"}),
    tried("&fieldValidation=Strict", bogus=1, either={"a": "1", "c": "2"}),
    tried("&fieldValidation=Ignore", bogus=1),
    tried(either={}),
    tried(either={"a": "1", "b": "2"}),
    tried(template={"spec": {}}),
    tried(template={"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a b": "c"}, "bogus": 1}}),
    tried(template={"apiVersion": 1, "kind": "Pod"}),
    ask("POST", WIDGETS, {**widget(size="M", count=3), "kind": "Other"}),
    ask(
        "POST", WIDGETS, {"kind": "Widget", "apiVersion": "stable.example.com/v3", "metadata": {"name": "x"}}
    ),
    ask("POST", WIDGETS, '{"metadata":{"name":"x"}}'),
    ask("POST", WIDGETS, {**widget(), "metadata": {"name": "x", "labels": {"a": 1}}}),
    ask("POST", WIDGETS, {**widget("Bad_"), "status": {"count": 5}}),
    ask(
        "POST",
        WIDGETS,
        {**widget("one", tags=["ta", "tb"], ports=[{"name": "b", "number": 2}]), "status": {"count": 5}},
    ),
    ask("POST", WIDGETS, widget("two", color="red", count=6)),
    ask("POST", WIDGETS, widget("two", color="red", count=6)),
    ask("GET", f"{WIDGETS}?fieldSelector=spec.color%3Dred"),
    ask("GET", f"{WIDGETS}?fieldSelector=spec.count!%3D6"),
    ask("GET", f"{WIDGETS}?fieldSelector=spec.size%3DM"),
    ask("GET", WIDGETS, accept=TABLE),
    ask("GET", "/apis/stable.example.com/v1beta1/namespaces/default/widgets", accept=TABLE),
    ask("GET", "/apis/stable.example.com/v1beta1/namespaces/default/widgets/one"),
    ask("GET", "/apis/stable.example.com/v2alpha1/namespaces/default/widgets/one"),
    ask("PATCH", f"{WIDGETS}/one", {"spec": {"color": "red"}}, type=MERGE),
    ask("PATCH", f"{WIDGETS}/one", {"spec": {"ports": [{"name": "b", "number": 1}]}}, type=MERGE),
    ask(
        "PATCH",
        f"{WIDGETS}/one",
        {"spec": {"ports": [{"name": "b", "number": 3}, {"name": "c", "number": 1}]}},
        type=MERGE,
    ),
    ask("PATCH", f"{WIDGETS}/one", [{"op": "replace", "path": "/spec/size", "value": "S"}], type=JSON),
    ask("PATCH", f"{WIDGETS}/one", [{"op": "test", "path": "/spec/size", "value": "L"}], type=JSON),
    ask("PATCH", f"{WIDGETS}/one", {"spec": {"bogus": 1}}, type=MERGE),
    ask("PATCH", f"{WIDGETS}/one", {}, type="application/strategic-merge-patch+json"),
    ask(
        "PATCH",
        f"{WIDGETS}/one/status",
        {
            "spec": {"size": "M"},
            "status": {"count": 2, "selector": "a=b"},
            "metadata": {"labels": {"a": "b"}},
        },
        type=MERGE,
    ),
    ask("PATCH", f"{WIDGETS}/one/status", {"status": {"count": "x"}}, type=MERGE),
    ask("GET", f"{WIDGETS}/one/scale"),
    ask("PATCH", f"{WIDGETS}/one/scale", {"spec": {"replicas": 0}}, type=MERGE),
    ask("PATCH", f"{WIDGETS}/one/scale", {"spec": {"replicas": 4}}, type=MERGE),
    ask("PATCH", f"{WIDGETS}/one/scale", {"spec": {"replicas": -1}}, type=MERGE),
    ask("GET", f"{WIDGETS}/one"),
    ask("PUT", f"{WIDGETS}/one", widget("one")),
    ask("DELETE", f"{WIDGETS}/two"),
    ask("DELETE", f"{WIDGETS}/two"),
    ask("GET", f"{WIDGETS}/none/scale"),
    ask("GET", f"{WIDGETS}/one/nothing"),
]

CONFLICTS: list[Document] = [
    ask("POST", DEFINITIONS, definition("gizmos", "Widget", version(), names={"shortNames": ["wi"]})),
    ask("GET", f"{DEFINITIONS}/gizmos.stable.example.com", until=200),
    ask("GET", "/apis/stable.example.com/v1/gizmos"),
    ask("DELETE", f"{DEFINITIONS}/gizmos.stable.example.com"),
]

CLUSTER: list[Document] = [
    ask(
        "POST", DEFINITIONS, definition("zones", "Zone", version(), scope="Cluster", group="geo.example.com")
    ),
    established("zones", "geo.example.com"),
    ask(
        "POST",
        "/apis/geo.example.com/v1/zones",
        {
            "apiVersion": "geo.example.com/v1",
            "kind": "Zone",
            "metadata": {"name": "z", "finalizers": ["example.com/hold"]},
            "anything": {"goes": 1},
            "status": {"x": 1},
        },
    ),
    ask("GET", "/apis/geo.example.com/v1/namespaces/default/zones"),
    ask("GET", "/apis/geo.example.com/v1/zones", accept=TABLE),
    ask("PATCH", "/apis/geo.example.com/v1/zones/z", {"status": {"x": 2}}, type=MERGE),
    ask("PATCH", "/apis/geo.example.com/v1/zones/z/status", {"status": {"x": 3}}, type=MERGE),
    ask("PATCH", f"{DEFINITIONS}/zones.geo.example.com", {"spec": {"scope": "Namespaced"}}, type=MERGE),
    ask("PATCH", f"{DEFINITIONS}/zones.geo.example.com", {"spec": {"names": {"kind": "Area"}}}, type=MERGE),
    ask(
        "PATCH",
        f"{DEFINITIONS}/zones.geo.example.com",
        {"spec": {"names": {"shortNames": ["zo"]}}},
        type=MERGE,
    ),
    ask(
        "PATCH",
        f"{DEFINITIONS}/zones.geo.example.com/status",
        {"status": {"storedVersions": ["v0"]}},
        type=MERGE,
    ),
    ask("DELETE", f"{DEFINITIONS}/zones.geo.example.com"),
    ask(
        "POST",
        "/apis/geo.example.com/v1/zones",
        {"apiVersion": "geo.example.com/v1", "kind": "Zone", "metadata": {"name": "y"}},
        until=403,
    ),
    ask("DELETE", "/apis/geo.example.com/v1/zones/z"),
    ask(
        "PATCH", "/apis/geo.example.com/v1/zones/z", {"metadata": {"finalizers": None}}, type=MERGE, until=200
    ),
    ask("GET", f"{DEFINITIONS}/zones.geo.example.com", until=404),
    ask("GET", "/apis/geo.example.com/v1/zones", until=404),
]

SEVERAL = definition(
    "several",
    "Several",
    version("v1", storage=False),
    version("v2", {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}),
    names={"singular": "several"},
)
SEVERALS = "/apis/stable.example.com/v1/namespaces/default/several"
CHANGED: list[Document] = [
    ask("POST", DEFINITIONS, SEVERAL),
    established("several", name="v2"),
    ask(
        "POST",
        SEVERALS,
        {"apiVersion": "stable.example.com/v1", "kind": "Several", "metadata": {"name": "a"}, "z": 1},
    ),
    ask("GET", f"{SEVERALS}/a"),
    ask("GET", f"{SEVERALS.replace('v1', 'v2')}/a"),
    ask(
        "PATCH",
        f"{DEFINITIONS}/several.stable.example.com",
        {"spec": {"versions": [version("v1")]}},
        type=MERGE,
    ),
    ask(
        "PATCH",
        f"{DEFINITIONS}/several.stable.example.com",
        {"spec": {"group": "other.example.com"}},
        type=MERGE,
    ),
    ask("PUT", f"{DEFINITIONS}/several.stable.example.com", SEVERAL),
    ask(
        "PATCH", f"{DEFINITIONS}/several.stable.example.com", {"metadata": {"labels": {"a": "b"}}}, type=MERGE
    ),
    ask("GET", f"{SEVERALS}/a", accept="application/cbor"),
    ask("GET", f"{SEVERALS}/a", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
    ask("GET", "/apis/other.example.com/v1"),
    ask("GET", "/apis/stable.example.com/v9"),
    ask("PATCH", f"{SEVERALS}/a", {"kind": "Other"}, type=MERGE),
    ask("PATCH", f"{SEVERALS}/a", {"metadata": {"name": "b"}}, type=MERGE),
    ask("PATCH", f"{SEVERALS}/a", "{", type=MERGE),
    ask("DELETE", f"{SEVERALS}/a?propagationPolicy=Foreground"),
    ask("DELETE", SEVERALS),
]

APPLIED: list[Document] = [
    applied("m1", {"tags": ["ta"], "ports": [{"name": "a", "number": 1}]}),
    applied("m1", {"tags": ["ta"], "ports": [{"name": "a", "number": 1}]}),
    applied("m2", {"tags": ["tb"], "ports": [{"name": "a", "number": 2}]}),
    applied("m2", {"tags": ["tb"], "ports": [{"name": "a", "number": 2}]}, "&force=true"),
    applied("m1", {"ports": [{"name": "b"}]}),
    applied("m1", {"bogus": 1}),
    applied("m1", {"count": "x"}),
    applied("m3", {}, status={"count": 1}, subresource="/status"),
    ask(
        "PATCH",
        f"{WIDGETS}/applied/scale?fieldManager=m4",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "applied"},
            "spec": {"replicas": 3},
        },
        type=APPLY,
    ),
    ask("PATCH", f"{WIDGETS}/applied/scale?fieldManager=m5", {"spec": {"replicas": 6}}, type=MERGE),
    ask("GET", f"{WIDGETS}/applied"),
]

REQUESTS = [*DEFINING, *INSTANCES, *APPLIED, *CHANGED, *CONFLICTS, *CLUSTER]
