"""What readers need of a log, whether it is this process's own or follows another's (`watchcache.follow`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from watchcache.log.events import Head
from watchcache.log.history import HistoryReader
from watchcache.log.subscribers import Deliver


class ReadableLog(Protocol):
    """The reading half of `Log`, with its promises; revisions need not be consecutive."""

    @property
    def epoch(self) -> str:
        """Names this body of data."""
        ...

    @property
    def published(self) -> int:
        """The newest revision that is durable and delivered here."""
        ...

    @property
    def oldest(self) -> int:
        """A reader may resume after any revision from this one on."""
        ...

    @property
    def gap(self) -> int:
        """What was delivered up to here is not every change: nobody may resume from before it. 0 when there is no such place."""
        ...

    @property
    def lost(self) -> int:
        """Revisions up to here that are not published were given out by a store that is gone: whoever has one lists anew. 0 for none."""
        ...

    @property
    def failure(self) -> BaseException | None:
        """Set when the journal has failed and no write is acknowledged any more."""
        ...

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the published keys that start with `prefix`, sorted, with their heads; to be used up without an await."""
        ...

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called with each group of published events, in order; an empty one when only `published` moved.

        Returns the way out.
        """
        ...

    def history(self, after: int) -> HistoryReader:
        """Return an iterator over the published events after a revision; see `Log.history`."""
        ...
