"""Times: RFC 3339 in any zone in, UTC out, with the errors that Go's time.Parse gives.

`Time` has whole seconds, more digits are cut off; `MicroTime` must be written with exactly six digits.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from watchcache.api.quoting import quoted
from watchcache.api.structure.places import Decode, Place, Problems, TypeMismatch, unfit


class _Element(NamedTuple):
    """One part of a layout: how Go writes it, what it matches, and the name and limits of the number it holds."""

    layout: str
    pattern: re.Pattern[str]
    name: str = ""
    limits: tuple[int, int] = (0, 0)


def _digits(layout: str, count: str, name: str, low: int, high: int) -> _Element:
    return _Element(layout, re.compile(f"[0-9]{{{count}}}", re.ASCII), name, (low, high))


def _literal(text: str) -> _Element:
    return _Element(text, re.compile(re.escape(text)))


_ZONE: Final = _Element("Z07:00", re.compile(r"Z|[+-][0-9]{2}:[0-9]{2}", re.ASCII), "zone")
_DATE_AND_TIME: Final = (
    _digits("2006", "4", "year", 0, 9999), _literal("-"), _digits("01", "2", "month", 1, 12), _literal("-"),
    _digits("02", "2", "day", 1, 31), _literal("T"), _digits("15", "1,2", "hour", 0, 23), _literal(":"),
    _digits("04", "2", "minute", 0, 59), _literal(":"), _digits("05", "2", "second", 0, 59),
)  # fmt: skip
_SECONDS: Final = (
    *_DATE_AND_TIME,
    _Element("", re.compile(r"(?:[.,][0-9]+)?", re.ASCII), "fraction"),
    _ZONE,
)
_MICROSECONDS: Final = (
    *_DATE_AND_TIME,
    _Element(".000000", re.compile(r"\.[0-9]{6}", re.ASCII), "fraction"),
    _ZONE,
)


def _decoder(canonical: Callable[[str], str]) -> Decode:
    def decode(value: Any, place: Place, _problems: Problems) -> str:
        if type(value) is not str:
            raise unfit(value, place, "string")
        return canonical(value)

    return decode


@lru_cache(maxsize=4096)
def canonical_time(text: str) -> str:
    """`2020-01-01T02:00:00.5+02:00` becomes `2020-01-01T00:00:00Z`; TypeMismatch with Go's message when it is no time."""
    moment = _parsed(text, _SECONDS)
    return moment.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=4096)
def canonical_micro_time(text: str) -> str:
    """`2020-01-01T01:00:00.000001+01:00` becomes `2020-01-01T00:00:00.000001Z`."""
    moment = _parsed(text, _MICROSECONDS)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


decode_time: Final = _decoder(canonical_time)
decode_micro_time: Final = _decoder(canonical_micro_time)


def _parsed(text: str, layout: tuple[_Element, ...]) -> datetime:
    found: dict[str, str] = {}
    at = 0
    for element in layout:
        match = element.pattern.match(text, at)
        if match is None:
            whole = "".join(part.layout for part in layout)
            raise TypeMismatch(
                f'parsing time {quoted(text)} as "{whole}": cannot parse {quoted(text[at:])} as "{element.layout}"'
            )
        low, high = element.limits
        if high and not low <= int(match[0]) <= high:
            raise _out_of_range(text, element.name)
        found[element.name] = match[0]
        at = match.end()
    if at != len(text):
        raise TypeMismatch(f"parsing time {quoted(text)}: extra text: {quoted(text[at:])}")
    return _moment(text, found)


def _moment(text: str, found: dict[str, str]) -> datetime:
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if day > monthrange(max(year, 1) if year else 4, month)[1]:
        raise _out_of_range(text, "day")
    micro = int(found["fraction"][1:7].ljust(6, "0"))
    offset = _zone(text, found["zone"])
    clock = (int(found["hour"]), int(found["minute"]), int(found["second"]), micro)
    try:
        return datetime(year, month, day, *clock, tzinfo=UTC) - offset
    except (ValueError, OverflowError):  # years that Python's calendar lacks: 0, and 10000 in UTC
        raise _out_of_range(text, "year") from None


def _zone(text: str, zone: str) -> timedelta:
    """How far the zone is ahead of UTC."""
    if zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 24:
        raise _out_of_range(text, "time zone offset hour")
    if minutes > 60:
        raise _out_of_range(text, "time zone offset minute")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def _out_of_range(text: str, name: str) -> TypeMismatch:
    return TypeMismatch(f"parsing time {quoted(text)}: {name} out of range")
