"""How Go names and prints JSON values, as far as patch errors repeat it."""

from __future__ import annotations

from typing import Any, Final

_NAMES: Final[dict[type, str]] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def json_type(value: Any) -> str:
    """What encoding/json calls the kind of a decoded value in its errors."""
    return _NAMES[type(value)]


def printed(value: Any) -> str:
    """The value as fmt's %v prints it: `map[a:1 b:[x y]]`, keys sorted."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case dict():
            return "map[" + " ".join(f"{key}:{printed(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(map(printed, value)) + "]"
        case _:
            return str(value)
