"""What the log is made of: events, and the state of a key that they add up to.

Both are untracked by the garbage collector (`gc=False`): they hold only strings, bytes and numbers, so no cycle can
pass through them, and with a million of them a full collection would otherwise stop the server for a second.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Stamp = Callable[[bytes, int], bytes]
"""Puts a revision into a value, replacing any that is there: `api.codec.stamp` in the server."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One change of one key; one revision has exactly one event.

    revision: the global revision that the change took.
    key: `<storage prefix>/<namespace>/<name>` or `<storage prefix>/<name>`.
    value: the value after the change, stamped with `revision`; of a deletion the last value, stamped with `revision`.
    deleted: whether the key is gone after it.
    prev: the value before, stamped with `prev_revision`; None when the key was not there.
    prev_revision: 0 when the key was not there.
    time: when the revision was taken, unix seconds.
    """

    revision: int
    key: str
    value: bytes
    deleted: bool
    prev: bytes | None
    prev_revision: int
    time: float


class Head(msgspec.Struct, frozen=True, gc=False):
    """The newest state of a key that exists: the revision that wrote it, and the value stamped with it."""

    revision: int
    value: bytes
