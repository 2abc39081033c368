"""The owners of an object's fields over its life: when they are kept track of, under which names, and how many of them.

Source: apimachinery pkg/util/managedfields/internal, the chain of managers that `NewDefaultFieldManager` puts together.
"""

from __future__ import annotations

from typing import Any, Final

from watchcache.api.fields.elements import field
from watchcache.api.fields.entries import (
    APPLY,
    UPDATE,
    Entry,
    MalformedEntries,
    Managed,
    Owned,
    Owner,
    decode,
    encode,
    is_reset,
)
from watchcache.api.fields.fitting import check
from watchcache.api.fields.last_applied import KUBECTL, claimable, last_applied, with_annotation
from watchcache.api.fields.ownership import Change, Conflicts, Versions
from watchcache.api.fields.sets import FieldSet
from watchcache.api.fields.shapes import Misfit

Document = dict[str, Any]

MAX_UPDATERS: Final = 10
"""Entries of updates that an object has at most; the oldest above it become one."""
BEFORE: Final = "before-first-apply"
ANCIENT: Final = "ancient-changes"

_NOBODYS: Final = FieldSet.of(
    (field("apiVersion"),),
    (field("kind"),),
    (field("metadata"),),
    *(
        (field("metadata"), field(name))
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
)
"""Fields that identify an object or that the server keeps: nobody owns them."""
_CURRENT: Final = Owner("current-operation", UPDATE, "", "")


class Tracker:
    """Writes of one kind in a version, through the object or a subresource.

    Documents are in that version, managedFields in them do not count. `reset`: fields that this way of writing does not
    change. `now` is RFC 3339. `zero` is an object of the kind with nothing in it.
    """

    def __init__(
        self,
        versions: Versions,
        version: str,
        subresource: str = "",
        reset: FieldSet | None = None,
    ) -> None:
        self._versions = versions
        self._version = version
        self._subresource = subresource
        self._change = Change(versions, version, reset or FieldSet())

    def updated(
        self,
        live: Document,
        new: Document,
        manager: str,
        now: str,
        *,
        entries: list[Entry] | None,
        sent: list[Entry] | None,
        track: bool,
    ) -> list[Entry]:
        """The managedFields of an object that becomes `new` by something else than an apply.

        `entries` are the stored ones, `sent` those in the client's document. An object that has none is given some only when `track`.
        """
        managed = self._stated(entries, sent)
        if not managed and not track:
            return []
        try:
            return encode(self._updated(live, new, managed, manager, now))
        except (Misfit, RecursionError):  # what cannot be compared changes no owners
            return encode(managed)

    def _stated(self, entries: list[Entry] | None, sent: list[Entry] | None) -> Managed:
        """A client's own entries count, if they mean something; through a subresource they do not."""
        if not self._subresource:
            if is_reset(sent):
                return {}
            stated = _decoded(sent)
            if stated:
                return stated
        return _decoded(entries)

    def applied(
        self,
        live: Document,
        config: Document,
        manager: str,
        now: str,
        *,
        entries: list[Entry] | None,
        force: bool,
        zero: Document,
    ) -> tuple[Document, list[Entry]]:
        """What an apply patch makes of an object, and its managedFields. Raises Conflicts, Misfit, MalformedEntries."""
        shape = self._versions.shape(self._version)
        assert shape is not None, self._version
        check(config, shape)
        managed = decode(entries)
        if not managed:
            managed = self._updated(zero, live, managed, BEFORE, now)
        try:
            document, left = self._applied(live, config, managed, manager, now, force)
        except Conflicts as conflicts:
            if manager != KUBECTL or not last_applied(live):
                raise
            allowed = claimable(live, self._version, shape)
            unsettled = [each for each in conflicts.conflicts if each.path not in allowed]
            if unsettled:
                raise Conflicts(unsettled) from None
            document, left = self._applied(live, config, managed, manager, now, force=True)
        if manager == KUBECTL and last_applied(document):
            document = with_annotation(document, config)
        return document, encode(left)

    def _updated(self, live: Document, new: Document, managed: Managed, manager: str, now: str) -> Managed:
        """What the write changed goes to its owner's entry, whose time moves if that is anything."""
        left = self._change.update(live, new, managed, _CURRENT)
        taken = left.pop(_CURRENT, None)
        fields = FieldSet() if taken is None else taken.fields.difference(_NOBODYS)
        if fields:
            owner = Owner.of(manager, UPDATE, self._version, self._subresource)
            before = left.get(owner)
            whole = fields if before is None else fields.union(before.fields)
            left[owner] = Owned(whole, self._version, applied=False, time=now)
        return _capped(left)

    def _applied(
        self, live: Document, config: Document, managed: Managed, manager: str, now: str, force: bool
    ) -> tuple[Document, Managed]:
        owner = Owner.of(manager, APPLY, self._version, self._subresource)
        document, left = self._change.apply(live, config, managed, owner, force)
        own = left.pop(owner, None)
        fields = FieldSet() if own is None else own.fields.difference(_NOBODYS)
        if own is not None and fields:
            left[owner] = own._replace(fields=fields, time=own.time if document is None else now)
        return live if document is None else document, left


def _decoded(entries: list[Entry] | None) -> Managed:
    try:
        return decode(entries)
    except MalformedEntries:
        return {}


def _capped(managed: Managed) -> Managed:
    """At most ten updaters: of the oldest, those of one version become one entry with the time of the newest among them."""
    updaters = [owner for owner, owned in managed.items() if not owned.applied]
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return managed
    updaters.sort(key=lambda owner: (managed[owner].time, owner.identifier))
    left = dict(managed)
    first: dict[str, Owner] = {}
    for owner in updaters:
        if excess <= 0:
            break
        owned = managed[owner]
        oldest = first.setdefault(owned.version, owner)
        if oldest == owner:
            continue
        bucket = Owner(ANCIENT, UPDATE, owned.version, "")
        held = left[bucket] if bucket in left else left.pop(oldest)
        left[bucket] = owned._replace(fields=held.fields.union(owned.fields))
        if owner != bucket:
            del left[owner]
        excess -= 1
    return left


def same_but_times(one: list[Entry], other: list[Entry]) -> bool:
    """Whether two managedFields say the same of everything but when: then a write that changes nothing else changes nothing."""
    return len(one) == len(other) and all(map(_same_but_time, one, other))


def _same_but_time(one: Entry, other: Entry) -> bool:
    names = (one.keys() | other.keys()) - {"time"}
    return all(one.get(name) == other.get(name) for name in names)
