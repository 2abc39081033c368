"""What can go wrong with a read, as exceptions that name the condition.

None of them knows HTTP: the registry words them as a Status, a `Representation` as an ERROR event.
"""

from __future__ import annotations


class WatchProblem(Exception):
    """A condition that a watch reports as an ERROR event inside its stream (rows W8 to W10)."""


class FutureRevision(WatchProblem):
    """The revision asked for has not happened, even after the wait that the protocol grants (L15, W9)."""

    def __init__(self, requested: int, current: int) -> None:
        super().__init__(f"Too large resource version: {requested}, current: {current}")
        self.requested = requested
        self.current = current


class TooOld(WatchProblem):
    """No history goes back to the revision that a watch wants to resume after (W8).

    `oldest` is the lowest revision that a watch could have resumed after.
    """

    def __init__(self, requested: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {requested} ({oldest})")
        self.requested = requested
        self.oldest = oldest


class Expired(Exception):
    """A list at an exact revision that no history holds any more, or a page that is too old (L16, L17).

    `continue_token` is None for a plain list; for an expired page it is the token that lists the rest at the
    newest revision.
    """

    def __init__(self, continue_token: str | None = None) -> None:
        super().__init__("the state at the requested revision is no longer given")
        self.continue_token = continue_token


class BadContinue(ValueError):
    """A continue token that cannot be read (L14); `reason` is worded as Go words it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"continue key is not valid: {reason}")
        self.reason = reason


class NotReady(Exception):
    """The resource has not been loaded yet, or has just been removed (L21)."""
