"""How long ago: timestamps and durations as kubectl's users read them.

The steps follow kube-apiserver's human durations: two minutes are told in seconds, ten minutes to the second, eight hours
to the minute, eight days to the hour, eight years to the day. Measured in tests/api/printers on both sides of each step.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY

# (below this many seconds, unit, its letter, finer unit or 0, its letter)
_STEPS = (
    (2 * MINUTE, 1, "s", 0, ""),
    (10 * MINUTE, MINUTE, "m", 1, "s"),
    (3 * HOUR, MINUTE, "m", 0, ""),
    (8 * HOUR, HOUR, "h", MINUTE, "m"),
    (2 * DAY, HOUR, "h", 0, ""),
    (8 * DAY, DAY, "d", HOUR, "h"),
    (2 * YEAR, DAY, "d", 0, ""),
    (8 * YEAR, YEAR, "y", DAY, "d"),
)


def human_duration(duration: float) -> str:
    """`duration` in seconds as text: `59s`, `5m1s`, `3h`, `2y15d`; a little below zero is `0s`, more is `<invalid>`."""
    seconds = int(duration)
    if seconds < 0:
        return "0s" if seconds == -1 else "<invalid>"
    for limit, unit, letter, finer, finer_letter in _STEPS:
        if seconds < limit:
            rest = seconds % unit // finer if finer else 0
            return f"{seconds // unit}{letter}{rest}{finer_letter}" if rest else f"{seconds // unit}{letter}"
    return f"{seconds // YEAR}y"


def seconds_of(timestamp: Any) -> float | None:
    """Unix seconds of an RFC 3339 text; None when it is missing or no time."""
    if not timestamp:
        return None
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (TypeError, ValueError):
        return None


def since(timestamp: Any, now: float) -> str:
    """The time from `timestamp` to `now` (unix seconds), `<unknown>` when there is none."""
    then = seconds_of(timestamp)
    return "<unknown>" if then is None else human_duration(now - then)


def age(document: dict[str, Any], now: float) -> str:
    """The time since an object was created."""
    return since(metadata(document).get("creationTimestamp"), now)


def metadata(document: dict[str, Any]) -> dict[str, Any]:
    """The object's metadata, empty when it has none (the empty object of a bookmark)."""
    return document.get("metadata") or {}
