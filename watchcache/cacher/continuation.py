r"""Continue tokens: where the next page of a list begins, and at which revision.

A token is unpadded base64url of `{"v":"meta.k8s.io/v1","rv":<revision>,"start":"<key>\u0000"}`. The key is relative to what the
list covers (to the namespace of a namespaced list), written with a leading "/" and a final NUL, and read
with or without either; the NUL makes the page begin after the last key sent. A negative revision means
the newest. Source: `apiserver/pkg/storage/continue.go`; the errors (L14) were recorded from kube-apiserver 1.36.3.
"""

from __future__ import annotations

import base64
import json
import posixpath
from typing import Any

import msgspec

from watchcache.cacher import gojson
from watchcache.cacher.problems import BadContinue

VERSION = "meta.k8s.io/v1"
NEWEST = -1
"""The revision of an inconsistent token: the rest of the list at the newest revision (L17)."""

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_INT64 = range(-(1 << 63), 1 << 63)


class Continuation(msgspec.Struct, frozen=True):
    """A token's content. `start` is the first key that may be on the page, relative, without leading "/"."""

    revision: int
    start: str


def encode(continuation: Continuation) -> str:
    """The token. `start` is written as it is, with the leading "/" that kube-apiserver's cache writes."""
    document = {"v": VERSION, "rv": continuation.revision, "start": "/" + continuation.start}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(token: str) -> Continuation:
    """Read a client's token; raises `BadContinue` with the words of kube-apiserver."""
    fields = _fields(_unbase64(token.encode("utf-8", "surrogateescape")))
    version, revision, start = fields["v"], fields["rv"], fields["start"]
    if version != VERSION:
        raise BadContinue(f"server does not recognize this encoded version {version}")
    if revision == 0:
        raise BadContinue(f"incorrect encoded start resourceVersion (version {VERSION})")
    if not start:
        raise BadContinue(f"encoded start key empty (version {VERSION})")
    return Continuation(revision, _clean(start))


def _clean(start: str) -> str:
    """The key without its leading "/"; a path that steps anywhere (`..`, `.`, `//`) is refused."""
    path = start if start.startswith("/") else "/" + start
    # normpath keeps exactly two leading slashes, which Go's path.Clean does not.
    if path.startswith("//") or posixpath.normpath(path) != path:
        raise BadContinue(start)
    return path[1:]


def _unbase64(token: bytes) -> bytes:
    """Go's RawURLEncoding: line ends are skipped, padding is an error, loose last bits are not."""
    kept = bytearray()
    for place, byte in enumerate(token):
        if byte in b"\r\n":
            continue
        if byte not in _ALPHABET:
            raise BadContinue(f"illegal base64 data at input byte {place}")
        kept.append(byte)
    if len(kept) % 4 == 1:
        raise BadContinue(f"illegal base64 data at input byte {len(token) - 1}")
    return base64.urlsafe_b64decode(bytes(kept) + b"=" * (-len(kept) % 4))


def _fields(text: bytes) -> dict[str, Any]:
    """The three known fields as Go's Unmarshal would set them: names in any case, null ignored, last one wins."""
    try:
        gojson.check(text)
    except gojson.GoSyntaxError as error:
        raise BadContinue(str(error)) from None
    try:
        document = json.loads(
            text.decode("utf-8", "replace"),
            object_pairs_hook=_Pairs,
            parse_float=_Number,
            parse_int=_Number,
        )
    except RecursionError:
        raise BadContinue("exceeded max depth") from None
    fields: dict[str, Any] = {"v": "", "rv": 0, "start": ""}
    if document is None:
        return fields
    if not isinstance(document, _Pairs):
        raise BadContinue(
            f"json: cannot unmarshal {_kind(document)} into Go value of type storage.continueToken"
        )
    problems = [problem for name, value in document if (problem := _set(fields, name.lower(), value))]
    if problems:  # Go decodes to the end and reports the first
        raise BadContinue(problems[0])
    return fields


def _set(fields: dict[str, Any], name: str, value: Any) -> str | None:
    """Set one field; returns Go's words when the value's type does not fit."""
    if name not in fields or value is None:
        return None
    wanted = "int64" if name == "rv" else "string"
    if name == "rv" and isinstance(value, _Number) and value.is_int64:
        fields[name] = int(value)
        return None
    if name != "rv" and isinstance(value, str) and not isinstance(value, _Number):
        fields[name] = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return None
    # Strings that do not fit a number are named by their kind; numbers that do not fit by their text.
    shown = f"number {value}" if name == "rv" and isinstance(value, _Number) else _kind(value)
    return f"json: cannot unmarshal {shown} into Go struct field continueToken.{name} of type {wanted}"


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its names in order, repeated ones included."""


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()

    @property
    def is_int64(self) -> bool:
        digits = self.removeprefix("-")
        return digits.isdigit() and len(digits) < 20 and int(self) in _INT64


def _kind(value: Any) -> str:
    kinds = {_Pairs: "object", list: "array", _Number: "number", str: "string", bool: "bool"}
    return kinds[type(value)]
