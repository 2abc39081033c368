"""Whether a document is of its shape, as an apply patch must be.

All that does not fit is named at once, of unknown fields the first of each object. Source: structured-merge-diff typed/{validate,helpers}.go; texts measured on kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watchcache.api.fields.elements import shown
from watchcache.api.fields.shapes import Misfit, Shape

Path = tuple[str, ...]


def check(document: Any, shape: Shape) -> None:
    """Raises Misfit."""
    found = [f"{shown(path)}: {text}" if path else text for path, text in _misfits(document, shape, ())]
    if found:
        raise Misfit(sorted(found))


def _misfits(value: Any, shape: Shape, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    kind = shape.kind_of(value)
    if kind == "map":
        yield from _map_misfits(value, shape, path)
    elif kind == "list":
        yield from _list_misfits(value, shape, path)
    else:
        text = _scalar_misfit(value, shape.scalar)
        if text:
            yield path, text


def _map_misfits(value: Any, shape: Shape, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, dict):
        yield path, f"expected map, got &{{{go_value(value)}}}"
        return
    for name, inner in value.items():
        own = (*path, f"f:{name}")
        member = shape.member(name)
        if member is None:
            yield own, "field not declared in schema"
            return
        yield from _misfits(inner, member, own)


def _list_misfits(value: Any, shape: Shape, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, list):
        yield path, f"expected list, got &{{{go_value(value)}}}"
        return
    seen: set[str] = set()
    item = shape.item
    for index, inner in enumerate(value):
        element = f"i:{index}"
        if not shape.atomic_list:
            try:
                element = shape.item_element(inner)
            except Misfit as error:
                yield path, f"element {index}: {error}"
                return
            if element in seen:
                yield path, f"duplicate entries for key {shown((element,))}"
            seen.add(element)
        yield from _misfits(inner, item, (*path, element))


def _scalar_misfit(value: Any, wanted: str) -> str:
    if wanted == "numeric" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return f"expected numeric (int or float), got {_go_type(value)}"
    if wanted == "string" and not isinstance(value, str):
        return f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    if wanted == "boolean" and not isinstance(value, bool):
        return f"expected boolean, got &{{{go_value(value)}}}"
    if wanted == "untyped" and isinstance(value, dict | list):
        return f"expected any scalar, got &{{{go_value(value)}}}"
    return ""


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return "bool" if isinstance(value, bool) else "string"


def go_value(value: Any) -> str:
    """A value as Go's %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(go_value(each) for each in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_value(value[name])}' for name in sorted(value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _go_syntax(value: Any) -> str:
    """A value as Go's %#v prints it."""
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(_go_syntax(each) for each in value)}}}"
    if isinstance(value, dict):
        pairs = ", ".join(f'"{name}":{_go_syntax(value[name])}' for name in sorted(value))
        return f"map[string]interface {{}}{{{pairs}}}"
    return (
        f'"{value}"' if isinstance(value, str) else "interface {}(nil)" if value is None else go_value(value)
    )
