"""What the webhook server of the recording answers, by path: `/m/...` to mutating webhooks, `/v/...` to validating ones."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.webhooks.hook import Behaviour, Document, Raw, patch, reviewed


def _metadata(review: Document) -> Document:
    return (review["request"]["object"] or {}).get("metadata") or {}


def _label(review: Document) -> Document:
    """Adds one label, unless it is there; nothing of a deletion."""
    if review["request"]["object"] is None:
        return {"allowed": True}
    labels = {**(_metadata(review).get("labels") or {}), "hooked": "yes"}
    return patch({"op": "add", "path": "/metadata/labels", "value": labels})


def _count(name: str) -> Behaviour:
    """Says in an annotation how often, and in which order, it was asked."""

    def behave(review: Document) -> Document:
        annotations = _metadata(review).get("annotations") or {}
        seen = annotations.get("seen", "")
        return patch(
            {"op": "add", "path": "/metadata/annotations", "value": {**annotations, "seen": f"{seen}{name}"}}
        )

    return behave


def _once(name: str) -> Behaviour:
    """The same, but only the first time."""

    def behave(review: Document) -> Document:
        seen = (_metadata(review).get("annotations") or {}).get("seen", "")
        return {"allowed": True} if name in seen else _count(name)(review)

    return behave


def _always(response: Document) -> Behaviour:
    return lambda _: response


def _patched(*operations: Document) -> Behaviour:
    return lambda review: {"allowed": True} if review["request"]["object"] is None else patch(*operations)


def _denied(status: Any) -> Behaviour:
    return _always({"allowed": False} if status is None else {"allowed": False, "status": status})


def _other(**changes: Any) -> Behaviour:
    """A review whose own members differ."""

    def behave(review: Document) -> Raw:
        whole = {**reviewed(review, {"allowed": True}), **changes}
        return Raw(200, json.dumps({k: v for k, v in whole.items() if v is not None}).encode())

    return behave


def _text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_COMMON: dict[str, Behaviour] = {
    "allow": _always({"allowed": True}),
    "warn": _always(
        {"allowed": True, "warnings": ["mind the gap", 'and "this"', ""], "auditAnnotations": {"k": "v"}}
    ),
    "deny": _denied(None),
    "deny-message": _denied({"message": "not today"}),
    "deny-reason": _denied({"reason": "Because"}),
    "deny-code": _denied({"code": 403, "reason": "Forbidden", "message": "go away", "status": "Failure"}),
    "deny-low": _denied({"code": 200, "status": "Success", "message": "no"}),
    "deny-details": _denied(
        {
            "code": 422,
            "reason": "Invalid",
            "message": "bad",
            "details": {"name": "n", "causes": [{"reason": "r", "message": "m", "field": "f"}]},
        }
    ),
    "deny-warn": _always({"allowed": False, "status": {"message": "no"}, "warnings": ["I warned you"]}),
    "uid": _always({"allowed": True, "uid": "another"}),
    "absent": _other(response=None),
    "kind": _other(kind="Other"),
    "version": _other(apiVersion="admission.k8s.io/v1beta1"),
    "untyped": _other(apiVersion=None, kind=None),
    "garbage": lambda _: Raw(200, b"this is no JSON"),
    "html": lambda _: Raw(200, b"<html>sign in</html>", "text/html"),
    "empty": lambda _: Raw(200, b""),
    "list": lambda _: Raw(200, b"[]"),
    "text-allowed": _always({"allowed": "yes"}),
    "500": lambda _: Raw(500, b"boom", "text/plain"),
    "500-json": lambda _: Raw(500, b'{"a": 1}'),
    "503": lambda _: Raw(503, b"later", "text/plain"),
    "404": lambda _: Raw(404, b"404 page not found\n", "text/plain"),
    "403": lambda _: Raw(403, b"not you", "text/plain"),
    "400": lambda _: Raw(400, b"what?", "text/plain"),
    "418": lambda _: Raw(418, b"short and stout", "text/plain"),
    "status": lambda _: Raw(
        400,
        b'{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a status","reason":"BadRequest","code":400}',
    ),
    "hang-up": lambda _: None,
    "half": lambda _: Raw(200, b'{"kind":"Admis', more=(("Content-Length", "100"),)),
}

_MUTATING: dict[str, Behaviour] = {
    "label": _label,
    "a": _count("a"),
    "b": _count("b"),
    "c": _count("c"),
    "once-a": _once("a"),
    "once-b": _once("b"),
    "once-c": _once("c"),
    "no-type": _always({"allowed": True, "patch": _text("[]")}),
    "type-only": _always({"allowed": True, "patchType": "JSONPatch"}),
    "other-type": _always({"allowed": True, "patchType": "MergePatch", "patch": _text('{"a":1}')}),
    "patch-garbage": _always({"allowed": True, "patchType": "JSONPatch", "patch": _text("no JSON")}),
    "patch-object": _always({"allowed": True, "patchType": "JSONPatch", "patch": _text("{}")}),
    "patch-empty": _always({"allowed": True, "patchType": "JSONPatch", "patch": _text("[]")}),
    "patch-base64": _always({"allowed": True, "patchType": "JSONPatch", "patch": "%%%"}),
    "patch-test": _patched({"op": "test", "path": "/metadata/name", "value": "never"}),
    "patch-missing": _patched({"op": "remove", "path": "/data/nothing"}),
    "patch-add": _patched({"op": "add", "path": "/spec/x/y", "value": 1}),
    "patch-replace": _patched({"op": "replace", "path": "/spec/x/y", "value": 1}),
    "patch-remove": _patched({"op": "remove", "path": "/spec/x/y"}),
    "patch-test-path": _patched({"op": "test", "path": "/spec/x/y", "value": 1}),
    "patch-move": _patched({"op": "move", "from": "/spec/x", "path": "/data/y"}),
    "patch-copy": _patched({"op": "copy", "from": "/spec/x/y", "path": "/data/y"}),
    "patch-index": _patched(
        {"op": "add", "path": "/metadata/finalizers", "value": ["a.b/c"]},
        {"op": "remove", "path": "/metadata/finalizers/5"},
    ),
    "patch-word": _patched(
        {"op": "add", "path": "/metadata/finalizers", "value": ["a.b/c"]},
        {"op": "add", "path": "/metadata/finalizers/x", "value": "d"},
    ),
    "patch-no-path": _patched({"op": "add", "value": 1}),
    "patch-op": _patched({"op": "paint", "path": "/data", "value": 1}),
    "patch-array": _patched({"op": "replace", "path": "", "value": []}),
    "type": _patched({"op": "add", "path": "/data", "value": 5}),
    "type-deep": _patched({"op": "add", "path": "/metadata/labels", "value": {"a": 5}}),
    "unknown": _patched({"op": "add", "path": "/nonsense", "value": {"a": 5}}),
    "name": _patched({"op": "add", "path": "/metadata/name", "value": "renamed"}),
    "namespace": _patched({"op": "add", "path": "/metadata/namespace", "value": "elsewhere"}),
    "identity": _patched(
        {"op": "add", "path": "/metadata/uid", "value": "mine"},
        {"op": "add", "path": "/metadata/creationTimestamp", "value": "2001-01-01T00:00:00Z"},
        {"op": "add", "path": "/metadata/generation", "value": 77},
        {"op": "add", "path": "/metadata/resourceVersion", "value": "1"},
    ),
    "kind-changed": _patched({"op": "replace", "path": "/kind", "value": "Namespace"}),
    "version-changed": _patched({"op": "replace", "path": "/apiVersion", "value": "apps/v1"}),
    "invalid": _patched({"op": "add", "path": "/metadata/labels", "value": {"no good!": "x"}}),
    "finalizer": _patched({"op": "add", "path": "/metadata/finalizers", "value": ["example.com/held"]}),
    "status-set": _patched({"op": "add", "path": "/status", "value": {"message": "hooked"}}),
    "sidecar": _patched(
        {"op": "add", "path": "/spec/containers/-", "value": {"name": "side", "image": "side"}}
    ),
    "replicas": _patched({"op": "add", "path": "/spec/replicas", "value": 5}),
    "colour": _patched(
        {"op": "add", "path": "/spec/colour", "value": "blue"},
        {"op": "add", "path": "/spec/unknown", "value": 1},
        {"op": "remove", "path": "/spec/size"},
    ),
    "wrong-colour": _patched({"op": "add", "path": "/spec/colour", "value": 7}),
    "target": _patched({"op": "add", "path": "/spec/maxReplicas", "value": 9}),
    "owners": _patched(
        {"op": "add", "path": "/metadata/managedFields", "value": [{"manager": "x", "operation": "Nonsense"}]}
    ),
}

_VALIDATING: dict[str, Behaviour] = {
    "patch": _always({"allowed": True, "patchType": "JSONPatch", "patch": _text("[]")}),
    "type-only": _always({"allowed": True, "patchType": "JSONPatch"}),
}

BEHAVIOURS: dict[str, Behaviour] = {
    **{f"/m/{name}": behave for name, behave in {**_COMMON, **_MUTATING}.items()},
    **{f"/v/{name}": behave for name, behave in {**_COMMON, **_VALIDATING}.items()},
}
