"""What GETs and lists showed against the reference order. Pure.

A read without a resourceVersion is linearizable: it shows the state at some revision that is not older than anything that was
acknowledged, or shown by such a read, before it began, and not newer than a write that began after it had ended.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .check_writes import Bounds
from .history import Get, History, List, Object, Scope, Write
from .order import Order, Violation


def check_reads(order: Order, history: History) -> Iterator[Violation]:
    """All rules about reads. `check_writes` comes first: it finds out the revisions of deletions."""
    writes: list[Write] = [each for each in history.of(Write) if each.acknowledged and each.revision]
    gets: list[Get] = history.of(Get)
    lists: list[List] = history.of(List)
    facts = [(each.ended, each.revision) for each in writes]
    facts += [(each.ended, each.object.revision) for each in gets if each.object is not None and not each.at]
    facts += [(each.ended, each.revisions[0]) for each in lists if not each.at]
    known = Bounds(facts)
    # Backwards in time the same: the lowest revision of a write that began after a moment.
    later = Bounds([(-each.began, -each.revision) for each in writes])

    def oldest(read: Get | List) -> int:
        if not read.at:
            return known.newest_before(read.began)
        return int(read.at)

    def too_new(read: Get | List) -> float:
        found = -later.newest_before(-read.ended)
        return found or math.inf

    for get in gets:
        yield from _check_get(order, get, oldest(get), too_new(get))
    for each in lists:
        yield from _check_pages(each, oldest(each), too_new(each))
    yield from _check_contents(order, lists)


def _check_get(order: Order, get: Get, oldest: int, too_new: float) -> Iterator[Violation]:
    if get.object is None:
        if not any(ends > oldest and began < too_new for began, ends in order.absences(get.key)):
            yield _violation("an object that was there was not found", get, f"not older than {oldest}")
        return
    change = order.at(get.key, get.object.revision)
    if change is None or change.deleted or change.digest != get.object.digest:
        yield _violation("a read showed what never was", get, change)
    elif order.until(change) <= oldest:
        yield _violation("a stale read", get, f"not older than {oldest}, replaced at {order.until(change)}")
    elif change.revision >= too_new:
        yield _violation("a read from the future", get, f"before {too_new}")


def _violation(rule: str, read: Get | List, more: object) -> Violation:
    key = read.key if isinstance(read, Get) else read.scope.path
    return Violation(rule, f"{read} {more}", key, time=read.began)


def _check_pages(each: List, oldest: int, too_new: float) -> Iterator[Violation]:
    revision = each.revisions[0]
    if any(other != revision for other in each.revisions):
        yield _violation("pages of several revisions", each, each.revisions)
    if each.match == "Exact" and revision != int(each.at):
        yield _violation("an exact list of another revision", each, revision)
    if revision < oldest:
        yield _violation("a stale list", each, f"not older than {oldest}")
    if revision >= too_new:
        yield _violation("a list from the future", each, f"before {too_new}")
    keys = [found.key for found in each.objects]
    if keys != sorted(set(keys)):
        yield _violation("a list out of order, or with repeats", each, keys)


def _check_contents(order: Order, lists: Sequence[List]) -> Iterator[Violation]:
    """Each list is the state at its resourceVersion, object by object."""
    by_scope: dict[Scope, dict[int, list[List]]] = defaultdict(lambda: defaultdict(list))
    for each in lists:
        by_scope[each.scope][each.revisions[0]].append(each)
    for scope, by_revision in by_scope.items():
        for revision, state in order.states(scope, by_revision):
            for each in by_revision[revision]:
                found = {shown.key: shown for shown in each.objects}
                if found != state:
                    yield _violation(
                        "a list is not the state at its revision", each, _difference(state, found)
                    )


def _difference(state: dict[str, Object], found: dict[str, Object]) -> str:
    return "; ".join(
        f"{key}: {found.get(key)} instead of {state.get(key)}"
        for key in sorted({*state, *found})
        if state.get(key) != found.get(key)
    )
