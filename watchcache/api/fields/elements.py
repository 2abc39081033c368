"""One step of a path to a field, as the text that FieldsV1 has for it.

    f:name                  a field of an object, or a key of a map
    k:{"name":"c"}          an item of a list that is a map, found by its keys
    v:"x"                   an item of a list that is a set, found by its value
    i:0                     an item by its place (nothing makes these, but they can be read)

An element is its canonical text, so that sets of elements are sets of strings. Their order, and how messages show them, come from
`facts_of`. Source: structured-merge-diff fieldpath/{element,serialize-pe}.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

SELF: Final = "."
"""Not a step: says within FieldsV1 that the place itself is a member, too."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Order = tuple[Any, ...]


class Facts(NamedTuple):
    """What a text stands for: its canonical form, its place among others, and how a message shows it."""

    text: str
    order: Order
    shown: str


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


@lru_cache(maxsize=16384)
def facts_of(text: str) -> Facts | None:
    """What an element stands for; None for kinds of elements that are not known. Raises MalformedElement."""
    mark, rest = text[:2], text[2:]
    if mark == "f:":
        return Facts(text, (0, rest), f".{rest}")
    if mark == "i:":
        number = _number(rest, text)
        return Facts(f"i:{number}", (3, number), f"[{number}]")
    if mark not in ("k:", "v:"):
        return None
    try:
        decoded = _decode(rest)
    except msgspec.DecodeError:
        raise MalformedElement(text) from None
    if mark == "v:":
        return Facts(value(decoded), (2, _order(decoded)), f"[={_shown(decoded)}]")
    if not isinstance(decoded, dict):
        raise MalformedElement(text)
    names = sorted(decoded)
    shown = ",".join(f"{name}={_shown(decoded[name])}" for name in names)
    return Facts(key(decoded), (1, tuple((name, _order(decoded[name])) for name in names)), f"[{shown}]")


def order_of(element: str) -> Order:
    """Where an element that is canonical stands among others: fields, keys, values, then indexes."""
    facts = facts_of(element)
    assert facts is not None, element
    return facts.order


def shown(path: tuple[str, ...]) -> str:
    """A path as messages have it: `.spec.containers[name="c"].image`."""
    return "".join(facts.shown for element in path if (facts := facts_of(element)) is not None)


def _number(text: str, whole: str) -> int:
    if not text.removeprefix("-").isdigit():
        raise MalformedElement(whole)
    return int(text)


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
