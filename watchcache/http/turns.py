"""Large answers take turns: of all that are being made, one goes on in each pass of the scheduler.

An answer is made in pieces of a millisecond or two. Sixteen of them at once would hold up everything else for sixteen pieces between
two looks at the sockets; taking turns, they hold it up for one, and get as much done. Turns go round the users, then round
each user's answers. A reader that is slow has no turn while it waits for its socket.
"""

from __future__ import annotations

from collections import deque

import trio


class Turns:
    """Hands a turn on as soon as its holder runs, so that the next one runs a pass later."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[trio.lowlevel.Task]] = {}  # users in the order of their turns
        self._promised = False  # a turn is given and its holder has not run yet

    async def wait(self, user: str) -> None:
        """Return when it is this user's turn; a checkpoint in any case."""
        if self._promised:
            await self._stand(user)
            self._hand_on()
            return
        self._promised = True
        try:
            await trio.lowlevel.checkpoint()
        finally:
            self._hand_on()

    async def _stand(self, user: str) -> None:
        task = trio.lowlevel.current_task()
        self._lines.setdefault(user, deque()).append(task)

        def leave(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._lines[user].remove(task)
            if not self._lines[user]:
                del self._lines[user]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def _hand_on(self) -> None:
        self._promised = bool(self._lines)
        if not self._lines:
            return
        user = next(iter(self._lines))
        line = self._lines.pop(user)
        trio.lowlevel.reschedule(line.popleft())
        if line:
            self._lines[user] = line  # behind the others
