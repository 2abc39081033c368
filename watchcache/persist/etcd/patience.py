"""How long a start puts up with an etcd that does not answer: an election, or a member that is lost, is no reason to give up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from watchcache.log import JournalUnavailable
from watchcache.persist.etcd.errors import Problem

_logger = logging.getLogger(__name__)
PAUSE = 0.5
T = TypeVar("T")


class Patience:
    """Does the steps of a start, each again until it succeeds or has been failing for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._told = False

    async def during(self, step: Callable[[], Awaitable[T]]) -> T:
        """What a step returns. Raises the last Problem or JournalUnavailable, and at once what waiting does not change."""
        until: float | None = None
        while True:
            try:
                return await step()
            except (Problem, JournalUnavailable) as problem:
                if until is None:
                    until = trio.current_time() + self.seconds
                if not waiting_helps(problem) or trio.current_time() >= until:
                    raise
                self.tell(problem)
            await trio.sleep(PAUSE)

    def tell(self, problem: Problem | JournalUnavailable) -> None:
        """Have the operator know what is waited for, once."""
        if not self._told:
            self._told = True
            _logger.warning("waiting for etcd: %s", problem)


def waiting_helps(problem: Problem | JournalUnavailable) -> bool:
    """Whether the same may succeed a moment later."""
    return isinstance(problem, JournalUnavailable) or (problem.passing and not problem.handshake)
