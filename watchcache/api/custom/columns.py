"""The cells of a custom resource's Table: its name, then the columns that the definition adds, or the age.

Source: apiextensions-apiserver pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from watchcache.api.custom.paths import BadPath, path
from watchcache.api.custom.structural import Document
from watchcache.api.printers.durations import since

Cell = Callable[[Document, float], Any]
Column = dict[str, Any]


def definitions(columns: Sequence[Document]) -> list[Column]:
    """The `columnDefinitions` of a version's additional columns."""
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format") or "",
            "description": column.get("description")
            or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
            "priority": column.get("priority") or 0,
        }
        for column in columns
    ]


def cells(columns: Sequence[Document]) -> Callable[[Document, float], list[Any]]:
    """A printer: (document, now in unix seconds) to the cells of its row."""
    rest = [_cell(column) for column in columns]

    def printed(document: Document, now: float) -> list[Any]:
        return [document["metadata"].get("name", ""), *(cell(document, now) for cell in rest)]

    return printed


def _cell(column: Document) -> Cell:
    find: Callable[[Any], list[Any]] = _nothing
    with suppress(BadPath):
        find = path(column["jsonPath"])
    kind = column["type"]

    def cell(document: Document, now: float) -> Any:
        found = find(document)
        if not found or found[0] is None:
            return None
        return _valued(found[0], kind, now)

    return cell


def _nothing(_document: Any) -> list[Any]:
    return []


def _valued(value: Any, kind: str, now: float) -> Any:
    match kind:
        case "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return since(value, now) if isinstance(value, str) else None
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
