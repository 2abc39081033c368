"""`metadata.managedFields`: the owners of an object's fields as a document has them, and as the rest of this package works with them.

There is one entry for each manager, operation, version and subresource; an applier has one whatever the version. They stand in the
order of operation, time, manager, version, subresource. Source: apimachinery pkg/util/managedfields/internal/managedfields.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from watchcache.api.fields.elements import MalformedElement
from watchcache.api.fields.sets import FieldSet

APPLY: Final = "Apply"
UPDATE: Final = "Update"
_TYPE: Final = "FieldsV1"

Entry = dict[str, Any]


class Owner(NamedTuple):
    """Who owns fields, in the order of the names in an entry. `version` is empty for appliers, which have one entry for all versions."""

    manager: str
    operation: str
    version: str
    subresource: str

    @classmethod
    def of(cls, manager: str, operation: str, version: str, subresource: str) -> Owner:
        """The owner that a write with these is by; a manager without a name is called unknown."""
        return cls(manager or "unknown", operation, "" if operation == APPLY else version, subresource)

    @property
    def identifier(self) -> str:
        """The owner as kube-apiserver identifies it, which says where it stands among others of the same time."""
        named = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.version,
            "subresource": self.subresource,
        }
        return msgspec.json.encode({name: text for name, text in named.items() if text}).decode()

    def __str__(self) -> str:
        """As a conflict names it: `"kubectl" with subresource "status" using v1`."""
        text = msgspec.json.encode(self.manager).decode()
        if self.subresource:
            text += f" with subresource {msgspec.json.encode(self.subresource).decode()}"
        return f"{text} using {self.version}" if self.operation == UPDATE else text


class Owned(NamedTuple):
    """The fields of one owner, in a version, and when the set last changed (RFC 3339, "" for not known)."""

    fields: FieldSet
    version: str
    applied: bool
    time: str = ""


Managed = dict[Owner, Owned]
"""All owners of an object's fields. Never changed in place."""


class MalformedEntries(ValueError):
    """managedFields that mean nothing; kube-apiserver's words."""


def decode(entries: Iterable[Entry] | None) -> Managed:
    """The owners that managedFields name. Raises MalformedEntries."""
    return dict(_decode(index, entry) for index, entry in enumerate(entries or ()))


def _decode(index: int, entry: Entry) -> tuple[Owner, Owned]:
    operation, version = entry.get("operation", ""), entry.get("apiVersion", "")
    if operation not in (APPLY, UPDATE):
        raise MalformedEntries("operation must be `Apply` or `Update`")
    if not version:
        raise MalformedEntries("apiVersion must not be empty")
    if entry.get("fieldsType", "") != _TYPE:
        stated = entry.get("fieldsType")
        fault = f'invalid fieldsType "{stated}"' if stated else "missing fieldsType"
        raise MalformedEntries(f"{fault} in managed fields entry {index}")
    owner = Owner(
        entry.get("manager", ""),
        operation,
        "" if operation == APPLY else version,
        entry.get("subresource", ""),
    )
    try:
        fields = FieldSet.from_json(entry.get("fieldsV1") or {})
    except (MalformedElement, RecursionError) as error:
        raise MalformedEntries(f"error decoding versioned set: {error}") from None
    return owner, Owned(fields, version, operation == APPLY, entry.get("time") or "")


def encode(managed: Managed) -> list[Entry]:
    """The managedFields for a document, in their order."""
    entries = [_encode(owner, owned) for owner, owned in managed.items()]
    entries.sort(key=_place)
    return entries


def _encode(owner: Owner, owned: Owned) -> Entry:
    entry = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owned.version,
        "time": owned.time,
        "fieldsType": _TYPE,
        "fieldsV1": owned.fields.document(),
        "subresource": owner.subresource,
    }
    return {name: value for name, value in entry.items() if value != ""}


def _place(entry: Entry) -> tuple[str, ...]:
    """Times are RFC 3339 in UTC and whole seconds, which are in order as texts."""
    names = ("operation", "time", "manager", "apiVersion", "subresource")
    return tuple(entry.get(name, "") for name in names)


def is_reset(entries: Any) -> bool:
    """Whether a client asks that nobody own anything any more: by no entries, or by one with nothing in it."""
    return isinstance(entries, list) and (not entries or (len(entries) == 1 and not entries[0]))
