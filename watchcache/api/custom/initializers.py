"""The objects that mutations make: `Object{spec: Object.spec{replicas: 3}}` and `JSONPatch{op: "add", path: "/a", value: 1}`, written as maps.

The library knows no types that are made up as one goes. So a type's name in front of a brace becomes a member of the map, and names of fields become
texts; positions move behind it, which only shows in an expression that does not compile.

Source: k/k apiserver pkg/cel/mutation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

TYPE: Final = "\x00"
"""The member that says which type a map was written as."""
PATCH: Final = "JSONPatch"
_PATCH_FIELDS: Final = {"op": str, "path": str, "from": str, "value": object}
_TOKEN: Final = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))"""
    r"|(?P<comment>//[^\n]*)|(?P<escaped>`[^`]*`)|(?P<type>\b(?:Object(?:\.\w+)*|JSONPatch)(?=\s*\{))|(?P<name>[A-Za-z_]\w*)|(?P<other>.)",
    re.DOTALL,
)


class WrongTypes(Exception):
    """An object is in a place that is another type's; says which."""


def without_initializers(text: str) -> str:
    """The expression with maps in the place of such objects."""
    return "".join(_rewritten(text))


def _rewritten(text: str) -> Iterator[str]:
    braces: list[str] = []
    """What each open bracket is: an object's brace, or the bracket itself."""
    awaited = ""
    expects_name = False
    for token in _TOKEN.finditer(text):
        kind, word = token.lastgroup, token[0]
        if kind == "type":
            awaited = word
            yield "dyn("
            continue
        if kind == "other" and word in "{([":
            is_object = word == "{" and awaited
            braces.append("object" if is_object else word)
            yield word
            if is_object:
                yield f"'\\x00': '{awaited}', "
                awaited, expects_name = "", True
            continue
        if kind == "other" and word in "})]":
            yield word
            if braces and braces.pop() == "object":
                yield ")"
            expects_name = False
            continue
        if kind == "other" and word == "," and braces and braces[-1] == "object":
            expects_name = True
        elif kind in {"name", "escaped"} and expects_name:
            expects_name = False
            yield f"'{word.strip('`')}'"
            continue
        yield word


def check_types(value: Any, path: str = "Object") -> None:
    """Raises WrongTypes when the type of an object is not that of its place."""
    wrong = list(_wrong(value, path))
    if wrong:
        raise WrongTypes("\n".join(wrong))


def _wrong(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _wrong(item, path)
    elif isinstance(value, dict):
        typed = value.get(TYPE)
        if typed is not None and typed != path:
            yield f'unexpected type name "{typed}", expected "{path}", which matches field name path from root Object type'
        for name, item in value.items():
            yield from _wrong(item, f"{path}.{name}" if typed is not None else path)


def plain(value: Any) -> Any:
    """The value without the types."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name != TYPE}
    return [plain(item) for item in value] if isinstance(value, list) else value
