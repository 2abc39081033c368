"""PATCH: a change that is made to whatever is stored when its turn comes (M8, M9). Apply patches: see `apply`.

A patch is applied to the stored object in the version the client speaks; the result then goes the way of
a PUT. Without a resourceVersion in it nobody else's write can make it fail: it is applied again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from watchcache.api import status
from watchcache.api.codec import DecodeError, decode_json, duplicate_fields
from watchcache.api.patch import (
    PatchError,
    PatchFailed,
    TooManyOperations,
    json_patch,
    merge_patch,
    parse_operations,
    strategic,
)
from watchcache.api.patch.gotext import json_type
from watchcache.api.schema import Schema
from watchcache.api.status import StatusError
from watchcache.registry import incoming, owners
from watchcache.registry.addresses import Reservation
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.incoming import PatchedWording, StrategicWording, Wording
from watchcache.registry.store import Store, head_of, not_found, read_modify_write
from watchcache.registry.update import change
from watchcache.registry.versions import spoken

JSON: Final = "application/json-patch+json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"

Applied = tuple[Document, Wording]
Apply = Callable[[Document, Schema], Applied]
"""(document, its schema) -> the patched document, and how to refuse it if it does not fit."""


async def patch(store: Store, call: Call, content_type: str, body: bytes) -> Outcome:
    """Apply a patch of a media type to the object that the call names."""
    apply = await patch_for(store, call, content_type, body)
    with Reservation(store.allocator) as reservation:

        async def modify(old: Document, revision: int) -> Document:
            patched, wording = apply(spoken(old, call.resource), call.resource.schema)
            accepted = incoming.accept(store.catalog, call, patched, wording)
            owners.keep_reset(patched, accepted)
            return await change(store, call, old, revision, accepted, reservation)

        value = await read_modify_write(store, call, modify)
    return store.outcome(call, 200, value)


async def patch_for(store: Store, call: Call, content_type: str, body: bytes) -> Apply:
    """The patch, parsed once; of two faults in one request the missing object is the answer."""
    try:
        return read_patch(call, content_type, body)
    except StatusError as error:
        if error.code != 415 and await head_of(store, call.key) is None:
            raise not_found(call) from None
        raise


def read_patch(call: Call, content_type: str, body: bytes) -> Apply:
    """The patch, parsed once; raises StatusError for what can never be applied."""
    media_type = content_type.partition(";")[0].strip().lower()
    reader = _READERS.get(media_type)
    if reader is None:
        raise status.unsupported_patch_type()
    if media_type == STRATEGIC and not call.resource.builtin:
        raise status.unsupported_media_type((JSON, MERGE, APPLY))
    try:
        return _guarded(reader(call, body))
    except PatchError as error:
        raise _answer_of(error) from None


def _guarded(apply: Apply) -> Apply:
    def guarded(document: Document, schema: Schema) -> Applied:
        try:
            return apply(document, schema)
        except PatchError as error:
            raise _answer_of(error) from None

    return guarded


def _answer_of(error: PatchError) -> StatusError:
    if isinstance(error, PatchFailed):
        return status.invalid_patch()
    if isinstance(error, TooManyOperations):
        return StatusError(413, "RequestEntityTooLarge", str(error))
    return status.bad_request(str(error)) if error.code == 400 else status.untyped(str(error))


def _decoded(body: bytes, prefix: str) -> Any:
    try:
        return decode_json(body)
    except DecodeError as error:
        text = str(error).removeprefix("couldn't get version/kind; json parse error: ")
        raise status.bad_request(f"{prefix}{text}") from None


def _read_json_patch(call: Call, body: bytes) -> Apply:
    decoded = _decoded(body, "error decoding patch: ")
    operations, unknown = parse_operations([] if decoded is None else decoded)
    repeated = [f'json patch duplicate field "{path}"' for path in duplicate_fields(body, decoded)]
    call.repeated = repeated + unknown

    def apply(document: Document, _schema: Schema) -> Applied:
        return _object(json_patch(document, operations))

    return apply


def _object(patched: Any) -> Applied:
    """What is no object any more is refused as the patch library does."""
    if not isinstance(patched, dict):
        raise PatchFailed("the result is no object")
    return patched, PatchedWording(patched)


def _read_merge_patch(call: Call, body: bytes) -> Apply:
    decoded = _decoded(body, "error decoding patch: ")
    if decoded is None:
        raise status.bad_request("Invalid JSON Patch")
    wanted = _map(decoded, "error decoding patch: ")
    call.repeated = _repeated(body, decoded)

    def apply(document: Document, _schema: Schema) -> Applied:
        return _object(merge_patch(document, wanted))

    return apply


def _repeated(body: bytes, decoded: Any) -> list[str]:
    return [f'duplicate field "{path}"' for path in duplicate_fields(body, decoded)]


def _read_strategic(call: Call, body: bytes) -> Apply:
    decoded = _decoded(body, "")
    wanted = _map(decoded, "")
    call.repeated = _repeated(body, decoded)

    def apply(document: Document, schema: Schema) -> Applied:
        patched = strategic(document, wanted, schema)
        # The patch is merged into the typed object: what it says about its type is not looked at.
        own: Document = {name: document[name] for name in ("kind", "apiVersion") if name in document}
        return {**patched, **own}, StrategicWording(wanted)

    return apply


def _map(decoded: Any, prefix: str) -> Document:
    if decoded is None:
        return {}
    if not isinstance(decoded, dict):
        what = json_type(decoded)
        raise status.bad_request(
            f"{prefix}json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        )
    return decoded


_READERS: Final[dict[str, Callable[[Call, bytes], Apply]]] = {
    JSON: _read_json_patch,
    MERGE: _read_merge_patch,
    STRATEGIC: _read_strategic,
}
