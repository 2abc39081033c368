"""One watch as its client sees it: pure, fed with bytes, checking every event as it comes.

Rules that each stream is held to:

- After the initial state, revisions increase strictly, bookmarks included: what is sent again or out of order is counted.
- From the revision where the initial state ended (`start`), number and sum of the events' revisions are kept. Together with
  the ledger, which holds the same for everything that was written, they tell at the end whether an event was lost,
  without keeping a million revisions for each of 90,000 watches.
- A relist forgets where it was: what happened in the gap is not held against the stream, the relist itself is.

Nothing is decoded as JSON: the type stands at a fixed place, and the first `"resourceVersion":"` of an object is its own,
because every API server writes `metadata` first and nothing that a user controls before it except the name.
"""

from __future__ import annotations

from enum import IntEnum

from watchcache.bench.measures import Measures
from watchcache.bench.selectors import Scope

STAMP = "bench.watchcache.dev/sent"
"""The annotation with the writer's monotonic clock in nanoseconds; all processes of a run share that clock."""

_STAMP = b'"%s":"' % STAMP.encode()
_REVISION = b'"resourceVersion":"'
_GOING = b'"deletionTimestamp":"'
_END_OF_INITIAL = b'"k8s.io/initial-events-end"'
_ADDED, _MODIFIED, _DELETED, _BOOKMARK = b"AMDB"
_KIND = 9  # `{"type":"` is nine bytes


class State(IntEnum):
    """Where a watch stands."""

    CLOSED = 0
    OPENING = 1
    INITIAL = 2
    LIVE = 3


class Watch:
    """One watch over all its connections. `group` names the histogram of its latency."""

    __slots__ = (
        "_rest",
        "count",
        "failed",
        "gone",
        "group",
        "last",
        "measures",
        "opened",
        "position",
        "scope",
        "start",
        "state",
        "total",
    )

    def __init__(self, scope: Scope, group: str, measures: Measures) -> None:
        self.scope, self.group, self.measures = scope, group, measures
        self.state = State.CLOSED
        self.opened = 0
        """When the running stream was accepted (monotonic, nanoseconds): what was written before it is a replay."""
        self.failed = False  # the server said in the stream why it ends it
        self.gone = False  # the server said that the position is too old
        self._rest = b""
        self.forget()

    def forget(self) -> None:
        """Start anew with the initial state."""
        self.position = 0
        """The revision to resume from; 0: there is none."""
        self.start = self.count = self.total = self.last = 0
        self.gone = False

    def began(self, revision: int) -> None:
        """The initial state is complete at this revision; what is counted starts here."""
        self.start = self.position = revision
        self.count = self.total = 0
        self.state = State.LIVE

    def closed(self) -> None:
        """The stream has ended; half an event is worth nothing."""
        self.state = State.CLOSED
        self._rest = b""
        self.failed = False

    def feed(self, data: bytes, now: int) -> None:
        """Take what came. `now`: the monotonic clock in nanoseconds."""
        if self._rest:
            data = self._rest + data
        at, events = 0, 0
        while (end := data.find(b"\n", at)) >= 0:
            if end > at:
                self.take(data[at:end], now)
                events += 1
            at = end + 1
        self._rest = data[at:]
        if events:
            self.measures.count("deliveries", events)

    def take(self, line: bytes, now: int) -> None:
        """One event."""
        kind = line[_KIND]
        if kind not in b"AMDB":
            self._problem(line)
            return
        found = line.find(_REVISION)
        begin = found + len(_REVISION)
        revision = int(line[begin : line.index(b'"', begin)])
        if self.state is not State.LIVE:
            if kind == _BOOKMARK and _END_OF_INITIAL in line:
                self.began(revision)
            return
        if kind == _BOOKMARK:
            self._bookmark(revision)
            return
        if revision <= self.position:
            self.measures.count("repeated" if revision == self.last else "reordered")
        self.last = revision
        self.position = max(revision, self.position)
        self.count += 1
        self.total += revision
        if kind != _DELETED:
            self._measure(line, now)

    def _bookmark(self, revision: int) -> None:
        self.measures.count("bookmarks")
        if revision < self.position:
            self.measures.count("reordered")
        self.position = max(revision, self.position)

    def _measure(self, line: bytes, now: int) -> None:
        """The latency, when this event's own write carried a stamp (that of a deletion is older than the deletion)."""
        found = line.find(_STAMP)
        if found < 0 or _GOING in line:
            return
        begin = found + len(_STAMP)
        sent = int(line[begin : line.index(b'"', begin)])
        group = self.group if sent >= self.opened else "replayed"
        self.measures.histogram(f"watch|{group}").record((now - sent) // 1000)

    def _problem(self, line: bytes) -> None:
        if b'"code":410' in line:
            self.gone = True
            self.measures.count("gone")
        else:
            self.failed = True
            code = line.partition(b'"code":')[2][:3].decode()
            self.measures.count(f"error|WATCH {self.scope.resource}|{code} in the stream")
