"""ConversionReview: what a conversion webhook is sent, and what its answer means. No I/O.

A webhook may change everything of an object but what it is: of its metadata only labels and annotations are taken over.

Source: apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go; texts measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from watchcache.api.custom.structural import Document
from watchcache.api.quoting import quoted

GROUP: Final = "apiextensions.k8s.io"
_KIND: Final = "ConversionReview"
_VERSIONS: Final = ("v1", "v1beta1")
_SCHEME: Final = 'in scheme "pkg/runtime/scheme.go:111"'
_IDENTITY: Final = (("name", "name"), ("namespace", "namespace"), ("uid", "UID"))
_CHANGEABLE: Final = ("labels", "annotations")
_GO_TYPES: Final = {
    bool: "bool",
    int: "int64",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


class Unconverted(Exception):
    """The webhook has not converted; the text goes behind `conversion webhook for GROUP/VERSION, Kind=KIND `."""


def review_version(accepted: Sequence[str]) -> str:
    """The version of reviews that is sent to a webhook that accepts some. Raises Unconverted."""
    found = next((version for version in accepted if version in _VERSIONS), None)
    if found is None:
        raise Unconverted("failed: does not recognize any conversion review version")
    return found


def question(version: str, uid: str, wanted: str, objects: Sequence[Document]) -> Document:
    """The review that asks for objects of an apiVersion `wanted`."""
    request = {"uid": uid, "desiredAPIVersion": wanted, "objects": [_unstamped(each) for each in objects]}
    response: Document = {
        "uid": "",
        "convertedObjects": None,
        "result": {"metadata": {}},
    }  # as Go prints one that is not there
    return {"kind": _KIND, "apiVersion": f"{GROUP}/{version}", "request": request, "response": response}


def _unstamped(document: Document) -> Document:
    """What is kept has no revision in itself."""
    metadata = {name: value for name, value in document["metadata"].items() if name != "resourceVersion"}
    return {**document, "metadata": metadata}


def converted(
    answer: Document, version: str, uid: str, wanted: str, objects: Sequence[Document]
) -> list[Document]:
    """The objects as the webhook made them, in their order. Raises Unconverted."""
    made = _objects(answer, version, uid)
    if len(made) != len(objects):
        raise Unconverted(f"returned {len(made)} objects, expected {len(objects)}")
    return [
        _checked(original, one, wanted, index)
        for index, (original, one) in enumerate(zip(objects, made, strict=True))
    ]


def _objects(answer: Document, version: str, uid: str) -> list[Any]:
    kind, api_version = answer.get("kind") or "", answer.get("apiVersion") or ""
    expected = f"{GROUP}/{version}"
    if (kind or _KIND) != _KIND or api_version.rpartition("/")[0] not in {"", GROUP}:
        text = f'no kind "{kind or _KIND}" is registered for version "{api_version or expected}" {_SCHEME}'
        raise Unconverted(f"failed: {text}")
    if api_version not in {"", expected}:
        other = api_version.rpartition("/")[2]
        raise Unconverted(f"failed: converting ({other}.{_KIND}) to ({version}.{_KIND}): unknown conversion")
    if (kind, api_version) != (_KIND, expected):
        text = f"expected webhook response of {expected}, Kind={_KIND}, got {api_version or '/'}, Kind={kind}"
        raise Unconverted(f"failed: {text}")
    response = answer.get("response")
    if not isinstance(response, dict):
        raise Unconverted("failed: no response provided")
    found = response.get("uid") or ""
    if found != uid:
        raise Unconverted(f"failed: expected response.uid={quoted(uid)}, got {quoted(str(found))}")
    result = response.get("result")
    stated: Document = result if isinstance(result, dict) else {}
    status, message = stated.get("status") or "", stated.get("message")
    if status != "Success":
        said = message or f"response.result.status was '{status}', not 'Success'"
        raise Unconverted(f"failed: {said}")
    made = response.get("convertedObjects") or []
    return made if isinstance(made, list) else []


def _checked(original: Document, made: Any, wanted: str, index: int) -> Document:
    """An object that is what it was, with what may not change as it was."""
    if not isinstance(made, dict):
        raise Unconverted(f"returned invalid object at index {index}: it is no object")
    at = f"returned invalid object at index {index}"
    if made.get("apiVersion") != wanted:
        found = made.get("apiVersion") or "/"
        raise Unconverted(f"{at}: invalid groupVersion (expected {wanted}, received {found})")
    if made.get("kind") != original.get("kind"):
        kinds = f"expected {original.get('kind')}, received {made.get('kind') or ''}"
        raise Unconverted(f"{at}: invalid kind ({kinds})")
    before, after = original["metadata"], made.get("metadata")
    stated: Document = after if isinstance(after, dict) else {}
    for member, words in _IDENTITY:
        was, now = before.get(member) or "", stated.get(member) or ""
        if was != now:
            raise Unconverted(f"returned invalid object: must have the same {words}: {was} != {now}")
    if not isinstance(after, dict):
        raise Unconverted("returned invalid metadata: missing metadata in converted object")
    return {**made, "metadata": _restored(before, after)}


def _restored(before: Document, after: Document) -> Document:
    metadata = dict(before)
    for member in _CHANGEABLE:
        found = after.get(member)
        if found is None:
            metadata.pop(member, None)
            continue
        if not isinstance(found, dict):
            what = _GO_TYPES.get(type(found), "string")
            raise Unconverted(
                f"returned invalid metadata: metadata.{member} must be a map, but is {what} in converted object"
            )
        for name, value in found.items():
            if not isinstance(value, str):
                what = _GO_TYPES.get(type(value), "<nil>")
                text = f"metadata.{member}[{name}] must be a string, but is {what} in converted object"
                raise Unconverted(f"returned invalid metadata: {text}")
        metadata[member] = found
    return metadata
