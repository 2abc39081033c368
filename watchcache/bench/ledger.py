"""The log as one reader saw it, to hold every watch and every acknowledged write against.

One watch for each resource in use records every event from before the first write to the end. Its own stream is checked like
any other, and against the acknowledged writes: a revision that was answered to a writer but is not here was lost.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

import msgspec

from watchcache.bench.measures import Measures
from watchcache.bench.selectors import Scope, labels_match
from watchcache.bench.watch import State, Watch


class _Metadata(msgspec.Struct):
    resourceVersion: str  # noqa: N815
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None


class _Spec(msgspec.Struct):
    nodeName: str = ""  # noqa: N815


class _Object(msgspec.Struct):
    metadata: _Metadata


class _PodLike(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Event(msgspec.Struct):
    object: _Object


class _PodEvent(msgspec.Struct):
    object: _PodLike


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """What a watch says of itself at the end: it has received `count` events of (start, now], `total` is their revisions' sum."""

    scope: Scope
    start: int
    count: int
    total: int


class Verdict(msgspec.Struct, frozen=True):
    """What the ledger says of one watch: events missing, and events that nobody wrote."""

    missing: int = 0
    unknown: int = 0


class Recorder(Watch):
    """The watch over all of a resource whose events are kept, by what scopes select on."""

    __slots__ = ("_by_name", "_by_namespace", "_by_node", "_label_sets", "_labels", "_revisions", "_sums")

    def __init__(self, resource: str, measures: Measures) -> None:
        super().__init__(Scope(resource), "ledger", measures)
        self._revisions: array[int] = array("Q")
        self._labels: dict[int, dict[str, str]] = {}  # of the events that have any
        self._label_sets: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._by_namespace: dict[str, array[int]] = defaultdict(lambda: array("Q"))
        self._by_name: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("Q"))
        self._by_node: dict[str, array[int]] = defaultdict(lambda: array("Q"))
        self._sums: dict[Scope, tuple[array[int], list[int]]] = {}

    def take(self, line: bytes, now: int) -> None:
        """One event: checked as every watch's, and kept."""
        before = self.count
        super().take(line, now)
        if self.count == before or self.state is not State.LIVE:
            return
        pods = self.scope.resource == "v1/pods"
        found: _Object | _PodLike
        if pods:
            found = msgspec.json.decode(line, type=_PodEvent).object
        else:
            found = msgspec.json.decode(line, type=_Event).object
        metadata = found.metadata
        revision = int(metadata.resourceVersion)
        self._revisions.append(revision)
        if metadata.labels:
            # Few different ones over millions of events.
            kept = tuple(sorted(metadata.labels.items()))
            self._labels[revision] = self._label_sets.setdefault(kept, metadata.labels)
        self._by_namespace[metadata.namespace].append(revision)
        self._by_name[metadata.namespace, metadata.name].append(revision)
        if isinstance(found, _PodLike) and found.spec.nodeName:
            self._by_node[found.spec.nodeName].append(revision)

    def holds(self, revisions: Iterable[int]) -> int:
        """How many of these revisions, which lie after the start, are not in the ledger."""
        known = set(self._revisions)
        return sum(1 for revision in revisions if revision > self.start and revision not in known)

    def expected(self, scope: Scope, start: int) -> tuple[int, int]:
        """(number, sum of revisions) of the events after `start` that a watch of this scope is owed."""
        found = self._sums.get(scope)
        if found is None:
            revisions = self._selected(scope)
            found = self._sums[scope] = (revisions, [0, *accumulate(revisions)])
        revisions, sums = found
        first = bisect_right(revisions, start)
        return len(revisions) - first, sums[-1] - sums[first]

    def settle(self) -> None:
        """Forget what was computed: more events may have come."""
        self._sums.clear()

    def _selected(self, scope: Scope) -> array[int]:
        """The revisions of a scope's events. Objects of a run never change their labels or node, so each event stands for itself."""
        field, _, value = scope.fields.partition("=")
        if field == "spec.nodeName":
            chosen = self._by_node.get(value, array("Q"))
        elif field == "metadata.name":
            chosen = self._by_name.get((scope.namespace, value), array("Q"))
        elif scope.namespace:
            chosen = self._by_namespace.get(scope.namespace, array("Q"))
        else:
            chosen = self._revisions
        if scope.labels:
            chosen = array(
                "Q", (one for one in chosen if labels_match(scope.labels, self._labels.get(one) or {}))
            )
        return chosen


class Ledger:
    """The recorders of a run, by resource."""

    def __init__(self, resources: Iterable[str], measures: Measures) -> None:
        self.recorders = {resource: Recorder(resource, measures) for resource in sorted(set(resources))}
        self._written: dict[str, array[int]] = defaultdict(lambda: array("Q"))

    def acknowledged(self, resource: str, revisions: bytes) -> None:
        """Writes of a process that the server has answered, as an array of unsigned 64-bit numbers."""
        self._written[resource].frombytes(revisions)

    def judge(self, counted: Counted) -> Verdict:
        """Hold one watch against the log."""
        number, total = self.recorders[counted.scope.resource].expected(counted.scope, counted.start)
        if number == counted.count and total != counted.total:
            return Verdict(missing=1, unknown=1)  # one for another: at least one of each
        return Verdict(missing=max(0, number - counted.count), unknown=max(0, counted.count - number))

    def forgotten(self) -> int:
        """Acknowledged writes that are not in the log."""
        return sum(
            self.recorders[resource].holds(revisions)
            for resource, revisions in self._written.items()
            if resource in self.recorders
        )

    @property
    def written(self) -> int:
        """Acknowledged writes that were checked."""
        return sum(map(len, self._written.values()))

    def settle(self) -> None:
        """Forget what was computed: more events may have come."""
        for recorder in self.recorders.values():
            recorder.settle()
