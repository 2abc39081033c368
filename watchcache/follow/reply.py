"""Answers that a feed owes, and what is raised when they cannot come."""

from __future__ import annotations

from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class FeedLost(Exception):
    """What was followed is out of reach: the text says why."""


class Reply(Generic[T]):
    """An answer that several tasks may wait for."""

    def __init__(self) -> None:
        self._come = trio.Event()
        self._value: T | None = None

    def settle(self, value: T | None) -> None:
        """Let the waiting go on; None: no answer will come."""
        self._value = value
        self._come.set()

    async def wait(self) -> T:
        """The answer. Raises FeedLost."""
        await self._come.wait()
        if self._value is None:
            raise FeedLost("the feed ended before it answered")
        return self._value
