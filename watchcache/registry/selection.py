"""From selectors to what a cacher covers: scope, index, predicate.

The narrowest way in is chosen here: `metadata.name=x` in one namespace is a single object,
`spec.nodeName=n` is an index of the pods (the watch of every kubelet), the rest is a predicate. Equal
selectors make equal selections, so their watchers share a group.
"""

from __future__ import annotations

from typing import Final

import msgspec

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.labels import LabelSelector
from watchcache.api.selectors import FieldSelector
from watchcache.cacher import Entry, Selection

INDEXES: Final[dict[str, tuple[str, ...]]] = {"pods": ("spec.nodeName",)}
"""Fields that a cacher keeps an index of, by storage prefix: those that many clients select one value of each."""

_STORED_NAMES: Final = {"reportingController": "reportingComponent"}
_NAME: Final = -1
_NAMESPACE: Final = -2


class Term(msgspec.Struct, frozen=True):
    """`position` in `Entry.fields`, or one of the parts of the key; `equal` False means "is not"."""

    position: int
    value: str
    equal: bool


class Filter(msgspec.Struct, frozen=True):
    """The predicate of a label selector and field terms."""

    labels: LabelSelector | None
    terms: tuple[Term, ...]

    def __call__(self, entry: Entry, /) -> bool:
        """Whether the object is selected."""
        for term in self.terms:
            if (_value(entry, term.position) == term.value) is not term.equal:
                return False
        return self.labels is None or self.labels.matches(entry.labels)

    def __hash__(self) -> int:
        return hash((self.labels, self.terms))


def _value(entry: Entry, position: int) -> str:
    if position >= 0:
        return entry.fields[position]
    parts = entry.key.rsplit("/", 2)
    return parts[-1] if position == _NAME else parts[-2]


def select(
    resource: Resource,
    field_names: tuple[str, ...],
    namespace: str,
    labels: LabelSelector,
    fields: FieldSelector,
    name: str = "",
) -> Selection:
    """What a list or watch of `resource` covers; `field_names` are the cacher's, `name` that in the path if there is one.

    Raises StatusError 400 for a field that the kind does not select by.
    """
    prefix = f"{namespace}/" if namespace and resource.namespaced else ""
    if not (labels or fields or name):
        return Selection(prefix=prefix)
    fields = fields.supported_by(resource)
    if name:
        fields = _with_name(fields, name)
    single, index = _way_in(resource, fields, prefix)
    used = {"metadata.name"} if single else {index[0]} if index else set()
    terms = tuple(
        Term(_position(term.field, resource, field_names), term.value, term.equal)
        for term in fields.terms
        if not (term.equal and term.field in used)
    )
    predicate = Filter(labels or None, terms) if labels or terms else None
    return Selection(prefix=prefix, name=single, index=index, predicate=predicate)


def _with_name(fields: FieldSelector, name: str) -> FieldSelector:
    """The name in a path stands for a field selector; one that is given must name the same object (W17)."""
    if not fields:
        return fields.and_equal("metadata.name", name)
    if fields.requires("metadata.name") != name:
        raise status.bad_request("fieldSelector metadata.name doesn't match requested name")
    return fields


def _way_in(resource: Resource, fields: FieldSelector, prefix: str) -> tuple[str, tuple[str, str] | None]:
    """The relative key of the single object, or the index entry, that the selector comes down to."""
    if (prefix or not resource.namespaced) and (name := _only(fields, "metadata.name")) and "/" not in name:
        return f"{prefix}{name}", None
    for field in INDEXES.get(resource.storage_prefix, ()):
        value = _only(fields, field)
        if value is not None:
            return "", (field, value)
    return "", None


def _only(fields: FieldSelector, name: str) -> str | None:
    """The value that a field must have, if just one term asks for it."""
    asked = [term.value for term in fields.terms if term.field == name and term.equal]
    return asked[0] if len(asked) == 1 else None


def _position(field: str, resource: Resource, field_names: tuple[str, ...]) -> int:
    if field == "metadata.name":
        return _NAME
    if field == "metadata.namespace":
        return _NAMESPACE
    if not resource.is_storage_version:
        field = _STORED_NAMES.get(field, field)
        if field.startswith("regarding."):
            field = f"involvedObject.{field.removeprefix('regarding.')}"
    return field_names.index(field)
