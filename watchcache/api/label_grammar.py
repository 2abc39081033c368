"""The grammar of label selectors: from a text to requirements.

A recursive descent over lexemes that looks at them in the order in which Go's parser does, so that of several faults the same one is
complained about. Source: apimachinery/pkg/labels/selector.go; every text was measured on kube-apiserver 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import names, status
from watchcache.api.labels import Operator, Requirement, as_int64
from watchcache.api.quoting import quoted

_LEXEME: Final = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>\0]+|)")
_SYMBOLS: Final = frozenset({"==", "!=", *"=!(),<>"})
_OPERATORS: Final = "in, notin, =, ==, !=, gt, lt"
_OPERATOR_OF: Final = {
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}


class LabelParser:
    """A recursive descent over lexemes, in the order in which Go's parser looks at them, so that the first complaint is the same."""

    def __init__(self, text: str) -> None:
        self.lexemes = list(_lexemes(text))
        self.at = 0

    def requirements(self) -> Iterator[Requirement]:
        """All terms; raises StatusError 400 at the first fault."""
        lexeme = self.peek()
        if not lexeme:
            return
        if not (_is_word(lexeme) or lexeme == "!"):
            raise status.bad_request(f"found '{lexeme}', expected: !, identifier, or 'end of string'")
        while True:
            yield self.requirement()
            lexeme = self.take()
            if not lexeme:
                return
            if lexeme != ",":
                raise status.bad_request(f"found '{lexeme}', expected: ',' or 'end of string'")
            lexeme = self.peek()
            if not (_is_word(lexeme) or lexeme == "!"):
                raise status.bad_request(f"found '{lexeme}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        """One term."""
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.take()
        if not _is_word(key):
            raise _unparsable(f"found '{key}', expected: identifier")
        _check(names.label_key(key), "<nil>", key)
        if absent:
            return Requirement(key, Operator.DOES_NOT_EXIST)
        if self.peek() in ("", ","):
            return Requirement(key, Operator.EXISTS)
        lexeme = self.take()
        operator = _OPERATOR_OF.get(lexeme)
        if operator is None:
            raise _unparsable(f"found '{lexeme}', expected: {_OPERATORS}")
        values = self.value_set() if lexeme in ("in", "notin") else {self.value()}
        return _requirement(key, operator, tuple(sorted(values)))

    def value(self) -> str:
        """The value behind `=`; nothing there is the empty one."""
        if self.peek() in ("", ","):
            return ""
        lexeme = self.take()
        if not _is_word(lexeme):
            raise _unparsable(f"found '{lexeme}', expected: identifier")
        return lexeme

    def value_set(self) -> set[str]:
        """The values between parentheses; nothing between two commas is the empty one."""
        lexeme = self.take()
        if lexeme != "(":
            raise _unparsable(f"found '{lexeme}' expected: '('")
        lexeme = self.peek()
        if lexeme == ")":
            self.take()
            return {""}
        if not (_is_word(lexeme) or lexeme == ","):
            raise _unparsable(f"found '{lexeme}', expected: ',', ')' or identifier")
        values = self.listed_values()
        self.take()
        return values

    def listed_values(self) -> set[str]:
        """Reads up to the closing parenthesis, which it leaves."""
        values: set[str] = set()
        while True:
            lexeme = self.take()
            if lexeme == ",":
                if not values:
                    values.add("")
                if self.peek() in (",", ")"):
                    values.add("")
                if self.peek() == ")":
                    return values
            elif _is_word(lexeme):
                values.add(lexeme)
                if self.peek() == ")":
                    return values
                if self.peek() != ",":
                    raise _unparsable(f"found '{self.peek()}', expected: ',' or ')'")
            else:
                raise _unparsable(f"found '{lexeme}', expected: ',', or identifier")

    def peek(self) -> str:
        """The next lexeme, which stays."""
        return self.lexemes[self.at]

    def take(self) -> str:
        """The next lexeme; the last one, which is "", for ever."""
        lexeme = self.lexemes[self.at]
        self.at = min(self.at + 1, len(self.lexemes) - 1)
        return lexeme


def _lexemes(text: str) -> Iterator[str]:
    """Words and symbols; "" is the end, and so is a NUL."""
    at, lexeme = 0, " "
    while lexeme:
        match = _LEXEME.match(text, at)
        assert match is not None
        at, lexeme = match.end(), match[1]
        yield lexeme


def _is_word(lexeme: str) -> bool:
    return lexeme not in _SYMBOLS and lexeme != ""


def _unparsable(problem: str) -> status.StatusError:
    return status.bad_request(f"unable to parse requirement: {problem}")


def _check(problems: Sequence[str], path: str, value: str) -> None:
    if problems:
        raise _unparsable(f"{path}: Invalid value: {quoted(value)}: {'; '.join(problems)}")


def _requirement(key: str, operator: Operator, values: tuple[str, ...]) -> Requirement:
    """The term, if its values may be ones: of several bad ones all are named."""
    problems = []
    for index, value in enumerate(values):
        if operator in (Operator.GREATER, Operator.LESS) and as_int64(value) is None:
            text = "for 'Gt', 'Lt' operators, the value must be an integer"
            problems.append(f"values[{index}]: Invalid value: {quoted(value)}: {text}")
        found = names.label_value(value)
        if found:
            problems.append(f"values[{index}][{key}]: Invalid value: {quoted(value)}: {'; '.join(found)}")
    if problems:
        raise _unparsable(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    return Requirement(key, operator, values)
