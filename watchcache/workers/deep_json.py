"""JSON of documents of any depth.

The fast encoder gives up where the stack would end. What a client sends may be deeper, up to what Go reads; the registry knows
how that is answered, so it has to get there.
"""

from __future__ import annotations

from typing import Any

from watchcache.api.codec import encode


def encode_any(document: Any) -> bytes:
    """The document as JSON, fast if it can be."""
    try:
        return encode(document)
    except RecursionError:
        return _encode_deep(document)


def _encode_deep(document: Any) -> bytes:
    parts: list[bytes] = []
    todo: list[Any] = [document]  # the next last; bytes are punctuation, which no document holds
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            parts.append(item)
        elif isinstance(item, dict):
            members = [(encode(key) + b":", value) for key, value in item.items()]
            todo.extend(_between(b"{", members, b"}"))
        elif isinstance(item, list):
            todo.extend(_between(b"[", [(b"", value) for value in item], b"]"))
        else:
            parts.append(encode(item))
    return b"".join(parts)


def _between(opening: bytes, members: list[tuple[bytes, Any]], closing: bytes) -> list[Any]:
    """What a container consists of, the last first."""
    found: list[Any] = [opening]
    for number, (head, value) in enumerate(members):
        found += [b"," + head if number else head, value]
    found.append(closing)
    return found[::-1]
