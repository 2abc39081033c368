"""An answer that has to be waited for, and the time that it has.

Whoever awaits a `Waiting` gets the answer, or the one for who has waited too long; a cancel scope of its own keeps the time. That scope costs
a twentieth of a write. The wire hosts have one around the request anyway, and alarms that cost nothing: they await `wait()` in it
and keep the time themselves. When it has passed they call `expire` and cancel their scope, and find the answer in `late`.
Cancelled without `expire`, a request is one whose client is gone. In each case what the request took has been given back when
the cancellation comes out of `wait`, so a host has nothing to tidy up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

import trio

from watchcache.http.messages import Answer


class Waiting:
    """The awaitable that a handler returns for what has `seconds` (infinite where there is no bound). To be waited for once."""

    __slots__ = ("_begin", "_expired", "_scope", "late", "seconds")

    def __init__(self, seconds: float, begin: Callable[[Waiting], Awaitable[Answer]]) -> None:
        """`begin(self)` waits for the answer, and lets no exception out. When it is cancelled, it sets `late` if `expired()`."""
        self.seconds = seconds
        self.late: Answer | None = None  # the answer, when `wait` was cancelled because the time had passed
        self._begin = begin
        self._expired = False
        self._scope: trio.CancelScope | None = None

    def __await__(self) -> Generator[Any, Any, Answer]:
        return self._in_time().__await__()

    async def _in_time(self) -> Answer:
        with trio.move_on_after(self.seconds) as self._scope:
            return await self.wait()
        assert self.late is not None
        return self.late

    def wait(self) -> Awaitable[Answer]:
        """The answer, for a host that keeps the time itself."""
        return self._begin(self)

    def expire(self) -> None:
        """The time has passed; the host cancels the wait next."""
        self._expired = True

    def expired(self) -> bool:
        """Whether a cancellation comes from the time that has passed."""
        return self._expired or (self._scope is not None and self._scope.cancel_called)
