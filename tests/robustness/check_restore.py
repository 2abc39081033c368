"""A backup that was put back makes two histories of one run, and nothing may stand in both but what came before the backup. Pure.

What a server answered before it was started on the restored etcd is held to the first history, everything after that to the second. Writes that came
after the backup are gone in the second one, rightly. A write without an answer may have happened in either.

Who resumes from a revision that only the first history had must be told 410, as long as the second has not come so far. After that nobody can tell
the two revisions apart, and such a watch is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from .check_answers import READS, status_of
from .history import Get, History, List, Record, Restore, Watch, Write
from .order import Violation

Check = Callable[[History], list[Violation]]


def divide(history: History, check: Check) -> Iterator[Violation]:
    """What a check finds in each of the histories, and what belongs to neither; in the only one when nothing was restored."""
    restores = history.of(Restore)
    if not restores:
        yield from check(history)
        return
    restore: Restore = restores[0]
    both = [each for each in history.changes if each.revision <= restore.revision]
    records = [each for each in history.records if not _astride(restore, each)]
    first = History([each for each in records if not _second(restore, each)], [*both, *restore.lost])
    yield from check(first)  # and finds out the revisions of deletions
    second = History([each for each in records if _second(restore, each)], history.changes)
    for watch in _resumed_from_lost(restore, records):
        second.records.remove(watch)
        yield from _check_refused(second, watch)
    second.records += [each for each in first.of(Write) if _may_stand_in_both(restore, each)]
    yield from check(second)
    yield from _check_astride(restore, history, first, second, check)


def _second(restore: Restore, record: Record) -> bool:
    """Whether it is about the second history."""
    return isinstance(record, Write | Get | List | Watch) and record.began >= restore.starts[record.server]


def _astride(restore: Restore, record: Record) -> bool:
    """Whether it is a list whose pages may be of several servers, some before and some after."""
    return (
        isinstance(record, List)
        and len(record.revisions) > 1
        and restore.began < record.ended
        and record.began < max(restore.starts)
    )


def _may_stand_in_both(restore: Restore, write: Write) -> bool:
    if write.acknowledged:
        return write.revision <= restore.revision
    return not write.refused


def _resumed_from_lost(restore: Restore, records: list[Record]) -> Iterator[Watch]:
    """The watches that come to the second history with a revision of the first that came after the backup."""
    came_from: dict[str, Watch] = {}
    for each in records:
        if isinstance(each, Watch):
            lost = came_from.get(each.client)
            if _second(restore, each):
                resumed = each.after > restore.revision and lost is not None
                if resumed:
                    yield each
                if not resumed or each.frames:
                    came_from.pop(each.client, None)
            else:
                came_from[each.client] = each


def _check_refused(second: History, watch: Watch) -> Iterator[Violation]:
    """It is told 410, and shown nothing, while the revision that it names is to come."""
    later = [write.revision for write in second.of(Write) if write.acknowledged and write.began > watch.began]
    if min((revision for revision in later if revision), default=math.inf) > watch.after:
        return
    status = status_of(watch.end)
    if watch.frames or not (status in READS or status >= 500 or watch.end.startswith("lost")):
        yield Violation(
            "a watch went from the lost history to the new one",
            f"{watch.client} on server{watch.server}, after {watch.after}: {watch.end} {watch.frames[:2]}",
            revision=watch.after,
            time=watch.began,
        )


def _check_astride(
    restore: Restore, history: History, first: History, second: History, check: Check
) -> Iterator[Violation]:
    """A list of several pages is of one history, whichever."""
    for each in history.of(List):
        if _astride(restore, each):
            found = [check(History([*part.of(Write), each], part.changes)) for part in (first, second)]
            wrong = [[one for one in part if "list" in one.rule or "pages" in one.rule] for part in found]
            if all(wrong):
                yield from wrong[0]
