"""Label and field selectors: parsing with kube-apiserver's errors, matching, equality.

Selectors that mean the same compare equal where that can be seen without effort (order of terms, `=` and `==`, `in` of one value), because watches with equal
selectors share their work. Source of the grammars: apimachinery/pkg/labels/selector.go and pkg/fields/selector.go; measured on
kube-apiserver 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from watchcache.api import names, status

if TYPE_CHECKING:
    from watchcache.api.catalog import Resource

_LEXEME: Final = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>\0]+|)")
_SYMBOLS: Final = frozenset({"==", "!=", *"=!(),<>"})
_OPERATORS: Final = "in, notin, =, ==, !=, gt, lt"
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_NO_LABELS: Final[dict[str, str]] = {}


class Operator(Enum):
    """What a requirement asks of a label."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"
    GREATER = "gt"
    LESS = "lt"


_OPERATOR_OF: Final = {
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}


class Requirement(msgspec.Struct, frozen=True, order=True):
    """One term of a label selector; `values` are sorted and without repeats."""

    key: str
    operator: str  # of Operator: texts sort, and make equal selectors equal
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets the term."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        number, bound = as_int64(value or ""), as_int64(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == Operator.GREATER.value else number < bound


class LabelSelector(msgspec.Struct, frozen=True):
    """Requirements that must all be met; none of them matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels (None: none) is selected."""
        labels = _NO_LABELS if labels is None else labels
        return all(requirement.matches(labels) for requirement in self.requirements)

    def requires(self, key: str) -> str | None:
        """The only value that the label may have, None when there are others or none."""
        return next((r.values[0] for r in self.requirements if r.key == key and _is_exact(r)), None)


def _is_exact(requirement: Requirement) -> bool:
    return requirement.operator == Operator.IN.value and len(requirement.values) == 1


def as_int64(text: str) -> int | None:
    """The decimal int64 in a text, None when it is not one (strconv.ParseInt)."""
    if not _INTEGER.fullmatch(text) or len(text) > 64:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def parse_labels(text: str) -> LabelSelector:
    """The selector in a labelSelector parameter; raises StatusError 400 with kube-apiserver's text."""
    return LabelSelector(tuple(sorted(_LabelParser(text).requirements()))) if text else LabelSelector()


class _LabelParser:
    """A recursive descent over lexemes, in the order in which Go's parser looks at them, so that the first complaint is the same."""

    def __init__(self, text: str) -> None:
        self.lexemes = list(_lexemes(text))
        self.at = 0

    def requirements(self) -> Iterator[Requirement]:
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
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.take()
        if not _is_word(key):
            raise _unparsable(f"found '{key}', expected: identifier")
        _check(names.label_key(key), "<nil>", key)
        if absent:
            return Requirement(key, Operator.DOES_NOT_EXIST.value)
        if self.peek() in ("", ","):
            return Requirement(key, Operator.EXISTS.value)
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
                if self.peek() == ",":
                    self.take()
            elif _is_word(lexeme):
                values.add(lexeme)
                if self.peek() == ")":
                    return values
                if self.peek() != ",":
                    raise _unparsable(f"found '{self.peek()}', expected: ',' or ')'")
            else:
                raise _unparsable(f"found '{lexeme}', expected: ',', or identifier")

    def peek(self) -> str:
        return self.lexemes[self.at]

    def take(self) -> str:
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


def _check(problems: list[str], path: str, value: str) -> None:
    if problems:
        raise _unparsable(f"{path}: Invalid value: {quoted(value)}: {'; '.join(problems)}")


def quoted(text: str) -> str:
    """A text in quotes as Go's %q prints it, for printable ones."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
    return Requirement(key, operator.value, values)


class FieldTerm(NamedTuple):
    """One term of a field selector: the field is the value, or is not."""

    field: str
    equal: bool
    value: str


class FieldSelector(msgspec.Struct, frozen=True):
    """Terms that must all hold, sorted; none of them matches everything."""

    terms: tuple[FieldTerm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether an object with these field values is selected; a missing field is "" ."""
        return all((values.get(term.field, "") == term.value) == term.equal for term in self.terms)

    def requires(self, field: str) -> str | None:
        """The value that the field must have, None when the selector does not fix it."""
        return next((term.value for term in self.terms if term.field == field and term.equal), None)

    def supported_by(self, resource: Resource) -> FieldSelector:
        """The selector with aliases replaced; raises StatusError 400 for a field that the kind does not select by."""
        return FieldSelector(tuple(sorted({_supported(term, resource) for term in self.terms})))


def _supported(term: FieldTerm, resource: Resource) -> FieldTerm:
    field = resource.field_aliases.get(term.field, term.field)
    if field == "metadata.name" or field in resource.field_labels:
        return term._replace(field=field)
    if field == "metadata.namespace" and resource.selects_namespace:
        return term
    raise status.bad_request(resource.field_label_error.format(term.field))


def parse_fields(text: str) -> FieldSelector:
    """The selector in a fieldSelector parameter; raises StatusError 400 with kube-apiserver's text.

    Terms are read in sorted order, as Go does: of two bad ones the smaller is complained about.
    """
    return FieldSelector(
        tuple(sorted({_field_term(part, text) for part in sorted(_field_parts(text)) if part}))
    )


def _field_parts(text: str) -> list[str]:
    """Splits at the commas that no backslash precedes."""
    return re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)


def _field_term(part: str, selector: str) -> FieldTerm:
    found = re.search("!=|==|=", part)
    if found is None:
        raise status.bad_request(f"invalid selector: '{selector}'; can't understand '{part}'")
    return FieldTerm(part[: found.start()], found.group() != "!=", _unescaped(part[found.end() :]))


def _unescaped(text: str) -> str:
    for escape in re.finditer(r"\\(.?)|(=)", text, re.DOTALL):
        if escape[2]:
            raise status.bad_request(f"invalid field selector: unescaped character in value: {ord('=')}")
        if escape[1] not in ("\\", ",", "="):
            raise status.bad_request(f"invalid field selector: invalid escape sequence: {escape[0]}")
    return re.sub(r"\\(.)", r"\1", text)
