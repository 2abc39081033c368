"""Conversion between the versions of one stored object: autoscaling v1 and v2, events of the core and events.k8s.io groups, and stored definitions.

All other kinds are served in one version. What one version has no field for stays in annotations (autoscaling) or in the fields
called deprecated (events), so that going there and back loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from watchcache.api.autoscaling import to_v1, to_v2
from watchcache.api.definitions import from_v1beta1

Document = dict[str, Any]

EVENT_FIELDS: Final = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
"""Fields of an Event that events.k8s.io calls by another name; all others have the same in both groups."""

_CORE_EVENT_FIELDS: Final = {name: core for core, name in EVENT_FIELDS.items()}
_REPORTER: Final = ("reportingComponent", "reportingInstance")
"""Printed by the core group even when empty, and only then by the other."""


def convert(document: Document, from_version: object, to_version: object) -> Document:
    """The document in another version of its kind; versions are `GroupVersion`s or texts like `autoscaling/v2`.

    The argument is not changed, the result may share parts with it. `apiVersion` is set when the document has one.
    Versions between which nothing differs give the same document.
    """
    source, target = str(from_version), str(to_version)
    converter = _CONVERTERS.get((source, target))
    if converter is None or source == target:
        return document
    converted = converter(document)
    if "apiVersion" in converted:
        converted["apiVersion"] = target
    return converted


def converts(from_version: object, to_version: object) -> bool:
    """Whether something is known to differ between two versions, and how."""
    return (str(from_version), str(to_version)) in _CONVERTERS


def _to_core_event(event: Document) -> Document:
    converted = {_CORE_EVENT_FIELDS.get(name, name): value for name, value in event.items()}
    for name in _REPORTER:
        converted.setdefault(name, "")
    return converted


def _from_core_event(event: Document) -> Document:
    return {
        EVENT_FIELDS.get(name, name): value for name, value in event.items() if value or name not in _REPORTER
    }


_CONVERTERS: Final[dict[tuple[str, str], Callable[[Document], Document]]] = {
    ("v1", "events.k8s.io/v1"): _from_core_event,
    ("events.k8s.io/v1", "v1"): _to_core_event,
    ("apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1"): from_v1beta1,  # stored only
    ("autoscaling/v1", "autoscaling/v2"): to_v2,
    ("autoscaling/v2", "autoscaling/v1"): to_v1,
}
