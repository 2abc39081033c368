"""Versions (semver.org) in expressions: maps of their parts, because that is what the library has values for.

Source: k/k apiserver pkg/cel/library/semverlib.go; blang/semver.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

Version = dict[str, Any]

_PART: Final = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_FORM: Final = re.compile(
    rf"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-({_PART}(?:\.{_PART})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)


def _semver(text: str, normalize: bool = False) -> Version:
    found = _FORM.fullmatch(_normalized(text) if normalize else text)
    if found is None:
        raise ValueError(f"semver parse error on '{text}'")
    major, minor, patch, before, build = found.groups()
    return {
        "major": int(major),
        "minor": int(minor),
        "patch": int(patch),
        "pre": before or "",
        "build": build or "",
    }


def _normalized(text: str) -> str:
    """Without a `v` in front and zeros before numbers, and with what is missing of three numbers."""
    core, sign, rest = re.fullmatch(r"v?([^-+]*)([-+]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    parts = [part.lstrip("0") or "0" if part else part for part in core.split(".")]
    return ".".join((*parts, *["0"] * (3 - len(parts)))) + sign + rest


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver(text, normalize)
    except ValueError:
        return False
    return True


def _order(version: Version) -> tuple[Any, ...]:
    """A version with something before its release comes before it; of its parts numbers come before words."""
    parts = [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in version["pre"].split(".")
        if version["pre"]
    ]
    return version["major"], version["minor"], version["patch"], not version["pre"], parts


def _compared(one: Version, other: Version) -> int:
    first, second = _order(one), _order(other)
    return (first > second) - (first < second)


FUNCTIONS: Final[tuple[tuple[str, str, str, Callable[..., Any]], ...]] = (
    ("semver", "s", "m", _semver),
    ("semver", "sb", "m", _semver),
    ("isSemver", "s", "b", _is_semver),
    ("isSemver", "sb", "b", _is_semver),
    (".major", "m", "i", lambda version: version["major"]),
    (".minor", "m", "i", lambda version: version["minor"]),
    (".patch", "m", "i", lambda version: version["patch"]),
    (".compareTo", "mm", "i", _compared),
    (".isLessThan", "mm", "b", lambda one, other: _compared(one, other) < 0),
    (".isGreaterThan", "mm", "b", lambda one, other: _compared(one, other) > 0),
)
"""As `expressions` has its own; m is a version."""
