"""One step of a path to a field, as the text that FieldsV1 has for it.

    f:name                  a field of an object, or a key of a map
    k:{"name":"c"}          an item of a list that is a map, found by its keys
    v:"x"                   an item of a list that is a set, found by its value
    i:0                     an item by its place (nothing makes these, but they can be read)

An element is its canonical text, so that sets of elements are sets of strings. Their order, and how messages show them, come from
`order_of` and `shown`. Source: structured-merge-diff fieldpath/{element,serialize-pe}.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

SELF: Final = "."
"""Not a step: says within FieldsV1 that the place itself is a member, too."""

KEPT_LENGTH: Final = 128
"""Longer elements are not kept in memory: a client may make any number of them, of any length."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Order = tuple[Any, ...]


class MalformedElement(ValueError):
    """A text that begins like an element and is none."""


def field(name: str) -> str:
    """The element of a field or of a map's key."""
    return f"f:{name}"


def key(values: dict[str, Any]) -> str:
    """The element of a list item with these keys."""
    return "k:" + _text({name: _whole(values[name]) for name in sorted(values)})


def value(item: Any) -> str:
    """The element of a set's item."""
    return "v:" + _text(_whole(item))


def canonical(text: str) -> str | None:
    """The element that a text in FieldsV1 stands for; None for kinds of elements that are not known. Raises MalformedElement."""
    mark = text[:2]
    if mark == "f:":
        return text
    if mark == "i:":
        return f"i:{_number(text)}"
    if mark not in ("k:", "v:"):
        return None
    decoded = _decoded(text)
    return key(decoded) if mark == "k:" else value(decoded)


def order_of(element: str) -> Order:
    """Where an element stands among others: fields, keys, values, then indexes."""
    if element[0] == "f":
        return (0, element)
    return _known_order(element) if len(element) <= KEPT_LENGTH else _order_of(element)


def _order_of(element: str) -> Order:
    mark = element[0]
    if mark == "i":
        return (3, _number(element))
    decoded = _decoded(element)
    if mark == "v":
        return (2, _order(decoded))
    return (1, tuple((name, _order(decoded[name])) for name in sorted(decoded)))


_known_order = lru_cache(maxsize=16384)(_order_of)


def shown(path: tuple[str, ...]) -> str:
    """A path as messages have it: `.spec.containers[name="c"].image`."""
    return "".join(map(_shown_element, path))


def _shown_element(element: str) -> str:
    mark, rest = element[0], element[2:]
    if mark == "f":
        return f".{rest}"
    if mark == "i":
        return f"[{rest}]"
    decoded = _decoded(element)
    if mark == "v":
        return f"[={_shown(decoded)}]"
    return f"[{','.join(f'{name}={_shown(decoded[name])}' for name in sorted(decoded))}]"


def _decoded(text: str) -> Any:
    try:
        decoded = _decode(text[2:])
    except msgspec.DecodeError:
        raise MalformedElement(text) from None
    if text[0] == "k" and not isinstance(decoded, dict):
        raise MalformedElement(text)
    return decoded


def _number(text: str) -> int:
    try:
        return int(text[2:])
    except ValueError:
        raise MalformedElement(text) from None


def _text(item: Any) -> str:
    return _encode(item).decode()


def _whole(item: Any) -> Any:
    """A number without a fraction is the same element however it was written."""
    return int(item) if isinstance(item, float) and item.is_integer() else item


def _order(item: Any) -> Order:
    """Numbers, texts, booleans, lists, objects, null: as value.Compare has them."""
    if item is None:
        return (5,)
    if isinstance(item, bool):
        return (2, item)
    if isinstance(item, int | float):
        return (0, item)
    if isinstance(item, str):
        return (1, item)
    if isinstance(item, list):
        return (3, tuple(_order(each) for each in item))
    return (4, tuple((name, _order(item[name])) for name in sorted(item)))


def _shown(item: Any) -> str:
    """As value.ToString: texts quoted, lists in brackets, members of objects behind semicolons."""
    if isinstance(item, list):
        return f"[{','.join(_shown(each) for each in item)}]"
    if isinstance(item, dict):
        return "{" + "; ".join(f"{name}={_shown(each)}" for name, each in sorted(item.items())) + "}"
    return _text(item)
