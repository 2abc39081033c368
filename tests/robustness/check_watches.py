"""What watches showed against the reference order: every change once, in order, on every server the same. Pure.

All watches are held to one order, so that they are equal among themselves. A bookmark says that everything up to it was shown: what follows it
must be newer, and nothing before it may be missing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .history import Object, Scope, Seen, Watch
from .order import Order, Violation


def check_watches(order: Order, watches: Sequence[Watch]) -> Iterator[Violation]:
    """All rules about watches."""
    for watch in watches:
        begin, rest = _split(watch)
        yield from _check_initial(order, watch, rest if begin is None else watch.frames[: begin + 1])
        if watch.after >= 0:
            yield from _check_stretch(order, watch, watch.after, watch.frames)
        elif begin is not None:
            yield from _check_stretch(order, watch, watch.frames[begin].revision, rest)
    yield from _check_states(order, watches)
    yield from _check_chains(watches)


def _split(watch: Watch) -> tuple[int | None, list[Seen]]:
    """Where the bookmark after the initial events is, and what follows it."""
    for number, frame in enumerate(watch.frames):
        if frame.kind == "INITIAL":
            return number, watch.frames[number + 1 :]
    return None, watch.frames


def _violation(rule: str, watch: Watch, frame: Seen | None, more: object = "") -> Violation:
    where = (
        f"{watch.client} on server{watch.server}, {watch.scope}, after {watch.after}, at {watch.began:.3f}"
    )
    return Violation(
        rule,
        f"{where}: {frame} {more}",
        "" if frame is None else frame.key,
        0 if frame is None else frame.revision,
        watch.began if frame is None else frame.time,
    )


def _check_stretch(order: Order, watch: Watch, after: int, frames: Sequence[Seen]) -> Iterator[Violation]:
    """From a revision on, every change of the scope must come, once and in order, as far as the stretch went."""
    shown = order.shown(watch.scope)
    at = bisect_right([each.revision for each in shown], after)
    newest = after
    for frame in frames:
        if frame.kind == "INITIAL":
            yield _violation("an unexpected bookmark of initial events", watch, frame)
        elif frame.kind == "BOOKMARK":
            if frame.revision < newest:
                yield _violation("a bookmark went back", watch, frame, f"after {newest}")
            if at < len(shown) and shown[at].revision <= frame.revision:
                yield _violation("a bookmark was ahead of the events", watch, frame, f"missing: {shown[at]}")
                return
        elif at < len(shown) and shown[at].shows(frame):
            at += 1
        else:
            wanted = shown[at] if at < len(shown) else "nothing more"
            yield _violation(_name(frame, newest), watch, frame, f"instead of {wanted}")
            return
        newest = max(newest, frame.revision)


def _name(frame: Seen, newest: int) -> str:
    return "a watch repeated or went back" if frame.revision <= newest else "a watch left something out"


def _check_initial(order: Order, watch: Watch, frames: Sequence[Seen]) -> Iterator[Violation]:
    """Initial events are additions of states that there were."""
    if watch.after >= 0:
        return
    for frame in frames:
        if frame.kind == "INITIAL":
            return
        change = order.at(frame.key, frame.revision)
        if frame.kind != "ADDED" or change is None or change.deleted or change.digest != frame.digest:
            yield _violation("an initial event showed what never was", watch, frame, change)


def _check_states(order: Order, watches: Sequence[Watch]) -> Iterator[Violation]:
    """The initial events together are the state at their bookmark."""
    by_scope: dict[Scope, dict[int, list[Watch]]] = defaultdict(lambda: defaultdict(list))
    for watch in watches:
        begin, _ = _split(watch)
        if watch.after < 0 and begin is not None:
            by_scope[watch.scope][watch.frames[begin].revision].append(watch)
    for scope, by_revision in by_scope.items():
        for revision, state in order.states(scope, by_revision):
            for watch in by_revision[revision]:
                begin, _ = _split(watch)
                found = {
                    each.key: Object(each.key, each.revision, each.digest) for each in watch.frames[:begin]
                }
                if found != state:
                    keys = sorted(key for key in {*found, *state} if found.get(key) != state.get(key))
                    yield _violation(
                        "initial events are not the state", watch, watch.frames[begin or 0], keys
                    )


def _check_chains(watches: Sequence[Watch]) -> Iterator[Violation]:
    """A harness that resumed elsewhere than it stopped would hide gaps."""
    by_client: dict[str, list[Watch]] = defaultdict(list)
    for watch in watches:
        by_client[watch.client].append(watch)
    for chain in by_client.values():
        for one, next_one in pairwise(chain):
            if next_one.after >= 0 and next_one.after != _reached(one):
                yield _violation("a watch was resumed elsewhere than it stopped", next_one, None)


def _reached(watch: Watch) -> int:
    begin, rest = _split(watch)
    if watch.after < 0 and begin is None:
        return -1
    return rest[-1].revision if rest else watch.frames[begin].revision if begin is not None else watch.after
