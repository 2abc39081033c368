"""Bytes of documents that are made out of the catalog, kept for as long as what they were made from is served.

Each is made when it is first asked for. What it depends on is handed in and compared by identity (a `Resource` never changes), so that a
custom resource that comes or goes costs only the documents that name it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple


class Kept(NamedTuple):
    """A document: its JSON, and the SHA-512 of it in capitals, by which clients know it again."""

    body: bytes
    hash: str

    @property
    def etag(self) -> str:
        """The ETag header's value."""
        return f'"{self.hash}"'


class Documents:
    """Documents by key, each with what it was made from."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], Kept]] = {}

    def get(self, key: str, sources: tuple[object, ...], make: Callable[[], bytes]) -> Kept:
        """The document of that key, made anew when its sources are not the same as the last time."""
        known = self._kept.get(key)
        if known is not None and known[0] == sources:
            return known[1]
        body = make()
        kept = Kept(body, hashlib.sha512(body).hexdigest().upper())
        self._kept[key] = (sources, kept)
        return kept
