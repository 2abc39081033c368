"""What writes were told against the reference order. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from .history import Change, Write
from .order import Order, Violation


def check_writes(order: Order, writes: Sequence[Write]) -> Iterator[Violation]:
    """All rules about writes."""
    by_token: dict[str, list[Change]] = defaultdict(list)
    for change in order.changes:
        if not change.deleted and change.resource == "configmaps":
            by_token[change.data.get("token", "")].append(change)
    for write in writes:
        if write.verb != "delete" and write.key.startswith("configmaps/"):
            yield from _check_kept(order, write, by_token.pop(write.token, []))
        elif write.verb != "delete" and write.acknowledged and order.at(write.key, write.revision) is None:
            yield _violation("an acknowledged write is missing", write)
    for changes in by_token.values():
        for change in changes:
            yield Violation("nobody wrote this", str(change), change.key, change.revision)
    yield from _check_deletions(order, writes)
    yield from _check_real_time(writes)


def _violation(rule: str, write: Write, more: object = "") -> Violation:
    return Violation(rule, f"{write} {more}".rstrip(), write.key, write.revision, write.began)


def _check_kept(order: Order, write: Write, changes: Sequence[Change]) -> Iterator[Violation]:
    if len(changes) > 1:
        yield _violation("a write happened twice", write, changes)
    if write.refused and changes:
        yield _violation("a refused write happened", write, changes)
    if write.acknowledged and not changes:
        yield _violation("an acknowledged write is missing", write)
    if not changes:
        return
    change = changes[0]
    if write.acknowledged and (change.revision, change.key, change.uid) != (
        write.revision,
        write.key,
        write.found,
    ):
        yield _violation("a write was acknowledged as another than it is", write, change)
    yield from _check_builds(order, write, change)


def _check_builds(order: Order, write: Write, change: Change) -> Iterator[Violation]:
    """What it was built on: the same for a write that was acknowledged and one whose answer was lost."""
    before = order.before(change)
    if write.verb == "create":
        if before is not None:
            yield _violation("a creation replaced an object", write, before)
        if change.data != write.data:
            yield _violation("something else was written", write, change)
        return
    if before is None or before.uid != change.uid:
        yield _violation("a change of an object that was not there", write, before)
        return
    if write.expected and before.revision != write.expected:
        yield _violation("compare-and-set on another revision", write, before)
    wanted = {**before.data, **write.data} if write.verb == "patch" else write.data
    if change.data != wanted:
        yield _violation("an update was lost or something else written", write, (before, change))


def _check_deletions(order: Order, writes: Sequence[Write]) -> Iterator[Violation]:
    deletions = {
        change.uid: change for change in order.changes if change.deleted and change.resource == "configmaps"
    }
    claimed: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for write in writes:
        if write.verb != "delete":
            continue
        if not write.acknowledged:
            unknown[write.key] += not write.refused
            continue
        claimed[write.found] += 1
        change = deletions.get(write.found)
        if change is None or change.key != write.key:
            yield _violation("an acknowledged deletion is missing", write)
            continue
        write.revision = change.revision
        before = order.before(change)
        if write.uid and write.uid != change.uid:
            yield _violation("a deletion took another object than it named", write, change)
        if write.expected and (before is None or before.revision != write.expected):
            yield _violation("a deletion at another revision than it named", write, before)
        if claimed[write.found] > 1:
            yield _violation("two deletions of one object were acknowledged", write, change)
    for change in deletions.values():
        if not claimed[change.uid]:
            unknown[change.key] -= 1
            if unknown[change.key] < 0:
                yield Violation("nobody deleted this", str(change), change.key, change.revision)


def _check_real_time(writes: Sequence[Write]) -> Iterator[Violation]:
    """What was acknowledged before another write began has the lower revision."""
    known = [write for write in writes if write.acknowledged and write.revision]
    bounds = Bounds([(write.ended, write.revision) for write in known])
    for write in known:
        if bounds.newest_before(write.began) >= write.revision:
            yield _violation("a write came before one that was acknowledged before it began", write)


class Bounds:
    """The newest revision that was known at a time. `facts`: (time, revision)."""

    def __init__(self, facts: Sequence[tuple[float, int]]) -> None:
        self._times: list[float] = []
        self._newest: list[int] = []
        newest: int | None = None
        for time, revision in sorted(facts):
            newest = revision if newest is None else max(newest, revision)
            self._times.append(time)
            self._newest.append(newest)

    def newest_before(self, time: float) -> int:
        """The newest revision of a fact that was there before a time; 0 when there was none."""
        at = bisect_right(self._times, time)
        return self._newest[at - 1] if at else 0
