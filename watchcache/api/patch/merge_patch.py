"""JSON merge patch, RFC 7386: objects merge by key, null deletes, everything else replaces."""

from __future__ import annotations

from typing import Any

from watchcache.api.patch.errors import TOO_DEEP, MalformedPatch
from watchcache.api.patch.gotext import json_type


def merge_patch(document: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The document with the patch merged in; parts that the patch does not touch are shared with the document.

    Raises `MalformedPatch` for a patch that is no object: RFC 7386 would let it replace the document, kube-apiserver does not.
    """
    if type(patch) is not dict:
        raise MalformedPatch(
            f"error decoding patch: json: cannot unmarshal {json_type(patch)} into Go value of type map[string]interface {{}}"
        )
    try:
        return _merge(document, patch)
    except RecursionError:
        raise MalformedPatch(TOO_DEEP) from None


def _merge(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        elif type(change) is dict:
            merged[key] = _merged_child(merged.get(key), change)
        else:
            merged[key] = change
    return merged


def _merged_child(current: Any, change: dict[str, Any]) -> dict[str, Any]:
    """An object in the patch merges into an object, and into nothing where something else stood: its nulls are dropped."""
    return _merge(current if type(current) is dict else {}, change)
