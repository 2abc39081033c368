"""`authorizer` in expressions: questions that are put together step by step, and asked by `check`.

A question is a map, because that is what the library has values for; who answers is set while an expression is evaluated (`answered_by`).

Source: k/k apiserver pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from watchcache.api.user import account_name

Question = dict[str, Any]
Answer = Callable[[Question], tuple[bool, str]]
"""(group, resource, subresource, namespace, name, path, verb, serviceAccount as far as stated) -> (allowed, reason)."""

_ANSWER: ContextVar[Answer] = ContextVar("answer")


@contextmanager
def answered_by(answer: Answer) -> Iterator[None]:
    """Evaluate with somebody who answers."""
    token = _ANSWER.set(answer)
    try:
        yield
    finally:
        _ANSWER.reset(token)


def _stating(member: str) -> Callable[[Question, str], Question]:
    def stated(question: Question, text: str) -> Question:
        return {**question, member: text}

    return stated


def _account(question: Question, namespace: str, name: str) -> Question:
    if not namespace or not name:
        raise ValueError(
            "Invalid service account namespace" if not namespace else "Invalid service account name"
        )
    return {**question, "serviceAccount": account_name(namespace, name)}


def _check(question: Question, verb: str) -> Question:
    allowed, reason = _ANSWER.get()({**question, "verb": verb})
    return {"allowed": allowed, "reason": reason}


_CHAINED: Final = (
    "path",
    "group",
    "resource",
    "subresource",
    "namespace",
    "name",
    "fieldSelector",
    "labelSelector",
)
FUNCTIONS: Final[tuple[tuple[str, str, str, Callable[..., Any]], ...]] = (
    *((f".{member}", "ms", "m", _stating(member)) for member in _CHAINED),
    (".serviceAccount", "mss", "m", _account),
    (".check", "ms", "m", _check),
    (".allowed", "m", "b", lambda decision: decision["allowed"]),
    (".reason", "m", "s", lambda decision: decision["reason"]),
    (".errored", "m", "b", lambda decision: False),  # noqa: ARG005 - no authorizer here fails
    (".error", "m", "s", lambda decision: ""),  # noqa: ARG005
)
"""As `expressions` has its own: m is a question, or its decision."""
