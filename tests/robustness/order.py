"""The reference order, prepared for questions: states at revisions, life times of states, what a watch must show. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from .history import Change, Object, Scope, Seen

NEVER = math.inf


class Violation(msgspec.Struct, frozen=True):
    """One thing that must not be. rule: its name; keys and revisions: what it is about."""

    rule: str
    text: str
    key: str = ""
    revision: int = 0
    time: float = 0.0


class Expected(msgspec.Struct, frozen=True):
    """What a watch must show of a change."""

    kind: str
    key: str
    revision: int
    digest: str

    def shows(self, frame: Seen) -> bool:
        """Whether a frame is that."""
        return (self.kind, self.key, self.revision, self.digest) == (
            frame.kind,
            frame.key,
            frame.revision,
            frame.digest,
        )


class Order:
    """All changes, by revision. Several may share one: keys that end together."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = sorted(changes, key=lambda each: each.revision)
        self.newest = self.changes[-1].revision if self.changes else 0
        self.of_key: dict[str, list[Change]] = defaultdict(list)
        for change in self.changes:
            self.of_key[change.key].append(change)
        self._revisions = {key: [each.revision for each in found] for key, found in self.of_key.items()}
        self._shown: dict[Scope, list[Expected]] = {}

    def before(self, change: Change) -> Change | None:
        """What the key was before a change; None when it was not there."""
        found = self.of_key[change.key]
        at = bisect_left(self._revisions[change.key], change.revision)
        return None if at == 0 or found[at - 1].deleted else found[at - 1]

    def at(self, key: str, revision: int) -> Change | None:
        """The change of a key that made a revision."""
        at = bisect_left(self._revisions.get(key, []), revision)
        found = self.of_key.get(key, [])
        return found[at] if at < len(found) and found[at].revision == revision else None

    def until(self, change: Change) -> float:
        """The revision that ended the state that a change made."""
        revisions = self._revisions[change.key]
        at = bisect_right(revisions, change.revision)
        return revisions[at] if at < len(revisions) else NEVER

    def absences(self, key: str) -> Iterator[tuple[int, float]]:
        """From which to which revision a key was not there."""
        began: int | None = 0
        for change in self.of_key.get(key, []):
            if began is not None and not change.deleted:
                yield began, change.revision
                began = None
            elif change.deleted:
                began = change.revision
        if began is not None:
            yield began, NEVER

    def states(self, scope: Scope, revisions: Iterable[int]) -> Iterator[tuple[int, dict[str, Object]]]:
        """The objects of a scope at each of some revisions, from the oldest on. What is given is changed afterwards."""
        state: dict[str, Object] = {}
        at = 0
        for revision in sorted(set(revisions)):
            while at < len(self.changes) and self.changes[at].revision <= revision:
                change = self.changes[at]
                at += 1
                if matches(scope, change) and not change.deleted:
                    state[change.key] = Object(change.key, change.revision, change.digest)
                elif change.resource == scope.resource:
                    state.pop(change.key, None)
            yield revision, state

    def shown(self, scope: Scope) -> list[Expected]:
        """Everything that a watch of a scope from the beginning on must show, in order."""
        if scope not in self._shown:
            self._shown[scope] = list(self._show(scope))
        return self._shown[scope]

    def _show(self, scope: Scope) -> Iterator[Expected]:
        for change in self.changes:
            if change.resource != scope.resource:
                continue
            before = self.before(change)
            was = before is not None and matches(scope, before)
            is_now = not change.deleted and matches(scope, change)
            if is_now:
                yield Expected("MODIFIED" if was else "ADDED", change.key, change.revision, change.digest)
            elif was:
                assert before is not None
                yield Expected("DELETED", change.key, change.revision, before.digest)


def matches(scope: Scope, change: Change) -> bool:
    """Whether the object of a change is in a scope."""
    return change.resource == scope.resource and (not scope.shade or scope.shade == change.shade)
