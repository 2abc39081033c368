"""What can go wrong with a log, and whose doing it is.

`Conflict` and `Compacted` are answers to a caller. A `JournalError` is about the place where events are kept; its
text is one line that names what is wrong and what to do, fit to be shown to the operator as it is.
"""

from __future__ import annotations

from pathlib import Path

from watchcache.log.events import Head


class LogError(Exception):
    """Anything that the log raises on purpose."""


class Conflict(LogError):
    """The precondition of a write does not hold: `head` is what is there (None: nothing), perhaps not yet durable."""

    def __init__(self, key: str, expected: int | None, head: Head | None) -> None:
        super().__init__(key, expected, head)
        self.key = key
        self.expected = expected
        self.head = head

    def __str__(self) -> str:
        found = "is not there" if self.head is None else f"is at revision {self.head.revision}"
        wanted = {None: "it was to be there", 0: "it was not to be there"}
        return f"{self.key} {found}; {wanted.get(self.expected, f'revision {self.expected} was expected')}"


class Compacted(LogError):
    """Events after revision `after` were asked for, but only those after `oldest` are still there."""

    def __init__(self, after: int, oldest: int) -> None:
        super().__init__(after, oldest)
        self.after = after
        self.oldest = oldest

    def __str__(self) -> str:
        return f"the events after revision {self.after} are compacted; the oldest retained are those after {self.oldest}"


class JournalError(LogError):
    """The place where the events are kept cannot be used, or not any more."""


class JournalFailed(JournalError):
    """The journal is broken for good: whether the write is durable is unknown, and no other will be acknowledged."""


class JournalReplaced(JournalFailed):
    """What is found where the journal was is another one, perhaps of an earlier day; who opens the log anew gets that one."""


class LogClosed(JournalFailed):
    """The log was closed before, or while, the write was queued."""


def unavailable(failure: BaseException | None) -> JournalFailed:
    """What a log that has ended answers with, by its failure (None: it was closed).

    One for each who is answered: a raised exception keeps its traceback.
    """
    if failure is None:
        return LogClosed("the log is closed")
    error = JournalFailed(str(failure))
    error.__cause__ = failure
    return error


class JournalUnavailable(JournalError):
    """The store cannot be reached at the moment: a write may have been kept or not, later ones can succeed."""


class OneKeyOnly(JournalError):
    """The store does not take several keys in one step; nothing was written."""


class ValueTooLarge(JournalError):
    """The store does not take a value of this size; nothing was written."""


class JournalFull(JournalError):
    """There is no room: nothing of the write was kept, and later ones succeed when there is room again."""


class Corrupt(JournalError):
    """A file is damaged where no crash can damage it: `offset` is the byte where what follows cannot be trusted."""

    def __init__(self, file: Path, offset: int, problem: str, advice: str) -> None:
        super().__init__(file, offset, problem, advice)
        self.file = file
        self.offset = offset
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.file} is damaged at offset {self.offset}: {self.problem}. {self.advice}"
