"""The document of a custom resource against its definition: brought into shape when it comes in, and judged when it is to be stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watchcache.api.custom.embedded import Misshapen, check_embedded, settle
from watchcache.api.custom.lists import check_lists
from watchcache.api.custom.pruning import copied, prune
from watchcache.api.custom.resources import Custom
from watchcache.api.custom.rules import evaluate
from watchcache.api.custom.scales import check_scale
from watchcache.api.custom.structural import Document
from watchcache.api.custom.values import NOWHERE, check
from watchcache.api.schema import Schema
from watchcache.api.status import Cause
from watchcache.api.structure import TypeMismatch, conform
from watchcache.api.structure.conform import TOO_DEEP

METADATA = "metadata"


def shaped(document: Document, custom: Custom, metadata: Schema) -> tuple[Document, list[str]]:
    """A copy of a document without what its schema does not have, and with metadata in their form; what was unknown, sorted by field.

    `metadata` is the schema of ObjectMeta. Raises TypeMismatch for metadata of a wrong type.
    """
    made: Document = {}
    unknown: list[str] = []
    try:
        for name, value in document.items():
            if name != METADATA:
                made[name] = copied(value)
            elif value is not None:
                made[name], unknown = _metadata(value, metadata)
    except RecursionError:
        raise TypeMismatch(TOO_DEEP) from None
    made.setdefault(METADATA, {})
    unknown += [f'unknown field "{path}"' for path in prune(made, custom.schema)]
    try:
        unknown += settle(made, custom.schema, metadata)
    except Misshapen as problem:
        raise TypeMismatch(str(problem)) from None
    return made, sorted(unknown)


def _metadata(value: Any, schema: Schema) -> tuple[Document, list[str]]:
    if type(value) is not dict:
        raise TypeMismatch("metadata is no object")
    conformed = conform(value, schema)
    return conformed.document, [problem.replace('"', '"metadata.', 1) for problem in conformed.problems]


def content_causes(new: Document, old: Document | None, custom: Custom, subresource: str = "") -> list[Cause]:
    """What is wrong with a new (`old` is None) or changed instance; through /status only the status is judged by the schema."""
    schema = custom.schema.raw
    if subresource == "status":
        found = list(_status_causes(new, old or {}, schema))
    else:
        found = list(check(new, schema) if old is None else check(new, schema, old=old))
    if custom.scale is not None:
        found += check_scale(new, custom.scale, only_status=subresource == "status")
    found += check_embedded(new, custom.schema)
    found += check_lists(new, custom.schema)
    return found + evaluate(new, old, custom.schema, found)


def _status_causes(new: Document, old: Document, schema: Document) -> Iterator[Cause]:
    """The status by itself: what is said of a field names it as if the status were the document."""
    status = (schema.get("properties") or {}).get("status")
    if status is None or "status" not in new:
        return
    for cause in check(new["status"], status, "", old.get("status", {})):
        field = "status" if cause.field == NOWHERE else f"status.{cause.field}"
        yield cause._replace(field=field)
