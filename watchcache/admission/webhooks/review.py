"""AdmissionReview: what a webhook is sent, and what its answer means.

Source: k/k apiserver pkg/admission/plugin/webhook/request/admissionreview.go, pkg/admission/plugin/webhook/errors; measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from watchcache.admission.chain import Operation, Review
from watchcache.admission.matching import name_of, namespace_of
from watchcache.api.catalog import Resource
from watchcache.api.json_text import TYPE_NAMES
from watchcache.api.quoting import quoted
from watchcache.api.status import StatusError

Document = dict[str, Any]
GROUP: Final = "admission.k8s.io"
_KIND: Final = "AdmissionReview"
_SCHEME: Final = 'in scheme "pkg/runtime/scheme.go:111"'
_LEAST_CODE: Final = 400
"""No refusal has a lower code."""
_OPTIONS: Final = {
    Operation.CREATE: "CreateOptions",
    Operation.UPDATE: "UpdateOptions",
    Operation.DELETE: "DeleteOptions",
}


class Undecodable(Exception):
    """The answer is no AdmissionReview; the text is Go's."""


class Misanswered(Exception):
    """The answer is an AdmissionReview, but not one to this question; the text is kube-apiserver's."""


class Answer(msgspec.Struct, frozen=True):
    """What a webhook said. `status` is that of a refusal; `patch` is JSON, "" where nothing is to be changed."""

    allowed: bool
    status: Document | None
    warnings: list[str]
    patch: bytes
    patch_type: str


class Subject(msgspec.Struct, frozen=True):
    """A write as one webhook sees it: the resource that its rules name, and the documents in that version."""

    resource: Resource
    document: Document | None
    old: Document | None


def question(review: Review, subject: Subject, version: str, uid: str) -> Document:
    """The AdmissionReview that is sent."""
    resource, asked = subject.resource, review.resource
    below = {"subResource": review.subresource} if review.subresource else {}
    asked_below = {"requestSubResource": review.subresource} if review.subresource else {}
    request: Document = {
        "uid": uid,
        "kind": _kind(review, resource),
        "resource": _resource(resource),
        **below,
        "requestKind": _kind(review, asked),
        "requestResource": _resource(asked),
        **asked_below,
        **{
            key: value
            for key, value in (("name", _name(review)), ("namespace", namespace_of(review)))
            if value
        },
        "operation": review.operation.value,
        "userInfo": _user(review),
        "object": subject.document,
        "oldObject": subject.old,
        "dryRun": review.dry_run,
        "options": options(review),
    }
    return {"kind": _KIND, "apiVersion": f"{GROUP}/{version}", "request": request}


def permission(review: Review) -> Document:
    """What a user needs to be allowed for a write, but for its verb (`authorizer.requestResource` in expressions)."""
    stated = {
        "resource": review.resource.plural,
        "subresource": review.subresource,
        "namespace": namespace_of(review),
        "name": _name(review),
    }
    return {"group": review.resource.group} | {name: text for name, text in stated.items() if text}


def _name(review: Review) -> str:
    """A new object has the name that it is sent with, until it is given one; what is deleted with its collection is not named."""
    if review.operation is Operation.CREATE and not review.subresource:
        return name_of(review.document)
    if review.request is not None and review.request.verb == "deletecollection":
        return ""
    return review.name


def _kind(review: Review, resource: Resource) -> Document:
    group, version, kind = review.kind or (resource.group, resource.version, resource.kind)
    return {"group": group, "version": version, "kind": kind}


def _resource(resource: Resource) -> Document:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def _user(review: Review) -> Document:
    user = review.user
    stated = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {name: list(values) for name, values in user.extra.items()},
    }
    return {name: value for name, value in stated.items() if value}


def options(review: Review) -> Document | None:
    """The options of the operation, as the client stated them; those of a CONNECT are its object."""
    if review.operation is Operation.CONNECT:
        return None
    stated: Document = {"kind": _OPTIONS[review.operation], "apiVersion": "meta.k8s.io/v1"}
    request, deletion = review.request, review.options
    if deletion is not None:
        preconditions = {
            name: value
            for name, value in (("uid", deletion.uid), ("resourceVersion", deletion.resource_version))
            if value is not None
        }
        chosen = (
            ("gracePeriodSeconds", deletion.grace_period_seconds),
            ("preconditions", preconditions or None),
            ("orphanDependents", deletion.orphan_dependents),
            ("propagationPolicy", deletion.propagation_policy),
        )
        stated |= {name: value for name, value in chosen if value is not None}
    if review.dry_run:
        stated["dryRun"] = ["All"]
    if request is not None and deletion is None:
        if request.tracks:
            stated["fieldManager"] = request.field_manager
        if request.field_validation not in {"", "Warn"}:
            stated["fieldValidation"] = request.field_validation
    return stated


# -- answers


def read_answer(document: Any, version: str, uid: str, *, mutating: bool) -> Answer:
    """What a webhook answered to the question of that uid. Raises Undecodable, Misanswered."""
    kind, api_version = _type_of(document)
    wanted = f"{GROUP}/{version}"
    if api_version not in {"", wanted}:
        short = api_version.rpartition("/")[2]
        raise Undecodable(f"converting ({short}.{_KIND}) to ({version}.{_KIND}): unknown conversion")
    response = _response(document)
    if response is None:
        raise Misanswered("webhook response was absent")
    if version == "v1" and (found := response.get("uid") or "") != uid:
        raise Misanswered(f"expected response.uid={quoted(uid)}, got {quoted(found)}")
    if (kind, api_version) != (_KIND, wanted):
        raise Misanswered(
            f"expected webhook response of {wanted}, Kind={_KIND}, got {api_version or '/'}, Kind={kind}"
        )
    patch, patch_type = response["patch"], response.get("patchType")
    if mutating:
        patch_type = _patch_type(patch, patch_type, version)
    elif version == "v1":
        if patch:
            raise Misanswered("validating webhook may not return response.patch")
        if patch_type is not None:
            raise Misanswered("validating webhook may not return response.patchType")
    return Answer(
        bool(response.get("allowed")),
        response.get("status"),
        [text for text in response.get("warnings") or () if text],
        patch if mutating else b"",
        patch_type or "",
    )


def _patch_type(patch: bytes, stated: str | None, version: str) -> str | None:
    if version != "v1":
        return "JSONPatch" if patch else None
    if patch and stated is None:
        raise Misanswered("webhook returned response.patch but not response.patchType")
    if not patch and stated is not None:
        raise Misanswered("webhook returned response.patchType but not response.patch")
    return stated


def _type_of(document: Any) -> tuple[str, str]:
    """Kind and apiVersion; those of an answer may be missing, others than an AdmissionReview's are not decoded."""
    kind, version = document.get("kind") or "", document.get("apiVersion") or ""
    if (kind or _KIND) != _KIND or version not in {"", f"{GROUP}/v1", f"{GROUP}/v1beta1"}:
        raise Undecodable(
            f'no kind "{kind or _KIND}" is registered for version "{version or GROUP + "/v1"}" {_SCHEME}'
        )
    return kind, version


def _response(document: Document) -> Document | None:
    """The response with the types that Go has for it; `patch` is decoded."""
    response = document.get("response")
    if response is None:
        return None
    if not isinstance(response, dict):
        raise _mismatch(response, "AdmissionReview.response", "v1.AdmissionResponse")
    for name, (type_, words) in _TYPES.items():
        value = response.get(name)
        if value is not None and not isinstance(value, type_):
            raise _mismatch(value, f"AdmissionResponse.response.{name}", words)
    for text in response.get("warnings") or ():
        if not isinstance(text, str):
            raise _mismatch(text, "AdmissionResponse.response.warnings", "string")
    status = response.get("status") or {}
    for name, (type_, words) in _STATUS_TYPES.items():
        value = status.get(name)
        if value is not None and (not isinstance(value, type_) or (type_ is int and isinstance(value, bool))):
            raise _mismatch(value, f"Status.response.status.{name}", words)
    return {**response, "patch": _decoded(response.get("patch") or "")}


_TYPES: Final[dict[str, tuple[type, str]]] = {
    "uid": (str, "types.UID"),
    "allowed": (bool, "bool"),
    "status": (dict, "v1.Status"),
    "patch": (str, "[]uint8"),
    "patchType": (str, "v1.PatchType"),
    "auditAnnotations": (dict, "map[string]string"),
    "warnings": (list, "[]string"),
}
_STATUS_TYPES: Final[dict[str, tuple[type, str]]] = {
    "status": (str, "string"),
    "message": (str, "string"),
    "reason": (str, "v1.StatusReason"),
    "details": (dict, "v1.StatusDetails"),
    "code": (int, "int32"),
}


def _mismatch(value: Any, field: str, words: str) -> Undecodable:
    return Undecodable(
        f"json: cannot unmarshal {TYPE_NAMES[type(value)]} into Go struct field {field} of type {words}"
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        at = next((place for place, letter in enumerate(text) if not _is_base64(letter)), len(text))
        raise Undecodable(f"illegal base64 data at input byte {at}") from None


def _is_base64(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in "+/=\n\r")


def refusal(name: str, status: Document | None) -> StatusError:
    """What a webhook's refusal is to the client: never a success, and it says who refused."""
    stated = status or {}
    code, reason = max(stated.get("code") or 0, _LEAST_CODE), stated.get("reason") or ""
    said = stated.get("message") or reason
    by = f"admission webhook {quoted(name)} denied the request"
    text = f"{by}: {said}" if said else f"{by} without explanation"
    return StatusError(code, reason, text, stated.get("details"))
