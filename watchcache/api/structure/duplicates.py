"""Duplicate fields: JSON text may name a field twice, a decoded document no longer shows it.

Looking for them means parsing the text again with Python's slow parser. That is done only when the text is longer than the document
it became: a field named twice always makes it so. Other spellings of the same values (escapes, `1.50`) do, too, and cost a second look.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from watchcache.api.quoting import quoted
from watchcache.api.schema import Schema

_SPACE: Final = b" \t\r\n"


class _Members(list[tuple[str, Any]]):
    """A JSON object as written: all its members, repeated names included."""


def may_have_duplicates(body: bytes, document: dict[str, Any]) -> bool:
    """Whether the text may name a field twice; false is certain unless it also spells values shorter than we do."""
    written = len(body.translate(None, _SPACE))
    try:
        return written != len(msgspec.json.encode(document).translate(None, _SPACE))
    except RecursionError:  # nested deeper than can be written
        return True


def duplicate_fields(body: bytes, schema: Schema) -> list[str] | None:
    """Duplicate and unknown fields in document order, as strict decoding names them; None for a text that is no JSON."""
    try:
        members = json.loads(body, object_pairs_hook=_Members)
    except (ValueError, RecursionError):  # YAML, whose duplicates its own decoder reports
        return None
    return list(_problems(members, schema, ""))


def _problems(value: Any, schema: Schema | None, path: str) -> Iterator[str]:
    if schema is None or schema.preserve_unknown:
        return
    if isinstance(value, _Members):
        yield from _object_problems(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, schema.items, f"{path}[{index}]")


def _object_problems(members: _Members, schema: Schema, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for name, value in members:
        place = f"{path}.{name}" if path else name
        field = schema.properties.get(name) or schema.additional
        if field is None:
            if name not in seen:
                yield f"unknown field {quoted(place)}"
        else:
            if name in seen:
                yield f"duplicate field {quoted(place)}"
            yield from _problems(value, field, place)
        seen.add(name)
