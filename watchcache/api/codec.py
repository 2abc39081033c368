"""Documents and bytes: decoding what clients send, and the canonical bytes that are stored, stamped and sent.

A *value* is the canonical JSON of an object without kind and apiVersion, metadata first and resourceVersion first in it:
`{"metadata":{"resourceVersion":"123","name":"x",...},"spec":{...}}`. It is made once, when an object is written; a revision is put in
by exchanging the digits behind the constant prefix, and a reader's document is a head in the place of the first brace. Every stored byte
sequence in the system has this form: whoever changes it changes the journal's format.

YAML is imported when the first YAML body comes: it would take a tenth of the time that a server may take to start.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from watchcache.api import status
from watchcache.api.json_text import TYPE_NAMES, MalformedJSONError, read_json

if TYPE_CHECKING:
    from watchcache.api.catalog import Resource

VALUE_PREFIX: Final = b'{"metadata":{"resourceVersion":"'
_UNSTAMPED_METADATA: Final = b'{"metadata":{"resourceVersion":""'
_TYPE_FIELDS: Final = frozenset({"kind", "apiVersion"})
_HEAD: Final = ("kind", "apiVersion", "metadata")
"""What comes first in a document."""
_MAX_REPORTED_DUPLICATES: Final = 100  # sigs.k8s.io/json collects no more strict errors
_JSON: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()
_TYPE_META: Final = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)


class DecodeError(ValueError):
    """Bytes that are no document; the message is what kube-apiserver says about them."""


def decode_json(data: bytes) -> Any:
    """The JSON document in `data`, as Go reads it: the last of repeated keys, U+FFFD for invalid UTF-8. Raises DecodeError."""
    try:
        return _JSON.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return read_json(data)
    except MalformedJSONError as error:
        raise DecodeError(f"couldn't get version/kind; json parse error: {error}") from None


def decode_yaml(data: bytes) -> Any:
    """The first YAML document in `data` as JSON has it (string keys; nothing but JSON's types). Raises DecodeError."""
    from watchcache.api.yaml_text import MalformedYAMLError, read_yaml  # noqa: PLC0415 - see the module's docstring

    try:
        return read_yaml(data)
    except MalformedYAMLError as error:
        raise DecodeError(str(error)) from None


def decode_object(data: bytes, kind: str, *, yaml: bool = False) -> dict[str, Any]:
    """The object in a request's body, which should be of a kind.

    Raises StatusError 400 with kube-apiserver's text when it is not one, or when kind and apiVersion are no strings. An absent document
    (`null`, empty YAML) is an empty object: what it lacks is said by validation.
    """
    try:
        document = decode_yaml(data) if yaml else decode_json(data)
        check_type_fields(document)
    except DecodeError as error:
        raise unrecognized(kind, error, data) from None
    return document or {}


def unrecognized(kind: str, error: Exception | str, data: bytes) -> status.StatusError:
    """The 400 for a body that is no document of a kind; it quotes the body's first 30 bytes, in hexadecimal unless it begins with `{`."""
    return status.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {error} ({_summary(data)})"
    )


def _summary(data: bytes) -> str:
    if not data:
        return "<empty>"
    more = " ..." if len(data) > 30 else ""
    if data.startswith(b"{"):
        return data[:30].decode("utf-8", "watchcache.go") + more
    return data[:30].hex() + more


def check_type_fields(document: Any) -> None:
    """Raise DecodeError for what is no object, or has a kind or apiVersion that is no text."""
    prefix = "couldn't get version/kind; json parse error: json: cannot unmarshal"
    if document is None:
        return
    if not isinstance(document, dict):
        raise DecodeError(f"{prefix} {TYPE_NAMES[type(document)]} into Go value of type {_TYPE_META}")
    for name, value in document.items():
        if name in _TYPE_FIELDS and not isinstance(value, str | None):
            raise DecodeError(
                f"{prefix} {TYPE_NAMES[type(value)]} into Go struct field .{name} of type string"
            )
    version = document.get("apiVersion") or ""
    if version.count("/") > 1:
        raise DecodeError(f"unexpected GroupVersion string: {version}")


def with_repeats(data: bytes, document: Any) -> Any:
    """The JSON in `data`, whose last-wins reading is `document`, as Go decodes it into a struct: repeated objects are merged.

    Only for bodies in which `duplicate_fields` found any. What cannot be read again so stays as it was.
    """
    try:
        merged = json.loads(data.decode("utf-8", "watchcache.go"), object_pairs_hook=_merged)
        _ENCODER.encode(merged)  # texts that are no UTF-8 were replaced in `document` only
    except (ValueError, RecursionError):
        return document
    return merged


def _merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            value = _merged([*known.items(), *value.items()])  # noqa: PLW2901
        result[key] = value
    return result


def duplicate_fields(data: bytes, document: Any) -> list[str]:
    """Paths of repeated keys in JSON that decoded to `document`, in the order they occur: `metadata.name`, `spec.containers[0].image`.

    A body that without its white space is its own encoding has no repeats, which is known in a microsecond and holds for nearly all clients;
    the others (escaped characters, floating point in other words) are read by the C parser of `json` first (6 to 20 us), and only one that has repeats is
    read slowly, for the paths.
    """
    if _is_own_encoding(document, data) or not _has_duplicates(data):
        return []
    found: dict[str, None] = {}

    def remember(path: str) -> None:
        if len(found) < _MAX_REPORTED_DUPLICATES:
            found[path] = None

    read_json(data, remember)
    return list(found)


def yaml_duplicates(data: bytes) -> list[str]:
    """Repeated keys in YAML that could be decoded, as go-yaml words them: `line 3: key "b" already set in map`."""
    from watchcache.api.yaml_text import read_yaml  # noqa: PLC0415 - see the module's docstring

    found: list[str] = []
    read_yaml(data, found.append)
    return found


def _is_own_encoding(document: Any, data: bytes) -> bool:
    try:
        encoded = _ENCODER.encode(document)
        if encoded == data.rstrip():  # written without white space, as most are
            return True
        return encoded == msgspec.json.format(data, indent=-1)
    except (msgspec.MsgspecError, RecursionError):
        return False


def _has_duplicates(data: bytes) -> bool:
    repeated = False

    def look(pairs: list[tuple[Hashable, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(data.decode("utf-8", "watchcache.go"), object_pairs_hook=look)
    except (ValueError, RecursionError):
        return True  # not for the fast parser: let the slow one look
    return repeated


def encode(document: Any) -> bytes:
    """Compact JSON; of an object kind, apiVersion and metadata come first, the rest in its own order."""
    if isinstance(document, dict) and "metadata" in document:
        first = {key: document[key] for key in _HEAD if key in document}
        document = first | document
    return _ENCODER.encode(document)


def value_of(document: dict[str, Any]) -> bytes:
    """The canonical unstamped value of an object: without kind and apiVersion, resourceVersion first and empty."""
    metadata, rest = dict(document.get("metadata") or ()), dict(document)
    metadata.pop("resourceVersion", None)
    for name in _HEAD:
        rest.pop(name, None)
    head, tail = _ENCODER.encode(metadata)[1:], _ENCODER.encode(rest)[1:]
    return b"%b%b%b%b%b" % (
        _UNSTAMPED_METADATA,
        b"," if metadata else b"",
        head,
        b"," if rest else b"",
        tail,
    )


def stamp(value: bytes, revision: int) -> bytes:
    """The value with its revision put in, in the place of any other."""
    return b"%b%d%b" % (VALUE_PREFIX, revision, value[value.index(b'"', len(VALUE_PREFIX)) :])


def revision_of(value: bytes) -> int:
    """The revision a value is stamped with; 0 when it is not."""
    digits = value[len(VALUE_PREFIX) : value.index(b'"', len(VALUE_PREFIX))]
    return int(digits) if digits else 0


def document_of(value: bytes, resource: Resource) -> dict[str, Any]:
    """The complete document of a value, a fresh one: kind and apiVersion first; an unstamped value has no resourceVersion."""
    document: dict[str, Any] = _JSON.decode(resource.head + value[1:])
    if not document["metadata"]["resourceVersion"]:
        del document["metadata"]["resourceVersion"]
    return document
