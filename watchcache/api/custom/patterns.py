r"""Go's regular expressions (RE2) as Python's.

What differs and is written in schemas: `$` is the end of the text (Python's also stands before a last newline), `\z` is Python's `\Z`, classes like
`[[:alpha:]]`, and `\d`, `\w`, `\s` mean ASCII. What Python cannot read of Go's is left to `matching`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_PART: Final = re.compile(r"\\.|\[:(\w+):\]|\[\^?\]?|\]|\$", re.DOTALL)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, for `search`. Raises re.error."""
    return re.compile(_translated(pattern), re.ASCII)


def _translated(pattern: str) -> str:
    inside = False

    def exchanged(match: re.Match[str]) -> str:
        nonlocal inside
        part = match[0]
        if inside:
            if match[1] in _CLASSES:
                return _CLASSES[match[1]]
            inside = part != "]"
            return part if part == "]" else part.replace("[", r"\[")
        if part in {r"\z", "$"}:
            return r"\Z"
        inside = part.startswith("[") and match[1] is None
        return part

    return _PART.sub(exchanged, pattern)
