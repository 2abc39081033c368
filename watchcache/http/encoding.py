"""The bytes of an answer: JSON, indented JSON, YAML or protobuf, compressed when that pays.

kube-apiserver compresses any verb's answer of more than 131072 bytes when the client lists `gzip` bare (`gzip;q=0.5` and
`*` are not understood), at level 1, and then says `Vary: Accept-Encoding`. Watches are never compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from watchcache.api import protobuf
from watchcache.http.messages import Reply
from watchcache.http.negotiate import JSON, PROTOBUF, YAML, Medium

COMPRESS_ABOVE = 131072  # bytes
GZIP_LEVEL = 1
GZIP_STEP = 256 * 1024  # bytes compressed in one go: some 3 ms
_GZIP_WINDOW = 31  # zlib's name for "the gzip format, largest window"

JSON_HEADER = ("Content-Type", JSON)
YAML_HEADER = ("Content-Type", YAML)
PROTOBUF_HEADER = ("Content-Type", PROTOBUF)
TEXT_HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
COMPRESSED_HEADERS = [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]


def reply_json(status: int, body: bytes, medium: Medium, accept_encoding: str) -> Reply:
    """An answer whose compact JSON is given, in the representation that was negotiated."""
    header = JSON_HEADER
    if medium.type == YAML:
        body, header = to_yaml(body), YAML_HEADER
    elif medium.type == PROTOBUF:
        body, header = protobuf.encode(msgspec.json.decode(body)), PROTOBUF_HEADER
    elif medium.pretty:
        body = msgspec.json.format(body, indent=2)
    if len(body) > COMPRESS_ABOVE and takes_gzip(accept_encoding):
        return Reply(status, [header, *COMPRESSED_HEADERS], b"".join(gzip_blocks(iter((body,)))))
    return Reply(status, [header], body)


def reply_text(status: int, text: str) -> Reply:
    """A plain-text answer as Go's http.Error gives it."""
    return Reply(status, list(TEXT_HEADERS), text.encode())


@lru_cache(maxsize=128)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether the client lists gzip, without parameters."""
    return any(part.strip() == "gzip" for part in accept_encoding.split(","))


def gzip_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """One gzip stream, in pieces."""
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for block in blocks:
        for start in range(0, len(block), GZIP_STEP):
            piece = compressor.compress(block[start : start + GZIP_STEP])
            if piece:
                yield piece
    yield compressor.flush()


def to_yaml(body: bytes) -> bytes:
    """YAML of a JSON document: keys sorted, block style, multi-line strings as literals."""
    import yaml  # noqa: PLC0415 - 30 ms that a server without YAML clients does not pay

    text: str = yaml.dump(
        msgspec.json.decode(body),
        Dumper=_dumper(),
        default_flow_style=False,
        sort_keys=True,
        allow_unicode=True,
    )
    return text.encode()


@lru_cache(maxsize=1)
def _dumper() -> Any:
    import yaml  # noqa: PLC0415

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})
    dumper.add_representer(str, _represent_text)
    return dumper


_READ_AS_BOOLEANS = frozenset({"y", "Y", "n", "N"})  # by YAML 1.1 as Go reads it; PyYAML writes them bare


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else '"' if text in _READ_AS_BOOLEANS else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
