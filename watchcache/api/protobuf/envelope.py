r"""The envelope of Kubernetes' protobuf: `k8s\0`, then a runtime.Unknown that states the kind of the message in it.

Source: kubernetes.io/docs/reference/using-api/api-concepts "Protobuf encoding"; the texts of errors are those of a kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.codec import unrecognized
from watchcache.api.protobuf.decoding import decode_message
from watchcache.api.protobuf.encoding import encode_message
from watchcache.api.protobuf.messages import UNKNOWN, message_of
from watchcache.api.protobuf.wire import LENGTH, MalformedMessageError, delimited, tag

MAGIC: Final = b"k8s\x00"
_NO_MAGIC: Final = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
_EVENT_TYPE: Final = tag(1, LENGTH)
_EVENT_OBJECT: Final = tag(2, LENGTH)
_RAW: Final = tag(1, LENGTH)
_SCHEME: Final = "pkg/runtime/scheme.go:111"


class Envelope(NamedTuple):
    """What an envelope states, "" for what it does not, and the message in it."""

    api_version: str
    kind: str
    message: bytes


def open_envelope(data: bytes) -> Envelope:
    """The envelope that a body is. Raises MalformedMessageError."""
    if not data:
        raise MalformedMessageError("empty data")
    if not data.startswith(MAGIC):
        raise MalformedMessageError(_NO_MAGIC)
    if len(data) == len(MAGIC):
        raise MalformedMessageError("empty body")
    unknown = decode_message(UNKNOWN, data[len(MAGIC) :])
    stated = unknown.get("typeMeta", {})
    return Envelope(stated.get("apiVersion", ""), stated.get("kind", ""), unknown.get("raw", b""))


def decode(data: bytes, api_version: str = "", kind: str = "") -> dict[str, Any]:
    """The document of a built-in kind in an envelope; `api_version` and `kind` are taken where it states none.

    Raises MalformedMessageError, also for a kind that is not known.
    """
    return _document(_completed(open_envelope(data), api_version, kind))


def decode_object(data: bytes, resource: Resource, subresource: str = "") -> dict[str, Any]:
    """The object in the body of a request for a resource or one of its subresources. Raises StatusError 400."""
    try:
        envelope = open_envelope(data)
    except MalformedMessageError as error:
        raise unrecognized(resource.kind, error, data) from None
    taken = resource.subresources.get(subresource)
    if taken is None:
        envelope = _completed(envelope, resource.api_version, resource.kind)
    else:
        group = f"{taken.group}/{taken.version}" if taken.group else taken.version
        envelope = _completed(envelope, group or resource.api_version, taken.kind)
    try:
        return _document(envelope)
    except MalformedMessageError as error:
        version = envelope.api_version.rpartition("/")[2]
        raise status.bad_request(
            f'{envelope.kind} in version "{version}" cannot be handled as a {resource.kind}: {error}'
        ) from None


def decode_options(data: bytes) -> dict[str, Any]:
    """The document in the body of a DELETE, DeleteOptions unless it says otherwise. Raises StatusError 400."""
    try:
        return decode(data, "v1", "DeleteOptions")
    except MalformedMessageError as error:
        raise status.bad_request(str(error)) from None


def encode(document: Mapping[str, Any]) -> bytes:
    """The document of a built-in kind in its envelope; ValueError for a kind without a message."""
    api_version, kind = document.get("apiVersion", ""), document.get("kind", "")
    message = message_of(api_version, kind)
    if message is None:
        raise ValueError(f"{api_version} {kind} has no protobuf message")
    return envelope(api_version, kind, encode_message(message, document))


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    """A message in an envelope that states its kind."""
    stated = {"typeMeta": {"apiVersion": api_version, "kind": kind}, "raw": message}
    return MAGIC + encode_message(UNKNOWN, stated)


def watch_frame(type: str, enveloped: bytes) -> bytes:
    """One event of a watch, of an object in its envelope: the length in four bytes, then a WatchEvent without an envelope."""
    event = delimited(_EVENT_TYPE, type.encode()) + delimited(_EVENT_OBJECT, delimited(_RAW, enveloped))
    return len(event).to_bytes(4) + event


def _completed(envelope: Envelope, api_version: str, kind: str) -> Envelope:
    stated = envelope.api_version
    if not stated or stated.count("/") > 1:
        stated = api_version
    return Envelope(stated, envelope.kind or kind, envelope.message)


def _document(envelope: Envelope) -> dict[str, Any]:
    message = message_of(envelope.api_version, envelope.kind)
    if message is None:
        raise MalformedMessageError(_unregistered(envelope))
    head = {"kind": envelope.kind, "apiVersion": envelope.api_version}
    if not envelope.api_version:
        del head["apiVersion"]  # documents of discovery say none
    return head | decode_message(message, envelope.message)


def _unregistered(envelope: Envelope) -> str:
    return (
        f'no kind "{envelope.kind}" is registered for version "{envelope.api_version}" in scheme "{_SCHEME}"'
    )
