"""The annotation of client-side apply, and how `kubectl apply --server-side` takes over from it without conflicts.

Source: apimachinery pkg/util/managedfields/internal/{lastapplied,lastappliedmanager,lastappliedupdater}.go.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from watchcache.api.fields.comparison import compare
from watchcache.api.fields.fitting import check
from watchcache.api.fields.owned import fields_of
from watchcache.api.fields.sets import FieldSet
from watchcache.api.fields.shapes import Misfit, Shape
from watchcache.api.meta import ANNOTATIONS_LIMIT

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL: Final = "kubectl"
"""The manager whose applies keep the annotation and may take over by it."""

Document = dict[str, Any]


def last_applied(document: Document) -> str:
    """The annotation's text, "" when there is none."""
    text = ((document.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    return text if isinstance(text, str) else ""


def claimable(live: Document, version: str, shape: Shape) -> FieldSet:
    """The fields that the last client-side apply stated and that are still as it stated them."""
    try:
        stated = msgspec.json.decode(last_applied(live))
    except msgspec.DecodeError:
        return FieldSet()
    if not isinstance(stated, dict) or stated.get("apiVersion") != version:
        return FieldSet()
    try:
        check(stated, shape)
    except Misfit:
        return FieldSet()
    compared = compare(stated, live, shape)
    return (
        fields_of(stated, shape)
        .difference(compared.modified)
        .difference(compared.added)
        .difference(compared.removed)
    )


def with_annotation(document: Document, config: Document) -> Document:
    """The document with the annotation that says what `config` stated; without one when that is too long."""
    metadata = document["metadata"]
    annotations = {**metadata["annotations"], LAST_APPLIED: _text(config)}
    if (
        sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items())
        > ANNOTATIONS_LIMIT
    ):
        del annotations[LAST_APPLIED]
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def _text(config: Document) -> str:
    metadata = config.get("metadata") or {}
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        annotations = {name: text for name, text in metadata["annotations"].items() if name != LAST_APPLIED}
        config = {**config, "metadata": {**metadata, "annotations": annotations}}
    return _go_json(config) + "\n"


def _go_json(value: Any) -> str:
    """As Go writes a map: names sorted, and what HTML gives a meaning as escapes."""
    text = msgspec.json.encode(value, order="sorted").decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
