"""The chain of admission plugins and what a plugin gets to see."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from watchcache.admission.steps import Step
from watchcache.api.catalog import Resource
from watchcache.api.user import UserInfo


class Operation(StrEnum):
    """What the client wants, in the words of admission reviews."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class Review(msgspec.Struct):
    """One write before it happens.

    `document` is the object as it would be stored (None for DELETE), which plugins may change in
    place; `old` is the stored one (None for CREATE).
    """

    operation: Operation
    resource: Resource
    namespace: str
    name: str
    subresource: str
    user: UserInfo
    document: dict[str, Any] | None
    old: dict[str, Any] | None = None
    dry_run: bool = False


class Plugin(Protocol):
    """One admission plugin. It decides at once and returns None, or returns what has to be awaited until it has decided."""

    name: str
    operations: frozenset[Operation]

    def admit(self, review: Review) -> Awaitable[None] | None:
        """Change `review.document` or raise a StatusError."""


class Validator(Protocol):
    """A plugin that sees the document as it will be stored, valid, and does not change it."""

    name: str
    operations: frozenset[Operation]

    def validate(self, review: Review) -> Awaitable[None] | None:
        """Accept it or raise a StatusError."""


class Chain:
    """Plugins in their order; each sees what the ones before it made of the document. `validators` come after all, and after validation."""

    def __init__(
        self,
        plugins: Sequence[Plugin],
        validators: Sequence[Validator] = (),
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`clock` measures what they take."""
        self._admit = {
            operation: Step[Review](
                [(each.name, each.admit) for each in plugins if operation in each.operations], clock
            )
            for operation in Operation
        }
        self._validate = {
            operation: Step[Review](
                [(each.name, each.validate) for each in validators if operation in each.operations], clock
            )
            for operation in Operation
        }

    def admit(self, review: Review) -> Awaitable[None]:
        """Ask every plugin that cares about the operation; the first refusal ends it."""
        return self._admit[review.operation].run(review)

    def validate(self, review: Review) -> Awaitable[None]:
        """Ask every validator that cares about the operation; the first refusal ends it."""
        return self._validate[review.operation].run(review)

    def steps(self) -> Iterator[tuple[str, Operation, Step[Review]]]:
        """Each step, by its type in kube-apiserver's words and by operation."""
        for operation in Operation:
            yield "admit", operation, self._admit[operation]
            yield "validate", operation, self._validate[operation]
