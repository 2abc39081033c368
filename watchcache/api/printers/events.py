"""The row of an event. The two groups spell the same stored object's fields differently; each column names both spellings."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import since
from watchcache.api.printers.fields import Document, Printer, at, block, name, number, text


def event(document: Document, now: float) -> list[Any]:
    """Last seen, type, reason, object, subobject, source, message, first seen, count, name."""
    target = block(document, "involvedObject") or block(document, "regarding")
    series = at(document, "series")
    first = _either(document, "firstTimestamp", "deprecatedFirstTimestamp") or at(document, "eventTime")
    last = _either(document, "lastTimestamp", "deprecatedLastTimestamp") or first
    count = _either(document, "count", "deprecatedCount") or 1
    if series is not None:
        last, count = at(series, "lastObservedTime"), number(series, "count")
    return [
        since(last, now),
        text(document, "type"),
        text(document, "reason"),
        _object(target),
        text(target, "fieldPath"),
        _source(document),
        str(_either(document, "message", "note") or "").strip(),
        since(first, now),
        count,
        name(document),
    ]


def _either(document: Document, core: str, events: str) -> Any:
    return at(document, core) or at(document, events)


def _object(target: Document) -> str:
    kind, target_name = text(target, "kind").lower(), text(target, "name")
    return f"{kind}/{target_name}" if target_name else kind


def _source(document: Document) -> str:
    source = block(document, "source") or block(document, "deprecatedSource")
    reporter = text(document, "reportingComponent") or text(document, "reportingController")
    component = text(source, "component") or reporter
    host = text(source, "host") or text(document, "reportingInstance")
    return f"{component}, {host}" if host else component


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Event"): event,
    ("events.k8s.io", "Event"): event,
}
