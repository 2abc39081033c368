"""Owners of `spec.replicas` of a workload as owners of the replicas of its scale, and back.

The scale is another document in another version, but what it changes belongs to the object. Source: apimachinery
pkg/util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from typing import Final

from watchcache.api.fields.elements import field
from watchcache.api.fields.entries import Entry, MalformedEntries, Managed, Owned, decode, encode
from watchcache.api.fields.sets import FieldSet, Path

REPLICAS: Final[Path] = (field("spec"), field("replicas"))
"""Where the replicas of the built-in workloads stand, and those of a scale."""
SCALE_VERSION: Final = "autoscaling/v1"


def to_scale(entries: list[Entry], path: Path = REPLICAS) -> list[Entry]:
    """The entries that own the replicas (at `path`), as they own those of the scale."""
    try:
        managed = decode(entries)
    except MalformedEntries:
        return []
    return encode(
        {
            owner: Owned(FieldSet.of(REPLICAS), SCALE_VERSION, owned.applied, owned.time)
            for owner, owned in managed.items()
            if path in owned.fields
        }
    )


def from_scale(entries: list[Entry], scaled: list[Entry], version: str, path: Path = REPLICAS) -> list[Entry]:
    """The object's entries after its scale was written.

    Who lost the replicas there loses them here, and who got them owns them in `version`, since a time that is not noted.
    """
    try:
        managed, owners = decode(entries), decode(scaled)
    except MalformedEntries:
        return entries
    taken = FieldSet.of(path)
    left: Managed = {}
    for owner, owned in managed.items():
        if path not in owned.fields or owners.pop(owner, None) is not None:
            left[owner] = owned
            continue
        fields = owned.fields.difference(taken)
        if fields:
            left[owner] = owned._replace(fields=fields)
    for owner, owned in owners.items():
        if REPLICAS in owned.fields:
            left[owner] = Owned(taken, version, owned.applied)
    return encode(left)
