r"""Texts against the patterns of schemas, which are Go's.

Most are Python's, too (`patterns`). What Python cannot read (`\pL`, `\Q...\E`) is matched by RE2 itself, which the library of CEL brings.
"""

from __future__ import annotations

import re

from watchcache.api.custom.expressions import EvaluationFailed, expression
from watchcache.api.custom.patterns import compiled


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; a pattern that is none is found in any."""
    try:
        return compiled(pattern).search(text) is not None
    except re.error:
        pass
    try:
        return _by_re2(pattern, text)
    except EvaluationFailed:
        return True


def fault(pattern: str) -> str:
    """What is wrong with a pattern; "" when nothing is."""
    try:
        compiled(pattern)
    except re.error as problem:
        try:
            _by_re2(pattern, "")
        except EvaluationFailed:
            return str(problem)
    return ""


def _by_re2(pattern: str, text: str) -> bool:
    return bool(expression("self.matches(oldSelf)", "string", "", False, "BOOL")(text, pattern))
