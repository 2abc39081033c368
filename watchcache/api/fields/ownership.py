"""What an update and an apply make of an object and of who owns its fields: the heart of server-side apply.

- Who changes a field by an update takes it from all others. What a write removes nobody owns any more.
- Who applies owns what the patch states. A field of another owner that the patch would change is a conflict, unless it is forced;
  one that both want to be the same is shared.
- What an applier stated last time and does not state now is removed from the object, unless somebody else owns it, too.
- An owner's fields are those of the version in which it wrote. Versions are compared each in its own; what a version that is
  no longer served owned is forgotten.

Source: structured-merge-diff merge/{update,conflict}.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from watchcache.api.fields.comparison import Comparison, compare, same
from watchcache.api.fields.elements import shown
from watchcache.api.fields.entries import Managed, Owned, Owner
from watchcache.api.fields.merging import merge
from watchcache.api.fields.owned import fields_of
from watchcache.api.fields.reconciling import reconciled
from watchcache.api.fields.removal import remove
from watchcache.api.fields.sets import FieldSet, Path
from watchcache.api.fields.shapes import Shape

Document = dict[str, Any]


class Versions(Protocol):
    """The versions in which a kind is served."""

    def shape(self, version: str) -> Shape | None:
        """The shape of its documents in a version (`apps/v1`); None when it is not served in that."""

    def convert(self, document: Document, source: str, target: str) -> Document:
        """A document of one version in another; the argument is not changed."""


class Conflict(NamedTuple):
    """A field that another owner would lose."""

    owner: Owner
    path: Path

    @property
    def field(self) -> str:
        """The path as messages have it."""
        return shown(self.path)


class Conflicts(Exception):
    """An apply that is refused."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        super().__init__(_message(conflicts))
        self.conflicts = conflicts


def _message(conflicts: list[Conflict]) -> str:
    """One conflict in a line, several below the owner they are with."""
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {only.owner}: {shown(only.path)}"
    lines = []
    for owner in sorted({each.owner for each in conflicts}, key=lambda owner: owner.identifier):
        lines.append(f"conflicts with {owner}:")
        lines += [f"- {shown(each.path)}" for each in conflicts if each.owner == owner]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


class Change:
    """One write of an object in a version: `reset` are fields that this way of writing does not change, whatever the version."""

    def __init__(self, versions: Versions, version: str, reset: FieldSet) -> None:
        shape = versions.shape(version)
        assert shape is not None, version
        self._versions = versions
        self._version = version
        self._shape = shape
        self._reset = reset

    def update(self, live: Document, new: Document, managed: Managed, owner: Owner) -> Managed:
        """The owners when `owner` makes `new` of `live`. Raises Misfit."""
        left, comparison = self._settle(live, new, self._reconciled(managed), owner, force=True)
        before = left[owner].fields if owner in left else FieldSet()
        fields = before.difference(comparison.removed).union(comparison.changed)
        left.pop(owner, None)
        if fields:
            left[owner] = Owned(fields, self._version, applied=False)
        return left

    def apply(
        self, live: Document, config: Document, managed: Managed, owner: Owner, force: bool
    ) -> tuple[Document | None, Managed]:
        """The document with what an applier wants, None when it is that already, and the owners. Raises Conflicts, Misfit."""
        known = self._reconciled(managed)
        last = known.get(owner)
        fields = fields_of(config, self._shape).without(self._reset)
        known[owner] = Owned(fields, self._version, applied=True, time="" if last is None else last.time)
        merged = self._pruned(merge(live, config, self._shape), known, last)
        left, _ = self._settle(live, merged, known, owner, force=force)
        return None if same(live, merged) else merged, left

    def _reconciled(self, managed: Managed) -> Managed:
        """The owners as today's schema has them; those of versions that are not served are left out."""
        known = {}
        for owner, owned in managed.items():
            shape = self._versions.shape(owned.version)
            if shape is not None:
                known[owner] = owned._replace(fields=reconciled(owned.fields, shape))
        return known

    def _in(self, document: Document, version: str) -> Document:
        if version == self._version:
            return document
        return self._versions.convert(document, self._version, version)

    def _settle(
        self, live: Document, new: Document, managed: Managed, owner: Owner, *, force: bool
    ) -> tuple[Managed, Comparison]:
        """The owners without what changes under them, and what changes in the version of the write."""
        compared = {self._version: self._compared(live, new, self._version)}
        conflicts: list[Conflict] = []
        left: Managed = {}
        for each in sorted(managed, key=lambda other: other.identifier):
            owned = managed[each]
            if each == owner:
                left[each] = owned
                continue
            comparison = compared.get(owned.version)
            if comparison is None:
                comparison = compared[owned.version] = self._compared(live, new, owned.version)
            taken = owned.fields.intersection(comparison.changed)
            conflicts += [Conflict(each, path) for path in taken]
            left[each] = owned._replace(fields=owned.fields.difference(taken).difference(comparison.removed))
        if conflicts and not force:
            raise Conflicts(conflicts)
        return {each: owned for each, owned in left.items() if owned.fields}, compared[self._version]

    def _compared(self, live: Document, new: Document, version: str) -> Comparison:
        shape = self._versions.shape(version)
        assert shape is not None, "owners of other versions are left out before"
        compared = compare(self._in(live, version), self._in(new, version), shape)
        return compared.without(self._reset)

    # -- what an applier no longer states

    def _pruned(self, merged: Document, managed: Managed, last: Owned | None) -> Document:
        """The merged document without what the applier stated last time only, and nobody else owns."""
        shape = None if last is None else self._versions.shape(last.version)
        if last is None or shape is None or not last.fields:
            return merged
        whole = self._in(merged, last.version)
        pruned = remove(whole, last.fields.with_named(shape), shape) or {}
        pruned = self._with_owned(whole, pruned, last.version, managed)
        held = fields_of(pruned, shape).with_named(shape)
        lost = fields_of(whole, shape).with_named(shape).difference(held)
        pruned = remove(whole, lost.intersection(last.fields.with_named(shape)), shape) or {}
        if last.version == self._version:
            return pruned
        return self._versions.convert(pruned, last.version, self._version)

    def _with_owned(self, whole: Document, pruned: Document, version: str, managed: Managed) -> Document:
        """What somebody owns is not pruned; the version in which it was pruned comes first."""
        wanted: dict[str, FieldSet] = {}
        for owned in managed.values():
            wanted[owned.version] = wanted.get(owned.version, FieldSet()).union(owned.fields)
        current = version
        for each in sorted(wanted, key=lambda name: (name != version, name)):
            shape = self._versions.shape(each)
            if shape is None:
                continue
            if each != current:
                whole = self._versions.convert(whole, current, each)
                pruned = self._versions.convert(pruned, current, each)
                current = each
            kept = fields_of(pruned, shape).with_named(shape).union(wanted[each].with_named(shape))
            lost = fields_of(whole, shape).with_named(shape).difference(kept)
            pruned = remove(whole, lost, shape) or {}
        return pruned if current == version else self._versions.convert(pruned, current, version)
