"""The chain of admission plugins and what a plugin gets to see."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from watchcache.admission.steps import Step
from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.delete_options import DeleteOptions
from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo


class Operation(StrEnum):
    """What the client wants, in the words of admission reviews."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class Request(Protocol):
    """What a plugin may want to know of a request beyond the write itself; `warnings` are given to the client."""

    verb: str
    dry_run: bool
    field_manager: str
    field_validation: str
    tracks: bool
    warnings: list[str]


class Review(msgspec.Struct):
    """One write before it happens.

    `document` is the object as it would be stored (None for DELETE), which plugins may change in
    place or replace; `old` is the stored one (None for CREATE). Until validation, which comes after what only the server sets, a
    document's metadata are as they were sent. Of a CONNECT `document` are its options.
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
    request: Request | None = None
    """The request that it is part of; None for what the server does by itself."""
    options: DeleteOptions | None = None
    """Of a DELETE."""
    kind: tuple[str, str, str] | None = None
    """Group, version and kind of the documents where they are not the resource's own: a Scale, a Binding."""
    reinvocation: Any = None
    """What the plugin of mutating policies remembers between two rounds."""

    def refused(self, text: str) -> StatusError:
        """The 403 with which a plugin refuses the write."""
        return status.forbidden(self.resource.group_resource, self.name, text)

    def warn(self, text: str) -> None:
        """Tell the client, who is told everything once."""
        if self.request is not None and text not in self.request.warnings:
            self.request.warnings.append(text)


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
        disabled: AbstractSet[str] = frozenset(),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`clock` measures what they take; those of the names `disabled` are never asked."""
        self.clock = clock
        self._disabled = disabled
        plugins = [each for each in plugins if each.name not in disabled]
        validators = [each for each in validators if each.name not in disabled]
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
        self._included: set[str] = set()
        self.extended = False
        """Whether plugins are there that look at every write, also at those that no plugin of the server's own cares about."""

    def include_plugin(self, plugin: Plugin, before: Sequence[str] = ()) -> None:
        """Ask one more plugin from now on: before the first of these names that is there, or last. For what is only there once somebody has configured it."""
        if plugin.name not in self._included | self._disabled:
            self._included.add(plugin.name)
            self.extended = True
            for operation in plugin.operations:
                self._admit[operation].include(plugin.name, plugin.admit, before)

    def include_validator(self, validator: Validator, before: Sequence[str] = ()) -> None:
        """The same for one that validates."""
        if validator.name not in self._included | self._disabled:
            self._included.add(validator.name)
            self.extended = True
            for operation in validator.operations:
                self._validate[operation].include(validator.name, validator.validate, before)

    def exclude(self, name: str) -> None:
        """Ask an included plugin no more."""
        if name in self._included:
            self._included.remove(name)
            self.extended = bool(self._included)
            for step in (*self._admit.values(), *self._validate.values()):
                step.exclude(name)

    def admit(self, review: Review) -> Awaitable[None]:
        """Ask every plugin that cares about the operation; the first refusal ends it."""
        return self._admit[review.operation].run(review)

    def admit_again(self, review: Review, name: str) -> Awaitable[None]:
        """Ask once more the plugins before one that has changed the document."""
        return self._admit[review.operation].run_before(name, review)

    def validate(self, review: Review) -> Awaitable[None]:
        """Ask every validator that cares about the operation; the first refusal ends it."""
        return self._validate[review.operation].run(review)

    def steps(self) -> Iterator[tuple[str, Operation, Step[Review]]]:
        """Each step, by its type in kube-apiserver's words and by operation."""
        for operation in Operation:
            yield "admit", operation, self._admit[operation]
            yield "validate", operation, self._validate[operation]
