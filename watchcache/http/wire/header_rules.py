"""Which HTTP/2 header blocks are requests (RFC 9113 8.2 and 8.3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(rb":?[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")
"""What Go takes as a host, of either protocol."""
_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_PSEUDO = frozenset({":method", ":scheme", ":path", ":authority"})
FIRST_COUNTS = frozenset({"accept", "authorization", "content-type", "user-agent"})
"""Headers whose first line counts when a client repeats them, as Go's `Header.Get` has it: joined they would mean something else."""
_NAMES_KEPT = 1024
_names: dict[bytes, str] = {}  # names found good, decoded; bounded, as clients choose them


class Malformed(Exception):
    """The block is no request: a stream error PROTOCOL_ERROR."""


def _name_of(raw: bytes) -> str:
    if not _NAME.fullmatch(raw):
        raise Malformed(f"name {raw!r}")
    name = raw.decode("latin-1")
    if name in _HOP or (name[0] == ":" and name not in _PSEUDO):
        raise Malformed(name)
    if len(_names) < _NAMES_KEPT:
        _names[bytes(raw)] = name
    return name


def fields_of(block: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The block's fields as text. Raises `Malformed`."""
    fields = []
    for raw, value in block:
        name = _names.get(raw) or _name_of(raw)
        if not _VALUE.fullmatch(value):
            raise Malformed(name)
        fields.append((name, value.decode("latin-1")))
    return fields


def check_request(fields: list[tuple[str, str]], ended: bool) -> int:
    """The announced body length, -1 for none; `ended`: no body follows. Raises `Malformed`."""
    pseudo: dict[str, str] = {}
    length = -1
    regular = False
    for name, value in fields:
        if name[0] == ":":
            if regular or name in pseudo:
                raise Malformed(name)
            pseudo[name] = value
            continue
        regular = True
        if name == "te" and value.lower() != "trailers":
            raise Malformed(name)
        if name == "content-length":
            length = _length(value, length)
    _check_pseudo(pseudo)
    if ended and length > 0:
        raise Malformed("content-length without a body")
    return length


def _check_pseudo(pseudo: dict[str, str]) -> None:
    if pseudo.get(":method") == "CONNECT":
        if ":scheme" in pseudo or ":path" in pseudo or not pseudo.get(":authority"):
            raise Malformed("CONNECT")
    elif not (pseudo.get(":method") and pseudo.get(":scheme") and pseudo.get(":path")):
        raise Malformed("a pseudo header is missing")


def _length(value: str, before: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 20) or before not in (-1, int(value)):
        raise Malformed("content-length")
    return int(value)


def check_trailers(fields: list[tuple[str, str]], ended: bool) -> None:
    """Trailers have no pseudo headers and end the stream. Raises `Malformed`."""
    if not ended:
        raise Malformed("trailers that do not end the stream")
    if any(name[0] == ":" for name, _ in fields):
        raise Malformed("a pseudo header in trailers")
