"""Tables and bare metadata: the two forms in which a client can have any object instead of its own kind.

kubectl asks for a Table to print (`Accept: application/json;as=Table;v=v1;g=meta.k8s.io`), controllers that only follow names and
labels ask for PartialObjectMetadata. Both are views of a document; nothing of them is stored. Column definitions are facts recorded
from a kube-apiserver (`data/columns.json`, made by scripts/build_columns.py); cells come from `printers/`.

Sources: meta/v1 types Table, TableOptions, PartialObjectMetadata; docs/semantics.md L19 (an empty PartialObjectMetadataList has
`"items": null`, an empty Table `"rows": []`) and W21 (watch events carry the columns only in the first).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

from watchcache.api.printers import PRINTERS, Document, Printer, name_and_age, named, row_conditions

if TYPE_CHECKING:
    from watchcache.api.catalog import Resource

Include = Literal["None", "Metadata", "Object"]
INCLUDES: Final[tuple[Include, ...]] = ("None", "Metadata", "Object")
"""The values of `?includeObject=`: what the rows' `object` holds. `Metadata` when it is not given."""

Column = dict[str, Any]

_DEFAULT_PRINTER_OF: Final = {True: named, False: name_and_age}

_SCALE: Final = "Scale"
"""The one kind that a subresource serves as a Table of its own; all others are of the resource's kind."""


def columns(resource: Resource, kind: str = "") -> list[Column]:
    """The column definitions of a resource: name, type, format, description, priority (0 always shown, else only in wide output).

    `kind` is that of the documents when it may differ from the resource's, as of the subresource `scale`.
    """
    if kind == _SCALE:
        return _recorded()["autoscaling", "v1", "scale"]
    if resource.custom is not None and resource.custom.added_columns:
        return [_custom_columns()[0], *resource.custom.column_definitions]
    recorded = _recorded().get((resource.group, resource.version, resource.plural))
    if recorded is not None:
        return recorded
    return _unlisted_columns() if resource.builtin else _custom_columns()


def cells(resource: Resource, document: Document, now: float) -> list[Any]:
    """The cells of one object's row, one for each of the resource's columns; `now` in unix seconds."""
    return _printer(resource, document)(document, now)


def row(
    resource: Resource, document: Document, now: float, include: Include = "Metadata", version: str = "v1"
) -> dict[str, Any]:
    """One row. `document` is complete (kind and apiVersion too) when `include` is `Object`."""
    made: dict[str, Any] = {"cells": cells(resource, document, now)}
    if resource.kind == "Pod" and not resource.group and (conditions := row_conditions(document)):
        made["conditions"] = conditions
    made["object"] = _row_object(document, include, version)
    return made


def table(
    resource: Resource,
    documents: Iterable[Document],
    now: float,
    *,
    include: Include = "Metadata",
    metadata: Document | None = None,
    with_columns: bool = True,
    kind: str = "",
    version: str = "v1",
) -> dict[str, Any]:
    """A Table of `documents`.

    `metadata` is the list's (resourceVersion, continue, remainingItemCount); for a single object pass `object_metadata(document)`.
    `with_columns` is false for the events of a watch after its first; `kind` is as for `columns`; `version` is that of meta.k8s.io that was asked for.
    """
    rows = [row(resource, document, now, include, version) for document in documents]
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata or {},
        "columnDefinitions": columns(resource, kind) if with_columns else None,
        "rows": rows,
    }


def object_metadata(document: Document) -> Document:
    """The metadata of a Table with one object: its resourceVersion."""
    revision = (document.get("metadata") or {}).get("resourceVersion")
    return {"resourceVersion": revision} if revision else {}


def partial_metadata(document: Document, version: str = "v1") -> dict[str, Any]:
    """The PartialObjectMetadata of an object: its metadata and nothing else."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": document.get("metadata") or {},
    }


def _printer(resource: Resource, document: Document) -> Printer:
    if document.get("kind") == _SCALE:
        return PRINTERS["autoscaling", _SCALE]
    if resource.custom is not None and resource.custom.added_columns:
        return resource.custom.printer
    return PRINTERS.get((resource.group, resource.kind)) or _DEFAULT_PRINTER_OF[resource.builtin]


def _row_object(document: Document, include: Include, version: str) -> Document | None:
    if include == "Metadata":
        return partial_metadata(document, version)
    return document if include == "Object" else None


@cache
def _recorded() -> dict[tuple[str, str, str], list[Column]]:
    """(group, version, plural) to column definitions, from the data file."""
    data = json.loads(resources.files("watchcache.api").joinpath("data/columns.json").read_bytes())
    texts = data["descriptions"]
    found = {}
    for key, definitions in data["columns"].items():
        group, version, plural = key.split("/")
        found[group, version, plural] = [_column(texts, *definition) for definition in definitions]
    return found


def _column(texts: list[str], name: str, type: str, format: str, priority: int, text: int) -> Column:
    return {"name": name, "type": type, "format": format, "description": texts[text], "priority": priority}


def _unlisted_columns() -> list[Column]:
    """Name and creation time: the columns of kinds without printer."""
    return _recorded()["rbac.authorization.k8s.io", "v1", "roles"]


@cache
def _custom_columns() -> list[Column]:
    """Name and age: the columns of custom resources that define none."""
    name, created = _unlisted_columns()
    return [name, {**created, "name": "Age"}]
