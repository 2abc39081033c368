"""What the process that writes tells a worker at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from watchcache.settings import Settings


class Assignment(msgspec.Struct, frozen=True):
    """Who the worker is, where it listens (`settings` with `port`), and the files of the serving certificate.

    storage_checks: the health checks whose problems the feed tells, and their endpoints. apart: the storage prefixes of what the second feed
    brings, the third, and so on; the first brings all else.
    """

    name: str
    settings: Settings
    url: str
    port: int
    certificate: Path
    key: Path
    client_ca: Path
    token_file: Path | None
    storage_checks: list[tuple[str, tuple[str, ...]]]
    apart: list[frozenset[str]]


def encode(assignment: Assignment) -> bytes:
    """As it is sent."""
    return msgspec.json.encode(assignment, enc_hook=str)


def decode(payload: bytes) -> Assignment:
    """As it was meant."""

    def path(kind: type, text: Any) -> Any:
        return kind(text)

    return msgspec.json.decode(payload, type=Assignment, dec_hook=path)
