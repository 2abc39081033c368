"""Lists that are too large to be encoded in one go: their items block by block, and the envelope around the blocks at the end.

A message may be cut between two elements of a repeated field, and the pieces joined are the whole. The envelope states the length of
what is in it, so that nothing can be sent before the last block is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from watchcache.api.protobuf.encoding import encode_message, encoder_of
from watchcache.api.protobuf.envelope import MAGIC
from watchcache.api.protobuf.messages import TYPE_META, fields_of, message_of
from watchcache.api.protobuf.wire import LENGTH, delimited, tag, varint

_STATED: Final = tag(1, LENGTH)
_RAW: Final = tag(2, LENGTH)
_REST: Final = delimited(tag(3, LENGTH), b"") + delimited(tag(4, LENGTH), b"")
"""contentEncoding and contentType, which are empty."""


class ListEncoder:
    """Encodes one list. ValueError for a list whose kind has no message."""

    def __init__(self, empty: Mapping[str, Any]) -> None:
        """`empty` is the list's document without items."""
        api_version, kind = empty["apiVersion"], empty["kind"]
        message = message_of(api_version, kind)
        if message is None:
            raise ValueError(f"{api_version} {kind} has no protobuf message")
        stated = encode_message(TYPE_META, {"apiVersion": api_version, "kind": kind})
        self._type_meta = delimited(_STATED, stated)
        self._head = encode_message(message, {"metadata": empty.get("metadata")})
        items = next(field for field in fields_of(message) if field.name == "items")
        self._item = tag(items.number, LENGTH)
        self._encoder = encoder_of(items.type)

    def items(self, documents: Iterable[Mapping[str, Any]]) -> bytes:
        """A block of items."""
        head, write = self._item, self._encoder.write
        return b"".join([delimited(head, write(document)) for document in documents])

    def whole(self, blocks: Sequence[bytes]) -> list[bytes]:
        """The pieces of the list in its envelope."""
        size = len(self._head) + sum(map(len, blocks))
        return [MAGIC + self._type_meta + _RAW + varint(size) + self._head, *blocks, _REST]
