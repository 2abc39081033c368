"""How old the states are that pages of lists may be continued at.

kube-apiserver compacts its etcd every five minutes, and pages of what was before the compaction before last cannot be continued (L16, L17):
clients rely on being told so, and end-to-end tests wait for it. Here the history would often allow more; a page that old is refused
all the same, with the token that goes on at the newest state. Exact lists and watches go back as far as the history does.

Time is noted when pages are asked for, not by a task: whoever pages notes it, and nobody else wants to know. A page that nobody
asked for in the meantime may so be continued longer.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MARKS: Final = 5  # in a lifetime: pages live that much of it longer at most


class Ages:
    """Which revisions are older than `lifetime`, in seconds; 0: none ever is."""

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._marks: deque[tuple[float, int]] = deque()
        self._floor = 0

    def note(self, now: float, revision: int) -> None:
        """The newest revision at a time; times rise."""
        marks = self._marks
        if not self.lifetime or (marks and now - marks[-1][0] < self.lifetime / MARKS):
            return
        marks.append((now, revision))
        while marks[0][0] <= now - self.lifetime:
            self._floor = marks.popleft()[1]

    def passed(self, revision: int) -> bool:
        """Whether a later one was the newest already when a lifetime ago began."""
        return revision < self._floor
