"""Specs of new pods: what becomes of one is worked out once for all the pods that are made from one template.

Checking the types of a pod's spec, pruning it and setting its defaults is a sixth of the server's share of a POST, and a function of the spec alone. Pods
come in hundreds from one template, word for word the same but for their metadata. So the result is remembered by the spec's own
encoding, as bytes, from which every pod gets a spec of its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from watchcache.api.catalog import Resource
from watchcache.api.defaulting import apply_defaults
from watchcache.api.schema import Schema
from watchcache.api.structure import TypeMismatch, conform
from watchcache.api.templates import KEPT, template_key
from watchcache.registry.calls import Document

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(dict)


def finished_spec(resource: Resource, document: Document) -> Document | None:
    """The spec of a new pod as it comes out of `incoming.accept`, a fresh one.

    None of other kinds, and where there is something to say about it: then it is to be looked at in its document, for the text.
    """
    spec = document.get("spec")
    if resource.plural != "pods" or not resource.builtin or type(spec) is not dict:
        return None
    encoded = template_key(spec)
    finished = None if encoded is None else _finished(resource.schema, encoded)
    return None if finished is None else _DECODER.decode(finished)


@lru_cache(maxsize=KEPT)
def _finished(schema: Schema, encoded: bytes) -> bytes | None:
    try:
        conformed = conform({"spec": _DECODER.decode(encoded)}, schema)
    except TypeMismatch:
        return None
    if conformed.problems:
        return None
    apply_defaults(conformed.document, schema)
    return _ENCODER.encode(conformed.document["spec"])
