"""Waiting for one write: parking a task directly costs a quarter of what a trio.Event for each write does."""

from __future__ import annotations

import math

import trio

from watchcache.log.events import Event

_NOTHING = Event(0, "", b"", deleted=False, prev=None, prev_revision=0, time=-math.inf)


class Ticket:
    """A write that is waiting to be durable; without an event, one that has no revision yet, or who waits for others' writes."""

    __slots__ = ("_done", "_error", "_task", "event")

    def __init__(self, event: Event = _NOTHING) -> None:
        self.event = event
        self._task: trio.lowlevel.Task | None = None
        self._error: Exception | None = None
        self._done = False

    async def wait(self) -> Event:
        """Return the event when it is durable and delivered; one task may wait, once. Raises JournalFailed, JournalFull."""
        if not self._done:
            assert self._task is None, "one task may wait for a ticket"
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abandon)
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The error's traceback refers to this: as a cycle the two would wait for the collector.
                self._error = RuntimeError("the ticket of a refused write was waited for twice")
        return self.event

    def _abandon(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def settle(self, error: Exception | None = None) -> None:
        """Let the waiting task go on, if any, with the event or an error; the publisher's business."""
        self._done = True
        self._error = error
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None
