"""The entry to structure: one document in, one conforming document and its problems out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from watchcache.api.schema import Schema
from watchcache.api.structure.decoders import root
from watchcache.api.structure.places import TypeMismatch

MAX_PROBLEMS: Final = 100
"""kube-apiserver's decoder names no more unknown fields of one document. [M]"""


TOO_DEEP: Final = "json: exceeded max depth"


class Conformed(msgspec.Struct, frozen=True):
    """A document that fits its kind, and what was wrong in ways that only strict decoding refuses.

    `problems` are texts like `unknown field "spec.bogus"`, in document order: one warning each, or together the `strict_error`.
    Duplicate fields are the decoder's to find (`codec.duplicate_fields`): a decoded document no longer shows them.
    """

    document: dict[str, Any]
    problems: list[str]


def conform(document: dict[str, Any], schema: Schema) -> Conformed:
    """The document as kube-apiserver would print it after reading it into its Go type.

    The argument is not changed. Raises `TypeMismatch` for the first value of a wrong type in document order.
    """
    problems: list[str] = []
    try:
        decoded = root(schema).decode(document, None, problems)
    except RecursionError:
        raise TypeMismatch(TOO_DEEP) from None
    return Conformed(decoded, problems[:MAX_PROBLEMS])


def zero(schema: Schema) -> dict[str, Any]:
    """The zero value of a struct as Go prints it: `{"replicas": 0}` for a ReplicaSet's status."""
    return root(schema).zero()


def strict_error(problems: list[str]) -> str:
    """What strict decoding says of the problems: to be put behind `Pod in version "v1" cannot be handled as a Pod: `.

    Repeated keys of YAML (`line 3: key ...`) come first and are one problem, as go-yaml words them.
    """
    lines = [problem for problem in problems if problem.startswith("line ")]
    if lines:
        problems = ["\n  ".join(("yaml: unmarshal errors:", *lines)), *problems[len(lines) :]]
    return "strict decoding error: " + ", ".join(problems)
