"""The selectors of requests: parsing with kube-apiserver's errors, and field selectors as values.

Equal selectors compare equal however their terms are ordered, because watches with equal selectors share their work. Label selectors are in
`labels` and their grammar in `label_grammar`. Source of the field grammar: apimachinery/pkg/fields/selector.go; measured on
kube-apiserver 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from watchcache.api import status
from watchcache.api.label_grammar import LabelParser
from watchcache.api.labels import LabelSelector
from watchcache.api.quoting import quoted

if TYPE_CHECKING:
    from watchcache.api.catalog import Resource

__all__ = ["FieldSelector", "FieldTerm", "LabelSelector", "parse_fields", "parse_labels"]

_REMEMBERED_LENGTH: Final = 512  # bounds what the cache can hold


def parse_labels(text: str) -> LabelSelector:
    """The selector in a labelSelector parameter; raises StatusError 400 with kube-apiserver's text."""
    return _remembered_labels(text) if len(text) <= _REMEMBERED_LENGTH else _labels(text)


@lru_cache(maxsize=1024)
def _remembered_labels(text: str) -> LabelSelector:
    """Controllers ask with the same few selectors over and over."""
    return _labels(text)


def _labels(text: str) -> LabelSelector:
    return LabelSelector(tuple(sorted(LabelParser(text).requirements())))


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

    def and_equal(self, field: str, value: str) -> FieldSelector:
        """The selector with one more term: a path that names an object is one."""
        return FieldSelector(tuple(sorted({*self.terms, FieldTerm(field, True, value)})))

    def supported_by(self, resource: Resource) -> FieldSelector:
        """The selector with aliases replaced; raises StatusError 400 for a field that the kind does not select by.

        A term without field and value says nothing.
        """
        terms = (term for term in self.terms if term.field or term.value)
        return FieldSelector(tuple(sorted({_supported(term, resource) for term in terms})))


def _supported(term: FieldTerm, resource: Resource) -> FieldTerm:
    field = resource.field_aliases.get(term.field, term.field)
    if field == "metadata.name" or field in resource.field_labels:
        return term if field == term.field else term._replace(field=field)
    if field == "metadata.namespace" and resource.selects_namespace:
        return term
    raise status.bad_request(resource.field_label_error.format(term.field, quoted(term.field)))


def parse_fields(text: str) -> FieldSelector:
    """The selector in a fieldSelector parameter; raises StatusError 400 with kube-apiserver's text.

    Terms are read in sorted order, as Go does: of two bad ones the smaller is complained about.
    """
    return _remembered_fields(text) if len(text) <= _REMEMBERED_LENGTH else _fields(text)


@lru_cache(maxsize=8192)
def _remembered_fields(text: str) -> FieldSelector:
    """The agents of 5,000 nodes ask for the pods of theirs over and over."""
    return _fields(text)


def _fields(text: str) -> FieldSelector:
    return FieldSelector(
        tuple(sorted({_field_term(part, text) for part in sorted(_field_parts(text)) if part}))
    )


def _field_parts(text: str) -> list[str]:
    """Splits at the commas that no backslash precedes."""
    if "," not in text and "\\" not in text:  # nearly all: every kubelet's watches
        return [text]
    return re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)


def _field_term(part: str, selector: str) -> FieldTerm:
    found = re.search("!=|==|=", part)
    if found is None:
        raise status.bad_request(f"invalid selector: '{selector}'; can't understand '{part}'")
    return FieldTerm(part[: found.start()], found.group() != "!=", _unescaped(part[found.end() :]))


def _unescaped(text: str) -> str:
    if "\\" not in text and "=" not in text:
        return text
    for escape in re.finditer(r"\\(.?)|(=)", text, re.DOTALL):
        if escape[2]:
            raise status.bad_request(f"invalid field selector: unescaped character in value: {ord('=')}")
        if escape[1] not in ("\\", ",", "="):
            raise status.bad_request(f"invalid field selector: invalid escape sequence: {escape[0]}")
    return re.sub(r"\\(.)", r"\1", text)
