"""What is older than the windows, read from the log.

Two readers want that:
- a list at a revision before the window (`changes_between`);
- a watcher whose cursor is before the window (`replay`), one task for each, a few at a time, that gives it piece after piece
  and leaves as soon as its sink is full or it has come up to the window. It starts anew at the cursor when that has drained.

After a start every window is empty and every client comes back with its last revision: a thousand readers of the same
stretch. So the first of them starts one `recall` for all: one pass over the retained history that refills the windows,
as far as they hold, and only then do the watchers go on. It also lowers the floor of resources in which nothing happened.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import trio

from watchcache.cacher.change import Change
from watchcache.cacher.entry import Entry
from watchcache.cacher.window import Window
from watchcache.log import Compacted, Event, JournalUnavailable

if TYPE_CHECKING:
    from watchcache.cacher.cacher import Cacher
    from watchcache.cacher.hub import Hub
    from watchcache.cacher.watcher import Watcher

_logger = logging.getLogger(__name__)

# Watchers that read the log's history at the same time; more would only compete for the disk.
READERS = 4


class History:
    """The log's past, as the cachers of one hub need it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._readers = trio.CapacityLimiter(READERS)
        self._recalled = False
        self._waiting: list[Watcher] | None = None  # for the recall that runs

    async def changes_between(self, cacher: Cacher, after: int, last: int) -> list[Change]:
        """The resource's changes with after < revision <= last. Raises `Compacted`."""
        changes: list[Change] = []
        async with aclosing(self._events(after)) as batches:
            async for batch in batches:
                mine = self._changes_of(cacher, batch)
                changes += [change for change in mine if change.revision <= last]
                if batch[-1].revision >= last:
                    break
        return changes

    def replay(self, cacher: Cacher, watcher: Watcher, nursery: trio.Nursery) -> None:
        """Give a watcher what is older than the window; it then goes on by itself."""
        watcher.reading = True
        if self._recalled:
            nursery.start_soon(self._replay, cacher, watcher)
        elif self._waiting is not None:
            self._waiting.append(watcher)
        else:
            self._waiting = [watcher]
            nursery.start_soon(self._recall)

    async def _replay(self, cacher: Cacher, watcher: Watcher) -> None:
        try:
            async with self._readers, aclosing(self._events(watcher.cursor)) as batches:
                async for batch in batches:
                    _give_all(watcher, self._changes_of(cacher, batch), batch[-1].revision)
                    if not watcher.takes or watcher.cursor >= cacher.window.floor:
                        break
                    await trio.lowlevel.checkpoint()
        except Compacted:
            watcher.fall_out()  # W11: no ERROR; the client's next watch gets it
        except JournalUnavailable as problem:
            _logger.warning("ending a watch of %s that needs history: %s", cacher.prefix, problem)
            watcher.finish()  # its client comes back, perhaps to a server that has the history in memory
        except Exception:
            _logger.exception("ending a watch of %s: its history could not be read", cacher.prefix)
            watcher.finish()
        watcher.reading = False
        self._hub.schedule(watcher)

    async def _recall(self) -> None:
        """Refill the windows, then let the watchers that waited for it go on, whatever came of it.

        When the store cannot be reached they end, and who comes next tries again.
        """
        reached = True
        try:
            await self._refill()
        except JournalUnavailable as problem:
            _logger.warning("ending the watches that need history: %s", problem)
            reached = False
        except Compacted:
            _logger.info("the log was compacted while the windows were refilled; they stay as they are")
        except Exception:
            _logger.exception("the windows could not be refilled; watches read the log one by one")
        self._recalled = reached
        waiting, self._waiting = self._waiting or [], None
        for watcher in waiting:
            watcher.reading = False
            if not reached:
                watcher.finish()
            self._hub.schedule(watcher)

    async def _refill(self) -> None:
        oldest = self._hub.oldest
        pasts = {cacher: _Past(cacher, oldest) for cacher in self._hub if cacher.window.floor > oldest}
        last = max((past.until for past in pasts.values()), default=0)
        async with aclosing(self._events(oldest)) as batches:
            async for batch in batches:
                for event in batch:
                    cacher = self._hub.route(event.key)
                    if cacher is not None and cacher in pasts:
                        pasts[cacher].add(event)
                if batch[-1].revision >= last:
                    break
                await trio.lowlevel.checkpoint()
        for past in pasts.values():
            past.restore()

    def _events(self, after: int) -> AsyncGenerator[list[Event], None]:
        return cast("AsyncGenerator[list[Event], None]", self._hub.log.history(after))

    def _changes_of(self, cacher: Cacher, events: Sequence[Event]) -> list[Change]:
        return [cacher.change_of(event) for event in events if self._hub.route(event.key) is cacher]


class _Past:
    """A window being filled with what came before another's floor."""

    def __init__(self, cacher: Cacher, oldest: int) -> None:
        self.until = cacher.window.floor
        self._cacher = cacher
        self._window = Window(oldest, cacher.window.bounds)
        self._latest: dict[str, Entry] = {}  # what the next change of a key replaces: made once

    def add(self, event: Event) -> None:
        if event.revision > self.until:
            return
        change = self._cacher.change_of(event, self._latest.get(event.key))
        if change.after is None:
            self._latest.pop(event.key, None)
        else:
            self._latest[event.key] = change.after
        self._window.append(change)

    def restore(self) -> None:
        """Put it before the cacher's window, unless that has lost changes or been loaded anew meanwhile."""
        if self._cacher.ready and self._cacher.window.floor == self.until:
            self._cacher.window.prepend(self._window.after(self._window.floor), self._window.floor)


def _give_all(watcher: Watcher, changes: Sequence[Change], read_to: int) -> None:
    """Give a watcher a batch, as far as its sink takes it; the cursor passes the events of other resources, too."""
    while changes and watcher.takes:
        _, looked = watcher.give(changes)
        changes = changes[looked:]
    if not changes and watcher.takes:
        watcher.cursor = max(watcher.cursor, read_to)
