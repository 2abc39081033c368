"""Single parameters of a query, read as Go's conversion does: numbers, booleans, and `dryRun`, which is a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from watchcache.api import causes, status
from watchcache.api.labels import as_int64
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause, GroupKind

Query = Mapping[str, Sequence[str]]
"""Values by name; of repeated ones the first counts."""

_FALSE: Final = frozenset({"0", "false"})
_SIGNED: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)


def text_of(query: Query, name: str) -> str:
    """The parameter as it is; "" when absent."""
    values = query.get(name)
    return values[0] if values else ""


def optional_text(query: Query, name: str) -> str | None:
    """The parameter as it is; None when absent."""
    values = query.get(name)
    return values[0] if values else None


def boolean(query: Query, name: str) -> bool | None:
    """Anything but 0 and false, in any case, is true: the empty text and `no` as well; None when absent."""
    values = query.get(name)
    return values[0].lower() not in _FALSE if values else None


def integer(query: Query, name: str) -> int | None:
    """A decimal int64; None when absent; StatusError 400 otherwise."""
    values = query.get(name)
    if not values:
        return None
    number = as_int64(values[0])
    if number is None:
        problem = "value out of range" if _SIGNED.fullmatch(values[0]) else "invalid syntax"
        raise status.bad_request(f"strconv.ParseInt: parsing {quoted(values[0])}: {problem}")
    return number


def dry_run_causes(values: Sequence[str]) -> list[Cause]:
    """Nothing but `All`, once or more, may be asked of a dry run (M19)."""
    if all(value == "All" for value in values):
        return []
    return [causes.not_supported("dryRun", list(values), ("All",))]


def refuse(kind: str, found: Sequence[Cause]) -> None:
    """Raises StatusError 422 about options of that kind when any cause was found."""
    if found:
        raise status.invalid(GroupKind("meta.k8s.io", kind), "", found)
