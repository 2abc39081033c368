"""A registry's calls and answers as bytes: what a worker passes on, and what it gets back.

Documents travel as the JSON they came as: numbers of any size, and no second idea of what a document is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import decode_json, encode
from watchcache.api.options import DeleteOptions, ListOptions
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.log import JournalError, JournalFailed, JournalFull, JournalUnavailable, ValueTooLarge
from watchcache.registry import Call, Document, Listed, Outcome


class Passed(msgspec.Struct, frozen=True, array_like=True):
    """A `Call`, and what each verb needs besides."""

    group: str
    version: str
    plural: str
    user: UserInfo
    verb: str
    namespace: str
    name: str
    subresource: str
    dry_run: bool
    field_manager: str
    field_validation: str
    repeated: list[str]
    tracks: bool
    body: bytes = b""  # the document, or the patch
    content_type: str = ""
    force: bool = False
    delete_options: DeleteOptions = DeleteOptions()
    list_options: ListOptions = ListOptions()


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """A `StatusError`."""

    code: int
    reason: str
    message: str
    details: bytes  # JSON; empty for none
    headers: dict[str, str]
    metadata: bytes


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A `Listed`."""

    revision: int
    values: list[bytes]
    continue_token: str
    remaining: int | None


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """What came of a call. `revision`: the newest when it was answered, so that it shows what the answer says."""

    revision: int
    name: str
    warnings: list[str]
    status: int = 0
    value: bytes | None = None
    document: bytes | None = None
    page: Page | None = None
    refusal: Refusal | None = None
    failure: tuple[str, str] | None = None  # of the journal: its class and its text


# What journals raise, as far as callers tell it apart; the first that fits. A worker cannot know more of the last.
_FAILURES: tuple[type[JournalError], ...] = (
    JournalFull,
    ValueTooLarge,
    JournalUnavailable,
    JournalFailed,
    JournalError,
)

_encode = msgspec.msgpack.Encoder().encode
_passed = msgspec.msgpack.Decoder(Passed)
_answered = msgspec.msgpack.Decoder(Answered)


# -- the call


def passed(call: Call, **more: Any) -> bytes:
    """A call to be passed on; `more` are further fields of `Passed`."""
    resource = call.resource
    message = Passed(
        resource.group,
        resource.version,
        resource.plural,
        call.user,
        call.verb,
        call.namespace,
        call.name,
        call.subresource,
        call.dry_run,
        call.field_manager,
        call.field_validation,
        call.repeated,
        call.tracks,
        **more,
    )
    return _encode(message)


def read_passed(payload: bytes) -> Passed:
    """A call that was passed on."""
    message: Passed = _passed.decode(payload)
    return message


def call_of(message: Passed, catalog: Catalog) -> Call:
    """The call as it was. Raises LookupError when this process does not know the resource."""
    resource = catalog.find(message.group, message.version, message.plural)
    if resource is None:
        raise LookupError(f"no resource {message.plural} in {message.group}/{message.version}")
    return Call(
        resource=resource,
        user=message.user,
        verb=message.verb,
        namespace=message.namespace,
        name=message.name,
        subresource=message.subresource,
        dry_run=message.dry_run,
        field_manager=message.field_manager,
        field_validation=message.field_validation,
        repeated=message.repeated,
        tracks=message.tracks,
    )


# -- the answer


def answer(call: Call | None, revision: int, came: Outcome | Listed | StatusError | JournalError) -> bytes:
    """What came of a call, to be sent back; None: its resource is not known here."""
    said = Answered(revision, call.name, call.warnings) if call is not None else Answered(revision, "", [])
    if isinstance(came, Outcome):
        document = None if came.document is None else encode(came.document)
        said = msgspec.structs.replace(said, status=came.status, value=came.value, document=document)
    elif isinstance(came, Listed):
        page = Page(came.revision, list(came.values), came.continue_token, came.remaining)
        said = msgspec.structs.replace(said, page=page)
    elif isinstance(came, StatusError):
        said = msgspec.structs.replace(said, refusal=_refusal(came))
    else:
        kind = next(kind.__name__ for kind in _FAILURES if isinstance(came, kind))
        said = msgspec.structs.replace(said, failure=(kind, str(came)))
    return _encode(said)


def _refusal(error: StatusError) -> Refusal:
    details = b"" if error.details is None else encode(error.details)
    return Refusal(error.code, error.reason, error.message, details, error.headers, encode(error.metadata))


def read_answer(payload: bytes) -> Answered:
    """What was sent back."""
    said: Answered = _answered.decode(payload)
    return said


def raise_refusal(said: Answered) -> None:
    """Raise what the call raised, if it did."""
    if said.refusal is not None:
        refusal = said.refusal
        details = decode_json(refusal.details) if refusal.details else None
        error = StatusError(refusal.code, refusal.reason, refusal.message, details, refusal.headers)
        error.metadata = decode_json(refusal.metadata)
        raise error
    if said.failure is not None:
        kind, text = said.failure
        raise next(each for each in _FAILURES if each.__name__ == kind)(text)


def outcome_of(said: Answered) -> Outcome:
    """The outcome of a call on one object."""
    document: Document | None = None if said.document is None else decode_json(said.document)
    return Outcome(said.status, said.value, document)


def listed_of(said: Answered, resource: Resource) -> Listed:
    """The outcome of a call on a collection."""
    assert said.page is not None
    page = said.page
    return Listed(resource, page.revision, page.values, page.continue_token, page.remaining)
