r"""Texts against the patterns of schemas, which are Go's.

RE2 matches them, which the library of CEL brings: it is what Go's are made after, and takes time in proportion to the text. Python's would take
for ever over a text that all but fits `^(a+)+$`, and nothing else would be done meanwhile. Where the library is not installed they have to do (`patterns`).
"""

from __future__ import annotations

import re

from watchcache.api.custom.expressions import EvaluationFailed, Unsupported, expression
from watchcache.api.custom.patterns import compiled


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; a pattern that is none is found in any."""
    try:
        return _by_re2(pattern, text)
    except EvaluationFailed:
        return True
    except Unsupported:
        return _by_python(pattern, text)


def fault(pattern: str) -> str:
    """What is wrong with a pattern; "" when nothing is."""
    try:
        _by_re2(pattern, "")
    except EvaluationFailed as problem:
        return _python_fault(pattern) or str(problem)
    except Unsupported:
        return _python_fault(pattern)
    return ""


def _by_re2(pattern: str, text: str) -> bool:
    return bool(expression("self.matches(oldSelf)", "string", "", False, "BOOL")(text, pattern))


def _by_python(pattern: str, text: str) -> bool:
    try:
        return compiled(pattern).search(text) is not None
    except re.error:
        return True


def _python_fault(pattern: str) -> str:
    try:
        compiled(pattern)
    except re.error as problem:
        return str(problem)
    return ""
