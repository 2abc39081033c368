"""What Go's types say of a field and OpenAPI does not: its type's name, and what an empty value becomes.

A field has one of four modes. They follow from the schema for most fields; `go_types.json` lists the others, as
`mode`, then `@` and the embedded structs above the field, then `=` and the Go type, for the definitions that
`scripts/build_go_types.py` read from the published Go types by reflection.

| mode | in Go | absent or null | empty (`""`, 0, false, `[]`, `{}`) |
| --- | --- | --- | --- |
| `v` | a value without omitempty, or a struct | printed as its zero value | kept |
| `o` | a value with omitempty | absent | dropped |
| `p` | a pointer with omitempty | absent | kept |
| `n` | a pointer, list or map without omitempty | null | null for lists and maps, else kept |
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from watchcache.api.schema import MISSING, Schema

_DATA: Final = Path(__file__).with_name("go_types.json")
_SCALARS: Final = {"string": "string", "boolean": "bool", "number": "float64", "integer": "int64"}
_FORMATS: Final = {"int32": "int32", "int64": "int64", "byte": "[]uint8"}


class GoField(NamedTuple):
    """One field: `mode` of the table above, `embedded` with a dot behind each struct (`ProbeHandler.`), `type` as Go prints it."""

    mode: str
    embedded: str
    type: str


def go_field(definition: str, name: str, schema: Schema) -> GoField:
    """Facts about the field `name` of a definition, whose schema is `schema`."""
    text = _exceptions().get(definition, {}).get(name, "")
    text, _, type_name = text.partition("=")
    mode, _, embedded = text.partition("@")
    return GoField(mode or derived_mode(schema), embedded, type_name or derived_type(schema))


def derived_mode(schema: Schema) -> str:
    """The mode of a field by its schema alone."""
    if schema.default is not MISSING:
        return "v"
    if schema.type in ("array", "string") or schema.additional is not None:
        return "o"
    return "p"


def derived_type(schema: Schema) -> str:
    """The Go type of a field by its schema alone: `[]v1.Container`, `map[string]string`, `int32`."""
    if schema.items is not None:
        return f"[]{derived_type(schema.items)}"
    if schema.additional is not None:
        return f"map[string]{derived_type(schema.additional)}"
    if schema.name:
        return ".".join(schema.name.split(".")[-2:])
    return _FORMATS.get(schema.format) or _SCALARS.get(schema.type, "interface {}")


def element_type(go_type: str) -> str:
    """The Go type of a list's elements or a map's values; named lists and maps (`v1.ResourceList`) do not tell."""
    _, bracket, element = go_type.partition("]")
    return element.removeprefix("*") if bracket else ""


@cache
def _exceptions() -> dict[str, dict[str, str]]:
    return msgspec.json.decode(_DATA.read_bytes(), type=dict[str, dict[str, str]])
