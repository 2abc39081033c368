"""Labels and selectable fields of stored objects, read from their bytes.

Every event passes here once, and at start every object, so nothing more is decoded than is asked
for: a struct type is made for each kind that names only its selectable fields, and msgspec skips the
rest of the bytes unread (about 3 us for a pod of 2.6 KB). Equal label sets and equal field values
are one object in memory: a hundred thousand pods of some hundred owners share some hundred dicts.

Sources of the fields and of what a missing one compares as: docs/semantics.md and
k/k pkg/registry/*/strategy.go (the `...ToSelectableFields` functions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter, call
from typing import Any, Final, NamedTuple

import msgspec

from watchcache.api.catalog import Resource

AttributesOf = Callable[[str, bytes], tuple[dict[str, str] | None, tuple[str, ...]]]

_REMEMBERED_LABEL_SETS: Final = 65536
"""Above so many different label sets the memory of them is started afresh: sharing is an economy, not a promise."""


@lru_cache(maxsize=32768)
def _shared(text: str) -> str:
    """One string for equal ones. Not `sys.intern`: Python 3.12 never frees what that has seen, and clients choose these. TypeError when it is none."""
    if not isinstance(text, str):
        raise TypeError(text)
    return text


class _Source(NamedTuple):
    """Where a field's value is: a path of JSON names, the type there, and how it is written as text (a null: TypeError or the default's)."""

    path: tuple[str, ...]
    type: Any = str
    default: Any = ""
    text: Callable[[Any], str] = _shared
    otherwise: str = ""
    """The field whose value stands in for an empty one."""


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


_SOURCES: Final[dict[tuple[str, str], _Source]] = {
    ("Pod", "spec.hostNetwork"): _Source(("spec", "hostNetwork"), bool, False, _bool_text),
    ("Node", "spec.unschedulable"): _Source(("spec", "unschedulable"), bool, False, _bool_text),
    ("ReplicationController", "status.replicas"): _Source(("status", "replicas"), int, 0, int.__repr__),
    ("Job", "status.successful"): _Source(("status", "succeeded"), int, 0, int.__repr__),
    ("Event", "source"): _Source(("source", "component"), otherwise="reportingComponent"),
    # Each pod has its own: interning would cost memory.
    ("Pod", "status.podIP"): _Source(("status", "podIP"), text=str.__str__),
    # Accepted in selectors, but no value is ever compared with it.
    ("Pod", "status.podIPs"): _Source(("status", "podIP"), text=lambda _: ""),
}
"""Fields whose path is not their name, that are no strings, or that are not shared."""


def attributes_of(resource: Resource, fields: tuple[str, ...] | None = None) -> AttributesOf:
    """The attribute function of a stored resource: (key, value) -> (labels, values of `fields`, by default `resource.field_labels`)."""
    fields = resource.field_labels if fields is None else fields
    if resource.custom is not None and fields:
        return _custom_attributes(fields)
    sources = [_source_of(resource, label) for label in fields]
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_document_type(sources))
    labels_of = _LabelSets().find
    if not sources:
        return lambda _key, value: (labels_of(decoder.decode(value).metadata.labels), ())
    fields_of = _fields_reader(sources)

    def attributes(_key: str, value: bytes) -> tuple[dict[str, str] | None, tuple[str, ...]]:
        document = decoder.decode(value)
        return labels_of(document.metadata.labels), fields_of(document)

    substitutes = [
        (position, resource.field_labels.index(source.otherwise))
        for position, source in enumerate(sources)
        if source.otherwise
    ]
    return _substituting(attributes, substitutes) if substitutes else attributes


def _custom_attributes(fields: tuple[str, ...]) -> AttributesOf:
    """Of a custom resource, whose values may be older than its schema and of any shape: decoded as a whole."""
    from watchcache.api.custom.paths import path  # noqa: PLC0415 - with the first definition that has fields

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    finders = [path(f".{field}") for field in fields]

    def attributes(_key: str, value: bytes) -> tuple[dict[str, str] | None, tuple[str, ...]]:
        document = decode(value)
        words = tuple(_shared(_word(find(document))) for find in finders)
        labels = document["metadata"].get("labels")
        return (labels or None), words

    return attributes


def _word(found: list[Any]) -> str:
    value = found[0] if found else ""
    if isinstance(value, str):
        return value
    return "" if isinstance(value, dict | list | None) else msgspec.json.encode(value).decode()


def _substituting(attributes: AttributesOf, substitutes: list[tuple[int, int]]) -> AttributesOf:
    """The same function with values that stand in for empty ones; (position, position of the other) each."""

    def substituted(key: str, value: bytes) -> tuple[dict[str, str] | None, tuple[str, ...]]:
        labels, words = attributes(key, value)
        for position, other in substitutes:
            if not words[position]:
                words = (*words[:position], words[other], *words[position + 1 :])
        return labels, words

    return substituted


def _fields_reader(sources: list[_Source]) -> Callable[[Any], tuple[str, ...]]:
    """All fields of a decoded document: in one step when nothing on the way is null, which is nearly always."""
    readers = [_reader(source) for source in sources]
    paths = [".".join(map(_attribute, source.path)) for source in sources]
    read_all = attrgetter(*paths, "metadata")  # of a single path it would give no tuple
    texts = [source.text for source in sources]

    def fields(document: Any) -> tuple[str, ...]:
        try:
            return tuple(map(call, texts, read_all(document)))
        except (AttributeError, TypeError):
            return tuple([read(document) for read in readers])

    return fields


class _LabelSets:
    """Label sets by the bytes they are written as; each decoded once, and shared."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, str] | None] = {}
        self._decode = msgspec.json.Decoder(dict[str, str] | None).decode

    def find(self, raw: msgspec.Raw) -> dict[str, str] | None:
        written = bytes(raw)
        if not written:
            return None
        try:
            return self._known[written]
        except KeyError:
            return self._remember(written)

    def _remember(self, written: bytes) -> dict[str, str] | None:
        labels = self._decode(written) or None
        if len(self._known) >= _REMEMBERED_LABEL_SETS:
            self._known.clear()
        self._known[written] = labels and {_shared(key): _shared(value) for key, value in labels.items()}
        return self._known[written]


def _source_of(resource: Resource, label: str) -> _Source:
    return _SOURCES.get((resource.kind, label)) or _Source(tuple(label.split(".")))


def _document_type(sources: list[_Source]) -> type:
    """A struct type with `metadata.labels` and just the sources' paths."""
    tree: dict[str, Any] = {"metadata": {"labels": (msgspec.Raw, msgspec.Raw(b""))}}
    for source in sources:
        branch = tree
        for name in source.path[:-1]:
            branch = branch.setdefault(name, {})
        branch[source.path[-1]] = (source.type | None, source.default)
    return _struct(tree)


def _struct(tree: dict[str, Any]) -> type:
    fields = []
    for name, node in tree.items():
        if isinstance(node, dict):
            inner = _struct(node)
            fields.append((_attribute(name), inner | None, msgspec.field(default_factory=inner, name=name)))
        else:
            fields.append((_attribute(name), node[0], msgspec.field(default=node[1], name=name)))
    return msgspec.defstruct("Attributes", fields, frozen=True, gc=False)


def _attribute(name: str) -> str:
    """A JSON name as a Python attribute: `type` and the like are legal, so only the rest needs care."""
    return name if name.isidentifier() else f"field_{name.encode().hex()}"


def _reader(source: _Source) -> Callable[[Any], str]:
    names = [_attribute(name) for name in source.path]
    default, text = source.default, source.text

    def read(document: Any) -> str:
        for name in names:
            document = getattr(document, name)
            if document is None:
                return text(default)
        return text(document)

    return read
