"""What one process has measured since it last reported: histograms and counters by name.

Names are `kind|detail`: `watch|node`, `request|PUT leases`, `lateness|pacing`, `error|PUT leases|409`. A report takes what
there is and starts anew, so that the coordinator can sum by second and by phase without the processes knowing either.
"""

from __future__ import annotations

from array import array
from typing import Any

from watchcache.bench.histogram import Histogram


class Measures:
    """Histograms (microseconds), counters and the revisions of acknowledged writes since the last report."""

    def __init__(self) -> None:
        self.histograms: dict[str, Histogram] = {}
        self.counters: dict[str, int] = {}
        self.written: dict[str, array[int]] = {}

    def record(self, name: str, seconds: float) -> None:
        """One duration."""
        self.histogram(name).record(int(seconds * 1e6))

    def histogram(self, name: str) -> Histogram:
        """The histogram of a name, for callers who record often. Not to be kept over a report."""
        found = self.histograms.get(name)
        if found is None:
            found = self.histograms[name] = Histogram()
        return found

    def count(self, name: str, more: int = 1) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + more

    def acknowledged(self, resource: str, revision: int) -> None:
        """A write of this resource was answered with this revision: the log must hold it."""
        held = self.written.get(resource)
        if held is None:
            held = self.written[resource] = array("Q")
        held.append(revision)

    def take(self) -> dict[str, Any]:
        """What there is, as plain data; what follows is counted from zero."""
        taken = {
            "histograms": {name: one.counts for name, one in self.histograms.items()},
            "counters": self.counters,
            "written": {name: revisions.tobytes() for name, revisions in self.written.items()},
        }
        self.histograms, self.counters, self.written = {}, {}, {}
        return taken
