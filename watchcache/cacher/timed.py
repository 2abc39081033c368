"""A representation that also says when an event was committed, for clients that ask for it.

The events of a state that a watch begins with have no such time, and no bookmark has.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from watchcache.cacher.change import EventType
from watchcache.cacher.problems import WatchProblem
from watchcache.cacher.request import Representation

Annotate = Callable[[bytes, float], bytes]
"""Puts a commit time (unix seconds) into a frame; a function, so that equal ones make equal bytes."""


class Timed(msgspec.Struct, frozen=True):
    """The inner representation's frames; `frames.Frames` has those of changes annotated."""

    inner: Representation
    annotate: Annotate

    @property
    def first_differs(self) -> bool:
        """As the inner one."""
        return self.inner.first_differs

    def event(self, type: EventType, value: bytes, first: bool) -> bytes:
        """As the inner one: the time is not known here."""
        return self.inner.event(type, value, first)

    def bookmark(self, revision: int, initial_events_end: bool, first: bool) -> bytes:
        """As the inner one."""
        return self.inner.bookmark(revision, initial_events_end, first)

    def error(self, problem: WatchProblem) -> bytes:
        """As the inner one."""
        return self.inner.error(problem)
