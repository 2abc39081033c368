"""A custom resource in two versions between which a webhook converts: the webhook's behaviours, and what is asked.

`v1` is kept and says `host` and `port`; `v2` says `hostPort`. The behaviour at `/c/NAME` is chosen by the definition's `clientConfig`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.webhooks.hook import Behaviour, Document, Raw
from tests.webhooks.steps import APPLY, JSON, MERGE, Step, step

GROUP = "convert.example.com"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITION = f"{DEFINITIONS}/points.{GROUP}"
ONE = f"/apis/{GROUP}/v1/namespaces/default/points"
TWO = f"/apis/{GROUP}/v2/namespaces/default/points"


def converted(point: Document, version: str) -> Document:
    """A point in another version."""
    made: Document = json.loads(json.dumps(point))
    spec = made.get("spec") or {}
    if version.endswith("/v2") and ("host" in spec or "port" in spec):
        spec["hostPort"] = f"{spec.pop('host', '')}:{spec.pop('port', 0)}"
    elif version.endswith("/v1") and "hostPort" in spec:
        host, _, port = spec.pop("hostPort").partition(":")
        spec["host"], spec["port"] = host, int(port or 0)
    return {**made, "apiVersion": version}


def _all(review: Document) -> list[Document]:
    request = review["request"]
    return [converted(point, request["desiredAPIVersion"]) for point in request["objects"]]


def _said(review: Document, said: Document, **more: Any) -> Raw:
    whole = {
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {"uid": review["request"]["uid"], "result": {"status": "Success"}, **said},
        **more,
    }
    return Raw(200, json.dumps(whole).encode())


def _with(change: Callable[[Document], None]) -> Behaviour:
    """Converts, and changes what came of it."""

    def behave(review: Document) -> Raw:
        points = _all(review)
        for point in points:
            change(point)
        return _said(review, {"convertedObjects": points})

    return behave


def _metadata(**members: Any) -> Behaviour:
    return _with(lambda point: point["metadata"].update(members))


def _failed(result: Document) -> Behaviour:
    return lambda review: _said(review, {"convertedObjects": [], "result": result})


BEHAVIOURS: dict[str, Behaviour] = {
    "/c/good": lambda review: _said(review, {"convertedObjects": _all(review)}),
    "/c/failed": _failed({"status": "Failure", "message": "I cannot do that"}),
    "/c/silent": _failed({"status": "Failure"}),
    "/c/undecided": _failed({}),
    "/c/uid": lambda review: _said(review, {"convertedObjects": _all(review), "uid": "another"}),
    "/c/absent": lambda review: _said(review, {}, response=None),
    "/c/fewer": lambda review: _said(review, {"convertedObjects": []}),
    "/c/more": lambda review: _said(review, {"convertedObjects": _all(review) * 2}),
    "/c/unconverted": lambda review: _said(review, {"convertedObjects": review["request"]["objects"]}),
    "/c/kind": _with(lambda point: point.update(kind="Other")),
    "/c/renamed": _metadata(name="other"),
    "/c/moved": _metadata(namespace="other"),
    "/c/identity": _metadata(uid="other"),
    "/c/no-metadata": _with(lambda point: point.pop("metadata")),
    "/c/labels": _metadata(labels={"a": 5}),
    "/c/decorated": _metadata(
        labels={"converted": "yes"},
        annotations={"by": "hook"},
        generation=99,
        finalizers=["example.com/x"],
        resourceVersion="7",
    ),
    "/c/500": lambda _: Raw(500, b"boom", "text/plain"),
    "/c/garbage": lambda _: Raw(200, b"no review"),
    "/c/version": lambda review: _said(
        review, {"convertedObjects": _all(review)}, apiVersion="apiextensions.k8s.io/v1beta1"
    ),
    "/c/hang-up": lambda _: None,
}
_FAULTS = [path for path in BEHAVIOURS if path not in {"/c/good", "/c/decorated", "/c/hang-up"}]


def conversion(path: str, **more: Any) -> Document:
    """The conversion of a definition, by the webhook at a path."""
    config = {"url": "{hook}" + path, "caBundle": "{ca}"}
    return {
        "strategy": "Webhook",
        "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"], **more},
    }


def _version(name: str, properties: Document, *, storage: bool) -> Document:
    spec = {"type": "object", "properties": properties}
    schema = {
        "type": "object",
        "properties": {
            "spec": spec,
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": "string", "jsonPath": f".spec.{next(iter(properties))}"}
        ],
    }


def definition(path: str = "/c/good") -> Document:
    """The definition."""
    first = {
        "host": {"type": "string", "maxLength": 20},
        "port": {"type": "integer"},
        "tls": {"type": "boolean", "default": False},
    }
    second = {
        "hostPort": {"type": "string", "pattern": "^[a-z0-9.]*:[0-9]*$"},
        "tls": {"type": "boolean"},
        "zone": {"type": "string", "default": "z"},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"points.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "points", "kind": "Point"},
            "conversion": conversion(path),
            "versions": [_version("v1", first, storage=True), _version("v2", second, storage=False)],
        },
    }


STORAGE_MOVES = [
    {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
    {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
]
"""From now on `v2` is kept."""


def point(name: str, version: str, **spec: Any) -> Document:
    """An instance in a version."""
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "Point",
        "metadata": {"name": name, "labels": {"of": version}},
        "spec": spec,
    }


def _faults() -> list[Step]:
    """What clients are told when the webhook does not do what it should: of a write, and of reads of what is there."""
    steps = []
    for path in _FAULTS:
        changed = {"spec": {"conversion": {"webhook": {"clientConfig": {"url": "{hook}" + path}}}}}
        steps += [
            step("PATCH", DEFINITION, changed, type=MERGE, settles=True),
            step("POST", TWO, point(f"new-{path[3:]}", "v2", hostPort="h:1")),
            step("GET", f"{TWO}/one"),
        ]
    return steps


STEPS: list[Step] = [
    step("POST", DEFINITIONS, {**definition(), "spec": {**definition()["spec"], "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "http://x"}, "conversionReviewVersions": ["v1"]}}}}),
    step("POST", DEFINITIONS, {**definition(), "spec": {**definition()["spec"], "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"name": "x", "namespace": ""}}, "conversionReviewVersions": ["v7"]}}}}),
    step("POST", DEFINITIONS, definition(), settles=True),
    step("POST", ONE, point("one", "v1", host="h", port=1), until=201),
    step("POST", TWO, point("two", "v2", hostPort="g:2"), until=201),
    step("GET", f"{TWO}/one"),
    step("GET", f"{TWO}/two"),
    step("GET", f"{ONE}/two"),
    step("GET", ONE),
    step("GET", TWO),
    step("GET", f"{TWO}?labelSelector=of%3Dv1"),
    step("GET", f"{TWO}?limit=1"),
    step("GET", f"{TWO}/nothing"),
    step("GET", TWO, accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
    step("GET", f"{TWO}/one", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
    step("POST", TWO, point("two", "v2", hostPort="g:2")),
    step("POST", TWO, point("bad", "v2", hostPort="no port")),
    step("POST", TWO, point("long", "v2", hostPort=f"{'h' * 30}:2")),
    step("POST", f"{TWO}?fieldValidation=Strict", point("unknown", "v2", hostPort="h:2", bogus=1)),
    step("POST", TWO, point("wrong", "v1", host="h")),
    step("POST", f"{TWO}?dryRun=All", point("dry", "v2", hostPort="h:2")),
    step("PATCH", f"{TWO}/one", {"spec": {"hostPort": "h:7"}}, type=MERGE),
    step("GET", f"{ONE}/one"),
    step("PATCH", f"{TWO}/one", [{"op": "replace", "path": "/spec/hostPort", "value": "h:8"}], type=JSON),
    step("PATCH", f"{TWO}/one", {"spec": {"hostPort": "h:8"}}, type=MERGE),
    step("PATCH", f"{TWO}/one/status", {"status": {"ready": True}}, type=MERGE),
    step("GET", f"{TWO}/one/status"),
    step("PATCH", f"{TWO}/three?fieldManager=me", point("three", "v2", hostPort="h:3"), type=APPLY),
    step("PATCH", f"{TWO}/three?fieldManager=me", point("three", "v2", hostPort="h:33"), type=APPLY),
    step("PUT", f"{TWO}/two", {**point("two", "v2", hostPort="g:3"), "metadata": {"name": "two", "resourceVersion": "1"}}),
    step("PATCH", f"{TWO}/two", {"metadata": {"finalizers": ["example.com/held"]}}, type=MERGE),
    step("DELETE", f"{TWO}/two"),
    step("PATCH", f"{TWO}/two", {"metadata": {"finalizers": None}}, type=MERGE),
    step("DELETE", f"{TWO}/three"),
    step("PATCH", DEFINITION, {"spec": {"conversion": {"webhook": {"clientConfig": {"url": "{hook}/c/decorated"}}}}}, type=MERGE, settles=True),
    step("GET", f"{TWO}/one"),
    step("POST", TWO, point("decorated", "v2", hostPort="h:4")),
    step("GET", f"{ONE}/decorated"),
    *_faults(),
    step("PATCH", DEFINITION, {"spec": {"conversion": conversion("/c/good", conversionReviewVersions=["v9", "v1beta1"])}}, type=MERGE, settles=True),
    step("GET", f"{TWO}/one"),
    step("GET", TWO),
    step("PATCH", DEFINITION, STORAGE_MOVES, type=JSON, settles=True),
    step("POST", TWO, point("later", "v2", hostPort="l:5"), until=201),
    step("POST", ONE, point("latest", "v1", host="m", port=6)),
    step("GET", ONE),
    step("GET", TWO),
    step("GET", f"{ONE}/one"),
    step("GET", f"{TWO}/later"),
    step("PATCH", f"{ONE}/one", {"spec": {"port": 9}}, type=MERGE),
    step("GET", f"{TWO}/one"),
    step("PATCH", f"{TWO}/long", {"metadata": {"finalizers": ["example.com/held"]}}, type=MERGE),
    step("DELETE", f"{ONE}/long"),
    step("GET", f"{TWO}/long"),
    step("PATCH", f"{ONE}/long", {"metadata": {"finalizers": None}}, type=MERGE),
    step("DELETE", f"{ONE}/decorated"),
    step("GET", ONE),
    step("DELETE", TWO),
    step("GET", ONE),
    step("DELETE", DEFINITION),
]  # fmt: skip
