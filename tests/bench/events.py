"""Events as a server writes them."""

from __future__ import annotations

import json
from typing import Any


def event(kind: str, revision: int, name: str = "one", **more: Any) -> bytes:
    """A line of a watch."""
    metadata = {"resourceVersion": str(revision), "name": name, "namespace": more.pop("namespace", "default")}
    metadata |= {key: more.pop(key) for key in ("annotations", "labels", "deletionTimestamp") if key in more}
    document = {"type": kind, "object": {"metadata": metadata, **more}}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def bookmark(revision: int, *, initial_end: bool = False) -> bytes:
    """A bookmark; `initial_end`: the one that ends the initial events."""
    annotations = {"k8s.io/initial-events-end": "true"} if initial_end else {}
    return event("BOOKMARK", revision, "", annotations=annotations)
