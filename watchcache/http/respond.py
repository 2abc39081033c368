"""Objects and lists as answers: stored bytes go out untouched wherever the client takes JSON.

A small list is one body with its length; a large one goes out in blocks of some dozen objects, so that neither making it nor
sending it holds up an event. What must be rewritten (Table, YAML, indented) is rewritten block by block where the form allows it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec
import trio

from watchcache.api import protobuf
from watchcache.api import table as tables
from watchcache.api.catalog import Resource
from watchcache.api.table import Include
from watchcache.http.encoding import (
    COMPRESS_ABOVE,
    COMPRESSED_HEADERS,
    JSON_HEADER,
    PROTOBUF_HEADER,
    gzip_blocks,
    reply_json,
    takes_gzip,
)
from watchcache.http.messages import Answer, Reply, Stream
from watchcache.http.negotiate import JSON, PROTOBUF, Medium, NotAcceptable
from watchcache.http.representation import partial_object
from watchcache.registry import Listed, Outcome

BLOCK = 512  # the most objects of a list that is one body, and between two checkpoints
# Bytes of a block, about: it is joined, framed, encrypted and sent, and stays in a core's cache (1 MiB) meanwhile.
# CPU of a LIST of 10,000 pods of 3 KB: 27, 23 and 49 ms with 64, 128 and 256 KiB; 56 with 1.5 MB.
BLOCK_BYTES = 128 << 10
WHOLE = 2 << 20  # bytes of objects of a list that is one body: 512 may also be ConfigMaps of a megabyte each
MOST = 1 << 20  # bytes of objects of one block, whatever the last one was like; one object may be larger
FIRST = 32  # objects of the first block; the size of each tells how many the next has

PROTOBUF_BLOCK = 32  # objects encoded between two checkpoints: 3 ms of work

NEWLINE = b"\n"  # after compact JSON, as Go's encoder has it: `kubectl get --raw` prints what it gets

PLAIN = Medium()

Pause = Callable[[], Awaitable[None]]
"""Lets others run between two pieces of an answer."""


class Form(msgspec.Struct, frozen=True):
    """How an answer is to be written: the medium, what of an object a Table includes, and what the client can decompress."""

    medium: Medium = PLAIN
    include: Include = "Metadata"
    accept_encoding: str = ""


def object_answer(resource: Resource, outcome: Outcome, form: Form) -> Reply:
    """The answer with one object, or with a document that is not stored."""
    if outcome.value is None:
        return _document_answer(resource, outcome.status, outcome.document or {}, form)
    medium = form.medium
    if medium.transform:
        body = _transformed(resource, outcome.value, form)
        return reply_json(outcome.status, body, medium, form.accept_encoding)
    body = b"".join((resource.head, outcome.value[1:], NEWLINE))
    if medium == PLAIN and len(body) <= COMPRESS_ABOVE:
        return Reply(outcome.status, [JSON_HEADER], body)
    return reply_json(outcome.status, body, medium, form.accept_encoding)


def _document_answer(resource: Resource, code: int, document: dict[str, Any], form: Form) -> Reply:
    if form.medium.transform and document.get("kind") != "Status":
        body = _transformed_document(resource, document, form)
    else:
        body = msgspec.json.encode(document) + NEWLINE
    return reply_json(code, body, form.medium, form.accept_encoding)


def _transformed(resource: Resource, value: bytes, form: Form) -> bytes:
    medium = form.medium
    if medium.transform == "PartialObjectMetadata":
        return partial_object(value, medium.version) + NEWLINE
    return _transformed_document(resource, msgspec.json.decode(resource.head + value[1:]), form)


def _transformed_document(resource: Resource, document: dict[str, Any], form: Form) -> bytes:
    """A complete document, which need not be of the resource's kind: a scale has columns of its own."""
    medium = form.medium
    if medium.transform == "PartialObjectMetadata":
        return msgspec.json.encode(tables.partial_metadata(document, medium.version)) + NEWLINE
    if medium.transform == "PartialObjectMetadataList":
        group = document["apiVersion"].rpartition("/")[0]
        raise NotAcceptable(
            "you requested PartialObjectMetadataList, but the requested object is not a list "
            f"(*{_go_type(group, document['kind'])})",
            by_route=False,
        )
    made = tables.table(
        resource,
        [document],
        time.time(),
        include=form.include,
        metadata=tables.object_metadata(document),
        kind=document["kind"],
        version=medium.version,
    )
    return msgspec.json.encode(made) + NEWLINE


def go_type(resource: Resource) -> str:
    """The name of the kind's internal type in messages: `core.Pod`."""
    return _go_type(resource.group, resource.kind)


def _go_type(group: str, kind: str) -> str:
    return f"{group.partition('.')[0] or 'core'}.{kind}"


def list_answer(listed: Listed, form: Form, pause: Pause = trio.lowlevel.checkpoint) -> Answer:
    """The answer with a list: a Reply when it is small or must be rewritten as a whole, else a Stream that pauses between pieces."""
    head, tail = _frame(listed, form)
    medium = form.medium
    if medium.type == PROTOBUF and len(listed.values) > BLOCK:
        blocks = _protobuf_blocks(listed, form)
        gzip = takes_gzip(form.accept_encoding)
        headers = [PROTOBUF_HEADER, *(COMPRESSED_HEADERS if gzip else ())]
        return Stream(
            200, headers, ProtobufPieces(msgspec.json.decode(head + tail), blocks, pause, gzip=gzip)
        )
    pieces = list_pieces(listed, form, head, tail)
    if medium.type != JSON or medium.pretty:
        return reply_json(200, b"".join(pieces), medium, form.accept_encoding)
    if len(listed.values) <= BLOCK and sum(map(len, listed.values)) <= WHOLE:
        parts = list(pieces)
        if sum(map(len, parts)) > COMPRESS_ABOVE:
            if takes_gzip(form.accept_encoding):
                return reply_json(200, b"".join(parts), medium, form.accept_encoding)
            return Reply(200, [JSON_HEADER], parts)  # not joined: that would copy all of it once more
        return Reply(200, [JSON_HEADER], b"".join(parts))
    headers = [JSON_HEADER]
    if takes_gzip(form.accept_encoding):
        headers.extend(COMPRESSED_HEADERS)
        pieces = gzip_blocks(pieces)
    return Stream(200, headers, Pieces(pieces, pause))


def _protobuf_blocks(listed: Listed, form: Form) -> Iterator[list[dict[str, Any]]]:
    """The documents of a list, a few at a time."""
    values = listed.values
    for start in range(0, len(values), PROTOBUF_BLOCK):
        block = _items(listed.resource, values[start : start + PROTOBUF_BLOCK], form)
        yield msgspec.json.decode(b"[" + block + b"]")


class ProtobufPieces:
    """A list as protobuf: all is encoded, with checkpoints in between, before the first byte, which states the length, can go."""

    def __init__(
        self,
        empty: dict[str, Any],
        blocks: Iterator[list[dict[str, Any]]],
        pause: Pause = trio.lowlevel.checkpoint,
        *,
        gzip: bool = False,
    ) -> None:
        self._pause = pause
        self._encoder = protobuf.ListEncoder(empty)
        self._blocks = blocks
        self._gzip = gzip
        self._pieces: Iterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            self._pieces = await self._encode()
        await self._pause()
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration

    async def _encode(self) -> Iterator[bytes]:
        made = []
        for block in self._blocks:
            await self._pause()
            made.append(self._encoder.items(block))
        pieces = iter(self._encoder.whole(made))
        return gzip_blocks(pieces) if self._gzip else pieces


class Pieces:
    """Pieces with a checkpoint before each. A class, because a client may leave half-way and nobody closes a generator then."""

    def __init__(self, pieces: Iterator[bytes], pause: Pause = trio.lowlevel.checkpoint) -> None:
        self._pieces = pieces
        self._pause = pause

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await self._pause()
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def list_pieces(listed: Listed, form: Form, head: bytes, tail: bytes) -> Iterator[bytes]:
    """The list's JSON in pieces of about `BLOCK_BYTES`, and of at most `BLOCK` objects."""
    yield head
    values = listed.values
    start, count = 0, FIRST
    while start < len(values):
        taken = _within(values, start, count)
        block = _items(listed.resource, taken, form, follows=start > 0)
        yield block
        start += len(taken)
        count = len(taken)
        count = max(1, min(BLOCK, count * BLOCK_BYTES // len(block)))
    yield tail


def _within(values: Sequence[bytes], start: int, count: int) -> Sequence[bytes]:
    """So many values from there on, or as few as `MOST` bytes hold; at least one."""
    taken = values[start : start + count]
    if sum(map(len, taken)) <= MOST:
        return taken
    size = 0
    for number, value in enumerate(taken):
        size += len(value)
        if size > MOST:
            return taken[: max(1, number)]
    return taken


def _items(resource: Resource, values: Sequence[bytes], form: Form, *, follows: bool = False) -> bytes:
    """Items side by side; those that follow others begin with a comma, put in while joining because adding it would copy them all."""
    transform = form.medium.transform
    if transform == "PartialObjectMetadataList":
        items: Sequence[bytes] = [partial_object(value, form.medium.version) for value in values]
    elif transform == "Table":
        items = _rows(resource, values, form)
    else:
        items = values if resource.builtin else [resource.head + value[1:] for value in values]
    return b",".join([b"", *items] if follows else items)


def _rows(resource: Resource, values: Sequence[bytes], form: Form) -> list[bytes]:
    """The rows of a Table."""
    now = time.time()
    documents = [msgspec.json.decode(resource.head + value[1:]) for value in values]
    version = form.medium.version
    return [
        msgspec.json.encode(tables.row(resource, document, now, form.include, version))
        for document in documents
    ]


def _frame(listed: Listed, form: Form) -> tuple[bytes, bytes]:
    """What stands before and after the items."""
    resource, medium = listed.resource, form.medium
    metadata = list_metadata(listed, always_continue=not resource.builtin and not medium.transform)
    if medium.transform == "PartialObjectMetadata":
        raise NotAcceptable(
            f"you requested PartialObjectMetadata, but the requested object is a list (*{go_type(resource)}List)",
            by_route=False,
        )
    if medium.transform == "PartialObjectMetadataList":
        opening = _opening(medium.transform, f"meta.k8s.io/{medium.version}", {"metadata": metadata})
        return (opening + b',"items":[', b"]}\n") if listed.values else (opening + b',"items":null', b"}\n")
    if medium.transform == "Table":
        members = {"metadata": metadata, "columnDefinitions": tables.columns(resource)}
        return _opening("Table", f"meta.k8s.io/{medium.version}", members) + b',"rows":[', b"]}\n"
    opening = _opening(resource.list_kind, resource.api_version, {"metadata": metadata})
    return opening + b',"items":[', b"]}\n"


def _opening(kind: str, api_version: str, members: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"kind": kind, "apiVersion": api_version, **members})[:-1]


def list_metadata(listed: Listed, *, always_continue: bool = False) -> dict[str, Any]:
    """The metadata of a list; custom resources always state `continue`."""
    metadata: dict[str, Any] = {"resourceVersion": str(listed.revision)}
    if listed.continue_token or always_continue:
        metadata["continue"] = listed.continue_token
    if listed.remaining is not None and listed.continue_token:
        metadata["remainingItemCount"] = listed.remaining
    return metadata
