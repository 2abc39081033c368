"""Kinds of which we judge only what may not change once they are there.

Where a value is a whole spec, kube-apiserver shows its internal type in the message; we show what the client sees.
"""

from __future__ import annotations

from typing import Any, Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule


def _fixed(*fields: str) -> Rule:
    def rule(new: Document, old: Document | None) -> list[Cause]:
        if old is None:
            return []
        return [
            causes.immutable(field, _at(new, field)) for field in fields if _at(new, field) != _at(old, field)
        ]

    return rule


def _at(document: Document, field: str) -> Any:
    value: Any = document
    for member in field.split("."):
        value = (value or {}).get(member)
    return value


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("resource.k8s.io", "resourceclaims"): _fixed("spec"),
    ("resource.k8s.io", "resourceclaimtemplates"): _fixed("spec"),
    ("resource.k8s.io", "resourceslices"): _fixed("spec.driver", "spec.pool.name", "spec.nodeName"),
}
