"""Reading resourceVersions that clients send: decimal, unsigned, 64 bits; "" and "0" are none.

A malformed one is answered differently by list, by watch and GET, and by PUT (docs/semantics.md L13, M4): each has its function.
"""

from __future__ import annotations

import re
from typing import Final

from watchcache.api import status
from watchcache.api.quoting import quoted

_DECIMAL: Final = re.compile(r"[0-9]+", re.ASCII)


def parse_revision(text: str) -> int:
    """A resourceVersion as a number, 0 for "" and "0". Raises ValueError with Go's text when it is not one."""
    if not text:
        return 0
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax")
    number = int(text) if len(text.lstrip("0")) <= 20 else 2**64
    if number >= 2**64:
        raise ValueError(f"strconv.ParseUint: parsing {quoted(text)}: value out of range")
    return number


def list_revision(text: str) -> int:
    """The revision a list asks for; StatusError 400 when malformed."""
    try:
        return parse_revision(text)
    except ValueError as error:
        message = f"invalid resource version: resourceVersion: Invalid value: {quoted(text)}: {error}"
        raise status.bad_request(message) from None


def watch_revision(text: str) -> int:
    """The revision a watch or a GET asks for; StatusError 500 without reason when malformed."""
    try:
        return parse_revision(text)
    except ValueError as error:
        raise status.untyped(f"resourceVersion: Invalid value: {quoted(text)}: {error}") from None


def body_revision(text: str) -> int:
    """The revision in an object that a client sent; StatusError 500 without reason when malformed."""
    try:
        return parse_revision(text)
    except ValueError as error:
        raise status.untyped(str(error)) from None
