"""The checker: from a history to its violations. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .check_answers import check_answers
from .check_reads import check_reads
from .check_restore import divide
from .check_watches import check_watches
from .check_writes import check_writes
from .history import Fault, Get, History, List, Record, Refusal, Watch, Write
from .order import Order, Violation

AROUND = 3.0  # seconds before and after a violation
MOST = 40  # records
WIDE = 700  # characters of a line


def check(history: History) -> list[Violation]:
    """Everything in a history that must not be."""
    found = [Violation("the run itself", text) for text in history.own]
    return found + list(divide(history, check_one))


def check_one(history: History) -> list[Violation]:
    """The same of what stands in one order."""
    order = Order(history.changes)
    found: list[Violation] = []
    found += check_writes(order, history.of(Write))
    found += check_reads(order, history)
    found += check_watches(order, history.of(Watch))
    found += check_answers(history)
    return found


def around(history: History, violation: Violation) -> Iterator[str]:
    """The history around a violation: the changes of its key, and what was done to it or broken at the time."""
    yield f"{violation.rule}: {violation.text[:WIDE]}"
    near = [
        change
        for change in history.changes
        if change.key == violation.key and abs(change.revision - violation.revision) <= 200
    ]
    yield from (f"    in the order: {change}"[:WIDE] for change in near[-MOST:])
    records = [
        each
        for each in history.records
        if each.began <= violation.time + AROUND
        and each.ended >= violation.time - AROUND
        and _concerns(each, violation)
    ]
    yield from (f"    {_line(each)}"[:WIDE] for each in records[:MOST])


def _concerns(record: Record, violation: Violation) -> bool:
    return isinstance(record, Fault) or (isinstance(record, Write | Get) and record.key == violation.key)


def _line(record: Record) -> str:
    if isinstance(record, Fault):
        return f"{record.began:.3f} to {record.ended:.3f}: {record.what}"
    return f"{record.began:.3f} to {record.ended:.3f}: {record}"


def figures(history: History) -> dict[str, int]:
    """How much was driven, and how it went."""
    writes, watches = history.of(Write), history.of(Watch)
    return {
        "changes": len(history.changes),
        "writes": len(writes),
        "acknowledged": sum(each.acknowledged for each in writes),
        "refused": sum(each.refused for each in writes),
        "unknown": sum(not (each.acknowledged or each.refused) for each in writes),
        "gets": len(history.of(Get)),
        "lists": len(history.of(List)),
        "turned_away": len(history.of(Refusal)),
        "watches": len(watches),
        "events": sum(len(each.frames) for each in watches),
        "bookmarks": sum(frame.kind == "BOOKMARK" for each in watches for frame in each.frames),
        "resumed": sum(each.after >= 0 for each in watches),
        "gone": sum(each.end.startswith("error 410") for each in watches),
        "faults": len(history.of(Fault)),
    }
