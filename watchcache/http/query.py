"""Query parameters as kube-apiserver reads them.

The first of repeated values counts; a pair that does not decode is dropped (`limit=%zz` is no limit), one with
`;` too, as Go's url.Values do. Booleans are true unless they are `0` or `false` in any case: an empty or odd word is true.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

Query = dict[str, list[str]]
EMPTY: Query = {}

_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_FALSE = frozenset({"0", "false"})


@lru_cache(maxsize=512)  # pollers repeat theirs; a watch's names a revision and never comes again
def parse_query(raw: str) -> Query:
    """Values by name, in order. The result is shared: it must not be changed."""
    if not raw:
        return EMPTY
    values: Query = {}
    for pair in raw.split("&"):
        if not pair or ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition("=")
        values.setdefault(_unescape(name), []).append(_unescape(value))
    return values


def first(query: Query, name: str) -> str:
    """The first value of a parameter, "" when absent."""
    values = query.get(name)
    return values[0] if values else ""


def is_true(query: Query, name: str) -> bool:
    """Whether a boolean parameter is there and not `0` or `false`."""
    values = query.get(name)
    return values is not None and values[0].lower() not in _FALSE


def _unescape(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")
