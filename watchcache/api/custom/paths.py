"""JSONPath as definitions use it: `.spec.replicas`, `.metadata.labels['a.b/c']`, `.status.conditions[?(@.type=="Ready")].status`.

A subset of client-go's templates: names, indexes, `*`, and filters with one comparison. What does not exist gives nothing.

Source: client-go util/jsonpath.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

_TOKEN: Final = re.compile(
    r"\.\.(?P<deep>[A-Za-z0-9_$*-]+)|\.(?P<name>(?:[^.\[\\]|\\.)+)|\[(?P<index>-?\d+)\]|\[(?P<star>\*)\]|\[(?P<slice>-?\d*:-?\d*)\]"
    r"|\['(?P<quoted>(?:[^'\\]|\\.)*)'\]|\[\"(?P<double>[^\"]*)\"\]|\[\?\((?P<filter>.+?)\)\]"
)
_FILTER: Final = re.compile(
    r"\s*@(?P<path>[^\s=!<>]*)\s*(?:(?P<operator>==|!=|>=|<=|>|<)\s*(?P<value>.+?))?\s*$"
)

Step = Callable[[Any], Iterator[Any]]


class BadPath(ValueError):
    """The text is none of the paths that are understood."""


@lru_cache(maxsize=1024)
def path(text: str) -> Callable[[Any], list[Any]]:
    """The path as a function from a document to all values there. Raises BadPath."""
    steps = tuple(_steps(text))

    def find(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            found = [inner for value in found for inner in step(value)]
        return found

    return find


def _steps(text: str) -> Iterator[Step]:
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            break
        yield _step(match)
        end = match.end()
    if end != len(text):
        raise BadPath(text)


def _step(match: re.Match[str]) -> Step:
    if match["filter"] is not None:
        return _filtered(match["filter"])
    if match["index"] is not None:
        return _indexed(int(match["index"]))
    if match["star"] is not None or match["name"] == "*":
        return _all
    if match["slice"] is not None:
        first, _, last = match["slice"].partition(":")
        chosen = slice(int(first) if first else None, int(last) if last else None)
        return lambda value: iter(value[chosen] if isinstance(value, list) else ())
    if match["deep"] is not None:
        return _deep(match["deep"])
    name = next(each for each in (match["name"], match["quoted"], match["double"]) if each is not None)
    return _named(re.sub(r"\\(.)", r"\1", name))


def _named(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _indexed(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _deep(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]
        for inner in _all(value):
            yield from step(inner)

    return step


def _filtered(text: str) -> Step:
    match = _FILTER.match(text)
    if match is None:
        raise BadPath(text)
    inner = path(match["path"])
    operator, wanted = match["operator"], _literal(match["value"])

    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = inner(item)
            if found and (operator is None or _holds(found[0], operator, wanted)):
                yield item

    return step


def _literal(text: str | None) -> Any:
    if text is None:
        return None
    if text[:1] == "'":
        return text[1:-1]
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise BadPath(text) from None


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "==":
        return bool(value == wanted)
    if operator == "!=":
        return bool(value != wanted)
    try:
        return bool(
            {">": value > wanted, "<": value < wanted, ">=": value >= wanted, "<=": value <= wanted}[operator]
        )
    except TypeError:
        return False
