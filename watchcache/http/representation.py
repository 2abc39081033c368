"""The bytes of watch events, one class for each form that a client can ask for.

Rules (docs/semantics.md W8 to W12, W19, W21):

- A frame is `{"type":...,"object":...}` and a newline; in the plain form the stored bytes go into it untouched.
- A bookmark carries kind, apiVersion and metadata, and of typed kinds what Go writes of an empty object (`data/bookmarks.json`).
- As Table, only the first event of a watch has column definitions, in the others they are null; a bookmark is a row of the empty object.
- An error is an ERROR event with a plain Status, whatever the form.
- As protobuf, a frame is its length and a WatchEvent, made out of the JSON frame.

Two representations are equal when their bytes are: watchers that agree on one share each frame.
"""

from __future__ import annotations

import time
from functools import cache
from importlib import resources as package_files
from typing import Any

import msgspec

from watchcache.api import protobuf, status
from watchcache.api.catalog import Resource
from watchcache.api.status import StatusError
from watchcache.api.table import Include, table
from watchcache.cacher import EventType, FutureRevision, TooOld, WatchProblem

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

_TYPE_HEADS = {kind: b'{"type":"%b","object":' % kind.value for kind in EventType}
_BOOKMARK_HEAD = b'{"type":"BOOKMARK","object":'
_ERROR_HEAD = b'{"type":"ERROR","object":'
_TAIL = b"}\n"


class OnlyMetadata(msgspec.Struct):
    """Cuts the metadata's bytes out of a stored value without building the rest."""

    metadata: msgspec.Raw


_metadata_decoder = msgspec.json.Decoder(OnlyMetadata)


def metadata_of(value: bytes) -> bytes:
    """The JSON of `metadata` in a stored value."""
    return bytes(_metadata_decoder.decode(value).metadata)


def status_of(problem: WatchProblem) -> StatusError:
    """What a watch that cannot go on tells its client."""
    if isinstance(problem, TooOld):
        return status.expired(str(problem))
    if isinstance(problem, FutureRevision):
        return status.too_large_revision(problem.requested, problem.current)
    return status.internal(str(problem))


def error_event(error: StatusError) -> bytes:
    """An ERROR event."""
    return _ERROR_HEAD + msgspec.json.encode(error.body()) + _TAIL


def bookmark_metadata(revision: int, *, initial_events_end: bool) -> dict[str, Any]:
    """The metadata of a bookmark."""
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return metadata


@cache
def empty_members(api_version: str, kind: str) -> dict[str, Any]:
    """What an empty object of a kind has beside kind, apiVersion and metadata. Not to be changed."""
    return _recorded().get(f"{api_version}/{kind}", {})


@cache
def _recorded() -> dict[str, dict[str, Any]]:
    data = package_files.files("watchcache.http").joinpath("data/bookmarks.json").read_bytes()
    recorded: dict[str, dict[str, Any]] = msgspec.json.decode(data)
    return recorded


class JsonEvents(msgspec.Struct, frozen=True):
    """Objects as they are."""

    resource: Resource
    first_differs: bool = False

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:  # noqa: ARG002
        """The event's frame; `value` goes in behind kind and apiVersion."""
        return b"".join((_TYPE_HEADS[type], self.resource.head, value[1:], _TAIL))

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:  # noqa: ARG002
        """The bookmark's frame."""
        members = {
            "metadata": bookmark_metadata(revision, initial_events_end=initial_events_end),
            **empty_members(self.resource.api_version, self.resource.kind),
        }
        return b"".join((_BOOKMARK_HEAD, self.resource.head, msgspec.json.encode(members)[1:], _TAIL))

    def error(self, problem: WatchProblem) -> bytes:
        """The ERROR event's frame."""
        return error_event(status_of(problem))


class MetadataEvents(msgspec.Struct, frozen=True):
    """Objects as PartialObjectMetadata, of meta.k8s.io's `version`."""

    version: str = "v1"
    first_differs: bool = False

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:  # noqa: ARG002
        """The event's frame, with the metadata's bytes as they are stored."""
        return b"".join((_TYPE_HEADS[type], partial_object(value, self.version), _TAIL))

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:  # noqa: ARG002
        """The bookmark's frame."""
        metadata = bookmark_metadata(revision, initial_events_end=initial_events_end)
        value = msgspec.json.encode({"metadata": metadata})
        return b"".join((_BOOKMARK_HEAD, partial_object(value, self.version), _TAIL))

    def error(self, problem: WatchProblem) -> bytes:
        """The ERROR event's frame."""
        return error_event(status_of(problem))


def partial_object(value: bytes, version: str) -> bytes:
    """The PartialObjectMetadata of a stored value."""
    head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":' % version.encode()
    return head + metadata_of(value) + b"}"


class ProtobufEvents(msgspec.Struct, frozen=True):
    """What another form has, as protobuf."""

    plain: JsonEvents | MetadataEvents
    first_differs: bool = False

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:
        """The event's frame."""
        return _translated(self.plain.event(type, value, first))

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:
        """The bookmark's frame."""
        return _translated(self.plain.bookmark(revision, initial_events_end, first))

    def error(self, problem: WatchProblem) -> bytes:
        """The ERROR event's frame."""
        return _translated(self.plain.error(problem))


def _translated(frame: bytes) -> bytes:
    event = msgspec.json.decode(frame)
    return protobuf.watch_frame(event["type"], protobuf.encode(event["object"]))


class TableEvents(msgspec.Struct, frozen=True):
    """Each object as a Table of one row."""

    resource: Resource
    include: Include = "Metadata"
    version: str = "v1"
    first_differs: bool = True

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:
        """The event's frame; the ages in it are as of now."""
        document = msgspec.json.decode(self.resource.head + value[1:])
        return b"".join((_TYPE_HEADS[type], self._table(document, first, self.include), _TAIL))

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:
        """The bookmark's frame: a row of the empty object, whose metadata is there also when rows are to have no objects."""
        document = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "metadata": bookmark_metadata(revision, initial_events_end=initial_events_end),
            **empty_members(self.resource.api_version, self.resource.kind),
        }
        include: Include = "Metadata" if self.include == "None" else self.include
        return b"".join((_BOOKMARK_HEAD, self._table(document, first, include), _TAIL))

    def error(self, problem: WatchProblem) -> bytes:
        """The ERROR event's frame."""
        return error_event(status_of(problem))

    def _table(self, document: dict[str, Any], first: bool, include: Include) -> bytes:
        made = table(
            self.resource,
            [document],
            time.time(),
            include=include,
            metadata={"resourceVersion": document["metadata"]["resourceVersion"]},
            with_columns=first,
            version=self.version,
        )
        return msgspec.json.encode(made)
