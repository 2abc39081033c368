"""What may be answered to requests that are all good: refusals have their reasons. Pure.

Every client asks for what every server knows how to give, a page of a list with what another server gave it to go on with. So a 400 or 403 is a mistake
of the server, wherever else it may be right.
"""

from __future__ import annotations

from collections.abc import Iterator

from .history import History, Refusal, Watch, Write
from .order import Violation

WRITES = frozenset({404, 409, 429})  # the object is gone, there or another; too many requests
READS = frozenset({410, 429})  # the revision is compacted; too many requests


def check_answers(history: History) -> Iterator[Violation]:
    """All rules about refusals. 5xx and no answer are what faults do."""
    for write in history.of(Write):
        if write.refused and write.status not in WRITES:
            yield Violation("a good write was refused", str(write), write.key, time=write.began)
    for read in history.of(Refusal):
        if read.status < 500 and read.status not in READS:
            yield Violation("a good read was refused", str(read), time=read.began)
    for watch in history.of(Watch):
        status = status_of(watch.end)
        if status < 500 and status not in {0, *READS}:
            yield Violation(
                "a good watch was refused",
                f"{watch.client} on server{watch.server}, after {watch.after}: {watch.end}",
                time=watch.began,
            )


def status_of(end: str) -> int:
    """The status that a watch ended with: `status 403`, or `error 410: too old`; 0 for another end."""
    word, _, rest = end.partition(" ")
    return int(rest.partition(":")[0]) if word in {"status", "error"} else 0
